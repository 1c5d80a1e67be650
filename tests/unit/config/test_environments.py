"""SQL environments in the configuration: what is read and what is refused, each with its environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_arangodb_async.config.environment import UserDirectories
from mcp_arangodb_async.config.environment_entry import ENVIRONMENT_SECTIONS, NEEDED, EnvironmentConfig
from mcp_arangodb_async.config.environments import EnvironmentSettings
from mcp_arangodb_async.config.load import ConfigFileLoader, load_settings
from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.config.schema import file_schema
from mcp_arangodb_async.config.sql_address import parse_sql_url
from mcp_arangodb_async.errors import ConfigError

PASSWORD = "hunter2-correct-horse"
DIRECTORY = Path("/nowhere")


def load(tmp_path: Path, text: str, *, name: str = "databases.yaml", **environ: str) -> Settings:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return load_settings(
        environ=environ,
        cwd=tmp_path,
        config_file=str(path),
        directories=UserDirectories(config=tmp_path / "user", data=tmp_path / "data"),
    )


def problems(text: str, name: str = "file.yaml") -> list[str]:
    _, found = ConfigFileLoader(environ={}, cwd=DIRECTORY).inspect(DIRECTORY / name, text.encode())
    return [problem.text("file") for problem in found]


def test_each_kind_is_read_with_its_defaults(tmp_path: Path) -> None:
    text = """
default_environment: staging
databases: {red: {url: "embedded::memory:"}}
environments:
  local: {kind: sqlite, path: shop.sqlite}
  staging: {kind: postgresql, host: db, database: shop, user: app, password_env: PW, template: staging}
  prod: {url: "mariadb://ro%40x@db.prod:3307/shop?sslmode=require", template: production}
  graph: {kind: arangodb, database_key: red, access: write, enabled: false}
"""
    settings = load(tmp_path, text, PW=PASSWORD)
    found = settings.environments
    assert (settings.default_environment, list(found)) == (
        "staging",
        ["local", "staging", "prod", "graph"],
    )
    assert (found["local"].path, found["local"].access) == (tmp_path / "shop.sqlite", "read")
    staging = found["staging"]
    assert (staging.port, staging.access, staging.policy.rules) == (
        5432,
        "admin",
        {"ddl": "confirm", "admin": "deny"},
    )
    assert staging.password.reveal() == PASSWORD
    prod = found["prod"]
    assert (prod.kind, prod.user, prod.host, prod.port, prod.database) == (
        "mariadb", "ro@x", "db.prod", 3307, "shop",
    )  # fmt: skip
    assert (prod.access, prod.tls.mode) == ("read", "require")
    assert (found["graph"].database_key, found["graph"].enabled) == ("red", False)
    assert PASSWORD not in repr(settings)
    assert str(settings.origins["environments.prod.template"]).endswith("databases.yaml:7")


def test_a_template_gives_way_to_what_is_written(tmp_path: Path) -> None:
    text = """
environments:
  prod: {kind: sqlite, path: x, template: production, access: write, policy: {ddl: confirm}}
"""
    prod = load(tmp_path, text).environments["prod"]
    assert prod.access == "write"
    assert prod.policy.rules == {"dml": "confirm", "ddl": "confirm", "admin": "deny"}


def test_everything_wrong_is_said_at_once_with_the_environment() -> None:
    text = """
default_environment: nope
environments:
  dev: {kind: sqlite, prot: 3, host: x}
  staging: {kind: postgres, host: db}
  prod:
    kind: mysql
    port: 99999
    password: hunter2
    pool: {max_connections: 2, min_connections: 3, maxx: 1}
  none: {}
  url: {url: "postgresql://a:hunter2@h/db"}
  graph: {kind: arangodb, database_key: red}
  two: {url: "sqlite:///x.db", path: y.db}
  odd: {kind: mysql, url: "postgresql://a@h/db", policy: {dml: maybe, max_cost: .inf}}
  -bad-: {kind: sqlite, path: x}
