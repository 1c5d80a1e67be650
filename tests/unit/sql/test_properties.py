"""Properties of SQL environments that hold for whatever is configured, on real servers.

The numbers are those of the plan for several environments. What is configured, asked and broken is drawn by
Hypothesis; the servers are started once.
"""

from __future__ import annotations

import asyncio
import logging
import string
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcp_arangodb_async.config.environments import EnvironmentPool, EnvironmentSettings
from mcp_arangodb_async.config.secret import Secret
from mcp_arangodb_async.connections.sql.pool import LONGEST_WAIT, backoff
from mcp_arangodb_async.errors import DeadlineError, InputError, MaaError, UnknownDatabaseError
from mcp_arangodb_async.observability import Redactor
from mcp_arangodb_async.sql.router import Environments
from mcp_arangodb_async.tools.result import Limits
from mcp_arangodb_async.tools.schema import input_schema
from mcp_arangodb_async.tools.sql import outcome_facts
from mcp_arangodb_async.tools.sql_catalogue import connection_status
from mcp_arangodb_async.tools.sql_tools import SQL_TOOLS, sql_tools
from tests.sql_servers import PASSWORDS, SqlServer
from tests.unit.sql.world import World, marked, nowhere, on_server, renamed, world

pytestmark = pytest.mark.server
EXAMPLES = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
NAMES = ("postgresql1", "postgresql2", "mariadb1", "mariadb2", "sqlite1", "sqlite2")
SUBSETS = st.lists(st.sampled_from(NAMES), unique=True, min_size=1)
SAME = "SELECT name FROM mark"


@pytest.fixture(scope="module")
def configured(
    postgresql: SqlServer, mariadb: SqlServer, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, EnvironmentSettings]:
    """Two environments of each kind."""
    return marked(tmp_path_factory.mktemp("files"), postgresql, mariadb)


@pytest.fixture(scope="module")
def steady(configured: dict[str, EnvironmentSettings]) -> Iterator[World]:
    """The six, open for the whole module."""
    with world(configured) as made:
        yield made


def broken(one: EnvironmentSettings, how: str) -> EnvironmentSettings:
    """The environment with something wrong about it."""
    match how:
        case "port":
            return replace(nowhere(one.name), kind="postgresql")
        case "password" if one.kind != "sqlite":
            return replace(one, password=Secret.held("not-the-password"))
        case "database" if one.kind != "sqlite":
            return replace(one, database="not_there")
        case _:
            lost = replace(one, path=one.path.with_name("not-there.db")) if one.path else nowhere(one.name)
            return replace(lost, name=one.name)


BREAKAGES = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["port", "password", "database", "file"]))


@EXAMPLES
@given(chosen=SUBSETS, off=st.sets(st.sampled_from(NAMES)))
def test_property_1_every_enabled_environment_is_connected_after_the_start(
    configured: dict[str, EnvironmentSettings], steady: World, chosen: list[str], off: set[str]
) -> None:
    told = {name: replace(configured[name], enabled=name not in off) for name in chosen}

    async def start() -> dict[str, str]:
        environments = Environments(told)
        environments.start()
        try:
            async with asyncio.timeout(20):
                while True:
                    found = {name: connection_status(environments.get(name)) for name in environments.names}
                    if set(found.values()) <= {"connected"}:
                        return found
                    await asyncio.sleep(0.002)
        finally:
            await environments.close()

    assert set(steady.run(start())) == set(chosen) - off


@EXAMPLES
@given(name=st.sampled_from(NAMES))
def test_property_2_a_query_runs_on_the_environment_that_was_named_and_on_no_other(
    steady: World, name: str
) -> None:
    before = lent(steady)
    answer = steady.run(steady.environments.get(name).query(SAME))
    assert answer.rows == [(name,)]
    after = lent(steady)
    assert {one for one in NAMES if after[one] != before[one]} == {name}


def lent(made: World) -> dict[str, int]:
    pools = {name: made.environments.get(name).pool for name in NAMES}
    return {name: pool.counters().lent if pool else 0 for name, pool in pools.items()}


WORDS = st.none() | st.sampled_from([*NAMES, "unknown"])


