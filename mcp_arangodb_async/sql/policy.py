"""What a statement may do in an environment: the one meaning of "read-only".

    guard = Guard(settings)
    judged = guard.judge("DELETE FROM users")
    judged.decision                # deny: environment 'prod' may only be read ...

The first of three walls. The second is the session, which the engine itself keeps from writing; the third is
the login, whose privileges `selftest.py` looks at.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from mcp_arangodb_async.config.environments import (
    Access,
    EnvironmentSettings,
    PolicySettings,
    Ruling,
    StatementKind,
)
from mcp_arangodb_async.errors import DeniedError, ReadOnlyError
from mcp_arangodb_async.sql.dialects import DIALECTS
from mcp_arangodb_async.sql.dialects.dialect import Dialect
from mcp_arangodb_async.sql.masking import LeakError, Masking, masked_names, masking_of
from mcp_arangodb_async.sql.names import TableName
from mcp_arangodb_async.sql.statement import Statement, classify

# What each access lets pass; a policy's rules can only narrow it.
PASSED: Mapping[Access, frozenset[StatementKind]] = {
    "read": frozenset({"read"}),
    "write": frozenset({"read", "dml"}),
    "admin": frozenset({"read", "dml", "ddl", "admin"}),
}
# Texts up to this length are judged on the spot, and their judgements are kept.
CHEAP_CHARACTERS = 4096
KEPT_JUDGEMENTS = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether a statement may run, why not, and what must be masked in its answer."""

    ruling: Ruling
    why: str = ""
    hint: str | None = None
    masking: Masking | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A statement and what was decided; `statement.text` is what is to be run."""

    statement: Statement
    decision: Decision


def decide(
    statement: Statement, *, access: Access, policy: PolicySettings, database: str | None = None
) -> Decision:
    """What the access and the policy say about a statement. `database` is MySQL's for unqualified names."""
    kind = statement.kind
    for name in statement.functions:
        if any(fnmatchcase(name, pattern.lower()) for pattern in policy.denied_functions):
            return Decision(ruling="deny", why=f"function {name} is denied by its policy")
    if kind not in PASSED[access] and not (kind == "unknown" and access == "admin"):
        return Decision(ruling="deny", why=beyond(statement, access), hint=hint_for(statement))
    ruling = policy.rules.get(kind, "deny" if kind == "unknown" else "allow")
    if ruling == "deny":
        why = f"its policy denies {statement.shown_kind}" + (f": {statement.why}" if statement.why else "")
        return Decision(ruling="deny", why=why, hint=hint_for(statement))
    if outside := outside_lists(statement, policy, database):
        return Decision(ruling="deny", why=outside)
    try:
        masking = masking_for(statement, policy)
    except LeakError as error:
        return Decision(ruling="deny", why=str(error))
    why = f"its policy asks for confirmation of {statement.shown_kind}" if ruling == "confirm" else ""
    return Decision(ruling=ruling, why=why, masking=masking)


def beyond(statement: Statement, access: Access) -> str:
    """Why a statement is more than the access lets pass."""
    allowed = "may only be read" if access == "read" else f"has access {access!r}"
    reason = f": {statement.why}" if statement.why else ""
    return f"it {allowed}, and this is {statement.shown_kind}{reason}"


def hint_for(statement: Statement) -> str | None:
    """What could be done about a refusal."""
    if statement.kind == "dml" and statement.unknown_functions:
        listed = ", ".join(statement.unknown_functions)
        return f"if {listed} only reads, the operator can list it under policy.functions of the environment"
    return None


def outside_lists(statement: Statement, policy: PolicySettings, database: str | None) -> str | None:
    """Which table is outside the policy's lists; None if none is."""
    if not policy.schemas and not policy.tables:
        return None
    if statement.tables is None:
        return "only some schemas or tables may be used, and which ones it uses cannot be told"
    for table in statement.tables:
        if not is_listed(table, statement.dialect, policy, database):
            allowed = ", ".join((*policy.schemas, *policy.tables))
            return f"table {table} is not among those that may be used: {allowed}"
    return None


