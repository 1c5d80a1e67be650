"""Where something stands in a file, and what is wrong there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MAXIMUM_BYTES = 256 * 1024  # of a configuration file
Step = str | int
Place = tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong at one place of a file; line 0 stands for the file as a whole."""

    line: int
    what: str
    place: Place = ()

    def text(self, file: str) -> str:
        """`file:line: key: what`, as one line."""
        where = f"{file}:{self.line}: " if self.line else f"{file}: "
        return f"{where}{shown_place(self.place)}: {self.what}" if self.place else f"{where}{self.what}"


@dataclass(slots=True)
class Tree:
    """The values of a file, the line of each of them, and what was wrong.

    `passwords` are those a TOML file of the older shape holds, by environment.
    """

    value: dict[str, Any] = field(default_factory=dict[str, Any])
    lines: dict[Place, int] = field(default_factory=dict[Place, int])
    problems: list[Problem] = field(default_factory=list[Problem])
    warnings: list[str] = field(default_factory=list[str])
    passwords: dict[str, str] = field(default_factory=dict[str, str], repr=False)

    def line(self, place: Place) -> int:
        """The line of a place, or of the nearest place around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 0)


def short(text: str) -> str:
    """The text, cut when it is long: a message names what was given and stays one line."""
    line = text.replace("\n", " ")
    return line if len(line) <= 60 else line[:57] + "..."


def shown_place(place: Place) -> str:
    """The dotted path of a place: `databases.prod.url[0]`."""
    text = ""
    for step in place:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{short(step)}" if text else short(step)
    return text
