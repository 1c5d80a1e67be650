"""ArangoDB's HTTP API over the engine: (method, path, body) to (status, body)."""
