"""What can be asked for by name: five tasks, each a text that leads through the tools."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from mcp_arangodb_async.connections import closest
from mcp_arangodb_async.connections.names import validate_collection_name
from mcp_arangodb_async.errors import InputError, NotFoundError
from mcp_arangodb_async.tools.call import Surroundings

MAXIMUM_VALUE = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """A value the user fills in. `kind` says what it names, and so how it is completed and checked."""

    name: str
    description: str
    required: bool = False
    kind: str = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a task; it is left out where its tool is not offered, or its argument not given."""

    text: str
    tool: str | None = None
    argument: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A task: `opening`, then numbered steps, then `closing`. Long values stand at the end, in a fence."""

    name: str
    title: str
    description: str
    arguments: tuple[Argument, ...]
    opening: str
    steps: tuple[Step, ...]
    closing: str
    quoted: str | None = None


DATABASE = Argument(
    name="database", description="Key of the configured database; none: the default", kind="database"
)

PROMPTS: tuple[Prompt, ...] = (
    Prompt(
        name="explore_database",
        title="Explore a database",
        description="Find out what a database holds and how its parts belong together",
        arguments=(DATABASE, Argument(name="question", description="What you want to know in the end")),
        opening="Explore the ArangoDB database {database} without changing anything.",
        steps=(
            Step(text="List the collections with arango_list_collections and counts: true."),
            Step(
                text="Describe the database with arango_describe_database: attributes, indexes, graphs.",
                tool="arango_describe_database",
            ),
            Step(
                text="Look at three documents of each important collection with arango_query"
                " (FOR d IN @@collection LIMIT 3 RETURN d); note attributes, types and references."
            ),
            Step(text="List graphs with arango_list_graphs and indexes with arango_list_indexes."),
            Step(text="Answer this question with AQL, and show the query: {question}", argument="question"),
        ),
        closing="Report: what each collection is for, how they refer to each other, what is indexed, what"
        " looks wrong, and three useful AQL queries that you have run.",
    ),
    Prompt(
        name="model_graph",
        title="Model a graph",
        description="Design a graph for a domain, and create it once it is agreed",
        arguments=(
            Argument(name="domain", description="What is to be modelled, in a few sentences", required=True),
            DATABASE,
            Argument(name="questions", description="Questions the graph is to answer"),
        ),
        opening="Design a graph in the ArangoDB database {database} for the domain below.",
        steps=(
            Step(text="See what exists: arango_list_collections and arango_list_graphs."),
            Step(text="Propose vertex collections, edge collections and the direction of each edge."),
            Step(text="The graph must answer: {questions}", argument="questions"),
            Step(text="Write the AQL traversal of each question, and the indexes it needs."),
            Step(
                text="When the user agrees: arango_create_graph, then arango_create_index, then a few"
                " sample vertices and edges with arango_insert and arango_add_edge."
            ),
            Step(text="Check with arango_validate_graph_integrity and arango_traverse."),
        ),
        closing="Show the model as a list `from -edge-> to` and ask for agreement before creating anything.",
        quoted="domain",
    ),
    Prompt(
        name="optimize_query",
        title="Optimise an AQL query",
        description="Find out why a query is slow, and measure a better one",
        arguments=(
            Argument(name="query", description="The AQL query", required=True),
            DATABASE,
            Argument(name="bind_vars", description="Its bind variables, as JSON"),
        ),
        opening="Make the AQL query below faster in the ArangoDB database {database}, with the same result.",
        steps=(
            Step(text="Its bind variables are: {bind_vars}", argument="bind_vars"),
            Step(text="Read the plan with arango_explain_query: full scans, sorts, late filters, no index."),
            Step(text="If it only reads, measure it with arango_query_profile; note the slowest nodes."),
            Step(text="See the indexes of its collections with arango_list_indexes."),
            Step(text="Propose rewrites and indexes, one at a time, and explain and profile each again."),
            Step(text="Create an index with arango_create_index only when the user agrees."),
        ),
        closing="Report the time and scanned documents before and after, and what each index costs on"
        " writes. Say so if nothing helps.",
        quoted="query",
    ),
    Prompt(
        name="compare_environments",
        title="Compare two environments",
        description="What differs between two configured databases",
        arguments=(
            Argument(
                name="database", description="Key of the first database", required=True, kind="database"
            ),
            Argument(name="other", description="Key of the second database", required=True, kind="database"),
            Argument(name="collection", description="Only this collection", kind="collection"),
        ),
        opening="Compare the ArangoDB databases {database} and {other}; change neither. Pass the key as"
        " `database` on every call.",
        steps=(
            Step(text="Compare them with arango_compare_databases.", tool="arango_compare_databases"),
            Step(text="Only collection {collection} matters.", argument="collection"),
            Step(text="List the collections of both with arango_list_collections and counts: true."),
            Step(text="List the indexes of the collections both have with arango_list_indexes."),
            Step(text="List the graphs of both with arango_list_graphs."),
        ),
        closing="Report three tables: only in {database}, only in {other}, in both but different (type,"
        " count, indexes, graph definitions). Say what would have to change to make them alike.",
    ),
    Prompt(
        name="plan_backup",
        title="Plan a backup",
        description="What to back up, how often, and how to prove it can be restored",
        arguments=(
            DATABASE,
            Argument(name="loss", description="How much work may be lost, for example one hour"),
            Argument(name="purpose", description="Against what: mistakes, a lost disk, a move"),
        ),
        opening="Plan the backup of the ArangoDB database {database}.",
        steps=(
            Step(text="At most this much work may be lost: {loss}", argument="loss"),
            Step(text="It protects against: {purpose}", argument="purpose"),
            Step(text="See the size of it: arango_list_collections with counts: true, arango_list_graphs."),
            Step(text="Tell data that can be made again from data that cannot."),
            Step(text="Estimate time and size of a whole dump; decide what is dumped how often."),
            Step(
                text="Make a first dump with arango_backup when the user agrees; note its size and time.",
                tool="arango_backup",
            ),
            Step(
                text="Prove it: arango_restore into another configured database, then compare the counts.",
                tool="arango_restore",
            ),
        ),
        closing="Write the plan: what, how often, where, kept how long, who checks it, and each step of a"
        " restore with its expected time.",
    ),
)


def find(name: str) -> Prompt:
    """The prompt of that name; NotFoundError with the closest names."""
    known = {prompt.name: prompt for prompt in PROMPTS}
    if name not in known:
        raise NotFoundError(
            f"no prompt {name[:64]!r}; there are: {', '.join(known)}",
            field="name",
            did_you_mean=closest(name, known),
        )
    return known[name]


def written(prompt: Prompt, given: Mapping[str, str], around: Surroundings) -> str:
    """The prompt's text with the arguments in it; InputError for one that is wrong or missing."""
    check(prompt, given, around)
    values = {
        argument.name: f"`{given[argument.name]}`" if argument.kind != "text" else given[argument.name]
        for argument in prompt.arguments
        if given.get(argument.name)
    }
    values.setdefault("database", "(the default; arango_get_database_resolution tells which)")
    parts = [prompt.opening.format_map(values)]
    parts += [
        f"{number}. {step.text.format_map(values)}"
        for number, step in enumerate(offered(prompt.steps, values, around.tools), 1)
    ]
    parts.append(prompt.closing.format_map(values))
    if prompt.quoted is not None:
        parts.append(fenced(values[prompt.quoted]))
    return "\n".join(parts)


