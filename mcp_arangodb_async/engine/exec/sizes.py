"""Rough sizes of values in memory, for the limit on it; exact sizes would cost more than the query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mcp_arangodb_async.engine.values import Value

ROW = 64
SAMPLES = 8


def size_of(value: Value, depth: int = 3) -> int:
    """About how many bytes a value takes; big arrays and objects by a few samples."""
    if isinstance(value, str):
        return 56 + len(value)
    if isinstance(value, list):
        return 64 + 8 * len(value) + (_sampled(value, depth - 1) if depth else 0)
    if isinstance(value, dict):
        values = list(value.values())
        return 120 + 100 * len(values) + (_sampled(values, depth - 1) if depth else 0)
    return 28


def size_of_rows(rows: Sequence[Any]) -> int:
    """About how many bytes a list of rows takes."""
    return 8 * len(rows) + _sampled(rows, 3)


def _sampled(values: Sequence[Any], depth: int) -> int:
    count = len(values)
    if count <= SAMPLES:
        return sum(size_of(value, depth) for value in values)
    step = count // SAMPLES
    return sum(size_of(values[i * step], depth) for i in range(SAMPLES)) * count // SAMPLES