"""
    found = problems(text)
    places = [problem.split(": ")[1] for problem in found]
    assert places == [
        "default_environment",
        "environments.dev.path", "environments.dev.host", "environments.dev.prot",
        "environments.staging.kind",
        "environments.prod.host", "environments.prod.database", "environments.prod.user",
        "environments.prod.port", "environments.prod.password",
        "environments.prod.pool.min_connections", "environments.prod.pool.maxx",
        "environments.none.kind", "environments.url.url", "environments.graph.database_key",
        "environments.two.path", "environments.odd.kind", "environments.odd.policy.dml",
        "environments.odd.policy.max_cost", "environments.-bad-",
    ]  # fmt: skip
    text = "\n".join(found)
    assert "did you mean 'port'?" in text
    assert "did you mean 'postgresql'?" in text
    assert "no environment 'nope'; configured: dev, staging" in text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("oracle://h/d", "is not an address"),
        ("postgresql://u@h:port/d", "is not an address"),
        ("postgresql://u:p@h/d", "must not hold a password"),
        ("postgresql://h/d?options=x", "only sslmode is read"),
        ("postgresql://h/d?sslmode=perhaps", "has no sslmode"),
        ("postgresql://h/d#x", "must not hold a #"),
        ("sqlite://host/x.db", "names no file"),
        ("sqlite:///:memory:", "names no file"),
    ],
)
def test_a_url_says_what_is_wrong_with_it(url: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        parse_sql_url(url)


OLD = """
default_environment = "dev"
[server]
port = 8080
[environments.dev]
name = "dev"
description = "Development"
enabled = true
[environments.dev.database]
host = "localhost"
port = 3307
username = "root"
password = "hunter2-correct-horse"
database = "shop"
[environments.dev.connection_pool]
max_connections = 10
min_connections = 1
connection_timeout = 5
idle_timeout = 600
[environments.prod]
enabled = false
[environments.prod.database]
host = "db.prod"
username = "ro"
password_env = "PW"
database = "shop"
"""


def test_the_older_toml_file_is_read_as_it_is(tmp_path: Path) -> None:
    settings = load(tmp_path, OLD, name="config.toml", PW="x")
    dev, prod = settings.environments["dev"], settings.environments["prod"]
    assert (dev.kind, dev.host, dev.port, dev.user, dev.database) == (
        "mysql", "localhost", 3307, "root", "shop",
    )  # fmt: skip
    assert (dev.pool.max_connections, dev.pool.min_connections, dev.pool.idle_timeout) == (10, 1, 600)
    assert (dev.connect_timeout, dev.access, dev.description) == (5, "read", "Development")
    assert dev.password.reveal() == PASSWORD
    assert (prod.enabled, prod.port, prod.password.reveal()) == (False, 3306, "x")
    assert (settings.default_environment, list(settings.databases)) == ("dev", ["default"])
    assert any("[server] has no effect" in warning for warning in settings.warnings)
    assert any("'dev': its password stands in the file" in warning for warning in settings.warnings)
    assert PASSWORD not in repr(settings) + "".join(settings.warnings)
    assert str(settings.origins["environments.dev.port"]).endswith("config.toml:11")


def test_a_single_database_of_the_older_shape_is_an_environment(tmp_path: Path) -> None:
    text = '[database]\nhost = "h"\nusername = "u"\ndatabase = "d"\nmax_connections = 3\n'
    settings = load(tmp_path, text, name="config.toml")
    only = settings.environments["default"]
    assert (settings.default_environment, only.kind, only.pool.max_connections) == ("default", "mysql", 3)


def test_mistakes_in_a_toml_file_have_their_line() -> None:
    text = (
        '[environments.dev.database]\nhost = "h"\nusrname = "u"\npassword = ""\n[environments.dev]\nx = 1\n'
    )
    found = problems(text, "file.toml")
    assert [problem.split(": ")[:2] for problem in found] == [
        ["file:3", "environments.dev.database.usrname"],
        ["file:4", "environments.dev.database.password"],
        ["file:5", "environments.dev.database"],
        ["file:5", "environments.dev.user"],
        ["file:6", "environments.dev.x"],
    ]
    assert problems("x = [", "file.toml")[0].startswith("file:1: ")


def test_the_schema_describes_every_option() -> None:
    definitions = file_schema()["$defs"]
    for name in ("EnvironmentConfig", *(record.__name__ for record in ENVIRONMENT_SECTIONS.values())):
        for option, described in definitions[name]["properties"].items():
            assert "description" in described or "$ref" in described, (name, option)


NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,20}", fullmatch=True)
GOOD = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["postgresql", "mysql", "mariadb"]),
        "host": st.from_regex(r"[a-z]{1,12}(\.[a-z]{1,8})?", fullmatch=True),
        "port": st.integers(1, 65_535),
        "user": st.from_regex(r"[a-z_]{1,12}", fullmatch=True),
        "database": st.from_regex(r"[a-z_]{1,12}", fullmatch=True),
        "query_timeout": st.floats(0.1, 1000, allow_nan=False),
    }
)


def config(environments: dict[str, dict[str, object]]) -> str:
    lines = ["environments:"]
    for name, entry in environments.items():
        lines.append(f'  "{name}":')
        lines += [f"    {key}: {value!r}" for key, value in entry.items()] or ["    {}"]
    return "\n".join(lines) + "\n"


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(NAMES, GOOD, min_size=1, max_size=6))
def test_property_21_each_environment_has_its_own_parameters(entries: dict[str, dict[str, object]]) -> None:
    loaded, found = ConfigFileLoader(environ={}, cwd=DIRECTORY).inspect(
        DIRECTORY / "file.yaml", config(entries).encode()
    )
    assert not found
    assert loaded is not None
    assert list(loaded.config.environments) == list(entries)
    for name, entry in entries.items():
        written = loaded.config.environments[name]
        assert {key: getattr(written, key) for key in entry} == entry


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(NAMES, st.sampled_from(sorted(NEEDED)), min_size=1, max_size=5), st.data())
def test_property_23_every_missing_parameter_is_reported(kinds: dict[str, str], data: st.DataObject) -> None:
    samples: dict[str, object] = {
        "host": "h", "database": "d", "user": "u", "path": "p", "database_key": "k",
    }  # fmt: skip
    entries: dict[str, dict[str, object]] = {}
    missing: set[str] = set()
    for name, kind in kinds.items():
        needed = [alternatives[0] for alternatives in NEEDED[kind]]
        present = data.draw(st.lists(st.sampled_from(needed), unique=True))
        entries[name] = {"kind": kind, **{key: samples[key] for key in present}}
        missing |= {f"environments.{name}.{key}" for key in needed if key not in present}
    found = problems("databases: {k: {url: 'embedded::memory:'}}\n" + config(entries))
    said = {problem.split(": ")[1] for problem in found}
    assert said == missing


WRONG = st.sampled_from(
    [
        ("port", 0), ("port", "x"), ("host", ""), ("acess", "read"), ("access", "all"), ("query_timeout", -1),
        ("max_rows", 0), ("password", "hunter2"), ("password_env", "hunter 2"), ("template", "prod"),
        ("labels", 3), ("url", "postgresql://a:hunter2@h/d"), ("kind", "oracle"),
    ]
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(NAMES, st.tuples(GOOD, st.none() | WRONG), min_size=1, max_size=5))
def test_property_25_every_error_names_its_environment(
    entries: dict[str, tuple[dict[str, object], tuple[str, object] | None]],
) -> None:
    guilty = {name for name, (_, wrong) in entries.items() if wrong is not None}
    written = {
        name: {**good, **({wrong[0]: wrong[1]} if wrong else {})} for name, (good, wrong) in entries.items()
    }
    found = problems(config(written))
    assert "hunter2" not in "".join(found)
    for problem in found:
        assert any(f"environments.{name}." in problem for name in guilty)
    for name in guilty:
        assert any(f"environments.{name}." in problem for problem in found)


@settings(max_examples=100, deadline=None)
@given(
    passwords=st.dictionaries(
        NAMES, st.from_regex(r"[A-Za-z0-9!]{12,24}", fullmatch=True), min_size=2, max_size=5
    )
)
def test_property_22_a_credential_is_reached_from_its_own_environment_only(
    passwords: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    variables = {name: f"PW_{number}" for number, name in enumerate(passwords)}
    entries: dict[str, dict[str, object]] = {
        name: {"kind": "mysql", "host": "h", "user": "u", "database": "d", "password_env": variables[name]}
        for name in passwords
    }
    path = tmp_path_factory.getbasetemp() / "property22.yaml"
    path.write_text(config(entries), encoding="utf-8")
    loaded = load_settings(
        environ={variables[name]: password for name, password in passwords.items()},
        cwd=path.parent,
        config_file=str(path),
        directories=UserDirectories(config=DIRECTORY, data=DIRECTORY),
    )
    for name, password in passwords.items():
        one: EnvironmentSettings = loaded.environments[name]
        assert one.password.reveal() == password
        assert one.password.variables == (variables[name],)
        assert password not in repr(one) + str(one) + one.address


def test_the_parameters_of_an_entry_are_known_by_name() -> None:
    assert {"kind", "url", "host", "policy", "pool", "tls"} <= set(EnvironmentConfig.model_fields)
    with pytest.raises(ConfigError):
        ConfigFileLoader(environ={}, cwd=DIRECTORY).check(
            DIRECTORY / "x.yaml", b"environments: {a: {kind: sqlite}}"
        )
