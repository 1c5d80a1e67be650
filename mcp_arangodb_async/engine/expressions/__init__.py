"""A syntax tree as generated Python, compiled once per plan."""
