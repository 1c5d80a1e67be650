"""`backup` and `restore`: dumps as arangodump writes them."""

from __future__ import annotations

import argparse

from mcp_arangodb_async.cli.command import Command, Invocation
from mcp_arangodb_async.cli.data import Data, Meter, add_data, errors_told, place, positive
from mcp_arangodb_async.cli.question import confirm
from mcp_arangodb_async.operations.dump import DumpOptions, dump, plan_dump
from mcp_arangodb_async.operations.restore import RestoreOptions, restore


def _backup_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "directory", nargs="?", metavar="DIR",
        help="a new directory: a name among the backups, or a path (default: database and time)",
    )  # fmt: skip
    parser.add_argument(
        "--output-directory", dest="output", metavar="DIR", help="the same, as arangodump has it"
    )
    parser.add_argument(
        "--collection", action="append", metavar="NAME", help="only this one; may be repeated"
    )
    parser.add_argument("--graph", action="append", metavar="NAME", help="only this graph; may be repeated")
    parser.add_argument(
        "--doc-limit", type=positive, metavar="N", help="so many documents of each collection"
    )
    parser.add_argument(
        "--dump-data",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="write documents (default yes)",
    )
    parser.add_argument(
        "--compress-output",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="with gzip (default yes)",
    )
    parser.add_argument("--resume", action="store_true", help="go on with DIR, which was interrupted")
    parser.add_argument("--dry-run", action="store_true", help="show what would be written")
    add_data(parser)


def _run_backup(invocation: Invocation) -> int:
    data, meter = Data.of(invocation), Meter.of(invocation)
    named = invocation.option("directory") or invocation.option("output")
    root, name = place(invocation, data.settings, named)
    options = DumpOptions(
        collections=invocation.option("collection"),
        graphs=invocation.option("graph"),
        document_limit=invocation.option("doc_limit"),
        data=invocation.option("dump_data"),
        packed=invocation.option("compress_output"),
        directory=name,
        resume=invocation.option("resume"),
    )
    out = invocation.out
    if invocation.option("dry_run"):
        plan = data.run(lambda database: plan_dump(database, options))
        rows = [{"collection": one, "documents": count} for one, count in plan.counts.items()]
        out.records({"collection": "COLLECTION", "documents": "DOCUMENTS"}, rows)
        if out.as_json:
            out.json({"dry_run": True, "collections": rows, "total_documents": plan.total})
        return 0
    try:
        result = data.run(lambda database: dump(database, root, options, progress=meter))
    finally:
        meter.end()
    if out.as_json:
        out.json({**result, "directory": str(root / result["output_dir"])})
        return 0
    out.records({"collection": "COLLECTION", "count": "DOCUMENTS", "indexes": "INDEXES"}, result["written"])
    more = f", {len(result['graphs'])} graphs, {len(result['views'])} views"
    out.note(f"{result['total_documents']} documents{more} in {root / result['output_dir']}")
    return 0


def _restore_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", metavar="DIR", help="a name among the backups, or a path")
    parser.add_argument(
        "--collection", action="append", metavar="NAME", help="only this one; may be repeated"
    )
    parser.add_argument("--graph", action="append", metavar="NAME", help="only this graph; may be repeated")
    parser.add_argument(
        "--on-conflict", choices=("error", "skip", "overwrite"), default="error",
        help="what becomes of a document, graph or view that exists (default %(default)s: stop)",
    )  # fmt: skip
    parser.add_argument(
        "--indexes", action=argparse.BooleanOptionalAction, default=True, help="make indexes (default yes)"
    )
    parser.add_argument(
        "--views", action=argparse.BooleanOptionalAction, default=True, help="make views (default yes)"
    )
    parser.add_argument(
        "--verify",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="check the checksums (default yes)",
    )
    add_data(parser, changes=True)


def _run_restore(invocation: Invocation) -> int:
    data, meter, out = Data.of(invocation), Meter.of(invocation), invocation.out
    data.require_write("restore")
    root, name = place(invocation, data.settings, invocation.option("directory"))
    dry_run = bool(invocation.option("dry_run"))
    options = RestoreOptions(
        collections=invocation.option("collection"),
        graphs=invocation.option("graph"),
        on_conflict=invocation.option("on_conflict"),
        indexes=invocation.option("indexes"),
        views=invocation.option("views"),
        verify=invocation.option("verify"),
        dry_run=dry_run,
    )
    if not dry_run:
        confirm(invocation, f"Restore {name} into database {data.key!r}?")
    try:
        result = data.run(lambda database: restore(database, root, str(name), options, progress=meter))
    finally:
        meter.end()
    if out.as_json:
        out.json(result)
    elif dry_run:
        columns = {
            "collection": "COLLECTION",
            "exists": "EXISTS",
            "documents": "DOCUMENTS",
            "indexes": "INDEXES",
        }
        out.records(columns, result["collections"])
    else:
        columns = {
            "collection": "COLLECTION",
            "inserted": "INSERTED",
            "updated": "UPDATED",
            "skipped": "SKIPPED",
        }
        out.records({**columns, "errors": "ERRORS"}, result["collections"])
        errors_told(invocation, result["errors"], result["error_count"])
        out.note(f"{result['total_documents_restored']} documents restored into {data.key}")
    return 1 if result["error_count"] or not result["completed"] else 0


BACKUP = Command(
    description="Write a database into a directory in arangodump's format: structure, indexes, documents, "
    "views, graphs and analyzers, with a manifest of checksums. arangorestore reads it as well.",
    examples=(
        ("backup", "the default database, into a new directory of backups"),
        ("backup before-release --database production", "a name among the backups"),
        ("backup ./dump --collection users --doc-limit 1000", "a path, and a part of the data"),
        ("backup before-release --resume", "go on after an interruption"),
    ),
    arguments=_backup_arguments,
    run=_run_backup,
)
RESTORE = Command(
    description="Put a backup back: ours, arangodump's, or one of release 0.5.4. Checksums are verified "
    "before anything is changed. The exit code is 1 if a document could not be restored.",
    examples=(
        ("restore before-release --dry-run", "shows what is in it"),
        ("restore before-release --database staging --on-conflict overwrite", "replaces what exists"),
        ("restore ./dump --collection users --yes", "one collection, asking nothing"),
    ),
    arguments=_restore_arguments,
    run=_run_restore,
)
