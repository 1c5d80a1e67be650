"""Live database handles: made from settings, pooled, checked, closed."""
