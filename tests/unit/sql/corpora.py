"""Texts for tests in `corpora/`: sections with one text a line."""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "corpora"


@cache
def sections(name: str) -> dict[str, tuple[str, ...]]:
    """The sections of a file; `\\n`, `\\t` and `\\\\` in its lines are read as in Python."""
    found: dict[str, list[str]] = {}
    for line in (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("[") and line.endswith("]") and line[1:-1].isidentifier():
            found[line[1:-1]] = []
        elif line and not (line.startswith("#") and not found):
            found[next(reversed(found))].append(unescaped(line))
    return {section: tuple(texts) for section, texts in found.items()}


def unescaped(line: str) -> str:
    return "\\".join(part.replace("\\n", "\n").replace("\\t", "\t") for part in line.split("\\\\"))


def script(kind: str) -> str:
    """The schema that the queries and attempts are about, with a few rows."""
    return (FOLDER / f"{kind}.sql").read_text(encoding="utf-8")
