"""Documents cut to the bytes that a call may answer with (pure).

Tools bound their results where they know what matters. This is the last bound, for all: whatever a database
holds, no answer is longer, and an answer that was cut says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any, cast

from mcp_arangodb_async.errors import LimitError
from mcp_arangodb_async.tools.rows import encode

# What `truncated`, `left_out` and the names in it may take.
RESERVE = 512


def bounded(document: dict[str, Any], maximum: int) -> tuple[dict[str, Any], bytes]:
    """The document and its JSON; its largest members are cut short until it fits.

    `truncated` and `left_out`, the names of the members that were cut, say so. LimitError if nothing can be
    cut any more.
    """
    encoded = encode(document)
    if len(encoded) <= maximum:
        return document, encoded
    shown = dict(document)
    left_out: list[str] = []
    while len(encoded) > maximum:
        sizes = {name: len(encode(value)) for name, value in shown.items() if name not in left_out}
        name = max(sizes, key=lambda one: sizes[one], default=None)
        if name is None or not isinstance(shown[name], list | dict | str):
            raise LimitError(
                f"the result is {len(encode(document))} bytes, more than the {maximum} a call may return"
            )
        left_out.append(name)
        room = maximum - RESERVE - (len(encoded) - sizes[name])
        shown[name] = cut_short(shown[name], max(room, 0))
        shown |= {"truncated": True, "left_out": left_out}
        encoded = encode(shown)
    return shown, encoded


def cut_short(value: Any, room: int) -> Any:
    """As much of the beginning of a text, a list or an object as fits; of what is large inside, nothing."""
    if isinstance(value, str):
        # A character takes up to twelve bytes of JSON.
        return value[: room // 12]
    used, kept = 2, 0
    items: Any = cast("list[Any]", value)
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).items()
    for item in items:
        used += len(encode(item)) + 2
        if used > room:
            break
        kept += 1
    return dict(islice(items, kept)) if isinstance(value, Mapping) else items[:kept]
