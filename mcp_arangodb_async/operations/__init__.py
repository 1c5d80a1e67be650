"""What we do to ArangoDB when one driver call is not enough; nothing here has heard of MCP."""
