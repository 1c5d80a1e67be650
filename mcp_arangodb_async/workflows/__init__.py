"""Named sets and stages of tools, as data."""
