"""Tools that write backups and restore them, in the directory that the operator chose."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from mcp_arangodb_async.operations import dump, graph_backup, restore
from mcp_arangodb_async.operations.loading import OnConflict
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.spec import LARGEST, DatabaseArgs, Effect, Names, hidden, tool

# Long by nature: what takes longer belongs to the command line.
SECONDS = 3600.0
OUTPUT: Any = Field(None, description="New")
INPUT: Any = Field(description="Folder")
COLLECTIONS: Any = Field(None, description="Only")
CONFLICT: Any = Field("error", description="Existing")
DRY_RUN: Any = Field(False, description="Preview")


class BackupArgs(DatabaseArgs):
    """Arguments of arango_backup.

    A directory in `arangodump`'s format with a manifest of checksums, below the directory that the operator
    chose and nowhere else. An interrupted backup is told apart by its missing manifest and can be resumed.
    """

    output_dir: str | None = OUTPUT
    """Name of the new directory below the backup directory; one with the time without it."""
    collections: Names | None = COLLECTIONS
    """Only these collections."""
    doc_limit: int | None = hidden(ge=1, le=LARGEST)
    """So many documents of each collection."""
    resume: bool = Field(False, description="Go on")
    """Go on with a backup in `output_dir` that was interrupted."""
    collection: str | None = hidden()
    """One collection, as earlier releases took it."""
    include_system: bool | None = hidden()
    """Without effect: system collections are never in a backup."""

    also: ClassVar = {"outputDir": "output_dir", "docLimit": "doc_limit", "includeSystem": "include_system"}


@tool(title="Back up", category="core_data", effect=Effect.EXPORT, limit_seconds=SECONDS)
async def arango_backup(call: Call, args: BackupArgs) -> dump.Dumped:
    """Back up as arangodump does."""
    chosen = args.collections or ([args.collection] if args.collection else None)
    return await dump.dump(
        await call.database(),
        call.around.backup_directory,
        dump.DumpOptions(
            collections=chosen,
            document_limit=args.doc_limit,
            directory=args.output_dir,
            resume=args.resume,
        ),
        progress=call.progress,
    )


class RestoreArgs(DatabaseArgs):
    """Arguments of arango_restore.

    Everything is verified before anything is written: checksums of ours, completeness of others'. The
    report compares what was in the backup with what is in the database.
    """

    input_dir: str = INPUT
    """Name of the directory below the backup directory: ours, `arangodump`'s, or of 0.5.4."""
    collections: Names | None = hidden()
    """Only these collections."""
    on_conflict: OnConflict = CONFLICT
    """What happens to a document whose key exists."""
    dry_run: bool = DRY_RUN

    also: ClassVar = {
        "inputDir": "input_dir",
        "inputFile": "input_dir",
        "input_file": "input_dir",
        "conflictResolution": "on_conflict",
        "conflict_resolution": "on_conflict",
        "dryRun": "dry_run",
    }


@tool(title="Restore", category="core_data", effect=Effect.BULK, limit_seconds=SECONDS)
async def arango_restore(call: Call, args: RestoreArgs) -> restore.Restored:
    """Restore a backup."""
    return await restore.restore(
        await call.database(),
        call.around.backup_directory,
        args.input_dir,
        restore.RestoreOptions(
            collections=args.collections, on_conflict=args.on_conflict, dry_run=args.dry_run
        ),
        progress=call.progress,
    )


class BackupGraphArgs(DatabaseArgs):
    """Arguments of arango_backup_graph."""

    graph_name: str = Field(description="Name")
    """Name of the graph."""
    output_dir: str | None = hidden()
    """Name of the new directory below the backup directory."""
    doc_limit: int | None = hidden(ge=1, le=LARGEST)
    """So many documents of each collection."""
    include_metadata: bool | None = hidden()
    """Without effect: definitions and indexes are always saved."""

    also: ClassVar = {
        "graph": "graph_name",
        "graphName": "graph_name",
        "outputDir": "output_dir",
        "docLimit": "doc_limit",
        "includeMetadata": "include_metadata",
    }


@tool(title="Back up graph", category="graph", effect=Effect.EXPORT, limit_seconds=SECONDS)
async def arango_backup_graph(call: Call, args: BackupGraphArgs) -> graph_backup.GraphDumped:
    """Back up a graph."""
    return await graph_backup.dump_graph(
        await call.database(),
        call.around.backup_directory,
        args.graph_name,
        directory=args.output_dir,
        document_limit=args.doc_limit,
        progress=call.progress,
    )


class RestoreGraphArgs(DatabaseArgs):
    """Arguments of arango_restore_graph.

    Takes a graph's own backup, a whole backup that has the graph, and those of 0.5.4.
    """

    input_dir: str = INPUT
    """Name of the directory below the backup directory."""
    graph_name: str | None = hidden()
    """Which graph of the backup, or another name for its only one."""
    conflict_resolution: OnConflict = CONFLICT
    """What happens to a document whose key exists."""
    validate_integrity: bool = hidden(default=True)
    """Check the restored edges and report."""
    dry_run: bool = DRY_RUN

    also: ClassVar = {
        "inputDir": "input_dir",
        "graph": "graph_name",
        "graphName": "graph_name",
        "conflictResolution": "conflict_resolution",
        "on_conflict": "conflict_resolution",
        "validateIntegrity": "validate_integrity",
        "dryRun": "dry_run",
    }


@tool(title="Restore graph", category="graph", effect=Effect.BULK, limit_seconds=SECONDS)
async def arango_restore_graph(call: Call, args: RestoreGraphArgs) -> graph_backup.GraphRestored:
    """Restore a graph."""
    return await graph_backup.restore_graph(
        await call.database(),
        call.around.backup_directory,
        args.input_dir,
        graph_name=args.graph_name,
        on_conflict=args.conflict_resolution,
        check_integrity=args.validate_integrity,
        dry_run=args.dry_run,
        progress=call.progress,
    )


class BackupNamedGraphsArgs(DatabaseArgs):
    """Arguments of arango_backup_named_graphs."""

    output_file: str | None = hidden()
    """Name of the new file below the backup directory."""
    graph_names: Names | None = hidden()
    """Only these graphs."""

    also: ClassVar = {"outputFile": "output_file", "graphNames": "graph_names", "graphs": "graph_names"}


@tool(title="Save graphs", category="graph", effect=Effect.EXPORT)
async def arango_backup_named_graphs(call: Call, args: BackupNamedGraphsArgs) -> graph_backup.GraphsSaved:
    """Save graph definitions."""
    return await graph_backup.save_graphs(
        await call.database(),
        call.around.backup_directory,
        file=args.output_file,
        names=args.graph_names,
    )
