"""Row-level security for a migration's tables: enabled, forced, one policy for reading and writing.

A setting that was made for one transaction is the empty text afterwards on the same connection, and missing
on a new one: NULLIF makes both nothing, and nothing equals no tenant.
"""

from __future__ import annotations

from collections.abc import Sequence

from alembic import context, op

from mcp_arangodb_async.gateway.tenants.migrate import SCHEMA, SCOPE_SETTING, TENANT_SETTING


def isolate(tables: Sequence[str], *, listed: Sequence[str] = (), counted: Sequence[str] = ()) -> None:
    """Put tables under row-level security, where the database has it, and let the application use them.

    `listed` tables may also be read whole, by a transaction that asked for the list of tenants. `counted`
    tables are of no tenant; the application adds to their number.
    """
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    quote = connection.dialect.identifier_preparer.quote
    role = quote(context.config.attributes["options"]["application_role"])
    mine = f"tenant_id = NULLIF(current_setting('{TENANT_SETTING}', true), '')"
    op.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {role}")
    op.execute(f"GRANT SELECT ON {SCHEMA}.alembic_version TO {role}")
    for table in tables:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_tenant ON {table} USING ({mine}) WITH CHECK ({mine})")
        op.execute(f"REVOKE ALL ON {table} FROM PUBLIC")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role}")
    for table in counted:
        op.execute(f"REVOKE ALL ON {table} FROM PUBLIC")
        op.execute(f"GRANT SELECT, UPDATE ON {table} TO {role}")
    for table in listed:
        op.execute(
            f"CREATE POLICY listed ON {table} FOR SELECT "
            f"USING (NULLIF(current_setting('{SCOPE_SETTING}', true), '') = 'directory')"
        )
