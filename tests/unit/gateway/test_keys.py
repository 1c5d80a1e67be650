"""Master keys: where they come from, which are refused, and that none is ever shown."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mcp_arangodb_async.config.environment import UserDirectories
from mcp_arangodb_async.config.load import load_settings
from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.errors import ConfigError, SealError
from mcp_arangodb_async.gateway.keys import (
    HeldKeys,
    WrappedKey,
    key_id,
    key_source,
    parse_master_keys,
    read_key_file,
    weakness_of,
)

pytestmark = pytest.mark.anyio
GOOD = bytes.fromhex("6d4be1a27f0c93d85e61b2c4f8073a9d1e5f7086cb23d94a10feb75c8892e6d1")


def settings(directory: Path, text: str = "", **variables: str) -> Settings:
    path = directory / "databases.yaml"
    path.write_text(f"tenants: {{enabled: true{text}}}\n", encoding="utf-8")
    return load_settings(
        environ=variables,
        cwd=directory,
        config_file=str(path),
        directories=UserDirectories(config=directory, data=directory),
    )


@pytest.mark.parametrize("text", [GOOD.hex(), GOOD.hex().upper(), base64.b64encode(GOOD).decode(),
    base64.urlsafe_b64encode(GOOD).decode().rstrip("="), f"  {GOOD.hex()}\n"])  # fmt: skip
def test_a_key_is_hex_or_base64(text: str) -> None:
    assert parse_master_keys(text, "x") == [GOOD]


def test_several_keys_are_separated_by_commas_blanks_or_lines() -> None:
    other = secrets.token_bytes(32)
    assert parse_master_keys(f"{GOOD.hex()},\n {other.hex()}\n", "x") == [GOOD, other]


WEAK = {
    "zeros": bytes(32),
    "one byte": b"\xa7" * 32,
    "counting": bytes(range(32)),
    "steps of seven": bytes((7 * n) % 256 for n in range(32)),
    "half repeated": GOOD[:16] * 2,
    "few bytes": bytes((n * n) % 19 for n in range(32)),
    "text": b"correct horse battery staple 123",
    "hash of a word": hashlib.sha256(b"changeme").digest(),
    "hash of nothing": hashlib.sha256(b"").digest(),
}


@pytest.mark.parametrize("name", WEAK)
def test_a_weak_key_is_refused_without_being_shown(name: str) -> None:
    for text in (WEAK[name].hex(), base64.b64encode(WEAK[name]).decode()):
        with pytest.raises(ConfigError, match="master key 1 of the variable K is weak: ") as caught:
            parse_master_keys(text, "the variable K")
        assert text not in f"{caught.value!r} {caught.value.hint}"


def test_random_keys_are_not_taken_for_weak() -> None:
    assert not any(weakness_of(secrets.token_bytes(32)) for _ in range(2000))


@pytest.mark.parametrize(
    "text",
    ["hunter2-hunter2", GOOD.hex()[:-2], f"{GOOD.hex()}00", base64.b64encode(GOOD + b"x").decode(), "é" * 43],
)
def test_what_is_no_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ConfigError, match="is not 32 bytes") as caught:
        parse_master_keys(text, "the variable K")
    assert text not in f"{caught.value!r} {caught.value.hint}"


def test_too_many_keys_are_refused() -> None:
    with pytest.raises(ConfigError, match="holds 17 master keys, at most 16"):
        parse_master_keys(",".join([GOOD.hex()] * 17), "x")


def test_without_a_key_nothing_starts(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the variable MCP_TENANTS_MASTER_KEY holds no master key"):
        key_source(settings(tmp_path))
    with pytest.raises(ConfigError, match="the variable OTHER holds no master key"):
        key_source(settings(tmp_path, ", key_variable: OTHER", MCP_TENANTS_MASTER_KEY=GOOD.hex()))


def test_a_key_file_that_only_its_owner_reads_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "tenants.key"
    file.write_text(GOOD.hex() + "\n")
    file.chmod(0o600)
    source = key_source(settings(tmp_path, ", key_source: file, key_file: tenants.key"))
    assert source.current == key_id(GOOD)
    assert str(file) in source.name


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_key_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "k"
    file.write_text(GOOD.hex())
    file.chmod(mode)
    with pytest.raises(ConfigError, match="can be used by others") as caught:
        read_key_file(file)
    assert caught.value.hint == f"chmod 600 {file}"


def test_links_directories_and_large_files_are_no_key_files(tmp_path: Path) -> None:
    file = tmp_path / "k"
    file.write_text(GOOD.hex())
    file.chmod(0o600)
    link = tmp_path / "link"
    link.symlink_to(file)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_key_file(link)
    os.link(file, tmp_path / "second")
    with pytest.raises(ConfigError, match="with one name, not a link"):
        read_key_file(file)
    with pytest.raises(ConfigError, match="regular file"):
        read_key_file(tmp_path)
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_key_file(tmp_path / "nothing")
    big = tmp_path / "big"
    big.write_text("a" * 5000)
    big.chmod(0o600)
    with pytest.raises(ConfigError, match="more than 4096 bytes"):
        read_key_file(big)


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give files away")
def test_a_key_file_of_another_user_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "k"
    file.write_text(GOOD.hex())
    file.chmod(0o600)
    os.chown(file, 65534, 65534)
    with pytest.raises(ConfigError, match="belongs to another user"):
        read_key_file(file)


WITHOUT = """
import sys
sys.modules[{library!r}] = None
from pathlib import Path
from mcp_arangodb_async.config.environment import UserDirectories
from mcp_arangodb_async.config.load import load_settings
from mcp_arangodb_async.errors import ConfigError
directory = Path({directory!r})
places = UserDirectories(config=directory, data=directory)
settings = load_settings(environ={{}}, cwd=directory, directories=places)
try:
    {call}