@EXAMPLES
@given(
    there=st.lists(st.sampled_from(NAMES), unique=True, min_size=1),
    argument=WORDS,
    focus=WORDS,
    default=st.none() | st.sampled_from(NAMES),
)
def test_property_3_the_default_or_an_error_and_always_the_same(
    configured: dict[str, EnvironmentSettings],
    there: list[str],
    argument: str | None,
    focus: str | None,
    default: str | None,
) -> None:
    environments = Environments({name: configured[name] for name in there}, default=default)
    told = [name for name in (argument, focus, default) if name is not None]
    if told and told[0] not in there:
        with pytest.raises(UnknownDatabaseError) as unknown:
            environments.resolve(argument, focus)
        assert all(name in unknown.value.message for name in there)
    elif not told and len(there) > 1:
        with pytest.raises(InputError) as nothing:
            environments.resolve(argument, focus)
        assert all(name in nothing.value.message for name in there)
    else:
        assert environments.resolve(argument, focus)[0] == (told[0] if told else there[0])


@EXAMPLES
@given(used=st.sets(st.sampled_from(NAMES)), off=st.sets(st.sampled_from(NAMES)), down=st.booleans())
def test_property_4_listing_is_complete_and_its_status_true(
    configured: dict[str, EnvironmentSettings], steady: World, used: set[str], off: set[str], down: bool
) -> None:
    told = {name: replace(one, enabled=name not in off) for name, one in configured.items()}
    told["down"] = nowhere("down")

    async def look() -> dict[str, str]:
        environments = Environments(told)
        try:
            await environments.run_many([name for name in used if name not in off], SAME)
            if down:
                await environments.run_many(["down"], SAME)
            return {
                name: connection_status(environments.get(name) if one.enabled else None)
                for name, one in environments.configured.items()
            }
        finally:
            await environments.close()

    expected = {
        name: "disabled" if name in off else "connected" if name in used else "not_opened" for name in NAMES
    }
    assert steady.run(look()) == {**expected, "down": "failing" if down else "not_opened"}


@EXAMPLES
@given(breakages=BREAKAGES)
def test_property_5_any_subset_may_fail_and_the_rest_works(
    configured: dict[str, EnvironmentSettings], steady: World, breakages: dict[str, str]
) -> None:
    told = {name: configured[name] for name in NAMES if name not in breakages}
    told |= {name: broken(configured[name], how) for name, how in breakages.items()}
    outcomes = steady.run(all_of(told, list(NAMES)))
    for name, (status, rows) in outcomes.items():
        if name in breakages:
            # MariaDB refuses a database that is not there to whoever may not know of it.
            assert (status in {"error", "refused"}, rows) == (True, None), (name, status)
        else:
            assert (status, rows) == ("ok", [(name,)])


async def all_of(
    told: dict[str, EnvironmentSettings], names: list[str]
) -> dict[str, tuple[str, list[Any] | None]]:
    environments = Environments(told)
    try:
        outcomes = await environments.run_many(names, SAME)
        return {
            name: (one.status, one.answer.rows if one.answer is not None else None)
            for name, one in outcomes.items()
        }
    finally:
        await environments.close()


# A NUL is no character of a text for PostgreSQL.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@EXAMPLES
@given(text=TEXTS, chosen=SUBSETS)
def test_property_6_the_same_statement_means_the_same_everywhere(
    steady: World, text: str, chosen: list[str]
) -> None:
    outcomes = steady.run(
        steady.environments.run_many(chosen, "SELECT COALESCE(:text, '') AS v FROM mark", {"text": text})
    )
    assert {name: one.answer and one.answer.rows for name, one in outcomes.items()} == {
        name: [(text,)] for name in chosen
    }


@EXAMPLES
@given(chosen=SUBSETS)
def test_property_7_every_result_says_where_it_comes_from(steady: World, chosen: list[str]) -> None:
    outcomes = steady.run(steady.environments.run_many(chosen, SAME))
    assert list(outcomes) == chosen
    for name, outcome in outcomes.items():
        answer = outcome.answer
        assert answer is not None
        assert (answer.environment, answer.rows, answer.access) == (name, [(name,)], "read")
        assert name.startswith(answer.engine)
        assert answer.version[0].isdigit()


FAILURES = st.dictionaries(
    st.sampled_from(NAMES), st.sampled_from(["refused", "error", "unknown", "timeout", "skipped"])
)


