"""What ArangoDB 4.0 added and removed.

https://docs.arangodb.com/4.0/release-notes/version-4.x/
"""

from __future__ import annotations

from typing import Final

from mcp_arangodb_async.engine.context import FunctionContext
from mcp_arangodb_async.engine.functions.registry import Function, alias, asking, mismatch
from mcp_arangodb_async.engine.functions.sets import union_distinct
from mcp_arangodb_async.engine.values import Value, is_number, to_number

REMOVED: Final = frozenset({"NEAR", "WITHIN", "WITHIN_RECTANGLE", "FULLTEXT", "IS_IN_POLYGON", "V8"})


def partition(ctx: FunctionContext, text: Value, separator: Value, occurrence: Value = 1) -> Value:
    """PARTITION(): before, at and after one occurrence of a separator; a negative one counts from the end."""
    if not isinstance(text, str) or not isinstance(separator, str) or not separator:
        return mismatch(ctx, "PARTITION")
    if not is_number(occurrence) or (count := int(number := to_number(occurrence))) != number or count == 0:
        return mismatch(ctx, "PARTITION")
    places: list[int] = []
    place = text.find(separator)
    while place != -1 and not len(places) == count > 0:
        places.append(place)
        place = text.find(separator, place + len(separator))
    if len(places) < abs(count):
        return [text, "", ""] if count > 0 else ["", "", text]
    place = places[count - 1 if count > 0 else count]
    return [text[:place], separator, text[place + len(separator) :]]


_UNION: Final = asking("UNION_DISTINCT", "2+", union_distinct)

FUNCTIONS: Final[tuple[Function, ...]] = (
    asking("PARTITION", "2-3", partition),
    alias("UNION_DISTINCT_STABLE", _UNION),
)
