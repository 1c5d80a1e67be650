"""The image and the compose files: linted, their configurations read, the image's own commands run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from mcp_arangodb_async.config.load import load_settings
from mcp_arangodb_async.config.model import Settings
from tests.image import DOCKER, DOCKERFILE, ROOT, instructions, last, run

VENV = Path(sys.prefix)
COMPOSE = sorted(DOCKER.glob("compose.*.yaml"))
each_compose = pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)


def read(path: Path) -> Any:
    yaml: Any = YAML(typ="safe")
    return yaml.load(path)


def linted(*command: str) -> str:
    """What a program of the virtual environment says; it is part of the dev group."""
    program = VENV / "bin" / command[0]
    assert program.exists(), f"{command[0]} is not installed: pip install --group dev"
    done = subprocess.run(
        [program, *command[1:]], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_the_dockerfile_passes_its_linter() -> None:
    assert linted("hadolint", str(DOCKERFILE)) == ""


def test_the_compose_files_fit_the_schema_of_compose() -> None:
    assert {path.name for path in COMPOSE} == {
        f"compose.{name}.yaml" for name in ("single", "environments", "all-in-one")
    }
    assert linted("check-jsonschema", "--builtin-schema", "vendor.compose-spec", *map(str, COMPOSE)) == ""


def test_the_image_is_pinned_and_runs_as_nobody_in_particular() -> None:
    bases = [one.rest.split()[0] for one in instructions() if one.word == "FROM"]
    assert set(bases) == {bases[0]}
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", bases[0])
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last("USER").rest)
    assert last("CMD").stage == last("USER").stage == 1
    assert not [one for one in instructions() if one.word == "ADD"]


def test_what_is_copied_is_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = [
        name
        for one in instructions()
        if one.word == "COPY" and "--from" not in one.rest
        for name in one.rest.split()[:-1]
    ]
    assert {line[1:] for line in ignored if line.startswith("!")} == {
        name.removesuffix("/") for name in copied
    }
    assert all((ROOT / name).exists() for name in copied)


@each_compose
def test_a_compose_file_keeps_the_server_small_and_its_secrets_out(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    maa = read(path)["services"]["maa"]
    assert maa["read_only"] is True
    assert maa["cap_drop"] == ["ALL"]
    assert all(port.startswith("127.0.0.1:") for port in maa["ports"])
    for service in read(path)["services"].values():
        for name, value in service.get("environment", {}).items():
            secret = re.search("PASSWORD|TOKEN", name)
            assert not secret or re.fullmatch(r"\$\{[A-Z_]+:\?[^}]+\}", value), (name, value)
        assert "image" in service
        assert ":latest" not in service["image"]
    asked = set(re.findall(r"\$\{([A-Z_]+):", text))
    example = DOCKER / f"{path.name.split('.')[1]}.env.example"
    if example.exists():
        named = re.findall(r"^([A-Z_]+)=$", example.read_text(encoding="utf-8"), re.MULTILINE)
        assert set(named) == asked
    else:
        assert asked == {"MCP_HTTP_TOKENS"}


def configuration(path: Path, tmp_path: Path) -> Settings:
    """The configuration that a compose file mounts, read with the variables that it passes on."""
    maa = read(path)["services"]["maa"]
    (mounted,) = [volume.split(":") for volume in maa["volumes"] if volume.startswith("./")]
    assert mounted[1:] == ["/config/databases.yaml", "ro"]
    here = tmp_path / "databases.yaml"
    shutil.copy(DOCKER / mounted[0], here)
    return load_settings(
        {},
        environ=dict.fromkeys(maa["environment"], "agent=0123456789abcdef"),
        cwd=tmp_path,
        config_file=str(here),
    )


@each_compose
def test_the_configuration_of_a_compose_file_is_good_and_has_every_password(
    path: Path, tmp_path: Path
) -> None:
    settings = configuration(path, tmp_path)
    assert not settings.warnings
    services = read(path)["services"]
    for one in settings.environments.values():
        assert one.password.is_set
        assert "all-in-one" not in path.name or one.host in services
    if settings.environments:
        assert settings.environments["prod"].access == "read"


def test_the_logins_of_the_databases_are_made_by_a_script_that_the_shell_can_read() -> None:
    script = DOCKER / "initdb" / "postgresql.sh"
    assert subprocess.run(["/bin/sh", "-n", script], check=False).returncode == 0


@pytest.mark.timeout(120)
def test_the_commands_of_the_image_run_and_its_health_check_tells_the_truth(tmp_path: Path) -> None:
    run(tmp_path, VENV, configuration=(DOCKER / "config" / "single.yaml").read_text(encoding="utf-8"))
