"""Databases, collections, indexes, graphs, views and analyzers."""
