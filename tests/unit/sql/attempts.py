"""Attempts to write, to reach files or to act on a server through an environment that may only be read.

Each attempt is one text for one call, made of a deed (what is tried) and a disguise (how it is written).
`{out}` is a path that must not come into being, `{secret}` a file whose contents must not come back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from tests.unit.sql.corpora import sections


def same(text: str) -> str:
    return text


def upper(text: str) -> str:
    return outside_strings(text, str.upper)


def mixed(text: str) -> str:
    return outside_strings(
        text, lambda part: "".join(c.upper() if i % 2 else c.lower() for i, c in enumerate(part))
    )


def commented(text: str) -> str:
    return outside_strings(text, lambda part: part.replace(" ", "/**/"))


def lined(text: str) -> str:
    return outside_strings(text, lambda part: part.replace(" ", "\n\t"))


def led(text: str) -> str:
    return f"/* report */ -- today\n  {text}"


def trailed(text: str) -> str:
    return f"{text} ; -- done"


def stacked(text: str) -> str:
    return f"SELECT 1; {text}"


def followed(text: str) -> str:
    return f"{text}; SELECT 1"


def committed(text: str) -> str:
    return f"COMMIT; {text}"


def outside_strings(text: str, change: Callable[[str], str]) -> str:
    """The text changed wherever it is not quoted, nor a line with a comment of its own."""
    if "--" in text or "#" in text or "/*" in text or "$" in text:
        return text
    parts = re.split(r"""('(?:[^']|'')*'|"[^"]*"|`[^`]*`|\[[^\]]*\]|\{\w+\})""", text)
    return "".join(part if index % 2 else change(part) for index, part in enumerate(parts))


DISGUISES: Sequence[Callable[[str], str]] = (
    same, upper, mixed, commented, lined, led, trailed, stacked, followed, committed,
)  # fmt: skip


def made(dialect: str) -> Iterator[str]:
    """Every deed as it is and in three disguises; every call in every place, disguised as well."""
    shared, own = sections("attempts"), sections(f"{dialect}_attempts")
    deeds = (*shared["changes"], *shared["definitions"], *own["deeds"])
    for number, deed in enumerate(deeds):
        for step in (0, 1, 4, 7):
            index = 0 if step == 0 else 1 + (number + step) % (len(DISGUISES) - 1)
            yield DISGUISES[index](deed)
    for number, call in enumerate(own["calls"]):
        for position, place in enumerate(shared["places"]):
            yield DISGUISES[(number + position) % 7](place.replace("{call}", call))


def attempts(dialect: str, *, out: str, secret: str) -> list[str]:
    """Every different attempt with these paths."""
    texts = dict.fromkeys(made(dialect))
    return [
        text.replace("{out}", out).replace("{secret}", secret).replace("{{", "{").replace("}}", "}")
        for text in texts
    ]
