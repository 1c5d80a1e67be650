"""Upstream MCP servers to test the gateway with: real ones, ours, and one that lies."""
