"""An embedded database that speaks ArangoDB's HTTP API and AQL; others import only what this file names."""
