"""Options that every test folder shares."""

import pytest

# Fixtures: PostgreSQL, MariaDB; npm's MCP servers, S3.
pytest_plugins = ["tests.sql_servers", "tests.upstreams.programs"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite goldens and snapshots, for review")


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    """Whether goldens and snapshots are rewritten instead of compared."""
    return bool(request.config.getoption("--update"))


@pytest.fixture
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio, as the program does."""
    return "asyncio"
