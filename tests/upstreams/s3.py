"""An MCP server for S3 as a program, started by an operator's launcher with one tenant's key; run as a file.

It has the tool names of MinIO gateways, and the permissions of its key only. Speaks 2025-11-25 on pipes.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

Arguments = dict[str, Any]
# An untyped library.
boto3: Any = import_module("boto3")
config: Any = import_module("botocore.config")
exceptions: Any = import_module("botocore.exceptions")


def client() -> Any:
    """S3 with this program's key."""
    return boto3.client(
        "s3",
        endpoint_url=os.environ["S3_ENDPOINT"],
        region_name=os.environ.get("S3_REGION", "us-east-1"),
        aws_access_key_id=os.environ["S3_ACCESS_KEY"],
        aws_secret_access_key=os.environ["S3_SECRET_KEY"],
        config=config.Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}),
    )


def minio_list_buckets(s3: Any, arguments: Arguments) -> Any:
    """The buckets."""
    return [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]


def minio_list_objects(s3: Any, arguments: Arguments) -> Any:
    """The keys in a bucket."""
    found = s3.list_objects_v2(Bucket=arguments["bucket_name"], Prefix=arguments.get("prefix", ""))
    return [one["Key"] for one in found.get("Contents", [])]


def minio_upload_object(s3: Any, arguments: Arguments) -> Any:
    """Store an object."""
    s3.put_object(
        Bucket=arguments["bucket_name"], Key=arguments["object_name"], Body=arguments["data"].encode()
    )
    return "stored"


def minio_download_object(s3: Any, arguments: Arguments) -> Any:
    """Read an object."""
    found = s3.get_object(Bucket=arguments["bucket_name"], Key=arguments["object_name"])
    return found["Body"].read().decode()


def minio_delete_object(s3: Any, arguments: Arguments) -> Any:
    """Delete an object."""
    s3.delete_object(Bucket=arguments["bucket_name"], Key=arguments["object_name"])
    return "deleted"


TOOLS: dict[str, tuple[Callable[[Any, Arguments], Any], tuple[str, ...]]] = {
    "minio_list_buckets": (minio_list_buckets, ()),
    "minio_list_objects": (minio_list_objects, ("bucket_name", "prefix")),
    "minio_upload_object": (minio_upload_object, ("bucket_name", "object_name", "data")),
    "minio_download_object": (minio_download_object, ("bucket_name", "object_name")),
    "minio_delete_object": (minio_delete_object, ("bucket_name", "object_name")),
}


def result_of(s3: Any, method: str, params: Arguments) -> Any:
    """The result of a request."""
    match method:
        case "initialize":
            return {
                "protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                "serverInfo": {"name": "s3", "version": "1"},
            }  # fmt: skip
        case "tools/list":
            return {
                "tools": [
                    {
                        "name": name,
                        "description": function.__doc__,
                        "inputSchema": {
                            "type": "object",
                            "properties": {argument: {"type": "string"} for argument in arguments},
                        },
                    }
                    for name, (function, arguments) in TOOLS.items()
                ]
            }
        case "tools/call":
            function, _ = TOOLS[params["name"]]
            try:
                found = function(s3, params.get("arguments") or {})
            except (exceptions.ClientError, exceptions.BotoCoreError) as error:
                return {"content": [{"type": "text", "text": str(error)}], "isError": True}
            return {"content": [{"type": "text", "text": json.dumps(found)}]}
        case _:
            raise ValueError(method)


def main() -> None:
    """Serve until the input ends."""
    s3 = client()
    for line in sys.stdin:
        message = json.loads(line)
        if "method" not in message or "id" not in message:
            continue
        answer: Arguments = {"jsonrpc": "2.0", "id": message["id"]}
        try:
            answer["result"] = result_of(s3, message["method"], message.get("params") or {})
        except (KeyError, ValueError) as error:
            answer["error"] = {"code": -32602, "message": str(error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
