"""String order: ICU's root collation (en_US) as ArangoDB sets it up, as keys that compare byte by byte."""

from mcp_arangodb_async.engine.collation.keys import COLLATION_VERSION, collation_key

__all__ = ["COLLATION_VERSION", "collation_key"]
