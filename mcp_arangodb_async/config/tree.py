"""YAML text becomes plain values that remember their lines, or a list of problems.

Read from the parser's events and not with a loader: so every duplicate key, tag, deep nesting and multiplying
alias is seen with its line before anything is built from it. Scalars follow YAML 1.2's core schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ruamel.yaml import YAML, events
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from mcp_arangodb_async.config.place import MAXIMUM_BYTES, Place, Problem, Tree, short

MAXIMUM_DEPTH = 16
MAXIMUM_VALUES = 30_000  # in the text, and after aliases: an alias bomb multiplies, a file does not

_INTEGER = re.compile(r"[-+]?[0-9]{1,40}|0o[0-7]{1,40}|0x[0-9a-fA-F]{1,40}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,40}|[0-9]{1,40}(\.[0-9]{0,40})?)([eE][-+]?[0-9]{1,4})?")
_SPECIAL_FLOAT = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_PLAIN_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "map", "seq")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """One word of the text. `start` and `end` are offsets into the text, for all nodes."""

    value: object
    text: str
    line: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """A list. A block's `end` is that of its last item: the comments after it are nobody's."""

    items: list[Node]
    line: int
    start: int
    end: int
    flow: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """Keys and values in the order of the text, duplicates and merge keys included."""

    entries: list[tuple[Scalar, Node]]
    line: int
    start: int
    end: int
    flow: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """A `*name`, with the node its anchor stands at."""

    target: Node
    line: int
    start: int
    end: int


Node = Scalar | Sequence | Mapping | Alias


def read_tree(content: bytes) -> Tree:
    """The values of a configuration file's bytes; never raises for what the bytes hold."""
    tree = Tree()
    if len(content) > MAXIMUM_BYTES:
        what = f"is too large: a configuration file holds at most {MAXIMUM_BYTES} bytes"
        tree.problems.append(Problem(line=0, what=what))
        return tree
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        tree.problems.append(Problem(line=line, what="is not UTF-8 text"))
        return tree
    node = read_nodes(text, tree.problems)
    if node is not None:
        value = _Builder(tree).build(node, ())
        if isinstance(value, dict):
            tree.value = value
        elif value is not None:
            tree.problems.append(Problem(line=node.line, what="must hold keys and values at its top"))
    return tree


def read_nodes(text: str, problems: list[Problem]) -> Node | None:
    """The one document's node; None if there is none or it cannot be read, which `problems` then says."""
    return _Reader(text, problems).read()


