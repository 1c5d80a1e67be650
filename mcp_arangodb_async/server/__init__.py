"""MCP: builds the application once, answers calls, speaks the transports."""
