"""What a view or an inverted index takes from a document: which attributes, and by which analyzers.

Rules: "Link Properties" in "`arangosearch` Views Reference", and "Inverted indexes", in ArangoDB's manual.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias, cast

import orjson

Steps: TypeAlias = tuple[str | int, ...]
#: From the name of an analyzer as written to its full name.
Naming: TypeAlias = Callable[[str], str]

MISSING: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """How the values at one place of a document are taken.

    `holds`: values right here are indexed, not only those below. `expands`: an array stands for its
    elements. `tracks`: its elements are found by their number only. `stores`: EXISTS() works.
    `marks_missing`: an absent attribute counts as null. `features` replace those of the analyzer.
    """

    analyzers: tuple[str, ...] = ()
    holds: bool = True
    everything: bool = False
    tracks: bool = False
    stores: bool = False
    expands: bool = True
    marks_missing: bool = False
    features: frozenset[str] | None = None
    fields: Mapping[str, Link] = field(default_factory=dict[str, "Link"])
    nested: Mapping[str, Link] = field(default_factory=dict[str, "Link"])

    def child(self, name: str) -> Link | None:
        """The link of an attribute, None when it is not indexed."""
        found = self.fields.get(name)
        if found is None and self.everything:
            return replace(self, holds=True, marks_missing=False, fields={}, nested={})
        return found

    def at(self, steps: Steps) -> Link | None:
        """The link at the end of a path, None when nothing there is indexed."""
        link: Link | None = self
        for step in steps:
            if link is None:
                return None
            if isinstance(step, str):
                link = link.child(step)
            elif not link.tracks:
                return None
        return link


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """A collection in a view: its link, and a text that tells links apart."""

    collection: str
    link: Link
    fingerprint: bytes
    infers_analyzers: bool


def view_link(collection: str, body: Mapping[str, Any], naming: Naming) -> Linked:
    """The link of an `arangosearch` view to a collection."""
    root = Link(analyzers=("identity",))
    link = replace(_of_view(body, root, naming), holds=False)
    return Linked(collection=collection, link=link, fingerprint=_text(body), infers_analyzers=False)


def _of_view(body: Mapping[str, Any], outer: Link, naming: Naming) -> Link:
    analyzers = body.get("analyzers")
    link = replace(
        outer,
        analyzers=outer.analyzers if analyzers is None else tuple(map(naming, analyzers)),
        everything=body.get("includeAllFields", outer.everything),
        tracks=body.get("trackListPositions", outer.tracks),
        stores=body["storeValues"] == "id" if "storeValues" in body else outer.stores,
        fields={},
        nested={},
    )
    below: dict[str, Any] = body.get("fields") or {}
    nested: dict[str, Any] = body.get("nested") or {}
    return replace(
        link,
        fields={name: _of_view(each, link, naming) for name, each in below.items()},
        nested={name: _of_view(each, link, naming) for name, each in nested.items()},
    )


def index_link(collection: str, details: Mapping[str, Any], naming: Naming) -> Linked:
    """What an inverted index takes, as a `search-alias` view sees it."""
    root = Link(
        analyzers=(naming(details.get("analyzer") or "identity"),),
        holds=False,
        everything=details.get("includeAllFields", False),
        tracks=details.get("trackListPositions", False),
        stores=True,
        expands=details.get("searchField", False) or details.get("includeAllFields", False),
        features=_features(details),
    )
    for each in details["fields"]:
        root = _planted(root, root, _path(each["name"]), each, naming)
    return Linked(collection=collection, link=root, fingerprint=_text(details), infers_analyzers=True)


def _path(name: str) -> list[tuple[str, bool]]:
    """`a[*].b` as [("a", True), ("b", False)]."""
    return [(part.removesuffix("[*]"), part.endswith("[*]")) for part in name.split(".")]


def _planted(
    node: Link, root: Link, path: list[tuple[str, bool]], body: Mapping[str, Any], naming: Naming
) -> Link:
    """The same link with one more field of an index below it."""
    (name, is_expanded), *rest = path
    plain = replace(root, holds=False, everything=False, fields={}, nested={})
    found = node.fields.get(name, plain)
    found = replace(found, expands=found.expands or is_expanded)
    if rest:
        found = _planted(found, root, rest, body, naming)
    else:
        everything = body.get("includeAllFields", False)
        is_searched = body.get("searchField", False) or everything
        found = replace(
            found,
            holds=True,
            analyzers=(naming(body["analyzer"]),) if body.get("analyzer") else root.analyzers,
            everything=everything or root.everything,
            tracks=body.get("trackListPositions", root.tracks),
            expands=found.expands or is_searched,
            marks_missing=not found.expands and not is_searched,
            features=_features(body) or root.features,
            nested=_nested(body, root, naming),
        )
    return replace(node, fields={**node.fields, name: found})


def _nested(body: Mapping[str, Any], root: Link, naming: Naming) -> Mapping[str, Link]:
    plain = replace(root, holds=False, everything=False, fields={}, nested={})
    for each in cast("list[Any]", body.get("nested") or []):
        inner = cast("dict[str, Any]", each) if isinstance(each, dict) else {"name": each}
        plain = _planted(plain, root, _path(inner["name"]), inner, naming)
    return plain.fields


def _features(body: Mapping[str, Any]) -> frozenset[str] | None:
    given = body.get("features")
    return frozenset(given) if given else None


def _text(body: Mapping[str, Any]) -> bytes:
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)


def values_at(value: Any, link: Link, steps: Steps, *, whole: bool = False) -> Iterator[Any]:
    """The indexed values at a path: null, booleans, numbers, strings; with `whole` everything, for geometry.

    An absent attribute gives nothing, or null where the link says so.
    """
    if isinstance(value, list) and not (whole and not steps and _is_position(cast("list[Any]", value))):
        elements = cast("list[Any]", value)
        if link.tracks:
            if steps and isinstance(steps[0], int) and 0 <= steps[0] < len(elements):
                yield from values_at(elements[steps[0]], link, steps[1:], whole=whole)
        elif link.expands or (whole and not steps):
            for element in elements:
                yield from values_at(element, link, steps, whole=whole)
        return
    if not steps:
        if link.holds and (whole or not isinstance(value, dict)):
            yield value
        return
    step = steps[0]
    below = link.child(step) if isinstance(step, str) else None
    if below is None:
        return
    inner: Any = MISSING
    if isinstance(value, dict):
        inner = cast("dict[str, Any]", value).get(cast("str", step), MISSING)
    if inner is not MISSING:
        yield from values_at(inner, below, steps[1:], whole=whole)
    else:
        end = below.at(steps[1:])
        if end is not None and end.holds and end.marks_missing:
            yield None


def _is_position(value: list[Any]) -> bool:
    return len(value) >= 2 and all(isinstance(each, int | float) for each in value[:2])


def types_at(value: Any, link: Link, steps: Steps) -> set[str]:
    """The types of what is stored at a path or below, as EXISTS() names them."""
    if not steps:
        return set(_types(value, link))
    if isinstance(value, list):
        elements = cast("list[Any]", value)
        if isinstance(steps[0], int):
            inside = 0 <= steps[0] < len(elements) and link.tracks
            return types_at(elements[steps[0]], link, steps[1:]) if inside else set()
        return set[str]().union(*(types_at(each, link, steps) for each in elements))
    if isinstance(value, dict) and isinstance(steps[0], str):
        below = link.child(steps[0])
        if below is not None and steps[0] in value:
            return types_at(cast("dict[str, Any]", value)[steps[0]], below, steps[1:])
    return set()


def _types(value: Any, link: Link) -> Iterator[str]:
    match value:
        case list():
            if link.nested:
                yield "nested"
            for each in cast("list[Any]", value):
                yield from _types(each, link)
        case dict():
            for name, each in cast("dict[str, Any]", value).items():
                below = link.child(name)
                if below is not None:
                    yield from ("below " + found.removeprefix("below ") for found in _types(each, below))
        case _ if not link.holds:
            return
        case None:
            yield "null"
        case bool():
            yield "bool"
        case str():
            yield "string"
        case _:
            yield "numeric"


def elements_at(value: Any, link: Link, steps: Steps) -> Iterator[Any]:
    """The elements of the array at a path: what a nested search looks at, one by one."""
    if not steps:
        if isinstance(value, list):
            yield from cast("list[Any]", value)
        return
    if isinstance(value, list):
        for element in cast("list[Any]", value):
            yield from elements_at(element, link, steps)
    elif isinstance(value, dict) and isinstance(steps[0], str):
        below = link.child(steps[0])
        if below is not None:
            yield from elements_at(cast("dict[str, Any]", value).get(steps[0]), below, steps[1:])
