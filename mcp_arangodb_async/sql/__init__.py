"""SQL environments: one named environment is an engine, a dialect and a policy."""
