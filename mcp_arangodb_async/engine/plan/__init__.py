"""Syntax tree to execution plan, in ArangoDB's own node names."""
