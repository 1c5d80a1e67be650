"""What the attributes of some documents are like: paths, types, examples, what they refer to (pure).

    profile = Profile(collections={"towns"})
    profile.add({"name": "Ann", "address": {"town": "towns/1"}, "tags": ["a"]})
    profile.attributes()
    # {"name": {"types": {"string": 1}, "examples": ["Ann"]}, "address": {"types": {"object": 1}},
    #  "address.town": {..., "refers_to": ["towns"]}, "tags": ..., "tags[*]": ...}

Paths can be written into AQL as they are, behind `doc.`: names that need it are in backticks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any, cast

MAXIMUM_PATHS = 100
MAXIMUM_DEPTH = 6
# An object with more names than this is taken for a map: its values are described together, as `*`.
MAP_NAMES = 40
ELEMENTS = 20
EXAMPLES = 3
EXAMPLE_LENGTH = 40
# Every document has them, and their values say nothing.
LEFT_OUT = frozenset({"_id", "_rev"})
PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
ID = re.compile(r"(?P<collection>[^/]{1,256})/[A-Za-z0-9_\-:.@()+,=;$!*'%]{1,254}\Z")
# AQL's reserved words: https://docs.arangodb.com/3.12/aql/fundamentals/syntax/#keywords
RESERVED = """
    AGGREGATE ALL ALL_SHORTEST_PATHS AND ANY ASC COLLECT DESC DISTINCT FALSE FILTER FOR GRAPH IN INBOUND
    INSERT INTO K_PATHS K_SHORTEST_PATHS LET LIKE LIMIT NONE NOT NULL OR OUTBOUND REMOVE REPLACE RETURN
    SHORTEST_PATH SORT TRUE UPDATE UPSERT WINDOW WITH
"""
KEYWORDS = frozenset(RESERVED.split())


class Node:
    """What was seen at one path."""

    __slots__ = ("element", "examples", "members", "refers", "types")

    def __init__(self) -> None:
        self.types: Counter[str] = Counter()
        self.examples: list[Any] = []
        self.refers: Counter[str] = Counter()
        self.members: dict[str, Node] = {}
        self.element: Node | None = None

    def member(self, name: str, *, root: bool) -> Node:
        """The node of a member; beyond `MAP_NAMES` of them, all share one."""
        if "*" in self.members and len(self.members) == 1:
            return self.members["*"]
        node = self.members.get(name)
        if node is None:
            if not root and len(self.members) >= MAP_NAMES:
                shared = Node()
                for one in self.members.values():
                    shared.take(one)
                self.members = {"*": shared}
                return shared
            node = self.members[name] = Node()
        return node

    def take(self, other: Node) -> None:
        """Add what another node saw."""
        self.types += other.types
        self.refers += other.refers
        for example in other.examples:
            self.example(example)
        for name, node in other.members.items():
            self.member(name, root=False).take(node)
        if other.element is not None:
            self.element = self.element or Node()
            self.element.take(other.element)

    def example(self, value: Any) -> None:
        """Keep a value as an example, unless there are enough or it is one already."""
        if len(self.examples) >= EXAMPLES or value is None:
            return
        shown = value
        if isinstance(value, str) and len(value) > EXAMPLE_LENGTH:
            shown = f"{value[:EXAMPLE_LENGTH]}..."
        if not any(type(shown) is type(one) and shown == one for one in self.examples):
            self.examples.append(shown)


class Profile:
    """The attributes of the documents that were added; `collections` are the names that ids may refer to."""

    def __init__(self, collections: Collection[str]) -> None:
        self._collections = collections
        self._root = Node()
        self.documents = 0

    def add(self, document: Mapping[str, Any]) -> None:
        """Look at one document."""
        self.documents += 1
        self._members(self._root, document, MAXIMUM_DEPTH)

    def add_types(self, types: Mapping[str, str]) -> None:
        """Note a document of which only the types of its attributes are known."""
        self.documents += 1
        for name, type_name in types.items():
            if name not in LEFT_OUT:
                self._root.member(name, root=True).types[type_name] += 1

    def _members(self, node: Node, document: Mapping[str, Any], depth: int) -> None:
        root = node is self._root
        for name, value in document.items():
            if not (root and name in LEFT_OUT):
                self._value(node.member(name, root=root), value, depth - 1)

    def _value(self, node: Node, value: Any, depth: int) -> None:
        node.types[type_name(value)] += 1
        if isinstance(value, dict):
            if depth > 0:
                self._members(node, cast("dict[str, Any]", value), depth)
        elif isinstance(value, list):
            if depth > 0:
                node.element = node.element or Node()
                for item in cast("list[Any]", value)[:ELEMENTS]:
                    self._value(node.element, item, depth - 1)
        else:
            node.example(value)
            match = ID.match(value) if isinstance(value, str) else None
            if match is not None and match["collection"] in self._collections:
                node.refers[match["collection"]] += 1

    def attributes(self) -> dict[str, Any]:
        """Each path with its types and how often each was seen; of many paths the most frequent."""
        found = list(self._described(self._root, ""))
        if len(found) > MAXIMUM_PATHS:
            order = sorted(range(len(found)), key=lambda at: -found[at][1].types.total())
            kept = set(order[:MAXIMUM_PATHS])
            found = [one for at, one in enumerate(found) if at in kept]
        return {path: told(node) for path, node in found}

    @property
    def paths(self) -> int:
        """How many paths there are, told or not."""
        return sum(1 for _ in self._described(self._root, ""))

    def _described(self, node: Node, path: str) -> Iterator[tuple[str, Node]]:
        for name, member in node.members.items():
            below = f"{path}.{quoted(name)}" if path else quoted(name)
            yield below, member
            yield from self._described(member, below)
        if node.element is not None and node.element.types:
            below = f"{path}[*]"
            yield below, node.element
            yield from self._described(node.element, below)


def told(node: Node) -> dict[str, Any]:
    """What is told of one path."""
    shown: dict[str, Any] = {"types": dict(node.types)}
    if node.refers:
        shown["refers_to"] = sorted(node.refers)
    if node.examples:
        shown["examples"] = node.examples
    return shown


def type_name(value: Any) -> str:
    """AQL's word for the type of a JSON value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def quoted(name: str) -> str:
    """The name as it is written in AQL; `*` stands for all names of a map."""
    if name == "*" or (PLAIN.match(name) and name.upper() not in KEYWORDS):
        return name
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`")[:200] + "`"
