"""The tools: a tool is a typed function, a file is a domain."""
