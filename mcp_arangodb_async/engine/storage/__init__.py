"""Ordered byte keys in transactions: one protocol, SQLite and memory."""
