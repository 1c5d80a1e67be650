"""A damaged file is refused with its line, or means something that the checks allow; it never crashes."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_arangodb_async.config.environment import UserDirectories
from mcp_arangodb_async.config.load import ConfigFileLoader

GOOD = b"""\
# the databases of the shop
default_database: production
databases:
  production: &base
    url: https://arango.example.com:8529
    database: shop
    password_env: SHOP_PASSWORD
    access: read
    pool: {max_connections: 20, idle_timeout: 60}
  staging:
    <<: *base
    url: [http://one:8529, "http://two:8529"]
    access: write
server: {read_only: true, toolset: baseline}
http:
  tokens:
    - principal: ci
      sha256: "0000000000000000000000000000000000000000000000000000000000000000"
"""
PATH = Path("databases.yaml")


def loader() -> ConfigFileLoader:
    nowhere = Path("nowhere")
    return ConfigFileLoader(
        environ={}, cwd=nowhere, directories=UserDirectories(config=nowhere, data=nowhere)
    )


def check(content: bytes) -> None:
    loaded, problems = loader().inspect(PATH, content)
    assert (loaded is None) == bool(problems)
    for problem in problems:
        text = problem.text("databases.yaml")
        assert text.startswith("databases.yaml")
        assert "\n" not in text
        assert len(text) < 400


def test_the_file_is_good_as_it_is() -> None:
    loaded, problems = loader().inspect(PATH, GOOD)
    assert problems == ()
    assert loaded is not None
    assert loaded.config.databases["staging"].pool.idle_timeout == 60
    assert loaded.config.server.read_only


def test_a_file_cut_anywhere_is_refused_or_means_less() -> None:
    for end in range(0, len(GOOD), 5):
        check(GOOD[:end])


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 7)), min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_flipped_bits_never_crash_the_reader(flips: list[tuple[int, int]]) -> None:
    content = bytearray(GOOD)
    for place, bit in flips:
        content[place] ^= 1 << bit
    check(bytes(content))