@EXAMPLES
@given(failures=FAILURES)
def test_property_9_a_failing_subset_costs_only_itself_and_says_how(
    configured: dict[str, EnvironmentSettings], steady: World, failures: dict[str, str]
) -> None:
    told = dict(configured)
    for name, how in failures.items():
        match how:
            case "refused":
                told[name] = replace(
                    told[name], policy=replace(told[name].policy, tables=("something_else",))
                )
            case "error" | "skipped":
                told[name] = nowhere(name)
            case "timeout":
                told[name] = replace(told[name], query_timeout=1e-9)
            case _:
                del told[name]

    async def ask() -> dict[str, str]:
        environments = Environments(told)
        try:
            resting = [name for name, how in failures.items() if how == "skipped"]
            for _ in range(3):
                await environments.run_many(resting, SAME)
            outcomes = await environments.run_many(NAMES, SAME)
            for name, one in outcomes.items():
                assert (one.answer is None) == (name in failures)
                if one.error is not None:
                    assert name in one.error.message
            return {name: one.status for name, one in outcomes.items()}
        finally:
            await environments.close()

    assert steady.run(ask()) == {name: failures.get(name, "ok") for name in NAMES}


SHAPES = st.sampled_from([SAME, "SELECT 1 AS one", "SELECT name, name FROM mark WHERE 1 = 0"])


@EXAMPLES
@given(one=SUBSETS, other=SUBSETS, text=SHAPES)
def test_property_10_the_shape_of_a_result_does_not_depend_on_its_environments(
    steady: World, one: list[str], other: list[str], text: str
) -> None:
    limits = Limits()

    def shapes(names: list[str]) -> set[tuple[str, ...]]:
        outcomes = steady.run(steady.environments.run_many(names, text))
        facts = [outcome_facts(name, outcome, limits) for name, outcome in outcomes.items()]
        return {tuple(sorted(fact)) for fact in facts}

    assert shapes(one) == shapes(other)
    assert len(shapes(one)) == 1


@EXAMPLES
@given(failures=st.lists(st.floats(0, 1), min_size=2, max_size=12))
def test_property_12_waits_double_with_jitter_up_to_a_few_seconds(failures: list[float]) -> None:
    waits = [backoff(number, chance) for number, chance in enumerate(failures, start=1)]
    for number, (waited, chance) in enumerate(zip(waits, failures, strict=True)):
        full = min(LONGEST_WAIT, 0.5 * 2**number)
        assert full / 2 <= waited <= full
        assert waited == pytest.approx(full * (0.5 + 0.5 * chance))


