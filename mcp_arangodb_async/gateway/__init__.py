"""Tools that live elsewhere: a tenant's upstream MCP servers."""
