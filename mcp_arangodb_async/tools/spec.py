"""What a tool is: a name, typed arguments, an effect, and the function that does it.

    class CountArgs(DatabaseArgs):
        collection: str = Field(description="Collection name")

    @tool(title="Count documents", category="core_data", effect=Effect.READ)
    async def arango_count(call: Call, args: CountArgs) -> Counted:
        \"\"\"Number of documents in a collection.\"\"\"

Decorating only describes; `catalog.ALL_TOOLS` registers. The docstring is what the model reads.

Modules of tools do without `from __future__ import annotations`: pydantic would have to compile and evaluate
the text of every annotation again, which a starting server notices.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.fields import FieldInfo

from mcp_arangodb_async.tools.call import Access, Call
from mcp_arangodb_async.tools.result import Relayed, Rows, Streamed

Category = Literal[
    "core_data",
    "indexing",
    "validation",
    "graph",
    "schema_query",
    "patterns",
    "multi_tenancy",
    "sql_environments",
]


HIDDEN = "hidden"
# The bound on counts that have none of their own: JSON readers agree on integers up to here.
LARGEST = 2**53


class Effect(Enum):
    """What a tool may change, and so its annotations and the access it needs.

    The value is (access needed, readOnlyHint, destructiveHint, idempotentHint). A tool whose effect
    depends on its arguments is `STATEMENT`: it asks `call.require` itself once it knows.
    """

    READ = ("read", True, False, True)
    EXPORT = ("read", False, False, False)  # reads the database and writes new files beside it
    SESSION = (None, False, False, True)  # changes what this session chose, never data
    ADD = ("write", False, False, False)
    ENSURE = ("write", False, False, True)  # creates what is missing; again changes nothing
    CHANGE = ("write", False, True, True)
    BULK = ("write", False, True, False)
    DESTROY = ("admin", False, True, True)
    STATEMENT = ("read", False, True, False)
    # What upstream servers do needs no database of ours.
    REMOTE_READ = (None, True, False, True)
    REMOTE_CHANGE = (None, False, True, False)

    @property
    def access(self) -> Access | None:
        """The access to the database that every call of such a tool needs; None when it needs no database."""
        return self.value[0]

    @property
    def annotations(self) -> dict[str, bool]:
        """The four MCP tool annotations. Only the REMOTE ones reach beyond the configured databases."""
        _, read_only, destructive, idempotent = self.value
        return {
            "readOnlyHint": read_only,
            "destructiveHint": destructive,
            "idempotentHint": idempotent,
            "openWorldHint": self.name.startswith("REMOTE"),
        }


class Args(BaseModel):
    """The arguments of a tool: unknown names are refused, values are immutable.

    `also` maps spellings of earlier releases and their documentation to the current names; they are accepted
    and never advertised.
    """

    # Validators are built by the first call that needs them: a client that only lists tools needs none.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    also: ClassVar[Mapping[str, str]] = {}


def one_or_many(value: object) -> object:
    """A single name where a list of names is asked for; JSON text is left to the parser of arguments."""
    return [value] if isinstance(value, str) and not value.lstrip().startswith("[") else value


Names = Annotated[list[str], BeforeValidator(one_or_many)]


def hidden(default: Any = None, **limits: Any) -> Any:
    """An argument that is accepted and not advertised; `limits` are the field's own, such as `ge`.

    Clients put all schemas before the model on every turn, so what hardly anybody needs is left to the
    manual: options whose default is nearly always right, and what earlier releases said otherwise.
    """
    return Field(default, json_schema_extra={HIDDEN: True}, **limits)


@cache
def fields_of(args: type[BaseModel]) -> dict[str, FieldInfo]:
    """The arguments by the names callers use; a few are reserved in Python and have another one there."""
    return {field.alias or name: field for name, field in args.model_fields.items()}


def is_hidden(field: FieldInfo) -> bool:
    """Whether the schema leaves the argument out."""
    return field.json_schema_extra == {HIDDEN: True}


class DatabaseArgs(Args):
    """Arguments of a tool that works on one database."""

    database: str | None = Field(None, description="Key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One tool, as data. `result` is the type it returns: `Rows`, or a TypedDict that becomes the document.

    `writes` tells for given arguments whether data would change, where the effect alone does not. `choices`
    are the words of arguments that the configuration decides: advertised, and checked by the tool.
    """

    name: str
    title: str
    description: str
    category: Category
    effect: Effect
    args: type[Args]
    result: type[Any]
    run: Callable[[Call, Any], Awaitable[Any]]
    needs_database: bool
    uses_session: bool
    limit_seconds: float | None = None
    writes: Callable[[Any], bool] | None = None
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    in_turn: bool = True

    @property
    def returns_rows(self) -> bool:
        """Whether the result is rows, or somebody else's: those have no output schema of ours."""
        return self.result in {Rows, Relayed, Streamed}


def tool(
    *,
    title: str,
    category: Category,
    effect: Effect,
    uses_session: bool | None = None,
    limit_seconds: float | None = None,
    writes: Callable[[Any], bool] | None = None,
    in_turn: bool = True,
) -> Callable[[Callable[[Call, Any], Awaitable[object]]], Tool]:
    """Describe the function as a tool named like it.

    A tool works on a database when its `Args` have one, unless its effect is `SESSION`. `limit_seconds`
    replaces the default deadline for tools that are long by nature. A tool that is not `in_turn` does not
    wait for the other calls of its session, and must not change it.
    """

    def describe(function: Callable[[Call, Any], Awaitable[object]]) -> Tool:
        hints = get_type_hints(function)
        args: type[Args] = hints["args"]
        needs_database = issubclass(args, DatabaseArgs)
        return Tool(
            name=function.__name__,
            title=title,
            description=paragraphs(function.__doc__ or ""),
            category=category,
            effect=effect,
            args=args,
            result=hints["return"],
            run=function,
            needs_database=needs_database,
            uses_session=needs_database if uses_session is None else uses_session,
            limit_seconds=limit_seconds,
            writes=writes,
            in_turn=in_turn,
        )

    return describe


def paragraphs(docstring: str) -> str:
    """The docstring with each paragraph on one line, as few characters as say it."""
    text = inspect.cleandoc(docstring)
    return "\n".join(" ".join(part.split()) for part in text.split("\n\n"))
