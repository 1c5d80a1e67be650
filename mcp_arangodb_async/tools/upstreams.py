"""Tools whose work is done by the caller's upstream servers: SQL, objects, models; and their own tools."""

from typing import Any

from pydantic import Field

from mcp_arangodb_async.errors import ReadOnlyError
from mcp_arangodb_async.gateway.upstreams import Result
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.relay import caller_of
from mcp_arangodb_async.tools.result import Relayed
from mcp_arangodb_async.tools.spec import Args, Effect, tool
from mcp_arangodb_async.tools.tenancy import tenancy_of


class NoArgs(Args):
    """No arguments."""


class QueryArgs(Args):
    """Arguments of postgres_query."""

    sql: str = Field(description="Statement")
    parameters: list[Any] | None = Field(None, description="Values of its placeholders")


class TablesArgs(Args):
    """Arguments of postgres_list_tables."""

    schema_name: str | None = Field(None, alias="schema", description="Schema; all if left out")


class TableArgs(Args):
    """Arguments of postgres_describe_table."""

    table: str = Field(description="Table")
    schema_name: str | None = Field(None, alias="schema", description="Schema")


class BucketArgs(Args):
    """Arguments of tools on a bucket."""

    bucket: str = Field(description="Bucket")


class ObjectsArgs(BucketArgs):
    """Arguments of minio_list_objects."""

    prefix: str | None = Field(None, description="Only keys that start so")


class ObjectArgs(BucketArgs):
    """Arguments of tools on an object."""

    key: str = Field(description="Key")


class PutArgs(ObjectArgs):
    """Arguments of minio_put_object."""

    content: str = Field(description="Text to store")
    content_type: str | None = Field(None, description="MIME type")


class EmbeddingArgs(Args):
    """Arguments of embeddings_generate."""

    input: list[str] = Field(description="Texts", min_length=1, max_length=2048)
    model: str | None = Field(None, description="Model")


class ChatArgs(Args):
    """Arguments of ai_chat."""

    messages: list[dict[str, str]] = Field(description="Messages with role and content", min_length=1)
    model: str | None = Field(None, description="Model")
    max_tokens: int | None = Field(None, description="Longest answer", ge=1)


async def who(call: Call) -> Any:
    """The identity of the caller."""
    return await tenancy_of(call).identity(call.principal)


def writable(call: Call, name: str) -> None:
    """Refuse what changes something while the server runs with --read-only."""
    if call.around.configuration.read_only:
        raise ReadOnlyError(f"{name} is refused: the server runs with --read-only")


@tool(title="Query PostgreSQL", category="multi_tenancy", effect=Effect.REMOTE_CHANGE)
async def postgres_query(call: Call, args: QueryArgs) -> Relayed:
    """Run a statement on your PostgreSQL server."""
    writable(call, "postgres_query")
    service = tenancy_of(call).postgres
    return passed_on(
        await service.query(await who(call), caller_of(call), sql=args.sql, parameters=args.parameters)
    )


@tool(title="List tables", category="multi_tenancy", effect=Effect.REMOTE_READ)
async def postgres_list_tables(call: Call, args: TablesArgs) -> Relayed:
    """Tables of your PostgreSQL server."""
    service = tenancy_of(call).postgres
    return passed_on(await service.list_tables(await who(call), caller_of(call), schema=args.schema_name))


@tool(title="Describe table", category="multi_tenancy", effect=Effect.REMOTE_READ)
async def postgres_describe_table(call: Call, args: TableArgs) -> Relayed:
    """Columns of a table of your PostgreSQL server."""
    service = tenancy_of(call).postgres
    return passed_on(
        await service.describe_table(
            await who(call), caller_of(call), table=args.table, schema=args.schema_name
        )
    )


@tool(title="List buckets", category="multi_tenancy", effect=Effect.REMOTE_READ)
async def minio_list_buckets(call: Call, args: NoArgs) -> Relayed:  # noqa: ARG001
    """Buckets of your object storage."""
    return passed_on(await tenancy_of(call).minio.list_buckets(await who(call), caller_of(call)))


@tool(title="Create bucket", category="multi_tenancy", effect=Effect.REMOTE_CHANGE)
async def minio_create_bucket(call: Call, args: BucketArgs) -> Relayed:
    """Create a bucket in your object storage."""
    writable(call, "minio_create_bucket")
    service = tenancy_of(call).minio
    return passed_on(await service.create_bucket(await who(call), caller_of(call), bucket=args.bucket))


@tool(title="List objects", category="multi_tenancy", effect=Effect.REMOTE_READ)
async def minio_list_objects(call: Call, args: ObjectsArgs) -> Relayed:
    """Objects in a bucket of your object storage."""
    service = tenancy_of(call).minio
    return passed_on(
        await service.list_objects(await who(call), caller_of(call), bucket=args.bucket, prefix=args.prefix)
    )


@tool(title="Put object", category="multi_tenancy", effect=Effect.REMOTE_CHANGE)
async def minio_put_object(call: Call, args: PutArgs) -> Relayed:
    """Store an object in your object storage."""
    writable(call, "minio_put_object")
    service = tenancy_of(call).minio
    return passed_on(
        await service.put_object(
            await who(call),
            caller_of(call),
            bucket=args.bucket,
            key=args.key,
            content=args.content,
            content_type=args.content_type,
        )
    )


@tool(title="Get object", category="multi_tenancy", effect=Effect.REMOTE_READ)
async def minio_get_object(call: Call, args: ObjectArgs) -> Relayed:
    """Read an object of your object storage."""
    service = tenancy_of(call).minio
    return passed_on(
        await service.get_object(await who(call), caller_of(call), bucket=args.bucket, key=args.key)
    )


@tool(title="Delete object", category="multi_tenancy", effect=Effect.REMOTE_CHANGE)
async def minio_delete_object(call: Call, args: ObjectArgs) -> Relayed:
    """Delete an object of your object storage."""
    writable(call, "minio_delete_object")
    service = tenancy_of(call).minio
    return passed_on(
        await service.delete_object(await who(call), caller_of(call), bucket=args.bucket, key=args.key)
    )


@tool(title="Embed texts", category="multi_tenancy", effect=Effect.REMOTE_READ)
async def embeddings_generate(call: Call, args: EmbeddingArgs) -> Relayed:
    """Embeddings of texts, made by your model server."""
    service = tenancy_of(call).ai
    return passed_on(
        await service.embeddings(await who(call), caller_of(call), texts=args.input, model=args.model)
    )


@tool(title="Chat", category="multi_tenancy", effect=Effect.REMOTE_READ)
async def ai_chat(call: Call, args: ChatArgs) -> Relayed:
    """An answer of a model of your model server."""
    service = tenancy_of(call).ai
    return passed_on(
        await service.chat(
            await who(call),
            caller_of(call),
            messages=args.messages,
            model=args.model,
            max_tokens=args.max_tokens,
        )
    )


@tool(title="List models", category="multi_tenancy", effect=Effect.REMOTE_READ)
async def ai_list_models(call: Call, args: NoArgs) -> Relayed:  # noqa: ARG001
    """Models of your model server."""
    return passed_on(await tenancy_of(call).ai.list_models(await who(call), caller_of(call)))


def passed_on(result: Result) -> Relayed:
    """An upstream's result, to be passed on as it is."""
    return Relayed(wire=result)
