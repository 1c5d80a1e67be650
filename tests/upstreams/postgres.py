"""A look-alike of multi-tenant PostgreSQL servers over a real PostgreSQL: `pg_execute_query` and others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import mcp_types as types

from tests.upstreams.plain import Body, Context, Offered, Plain, schema

asyncpg: Any = import_module("asyncpg")  # an untyped library


def text(value: Any) -> str:
    """A result as text."""
    return json.dumps(value, default=str)


class PostgresTools:
    """The tools; `databases` maps a tenant to the address of its database, None is the only tenant."""

    def __init__(self, databases: Mapping[str | None, str], *, takes_tenant: bool = False) -> None:
        self._databases = databases
        self._takes_tenant = takes_tenant

    def offered(self) -> dict[str, Offered]:
        """The tools as a server lists them."""
        tools: dict[str, tuple[Body, dict[str, str]]] = {
            "pg_execute_query": (self.execute_query, {"query": "string"}),
            "pg_list_tables": (self.list_tables, {}),
            "pg_describe_table": (self.describe_table, {"table_name": "string"}),
        }
        if self._takes_tenant:
            tools["pg_register_tenant"] = (self.register_tenant, {"host": "string"})
        own = {"tenant_id": "string"} if self._takes_tenant else {}
        return {
            name: Offered(
                body=body, description=f"{name}.", input_schema=schema(*own, *takes, **own, **takes)
            )
            for name, (body, takes) in tools.items()
        }

    def plain(self, **options: Any) -> Plain:
        """A server with these tools."""
        return Plain(self.offered(), name="postgres", **options)

    async def _rows(self, arguments: Mapping[str, Any], query: str, *values: Any) -> Any:
        tenant = arguments.get("tenant_id") if self._takes_tenant else None
        if tenant not in self._databases:
            return types.CallToolResult(
                content=[types.TextContent(text=f"unknown tenant {tenant}")], is_error=True
            )
        connection: Any = await asyncpg.connect(self._databases[tenant])
        try:
            return text([dict(row) for row in await connection.fetch(query, *values)])
        except asyncpg.PostgresError as error:
            return types.CallToolResult(content=[types.TextContent(text=str(error))], is_error=True)
        finally:
            await connection.close()

    async def execute_query(self, context: Context, arguments: dict[str, Any]) -> Any:
        """Run a statement."""
        return await self._rows(arguments, arguments["query"])

    async def list_tables(self, context: Context, arguments: dict[str, Any]) -> Any:
        """The tables."""
        return await self._rows(
            arguments, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        )

    async def describe_table(self, context: Context, arguments: dict[str, Any]) -> Any:
        """The columns of a table."""
        return await self._rows(
            arguments,
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = $1",
            arguments["table_name"],
        )

    async def register_tenant(self, context: Context, arguments: dict[str, Any]) -> Any:
        """What no tenant should reach."""
        return "registered"