_Kind = Literal["scalar", "sequence", "mapping", "alias", "end", "document"]
_KINDS: dict[type, _Kind] = {
    events.DocumentStartEvent: "document",
    events.AliasEvent: "alias",
    events.ScalarEvent: "scalar",
    events.SequenceStartEvent: "sequence",
    events.MappingStartEvent: "mapping",
    events.SequenceEndEvent: "end",
    events.MappingEndEvent: "end",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    """One event of the YAML parser, typed: the library's own are not."""

    kind: _Kind
    line: int
    start: int
    end: int
    text: str
    plain: bool
    flow: bool
    anchor: str
    tag: str


def _events(text: str) -> Iterator[_Event]:
    parser: Any = YAML(typ="safe", pure=True)
    for event in parser.parse(text):
        kind = _KINDS.get(event.__class__)
        if kind is not None:
            scalar = kind == "scalar"
            yield _Event(
                kind=kind,
                line=event.start_mark.line + 1,
                start=event.start_mark.index,
                end=event.end_mark.index,
                text=event.value if scalar else "",
                plain=event.implicit[0] if scalar else False,
                flow=bool(getattr(event, "flow_style", False)),
                anchor=getattr(event, "anchor", None) or "",
                tag=str(getattr(event, "tag", None) or ""),
            )


class _StopError(Exception):
    """Reading on would be pointless or dangerous."""

    def __init__(self, line: int, what: str) -> None:
        self.problem = Problem(line=line, what=what)


class _Reader:
    """Events to nodes, with depth, number and tags checked."""

    def __init__(self, text: str, problems: list[Problem]) -> None:
        self.text = text
        self.problems = problems
        self.anchors: dict[str, Node] = {}
        self.seen = 0

    def read(self) -> Node | None:
        """The one document's node; None if there is none or it cannot be read."""
        root: Node | None = None
        documents = 0
        try:
            events = _events(self.text)
            for event in events:
                if event.kind != "document":
                    root = self.node(event, events, 1)
                elif documents == 1:
                    raise _StopError(event.line, "starts a second document; a configuration file is one")
                documents += event.kind == "document"
        except _StopError as error:
            self.problems.append(error.problem)
            return None
        except MarkedYAMLError as error:
            self.problems.append(_syntax(error))
            return None
        except (YAMLError, ValueError) as error:  # control characters, lone surrogates
            self.problems.append(Problem(line=_line_of(error, self.text), what="holds a control character"))
            return None
        return root

    def node(self, event: _Event, events: Iterator[_Event], depth: int) -> Node:
        self.seen += 1
        if depth > MAXIMUM_DEPTH:
            raise _StopError(event.line, f"is nested deeper than {MAXIMUM_DEPTH} levels")
        if self.seen > MAXIMUM_VALUES:
            raise _StopError(event.line, f"a configuration file holds at most {MAXIMUM_VALUES} values")
        if event.tag not in {"", "!", *_PLAIN_TAGS}:
            self.problem(event, f"tag {short(event.tag)!r} is not allowed; plain values need none")
        node: Node
        match event.kind:
            case "alias":
                return self.alias(event)
            case "scalar":
                value = _resolve(event.text) if event.plain else event.text
                node = Scalar(value=value, text=event.text, line=event.line, start=event.start, end=event.end)
            case "sequence":
                items, end = self.items(event, events, depth)
                node = Sequence(items=items, line=event.line, start=event.start, end=end, flow=event.flow)
            case _:
                entries, end = self.entries(event, events, depth)
                node = Mapping(entries=entries, line=event.line, start=event.start, end=end, flow=event.flow)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def alias(self, event: _Event) -> Node:
        target = self.anchors.get(event.anchor)
        if target is None:
            self.problem(event, f"alias *{short(event.anchor)} has no anchor above it")
            target = Scalar(value=None, text="", line=event.line, start=event.start, end=event.end)
        return Alias(target=target, line=event.line, start=event.start, end=event.end)

    def items(self, start: _Event, events: Iterator[_Event], depth: int) -> tuple[list[Node], int]:
        items: list[Node] = []
        for event in events:
            if event.kind == "end":
                return items, _end(start, event, items[-1] if items else None)
            items.append(self.node(event, events, depth + 1))
        return items, start.end

    def entries(
        self, start: _Event, events: Iterator[_Event], depth: int
    ) -> tuple[list[tuple[Scalar, Node]], int]:
        entries: list[tuple[Scalar, Node]] = []
        last: Node | None = None
        for event in events:
            if event.kind == "end":
                return entries, _end(start, event, last)
            key = self.node(event, events, depth + 1)
            last = self.node(next(events), events, depth + 1)
            while isinstance(key, Alias):
                key = key.target
            if isinstance(key, Scalar):
                entries.append((key, last))
            else:
                self.problem(event, "is a key that is not text")
        return entries, start.end

    def problem(self, event: _Event, what: str) -> None:
        self.problems.append(Problem(line=event.line, what=what))


def _end(start: _Event, end: _Event, last: Node | None) -> int:
    return end.end if start.flow or last is None else last.end


class _Builder:
    """Nodes to values, with aliases followed, keys merged and duplicates named."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.built = 0

    def build(self, node: Node, place: Place) -> Any:
        if self.is_full(node):
            return None
        self.tree.lines.setdefault(place, node.line)
        match node:
            case Alias():
                return self.build(node.target, place)
            case Scalar():
                return node.value
            case Sequence():
                return [self.build(item, (*place, index)) for index, item in enumerate(node.items)]
            case Mapping():
                return self.mapping(node, place)

    def is_full(self, node: Node) -> bool:
        """Count one value; is that one too many?"""
        self.built += 1
        if self.built == MAXIMUM_VALUES + 1:
            what = f"aliases make more than {MAXIMUM_VALUES} values of this file"
            self.tree.problems.append(Problem(line=node.line, what=what))
        return self.built > MAXIMUM_VALUES

    def mapping(self, node: Mapping, place: Place) -> dict[str, Any]:
        value: dict[str, Any] = {}
        merged: list[Mapping] = []
        first: dict[str, int] = {}
        for key, inner in node.entries:
            name = key.text
            if name == "<<":
                merged += self.merges(inner, place)
            elif name in first:
                what = f"is a duplicate; it was given in line {first[name]} already"
                self.tree.problems.append(Problem(line=key.line, what=what, place=(*place, name)))
            else:
                first[name] = key.line
                self.tree.lines[(*place, name)] = key.line
                value[name] = self.build(inner, (*place, name))
        for mapping in merged:
            for name, inner in self.mapping(mapping, place).items():
                value.setdefault(name, inner)
        return value

    def merges(self, node: Node, place: Place) -> list[Mapping]:
        """What a `<<` key names; in YAML 1.1 it was an alias, or a list of them."""
        while isinstance(node, Alias):
            node = node.target
        if self.is_full(node):
            return []
        found = [node] if not isinstance(node, Sequence) else node.items
        mappings: list[Mapping] = []
        for item in found:
            inner = item
            while isinstance(inner, Alias):
                inner = inner.target
            if isinstance(inner, Mapping):
                mappings.append(inner)
            else:
                what = "must name keys and values to merge"
                self.tree.problems.append(Problem(line=item.line, what=what, place=(*place, "<<")))
        return mappings


def _resolve(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text, 0) if text[:2] in {"0o", "0x"} else int(text)
    if _FLOAT.fullmatch(text) or _SPECIAL_FLOAT.fullmatch(text):
        return float(text.replace(".", "", 1) if text[-1].isalpha() else text)
    return text


def _syntax(error: Any) -> Problem:
    """A syntax error; `Any` because the library's exceptions are not typed."""
    mark = error.problem_mark or error.context_mark
    what = short(str(error.problem or "cannot be read"))
    if "\\t" in what:
        what = "a tab cannot indent; use spaces"
    if "mapping values are not allowed" in what:
        what = 'a second colon in one line; quote a value that ends with a colon, such as "embedded:"'
    context = f" ({short(str(error.context))})" if error.context else ""
    column = f"column {mark.column + 1}: " if mark else ""
    return Problem(line=mark.line + 1 if mark else 0, what=f"{column}{what}{context}")


def _line_of(error: Exception, text: str) -> int:
    position = getattr(error, "position", None)
    return text.count("\n", 0, position) + 1 if isinstance(position, int) else 0
