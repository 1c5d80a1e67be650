"""Capabilities that tools of ours offer, whatever the tenant's server calls its own: one service per type.

    await PostgresService(gateway).query(identity, caller, sql="SELECT 1")

A capability is found in three steps: the section's own mapping, else the first of the names that known
servers use, else an error that lists what the server has. An argument is passed under the first of its usual
names that the tool's schema has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

from mcp_arangodb_async.config.tenancy import ServerType
from mcp_arangodb_async.errors import MaaError, UnsupportedError
from mcp_arangodb_async.gateway.choosing import kept_back
from mcp_arangodb_async.gateway.conversation import Caller
from mcp_arangodb_async.gateway.door import Gateway
from mcp_arangodb_async.gateway.inventory import Reached
from mcp_arangodb_async.gateway.roles import Identity
from mcp_arangodb_async.gateway.upstreams import Result
from mcp_arangodb_async.gateway.view import View, ViewedTool, namespaced


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """What a service can do: the names its tool has on known servers, and those of its arguments."""

    name: str
    tools: tuple[str, ...]
    arguments: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


_BUCKET = ("bucket", "bucket_name", "bucketName", "Bucket")
_KEY = ("key", "object_name", "objectName", "object_key", "object", "name", "Key")
_TABLE = ("table", "table_name", "tableName", "name")
_SCHEMA = ("schema", "schema_name", "schemaName")

# Known servers: `pg_...`, `minio_...` and `ai_...` of multi-tenant gateways, the reference servers of npm,
# postgres-mcp, and servers that use our own names.
POSTGRES = (
    Capability(
        name="postgres_query",
        tools=("postgres_query", "pg_execute_query", "execute_sql", "execute_query", "query"),
        arguments={
            "sql": ("sql", "query", "statement"),
            "parameters": ("parameters", "params", "args", "arguments", "values"),
        },
    ),
    Capability(
        name="postgres_list_tables",
        tools=("postgres_list_tables", "pg_list_tables", "list_tables", "list_objects"),
        arguments={"schema": _SCHEMA},
    ),
    Capability(
        name="postgres_describe_table",
        tools=(
            "postgres_describe_table",
            "pg_describe_table",
            "describe_table",
            "get_object_details",
        ),
        arguments={"table": (*_TABLE, "object_name"), "schema": _SCHEMA},
    ),
)
MINIO = (
    Capability(
        name="minio_list_buckets",
        tools=("minio_list_buckets", "list_buckets", "list_s3_buckets"),
    ),
    Capability(
        name="minio_create_bucket",
        tools=("minio_create_bucket", "create_bucket"),
        arguments={"bucket": _BUCKET},
    ),
    Capability(
        name="minio_list_objects",
        tools=("minio_list_objects", "list_objects"),
        arguments={"bucket": _BUCKET, "prefix": ("prefix", "Prefix")},
    ),
    Capability(
        name="minio_put_object",
        tools=("minio_put_object", "minio_upload_object", "put_object", "upload_object"),
        arguments={
            "bucket": _BUCKET,
            "key": _KEY,
            "content": ("content", "data", "body", "text", "object_data"),
            "content_type": ("content_type", "contentType", "mime_type"),
        },
    ),
    Capability(
        name="minio_get_object",
        tools=("minio_get_object", "minio_download_object", "get_object", "download_object"),
        arguments={"bucket": _BUCKET, "key": _KEY},
    ),
    Capability(
        name="minio_delete_object",
        tools=("minio_delete_object", "minio_remove_object", "delete_object"),
        arguments={"bucket": _BUCKET, "key": _KEY},
    ),
)
AI = (
    Capability(
        name="embeddings_generate",
        tools=("embeddings_generate", "ai_create_embeddings", "create_embeddings"),
        arguments={"input": ("input", "texts", "text", "inputs"), "model": ("model", "model_id")},
    ),
    Capability(
        name="ai_chat",
        tools=("ai_chat", "ai_chat_completion", "chat_completion"),
        arguments={
            "messages": ("messages",),
            "model": ("model", "model_id"),
            "max_tokens": ("max_tokens", "maxTokens", "max_completion_tokens"),
        },
    ),
    Capability(name="ai_list_models", tools=("ai_list_models", "list_models")),
)
CAPABILITIES: Mapping[str, Capability] = {found.name: found for found in (*POSTGRES, *MINIO, *AI)}


class UpstreamService:
    """Capabilities of one server type, for the tenant of whoever asks."""

    TYPE: ClassVar[ServerType]

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def use(
        self, identity: Identity | None, caller: Caller, capability: str, arguments: Mapping[str, Any]
    ) -> Result:
        """Call the tool behind a capability; arguments that are None are left out."""
        found = CAPABILITIES[capability]
        scope = await self._gateway.scope(identity)
        given = {name: value for name, value in arguments.items() if value is not None}
        return await self._gateway.use(
            scope, identity, self.TYPE, Chooser(found), lambda tool: mapped(found, tool, given), caller
        )


class PostgresService(UpstreamService):
    """The tenant's PostgreSQL server."""

    TYPE = "postgres"

    async def query(
        self, identity: Identity | None, caller: Caller, *, sql: str, parameters: Sequence[Any] | None = None
    ) -> Result:
        """Run a statement."""
        return await self.use(identity, caller, "postgres_query", {"sql": sql, "parameters": parameters})

    async def list_tables(
        self, identity: Identity | None, caller: Caller, *, schema: str | None = None
    ) -> Result:
        """The tables of a schema, or of all."""
        return await self.use(identity, caller, "postgres_list_tables", {"schema": schema})

    async def describe_table(
        self, identity: Identity | None, caller: Caller, *, table: str, schema: str | None = None
    ) -> Result:
        """The columns of a table."""
        arguments = {"table": table, "schema": schema}
        return await self.use(identity, caller, "postgres_describe_table", arguments)


