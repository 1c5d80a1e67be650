"""The schemas of several environments, compared with one of them or with what each was before.

One that fails costs the others nothing, unless it is the baseline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from mcp_arangodb_async.errors import InputError, MaaError
from mcp_arangodb_async.sql.router import Environments
from mcp_arangodb_async.sql.schema import DatabaseSchema, SchemaFilter, schema_hash
from mcp_arangodb_async.sql.schema_compare import SchemaDifference, compare_schemas
from mcp_arangodb_async.sql.schema_reading import EVERYTHING, narrowed, reflect
from mcp_arangodb_async.sql.snapshots import Snapshot, Snapshots

MOST_ENVIRONMENTS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """One environment: its schema and its hash, or why it could not be read.

    `differences` is None for the baseline itself, and where nothing was compared. `since` is the stored
    schema it was compared with, `saved` what was stored now.
    """

    environment: str
    schema: DatabaseSchema | None = None
    hash: str = ""
    error: MaaError | None = None
    differences: tuple[SchemaDifference, ...] | None = None
    since: Snapshot | None = None
    saved: Snapshot | None = None


async def examine(
    environments: Environments,
    names: Sequence[str],
    store: Snapshots,
    *,
    wanted: SchemaFilter = EVERYTHING,
    since: str | None = None,
    save: bool = False,
) -> list[Examined]:
    """Read the schemas and compare them: with the first one's, or each with its own stored one of `since`."""
    refuse(names, wanted, alone=since is not None or save, save=save)

    async def read(name: str) -> Examined:
        try:
            schema = await reflect(environments.get(name), wanted)
            digest = await asyncio.to_thread(schema_hash, schema)
            saved = await asyncio.to_thread(store.save, name, schema) if save else None
        except MaaError as error:
            if name == names[0] and since is None:
                raise
            return Examined(environment=name, error=error)
        return Examined(environment=name, schema=schema, hash=digest, saved=saved)

    # What is compared with an earlier state is not compared with the one that is stored now.
    earlier = {name: await asyncio.to_thread(store.load, name, since) for name in names} if since else {}
    found = await asyncio.gather(*map(read, names))
    baseline = found[0].schema
    compared = list[Examined]()
    for one in found:
        if one.schema is None:
            compared.append(one)
        elif since is not None:
            snapshot, before = earlier[one.environment]
            compared.append(await against(one, narrowed(before, wanted), snapshot))
        elif one is found[0] or baseline is None:
            compared.append(one)
        else:
            compared.append(await against(one, baseline, None))
    return compared


async def against(one: Examined, baseline: DatabaseSchema, since: Snapshot | None) -> Examined:
    """The same with what differs; large schemas take a while, so it is done off the loop."""
    assert one.schema is not None, "only what was read is compared"
    differences = await asyncio.to_thread(compare_schemas, baseline, one.schema)
    return Examined(
        environment=one.environment,
        schema=one.schema,
        hash=one.hash,
        differences=differences,
        since=since,
        saved=one.saved,
    )


def refuse(names: Sequence[str], wanted: SchemaFilter, *, alone: bool, save: bool) -> None:
    """InputError for what cannot be compared or stored."""
    if len(names) < (1 if alone else 2):
        raise InputError(
            "environments: two or more are compared",
            field="environments",
            hint="or name one with since, to compare it with an earlier state of its own",
        )
    if len(names) > MOST_ENVIRONMENTS:
        raise InputError(f"environments: {len(names)}, at most {MOST_ENVIRONMENTS}", field="environments")
    if save and wanted != EVERYTHING:
        raise InputError("save: the whole schema is stored; leave out database and table", field="save")


def summary(one: SchemaDifference) -> str:
    """`column orders.total changed type: decimal(12,2) -> decimal(10,2)`."""
    what = f"{one.object} {one.name} {one.kind}"
    if one.kind == "changed":
        return f"{what} {one.field}: {brief(one.baseline)} -> {brief(one.other)}"
    if one.object in {"column", "index", "foreign_key", "primary_key", "check"}:
        return f"{what}: {brief(one.baseline if one.kind == 'removed' else one.other)}"
    return what


def brief(text: str | None) -> str:
    """A value in short."""
    text = "none" if text is None else " ".join(text.split())
    return text if len(text) <= 80 else text[:77] + "..."
