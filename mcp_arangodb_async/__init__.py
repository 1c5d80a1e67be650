"""One MCP server for all the databases and tenants an agent works with."""

__version__ = "0.6.0"
