"""The third wall: is a write really refused, and what could the environment's login do besides?

    found = await self_test(environment)
    found.write_refused          # True: the engine itself refused a harmless write
    found.excess                 # ("may change the rows of 12 tables",)

The harmless write is a temporary table, which lives as long as the connection of its own that tries it.
Privileges are told, never taken away: that is the administrator's.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mcp_arangodb_async.config.environments import Access
from mcp_arangodb_async.connections.sql.connection import Command
from mcp_arangodb_async.errors import DeniedError, ReadOnlyError
from mcp_arangodb_async.observability.logs import get_logger
from mcp_arangodb_async.sql.environment import Environment

log = get_logger(__name__)

HARMLESS_WRITE = "CREATE TEMPORARY TABLE maa_write_check (a int)"
SECONDS = 10.0
MOST_GRANTS = 1000

# What a login may do beyond reading: a sentence, and whether it is too much for a writer as well.
POSTGRESQL_PRIVILEGES = """
SELECT 'is a superuser', true FROM pg_roles WHERE rolname = current_user AND rolsuper
UNION ALL SELECT 'may create roles', true FROM pg_roles WHERE rolname = current_user AND rolcreaterole
UNION ALL SELECT 'may create databases', true FROM pg_roles WHERE rolname = current_user AND rolcreatedb
UNION ALL SELECT 'may replicate', true FROM pg_roles WHERE rolname = current_user AND rolreplication
UNION ALL SELECT 'bypasses row security', true FROM pg_roles WHERE rolname = current_user AND rolbypassrls
UNION ALL SELECT 'is a member of ' || rolname, true FROM pg_roles
    WHERE rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files',
        'pg_signal_backend', 'pg_checkpoint', 'pg_maintain') AND pg_has_role(oid, 'MEMBER')
UNION ALL SELECT 'is a member of pg_write_all_data', false FROM pg_roles
    WHERE rolname = 'pg_write_all_data' AND pg_has_role(oid, 'MEMBER')
UNION ALL SELECT 'owns database ' || datname, true FROM pg_database
    WHERE datname = current_database() AND pg_has_role(datdba, 'MEMBER')
UNION ALL SELECT 'may create schemas in ' || current_database(), false
    WHERE has_database_privilege(current_database(), 'CREATE')
UNION ALL SELECT 'may create objects in schema ' || nspname, false FROM pg_namespace
    WHERE nspname NOT LIKE 'pg!_%' ESCAPE '!' AND nspname <> 'information_schema'
        AND has_schema_privilege(oid, 'CREATE')
UNION ALL SELECT 'may change the rows of ' || count(*) || ' tables', false
    FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace IN (SELECT oid FROM pg_namespace
        WHERE nspname NOT LIKE 'pg!_%' ESCAPE '!' AND nspname <> 'information_schema')
        AND has_table_privilege(oid, 'INSERT, UPDATE, DELETE, TRUNCATE') HAVING count(*) > 0
UNION ALL SELECT 'may change ' || count(*) || ' sequences', false FROM pg_class
    WHERE CASE WHEN relkind = 'S' THEN has_sequence_privilege(oid, 'UPDATE, USAGE') END HAVING count(*) > 0
"""
GRANT = re.compile(r"^GRANT (?P<rights>.+?) ON (?P<place>\S+) TO ", re.IGNORECASE)
ROLE = re.compile(r"^GRANT (?P<role>`[^`]+`(?:@`[^`]*`)?(?:, ?`[^`]+`(?:@`[^`]*`)?)*) TO ", re.IGNORECASE)
# What a login that only reads needs, and what one that writes needs besides.
READING = frozenset({"SELECT", "USAGE", "SHOW VIEW", "SHOW DATABASES"})
WRITING = frozenset({
    "INSERT", "UPDATE", "DELETE", "DELETE HISTORY", "EXECUTE", "LOCK TABLES", "CREATE TEMPORARY TABLES",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """What a self-test found.

    `write_refused` is None where writing is allowed. `by` says who refused: the engine's read-only session,
    or the login's missing rights. `excess` are privileges beyond the access that is configured.
    """

    environment: str
    access: Access
    write_refused: bool | None
    by: Literal["session", "rights", "nobody"] | None
    excess: tuple[str, ...]

    @property
    def is_safe(self) -> bool:
        """Whether writes are refused where they should be, and the login has no more than it needs."""
        return self.write_refused is not False and not self.excess


async def self_test(environment: Environment) -> SelfTest:
    """Try a harmless write if there should be none, and look at the login; raises what connecting raises."""
    access = environment.settings.access
    refused, by = await try_write(environment) if access == "read" else (None, None)
    excess = await excess_of(environment)
    found = SelfTest(
        environment=environment.name, access=access, write_refused=refused, by=by, excess=tuple(excess)
    )
    report(found)
    return found


def report(found: SelfTest) -> None:
    """Tell the operator: loudly if a write went through."""
    if found.write_refused is False:
        log.error("environment.write_not_refused", environment=found.environment)
    if found.excess:
        log.warning(
            "environment.excess_privileges",
            environment=found.environment,
            access=found.access,
            privileges="; ".join(found.excess),
        )


async def try_write(environment: Environment) -> tuple[bool, Literal["session", "rights", "nobody"]]:
    """Whether a harmless write is refused, and by whom; on a connection that is closed afterwards.

    It is sent as a write, so that the session alone has to refuse it.
    """
    ends_at = time.monotonic() + SECONDS
    connection = await environment.fresh(ends_at)
    command = Command(text=HARMLESS_WRITE, pieces=(HARMLESS_WRITE,), read_only=False)
    try:
        await connection.fetch(command, max_rows=1, max_bytes=1024, ends_at=ends_at)
    except ReadOnlyError:
        return True, "session"
    except DeniedError:
        return True, "rights"
    finally:
        await connection.close()
    return False, "nobody"


async def excess_of(environment: Environment) -> list[str]:
    """The privileges that the configured access does not need."""
    writes = environment.settings.access != "read"
    if environment.settings.access == "admin":
        return []
    match environment.settings.kind:
        case "postgresql":
            answer = await environment.inspect(POSTGRESQL_PRIVILEGES, max_rows=MOST_GRANTS)
            return [str(what) for what, serious in answer.rows if serious or not writes]
        case "mysql" | "mariadb":
            answer = await environment.inspect("SHOW GRANTS", max_rows=MOST_GRANTS)
            return granted([str(row[0]) for row in answer.rows], writes=writes)
        case "sqlite" | "arangodb":
            return []  # a file has no login, and ArangoDB's is not looked at


def granted(grants: Sequence[str], *, writes: bool) -> list[str]:
    """The excess in the lines of SHOW GRANTS; passwords in them are not looked at."""
    needed = READING | WRITING if writes else READING
    found: list[str] = []
    for line in grants:
        if grant := GRANT.match(line):
            rights = [right.strip().upper() for right in re.sub(r"\([^)]*\)", "", grant["rights"]).split(",")]
            excess = [right for right in rights if right not in needed]
            if excess:
                found.append(f"has {', '.join(excess)} on {grant['place']}")
            if "WITH GRANT OPTION" in line.upper():
                found.append(f"may pass on its rights on {grant['place']}")
        elif role := ROLE.match(line):
            found.append(f"has the rights of role {role['role']}")
    return found
