"""Key generators: what `_key` becomes when a document has none.

Rules: https://docs.arangodb.com/3.12/concepts/data-structure/collections/#key-generators. `traditional`
and `padded` keys begin high, so that they seldom meet keys that people count from one.
"""

import threading
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, cast, get_args

from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_DOCUMENT_KEY_BAD,
    ERROR_ARANGO_DOCUMENT_KEY_UNEXPECTED,
    ERROR_ARANGO_INVALID_KEY_GENERATOR,
    ERROR_ARANGO_OUT_OF_KEYS,
    ArangoError,
)

from .names import are_keys, check_key, shown
from .properties import CollectionProperties, KeyOptions, KeyType

if TYPE_CHECKING:
    from .transaction import Touched

_FIRST_TRADITIONAL: Final = 1_000_000
_LAST: Final = 2**63 - 1
_PADDED_LENGTH: Final = 16
#: Kinds of keys that users may choose freely, and of which the highest number is remembered.
_PLAIN_TYPES: Final = frozenset({"traditional", "uuid"})


def parse_key_options(body: Any) -> KeyOptions:
    """The `keyOptions` of a request; 1232 for what is wrong with them."""
    if body is None:
        return KeyOptions()
    if not isinstance(body, dict):
        raise _bad("'keyOptions' must be an object")
    fields = cast("dict[str, Any]", body)
    kind = fields.get("type", "traditional")
    kind = kind.lower() if isinstance(kind, str) else "traditional"
    if kind not in get_args(KeyType):
        raise _bad(f"the type is one of {', '.join(get_args(KeyType))}; not {shown(kind)}")
    for name in ("increment", "offset"):
        if name in fields and kind != "autoincrement":
            raise _bad(f"'{name}' is possible with the type autoincrement only, not with {kind}")
    if "lastValue" in fields and kind == "uuid":
        raise _bad("'lastValue' is not possible with the type uuid")
    increment = _whole(fields, "increment", 1)
    if not 0 < increment < 65536:
        raise _bad("increment value must be greater than zero and smaller than 65536")
    offset = _whole(fields, "offset", 0)
    if not 0 <= offset < _LAST:
        raise _bad("offset value must be zero or greater")
    if _whole(fields, "lastValue", 0) < 0:
        raise _bad("'lastValue' must be zero or greater")
    return KeyOptions(
        type=cast("KeyType", kind),
        allow_user_keys=fields.get("allowUserKeys", True) is not False,
        increment=increment,
        offset=offset,
    )


def describe_key_options(options: KeyOptions, last_key: int) -> dict[str, Any]:
    """Key options as HTTP shows them."""
    body: dict[str, Any] = {"allowUserKeys": options.allow_user_keys, "type": options.type}
    if options.type == "autoincrement":
        body |= {"offset": options.offset, "increment": options.increment}
    if options.type != "uuid":
        body["lastValue"] = last_key
    return body


class KeyCounters:
    """The highest key numbers given out by this process, for transactions that are open side by side."""

    def __init__(self) -> None:
        """Start with none."""
        self._lock = threading.Lock()
        self._last: dict[int, int] = {}

    def take(self, collection: int, options: KeyOptions, last: int, count: int) -> range:
        """The next numbers after `last` and after all that were taken before."""
        step = options.increment
        with self._lock:
            last = max(last, self._last.get(collection, 0))
            if options.type == "autoincrement":
                offset = options.offset
                first = offset if last < offset else last + step - (last - offset) % step
            else:
                first = max(last, _FIRST_TRADITIONAL) + 1
            taken = range(first, first + count * step, step)
            self._last[collection] = taken[-1]
            return taken


class KeyGenerator:
    """The keys of one collection in one transaction; `touched.last_key` is the highest known so far."""

    __slots__ = ("_collection", "_counters", "_options", "_touched")

    def __init__(self, collection: CollectionProperties, touched: "Touched", counters: KeyCounters) -> None:
        """Over what the transaction knows of the collection."""
        self._collection = collection.id
        self._options = collection.key_options
        self._touched = touched
        self._counters = counters

    def make(self) -> str:
        """A new key. 1225 when there are no more."""
        return self.make_many(1)[0]

    def make_many(self, count: int) -> list[str]:
        """New keys."""
        kind = self._options.type
        if kind == "uuid":
            return [str(uuid.uuid4()) for _ in range(count)]
        numbers = self._counters.take(self._collection, self._options, self._touched.last_key, count)
        if numbers[-1] >= _LAST:
            raise ArangoError(ERROR_ARANGO_OUT_OF_KEYS)
        self._touched.last_key = numbers[-1]
        return [f"{number:016x}" for number in numbers] if kind == "padded" else list(map(str, numbers))

    def accept(self, key: Any, *, is_restore: bool = False) -> str:
        """A key that the user gave, if it may be one. 1221, 1222."""
        if not self._options.allow_user_keys and not is_restore:
            raise ArangoError(
                ERROR_ARANGO_DOCUMENT_KEY_UNEXPECTED,
                "unexpected document key: the collection makes its keys itself",
            )
        text = check_key(key)
        kind = self._options.type
        if kind == "autoincrement" and not text.isdigit():
            raise ArangoError(
                ERROR_ARANGO_DOCUMENT_KEY_BAD,
                f"illegal document key: {shown(text)} - the collection needs whole numbers",
            )
        if kind != "padded":
            if text[0].isdigit() and len(text) < 19 and text.isdigit():
                self._track(int(text))
        elif len(text) == _PADDED_LENGTH and set(text) <= set("0123456789abcdef"):
            self._track(int(text, 16))
        return text

    def accept_many(self, documents: Sequence[dict[str, Any]]) -> list[str] | None:
        """The keys of documents if all have one, and none is wrong or out of the ordinary; else None."""
        if not self._options.allow_user_keys or self._options.type not in _PLAIN_TYPES:
            return None
        keys = [document.get("_key") for document in documents]
        if set(map(type, keys)) != {str}:
            return None
        texts = cast("list[str]", keys)
        if not are_keys(texts):
            return None
        numbers = [int(text) for text in texts if len(text) < 19 and text.isdigit()]
        if numbers:
            self._track(max(numbers))
        return texts

    def _track(self, number: int) -> None:
        if self._touched.last_key < number < _LAST:
            self._touched.last_key = number


def _whole(fields: dict[str, Any], name: str, default: int) -> int:
    value = fields.get(name, default)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else default


def _bad(message: str) -> ArangoError:
    return ArangoError(ERROR_ARANGO_INVALID_KEY_GENERATOR, f"invalid key generator: {message}")