except ConfigError as error:
    print(error.message, "|", error.hint)
"""


@pytest.mark.parametrize(
    ("library", "call", "extra"),
    [
        ("keyring", "from mcp_arangodb_async.gateway.keys import read_keyring; read_keyring('x')", "keyring"),
        (
            "sqlalchemy",
            "from mcp_arangodb_async.gateway.tenants.open import require_libraries; require_libraries()",
            "tenants",
        ),
    ],
)
def test_a_missing_library_is_said_with_what_to_install(
    tmp_path: Path, library: str, call: str, extra: str
) -> None:
    script = WITHOUT.format(library=library, directory=str(tmp_path), call=call)
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, encoding="utf-8", timeout=60, check=True
    )
    assert answer.stdout.rstrip().endswith(f'| pip install "mcp-arangodb-async[{extra}]"')


def test_a_key_in_the_systems_keyring_is_taken(tmp_path: Path) -> None:
    keyring: Any = pytest.importorskip("keyring")
    backend: Any = pytest.importorskip("keyring.backend")

    class InMemory(backend.KeyringBackend):
        priority = 1

        def __init__(self) -> None:
            super().__init__()  # pyright: ignore[reportUnknownMemberType] - the library is optional
            self.kept: dict[tuple[str, str], str] = {}

        def get_password(self, service: str, username: str) -> str | None:
            return self.kept.get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None:
            self.kept[service, username] = password

    before = keyring.get_keyring()
    keyring.set_keyring(InMemory())
    try:
        wanted = settings(tmp_path, ", key_source: keyring, key_name: mine")
        with pytest.raises(ConfigError, match="the keyring's entry mine holds no master key"):
            key_source(wanted)
        keyring.set_password("mcp-arangodb-async", "mine", GOOD.hex())
        assert key_source(wanted).current == key_id(GOOD)
    finally:
        keyring.set_keyring(before)


def test_all_that_is_wrong_with_the_sources_is_said_by_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, ", key_source: file, key_variable: 'a b', store: 'mysql://x'")
    text = "\n".join(caught.value.problems)
    assert "tenants.key_file: is missing: key_source is file" in text
    assert "tenants.key_variable: must be the NAME of an environment variable" in text
    assert "tenants.store: must be the path of a SQLite file, or postgresql://" in text


async def test_a_key_wraps_and_unwraps_in_its_context_only() -> None:
    source = HeldKeys("x", GOOD.hex)
    wrapped = await source.wrap(b"k" * 32, b"acme 1")
    assert await source.unwrap(wrapped, b"acme 1") == b"k" * 32
    for other in (wrapped, WrappedKey(master=wrapped.master, blob=wrapped.blob[:-1] + b"?"), WrappedKey(
        master=wrapped.master, blob=b"")):  # fmt: skip
        context = b"zeta 1" if other is wrapped else b"acme 1"
        with pytest.raises(SealError, match="its wrapping was altered, or belongs to another tenant"):
            await source.unwrap(other, context)


async def test_a_key_that_is_put_in_front_wraps_and_the_old_one_still_opens() -> None:
    new = secrets.token_bytes(32).hex()
    texts = [GOOD.hex()]
    source = HeldKeys("the variable K", lambda: texts[0])
    wrapped = await source.wrap(b"k" * 32, b"c")
    texts[0] = f"{new},{GOOD.hex()}"
    source.reload()
    assert await source.unwrap(wrapped, b"c") == b"k" * 32
    assert (await source.wrap(b"k" * 32, b"c")).master == source.current != wrapped.master
    texts[0] = "nonsense"
    with pytest.raises(ConfigError):
        source.reload()
    assert await source.unwrap(wrapped, b"c") == b"k" * 32  # what was good stays
    texts[0] = new
    source.reload()
    with pytest.raises(SealError, match=f"wrapped by master key {wrapped.master}, and the variable K holds"):
        await source.unwrap(wrapped, b"c")
    assert GOOD.hex() not in repr(source)


async def test_a_key_of_another_process_is_found_by_reading_again() -> None:
    new = secrets.token_bytes(32).hex()
    texts = [GOOD.hex()]
    source = HeldKeys("x", lambda: texts[0])
    wrapped = await HeldKeys("x", lambda: new).wrap(b"k" * 32, b"c")
    texts[0] = f"{GOOD.hex()} {new}"
    assert await source.unwrap(wrapped, b"c") == b"k" * 32
