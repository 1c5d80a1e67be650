"""What a client's model is told about the server before its first call: at most 2 kB."""

from __future__ import annotations

from mcp_arangodb_async.tools.spec import paragraphs

INSTRUCTIONS = paragraphs("""
ArangoDB for agents: several configured databases, one server.

Which database: every data tool takes an optional `database` key. Without it the session's focus is used
(arango_set_focused_database), then the configured default. Each result says which `database` it used and
what decided it (`resolved_by`). arango_list_available_databases lists the keys;
arango_get_database_resolution explains. If arango_set_focused_database returns `session`, pass it with every
later call.

Reading: arango_describe_database first (collections, attributes, indexes, graphs, views), then arango_query
with AQL and bind_vars (never paste values into the query), arango_traverse for graphs, arango_search for
words. Rows come at most 1,000 or 256 KiB at a time; if `truncated`, arango_query with `next` alone goes on,
whatever tool gave it. Formats columns and csv take fewer tokens than json.

Writing: arango_insert, arango_update (merges), arango_replace, arango_remove for one document,
arango_bulk_insert for many; AQL writes too. A database with access `read` refuses writes. `dry_run` shows
what a destructive call would do.

arango_search_tools finds tools and, with detail_level full, their arguments.

Errors are {"error": {code, message, hint, did_you_mean, ...}}: mend the call from them.
""")
