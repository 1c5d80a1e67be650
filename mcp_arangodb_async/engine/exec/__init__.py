"""Operators that pull rows from each other, lazily."""