def is_listed(table: TableName, dialect: Dialect, policy: PolicySettings, database: str | None) -> bool:
    """Whether the lists hold the table; its schema is the default one unless it is named."""
    schema = table.schema or dialect.default_schema or database or ""
    if table.schema is None and dialect.folds_names and table.name.startswith("pg_"):
        schema = "pg_catalog"
    if table.catalog is not None:
        return False
    # SQLite does not know upper from lower case in names; the other servers' tables may differ by it alone.
    names = [table.name, f"{schema}.{table.name}"]
    if dialect.name == "sqlite":
        names, schema = [name.lower() for name in names], schema.lower()
    in_schema = not policy.schemas or any(fnmatchcase(schema, pattern) for pattern in policy.schemas)
    in_tables = not policy.tables or any(
        fnmatchcase(name, pattern) for name in names for pattern in policy.tables
    )
    if schema.lower() in dialect.system_schemas and not policy.schemas:
        # A table list is about the data; the server's own tables have to be named with their schema.
        return any(fnmatchcase(names[1], pattern) and "." in pattern for pattern in policy.tables)
    return in_schema and in_tables


def masking_for(statement: Statement, policy: PolicySettings) -> Masking | None:
    """What must be masked; raises LeakError for a statement that would tell masked values otherwise."""
    if not policy.masked_columns or not statement.tables or statement.tree is None:
        return None
    names = masked_names(policy.masked_columns, statement.tables)
    if not names or (statement.explained and not statement.runs):
        return None
    return masking_of(statement.tree, names)


def refusal(environment: str, access: Access, statement: Statement, decision: Decision) -> DeniedError:
    """The error for a statement that is denied."""
    kind = ReadOnlyError if access == "read" and statement.kind != "read" else DeniedError
    return kind(
        f"environment {environment!r} refuses it: {decision.why}", hint=decision.hint, database=environment
    )


class Guard:
    """The policy of one environment, with the judgements of its latest short statements."""

    def __init__(self, settings: EnvironmentSettings) -> None:
        self.settings = settings
        self.dialect = DIALECTS[settings.kind]
        self._kept: OrderedDict[str, Judged] = OrderedDict()

    @staticmethod
    def is_cheap(text: str) -> bool:
        """Whether judging it takes a few milliseconds at most; longer texts are judged off the loop."""
        return len(text) <= CHEAP_CHARACTERS

    def judge(self, text: str) -> Judged:
        """Read a statement and decide about it; the same text is read once."""
        kept = self._kept.get(text)
        if kept is not None:
            self._kept.move_to_end(text)
            return kept
        policy = self.settings.policy
        statement = classify(text, self.dialect, harmless=policy.functions)
        decision = decide(
            statement, access=self.settings.access, policy=policy, database=self.settings.database
        )
        # The tree is large and nobody needs it any more.
        judged = Judged(statement=replace(statement, tree=None), decision=decision)
        if self.is_cheap(text):
            self._kept[text] = judged
            if len(self._kept) > KEPT_JUDGEMENTS:
                self._kept.popitem(last=False)
        return judged

    def refusal(self, judged: Judged) -> DeniedError:
        """The error for a statement that is denied."""
        return refusal(self.settings.name, self.settings.access, judged.statement, judged.decision)

    def over_cost(self, rows: Sequence[Sequence[object]]) -> str | None:
        """Why a statement with this answer to EXPLAIN is too costly; None if it is not, or none is capped."""
        limit = self.settings.policy.max_cost
        if limit is None:
            return None
        cost = self.dialect.plan_cost(rows)
        if cost is None:
            return f"its cost may be at most {limit:g}, and {self.dialect.label} states none"
        return f"its cost is {cost:g}, at most {limit:g} is allowed" if cost > limit else None
