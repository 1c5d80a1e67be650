"""Syntax tree to plan: names become variables, collections and functions; mistakes get their numbers."""
