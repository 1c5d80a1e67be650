"""The closest existing names for one that does not exist."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

CANDIDATES = 5000
_MAXIMUM_NAME = 256
# "collection or view not found: users", with what may follow in a query's message.
_MISSING = re.compile(r"not found:? '?(?P<name>[^';\s][^';]*?)'?(?:;.*| \(while .*)?\Z")
_NAMED = re.compile(r"(?:graph|view|index) '(?P<name>[^']+)' not found")
# What the embedded engine adds for those who talk to it without us.
_SUGGESTION = re.compile(r"(?: - did you mean (?P<one>.+)\?|; closest: (?P<other>.+))\Z")


def closest(name: str, existing: Iterable[str], *, count: int = 3) -> tuple[str, ...]:
    """Up to `count` existing names that look most like this one, the closest first."""
    wanted = name[:_MAXIMUM_NAME].casefold()
    by_folded: dict[str, str] = {}
    for number, candidate in enumerate(existing):
        if number >= CANDIDATES:
            break
        by_folded.setdefault(candidate.casefold(), candidate)
    return tuple(by_folded[match] for match in difflib.get_close_matches(wanted, by_folded, n=count))


def split_suggestion(message: str) -> tuple[str, tuple[str, ...]]:
    """The message without the names that a server suggests in it, and those names.

    Names that come close are told in one way only: as an error's `did_you_mean`.
    """
    match = _SUGGESTION.search(message)
    if match is None:
        return message, ()
    names = match["one"].split(" or ") if match["one"] else match["other"].split(", ")
    return message[: match.start()], tuple(names)


def missing_name(message: str) -> str | None:
    """The name that a server's "not found" message is about, where it has one."""
    match = _NAMED.search(message) or _MISSING.search(message)
    return match["name"][:_MAXIMUM_NAME] if match else None
