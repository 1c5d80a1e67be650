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

Reading: arango_list_collections first, then arango_query with AQL and bind_vars (never paste values into the
query), arango_traverse for graphs. Rows come at most 1,000 or 256 KiB at a time; if `truncated`, call again
with `next`. Formats columns and csv take fewer tokens than json.

Writing: arango_insert, arango_update, arango_remove for one document, arango_bulk_insert for many; AQL
writes too. A database with access `read` refuses writes.

Errors are {"error": {code, message, hint, did_you_mean, ...}}: mend the call from them.
""")
