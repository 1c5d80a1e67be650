"""Decoded documents kept in memory, for all databases of an engine together."""


class DocumentCache:
    """A bounded cache of decoded documents; sizes are estimates. Thread-safe."""

    def __init__(self, limit: int) -> None:
        """Keep at most about `limit` bytes."""
        self.limit = limit
