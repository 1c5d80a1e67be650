"""AQL's functions, a table per chapter of the manual."""
