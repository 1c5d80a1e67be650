"""Printing for people and for programs: tables on a terminal, plain text when piped, JSON when asked."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

from mcp_arangodb_async.observability.redaction import Redactor

Cell = str | int | float | bool | None
Row = Sequence[Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Where a command prints. `as_json` replaces everything on standard output by one document.

    The redactor takes secrets out of everything: errors repeat what servers say.
    """

    as_json: bool = False
    color: bool = False
    out: TextIO = sys.stdout
    err: TextIO = sys.stderr
    redactor: Redactor = field(default_factory=Redactor)

    def json(self, value: Any) -> None:
        """The one document of a command called with --json."""
        text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
        self.out.write(self.redactor.told(text) + "\n")

    def line(self, text: str = "") -> None:
        """A line of the result; with --json it is left out."""
        if not self.as_json:
            self.out.write(f"{self.redactor.told(text)}\n")

    def styled(self, text: str, style: str) -> None:
        """A line in a style of `rich`, when colours are wanted."""
        if not self.color or self.as_json:
            self.line(text)
            return
        from rich.console import Console  # as above: only a terminal pays for it
        from rich.text import Text

        Console(file=self.out, highlight=False, soft_wrap=True).print(
            Text(self.redactor.told(text), style=style)
        )

    def flush(self) -> None:
        """Show what was printed at once; for commands that go on running."""
        self.out.flush()

    def note(self, text: str) -> None:
        """A line for the person, which is not part of the result."""
        self.err.write(f"{self.redactor.redact(text)}\n")

    def table(self, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Rows under headings: lines and colours on a terminal, aligned columns when piped."""
        if self.as_json:
            return
        cells = [[self.redactor.told(_text(cell)) for cell in row] for row in rows]
        numbers = [
            bool(rows) and all(_is_number(row[index]) for row in rows) for index in range(len(columns))
        ]
        if self.out.isatty():
            self._rich_table(columns, cells, numbers)
        else:
            self.out.writelines(_aligned(columns, cells, numbers))

    def records(self, columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> None:
        """A table of some keys of these records, `columns` giving each its heading."""
        self.table(list(columns.values()), [[_cell(row.get(key)) for key in columns] for row in rows])

    def _rich_table(
        self, columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[bool]
    ) -> None:
        # Here and not above: the server and everything that is piped start without it.
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, header_style="bold" if self.color else "", pad_edge=False)
        for heading, is_number in zip(columns, numbers, strict=True):
            table.add_column(heading, overflow="fold", justify="right" if is_number else "left")
        for row in rows:
            table.add_row(*(Text(cell, style=_style(cell) if self.color else "") for cell in row))
        Console(file=self.out, no_color=not self.color, highlight=False).print(table)


def _cell(value: Any) -> Cell:
    if isinstance(value, list | tuple):
        return None if not value else ", ".join(str(item) for item in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _text(cell: Cell) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return str(cell).replace("\n", " ")


def _style(cell: str) -> str:
    """Green for what is well or new, red for what is not or is gone, yellow for what to look at."""
    if cell in {"up", "healthy", "set", "added"}:
        return "green"
    if cell in {"changed", "warning", "degraded", "recovering"}:
        return "yellow"
    bad = {"down", "timeout", "unauthorized", "missing", "error", "not set", "removed", "breaking"}
    return "red" if cell in bad else ""


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def _aligned(columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[bool]) -> list[str]:
    lines = [list(columns), *rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    return [
        "  ".join(
            cell.rjust(width) if is_number else cell.ljust(width)
            for cell, width, is_number in zip(line, widths, numbers, strict=True)
        ).rstrip()
        + "\n"
        for line in lines
    ]