class Heard(logging.Handler):
    """What is logged while it listens."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.getMessage()} {getattr(record, 'fields', {})}")


@pytest.fixture
def heard() -> Iterator[Heard]:
    """Everything that is logged, by whomever."""
    handler = Heard()
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(before)


@EXAMPLES
@given(breakages=BREAKAGES)
def test_property_14_what_fails_is_logged_with_its_environment(
    configured: dict[str, EnvironmentSettings], steady: World, heard: Heard, breakages: dict[str, str]
) -> None:
    heard.lines.clear()
    told = {name: configured[name] for name in NAMES if name not in breakages}
    told |= {name: broken(configured[name], how) for name, how in breakages.items()}
    steady.run(all_of(told, list(NAMES)))
    failed = {name for name in NAMES for line in heard.lines if "failed" in line and f"'{name}'" in line}
    assert failed == set(breakages)


@EXAMPLES
@given(
    limit=st.integers(1, 4),
    callers=st.integers(1, 12),
    name=st.sampled_from(["postgresql1", "mariadb1", "sqlite1"]),
)
def test_property_15_no_more_connections_than_the_pool_allows_and_the_counters_are_exact(
    configured: dict[str, EnvironmentSettings], steady: World, limit: int, callers: int, name: str
) -> None:
    pool_settings = EnvironmentPool(max_connections=limit, acquire_timeout=20)

    async def crowd() -> None:
        environments = Environments({name: replace(configured[name], pool=pool_settings)})
        environment = environments.get(name)
        try:
            answers = await asyncio.gather(*(environment.query(SAME) for _ in range(callers)))
            assert [answer.rows for answer in answers] == [[(name,)]] * callers
            assert environment.pool is not None
            counters = environment.pool.counters()
            assert counters.opened <= limit
            assert (counters.in_use, counters.idle, counters.waiting) == (0, counters.opened, 0)
            assert counters.lent == callers
            assert counters.waited <= max(0, callers - limit)
            pool = environment.pool
        finally:
            await environments.close()
        after = pool.counters()
        assert (after.opened - after.closed, after.idle, after.in_use) == (0, 0, 0)

    steady.run(crowd())


def test_waiting_for_a_connection_ends_in_time(configured: dict[str, EnvironmentSettings]) -> None:
    pool_settings = EnvironmentPool(max_connections=1, acquire_timeout=0.05)
    with world({"sqlite1": replace(configured["sqlite1"], pool=pool_settings)}) as made:
        environment = made.environments.get("sqlite1")

        async def two() -> None:
            async with environment.stream(SAME):
                with pytest.raises(DeadlineError, match="all 1 connections were busy"):
                    await environment.query(SAME)
            assert (await environment.query(SAME)).rows == [("sqlite1",)]

        made.run(two())
        assert environment.pool is not None
        assert environment.pool.counters().timeouts == 1


OLD_TOOLS = ("execute_query", "list_databases", "list_tables", "describe_table", "test_connection")
LISTS = st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True), unique=True, min_size=1, max_size=30)


@EXAMPLES
@given(names=LISTS)
def test_properties_16_and_17_every_tool_has_one_that_names_its_environment(names: list[str]) -> None:
    tools = sql_tools(names)
    for old in OLD_TOOLS:
        assert old in tools
        assert f"{old}_env" in tools
    for name, tool in tools.items():
        told: dict[str, Any] = input_schema(tool, session=False).get("properties", {})
        if name.endswith(("multi_env", "all_env")):
            assert told["environments"]["items"] == {"enum": names}
        elif name.endswith("_env") or name == "list_columns":
            assert told["environment"]["enum"] == names


def test_the_schemas_grow_by_the_names_alone() -> None:
    def size(names: list[str]) -> int:
        return sum(len(str(input_schema(tool, session=True))) for tool in sql_tools(names).values())

    few, many = size(["a"]), size([f"a{number:02}" for number in range(20)])
    assert len(sql_tools(["a"])) == len(SQL_TOOLS)
    assert many - few < 20 * 10 * len(SQL_TOOLS)


@EXAMPLES
@given(chosen=SUBSETS)
def test_property_18_what_there_is_can_be_listed_for_one_and_for_all(
    steady: World, chosen: list[str]
) -> None:
    from mcp_arangodb_async.sql import catalogue

    async def both() -> None:
        environments = [steady.environments.get(name) for name in chosen]
        together = await asyncio.gather(*(catalogue.tables(one) for one in environments))
        for name, one, tables in zip(chosen, environments, together, strict=True):
            assert [row["name"] for row in tables] == ["mark"], name
            assert tables == await catalogue.tables(one)
            assert [row["name"] for row in await catalogue.columns(one, "mark")] == ["name"]
            assert sum(row["current"] for row in await catalogue.databases(one)) == 1

    steady.run(both())


SECRETS = st.text(string.ascii_letters + string.digits + "!$%&/()=?'\" ", min_size=6, max_size=24).map(
    lambda text: f"s3cret{text}"
)


@EXAMPLES
@given(secret=SECRETS, kind=st.sampled_from(["postgresql1", "mariadb1"]), values=st.booleans())
def test_property_24_logs_name_the_environment_and_hold_no_secret(
    configured: dict[str, EnvironmentSettings],
    steady: World,
    heard: Heard,
    secret: str,
    kind: str,
    values: bool,
) -> None:
    heard.lines.clear()
    guilty = replace(configured[kind], password=Secret.held(secret), name="guilty")

    async def ask() -> MaaError | None:
        environments = Environments({"guilty": guilty})
        try:
            text = "SELECT :v FROM mark" if values else SAME
            outcome = await environments.outcome("guilty", text, {"v": secret} if values else None)
            return outcome.error
        finally:
            await environments.close()

    error = steady.run(ask())
    assert error is not None
    everything = "\n".join([*heard.lines, error.message, error.hint or "", repr(guilty)])
    assert secret not in everything
    assert "guilty" in everything
    assert not any(password in everything for password in PASSWORDS.values())
    assert Redactor().redact(error.message)


def test_the_wrong_password_is_told_from_a_server_that_is_not_there(
    configured: dict[str, EnvironmentSettings], postgresql: SqlServer
) -> None:
    wrong = on_server(
        postgresql, configured["postgresql1"].database, name="wrong", password=Secret.held("no")
    )
    with world(
        {"wrong": wrong, "gone": nowhere("gone"), "right": renamed(configured["postgresql1"], "right")}
    ) as made:
        outcomes = made.run(made.environments.run_many(["wrong", "gone", "right"], SAME))
        assert [one.error.code if one.error else "ok" for one in outcomes.values()] == [
            "denied",
            "unavailable",
            "ok",
        ]