class MinioService(UpstreamService):
    """The tenant's object storage."""

    TYPE = "minio"

    async def list_buckets(self, identity: Identity | None, caller: Caller) -> Result:
        """The buckets."""
        return await self.use(identity, caller, "minio_list_buckets", {})

    async def create_bucket(self, identity: Identity | None, caller: Caller, *, bucket: str) -> Result:
        """Make a bucket."""
        return await self.use(identity, caller, "minio_create_bucket", {"bucket": bucket})

    async def list_objects(
        self, identity: Identity | None, caller: Caller, *, bucket: str, prefix: str | None = None
    ) -> Result:
        """The objects of a bucket."""
        return await self.use(identity, caller, "minio_list_objects", {"bucket": bucket, "prefix": prefix})

    async def put_object(
        self,
        identity: Identity | None,
        caller: Caller,
        *,
        bucket: str,
        key: str,
        content: str,
        content_type: str | None = None,
    ) -> Result:
        """Store an object."""
        arguments = {"bucket": bucket, "key": key, "content": content, "content_type": content_type}
        return await self.use(identity, caller, "minio_put_object", arguments)

    async def get_object(self, identity: Identity | None, caller: Caller, *, bucket: str, key: str) -> Result:
        """Read an object."""
        return await self.use(identity, caller, "minio_get_object", {"bucket": bucket, "key": key})

    async def delete_object(
        self, identity: Identity | None, caller: Caller, *, bucket: str, key: str
    ) -> Result:
        """Delete an object."""
        return await self.use(identity, caller, "minio_delete_object", {"bucket": bucket, "key": key})


class AiService(UpstreamService):
    """The tenant's models."""

    TYPE = "ai_mcp_server"

    async def embeddings(
        self, identity: Identity | None, caller: Caller, *, texts: Sequence[str], model: str | None = None
    ) -> Result:
        """Embed texts."""
        arguments = {"input": list(texts), "model": model}
        return await self.use(identity, caller, "embeddings_generate", arguments)

    async def chat(
        self,
        identity: Identity | None,
        caller: Caller,
        *,
        messages: Sequence[Mapping[str, str]],
        model: str | None = None,
        max_tokens: int | None = None,
    ) -> Result:
        """Complete a conversation."""
        arguments = {"messages": [dict(one) for one in messages], "model": model, "max_tokens": max_tokens}
        return await self.use(identity, caller, "ai_chat", arguments)

    async def list_models(self, identity: Identity | None, caller: Caller) -> Result:
        """The models there are."""
        return await self.use(identity, caller, "ai_list_models", {})


class Chooser:
    """Chooses the tool behind a capability among those that are shown."""

    __slots__ = ("capability",)

    def __init__(self, capability: Capability) -> None:
        self.capability = capability

    def __call__(self, reached: Reached, tools: Mapping[str, ViewedTool]) -> ViewedTool | None:
        """The tool that the section names, else the first known one."""
        named = reached.capabilities.get(self.capability.name)
        if named is not None:
            return tools.get(namespaced(reached.name, named))
        names = (namespaced(reached.name, name) for name in self.capability.tools)
        return next((tools[name] for name in names if name in tools), None)

    def missing(self, reached: Reached, view: View) -> MaaError:
        """The error for a server without such a tool, or whose tool is kept back."""
        known = {reached.capabilities.get(self.capability.name, ""), *self.capability.tools}
        for name in sorted(known & set(view.kept_back)):
            if view.kept_back[name] in {"changed", "unknown"}:
                return kept_back(namespaced(reached.name, name), reached.layer)
        there = ", ".join(tool.upstream_name for tool in list(view.tools.values())[:20]) or "none"
        return UnsupportedError(
            f"{reached.upstream.shown} has no tool for {self.capability.name}; it has: {there}",
            hint=f'name it in the section: {{"tools": {{"{self.capability.name}": "<its tool>"}}}}',
        )


def mapped(capability: Capability, tool: ViewedTool, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments under the names of the tool's schema; UnsupportedError for one that it does not take."""
    properties = tool.properties
    arguments: dict[str, Any] = {}
    for name, value in given.items():
        usual = capability.arguments.get(name, (name,))
        found = next((one for one in usual if one in properties), None)
        if found is None and properties:
            raise UnsupportedError(
                f"tool {tool.upstream_name!r} of server {tool.server!r} takes no argument for {name!r}; "
                f"it takes: {', '.join(list(properties)[:20])}",
                field=name,
                hint="leave it out, or name another tool in the section's tools",
            )
        target = found or usual[0]
        arguments[target] = (
            one_text(tool, name, value) if _type(properties.get(target)) == "string" else value
        )
    return arguments


def one_text(tool: ViewedTool, name: str, value: Any) -> Any:
    """The only one of a list, for a tool that takes one text at a time."""
    if not isinstance(value, list):
        return value
    values = cast("list[Any]", value)
    if len(values) != 1:
        raise UnsupportedError(f"tool {tool.upstream_name!r} takes one {name} at a time", field=name)
    return values[0]


def _type(shape: object) -> object:
    return cast("Mapping[str, object]", shape).get("type") if isinstance(shape, Mapping) else None