def offered(steps: tuple[Step, ...], values: Collection[str], tools: Collection[str]) -> list[Step]:
    """The steps that can be taken: their tools exist, their arguments were given."""
    return [
        step
        for step in steps
        if (step.tool is None or step.tool in tools) and (step.argument is None or step.argument in values)
    ]


def check(prompt: Prompt, given: Mapping[str, str], around: Surroundings) -> None:
    """InputError for an argument that is unknown, missing, too long, or names no configured database."""
    known = {argument.name: argument for argument in prompt.arguments}
    for name, value in given.items():
        if name not in known:
            raise InputError(
                f"{name[:64]}: {prompt.name} has no such argument; it has: {', '.join(known)}",
                field=name[:64],
                did_you_mean=closest(name, known),
            )
        if len(value) > MAXIMUM_VALUE:
            raise InputError(f"{name}: longer than {MAXIMUM_VALUE} characters", field=name)
        if known[name].kind == "database" and value:
            around.check_key(value)
        if known[name].kind == "collection" and value:
            validate_collection_name(value, field=name)
    for argument in prompt.arguments:
        if argument.required and not given.get(argument.name):
            raise InputError(f"{argument.name}: is required: {argument.description}", field=argument.name)


def fenced(text: str) -> str:
    """The text in a Markdown fence that nothing in it can close."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text}\n{fence}"
