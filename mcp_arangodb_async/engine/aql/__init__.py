"""AQL text to syntax tree, positions kept."""
