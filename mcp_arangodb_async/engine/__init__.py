"""An embedded database that speaks ArangoDB's HTTP API and AQL; others import only what this file names.

with Engine.open(None) as engine, Api(engine, authentication=False) as api:
    api.handle(Request(method="GET", path="/_api/version"))
"""

from mcp_arangodb_async.engine.aql.parser import parse
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.http.api import Api
from mcp_arangodb_async.engine.http.call import Cancellation
from mcp_arangodb_async.engine.http.messages import Request, Response
from mcp_arangodb_async.engine.http.serve import Listening, running, serve
from mcp_arangodb_async.engine.instance import Engine

__all__ = [
    "Api",
    "ArangoError",
    "Cancellation",
    "Engine",
    "Listening",
    "Request",
    "Response",
    "parse",
    "running",
    "serve",
]
