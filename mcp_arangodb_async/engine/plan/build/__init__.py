"""Syntax tree to plan: names become variables, collections and functions; mistakes become ArangoDB's errors."""
