"""Changing one value in YAML text and nothing else: every other byte stays as the operator wrote it.

The nodes of the text know their offsets, so an edit cuts and inserts there. Afterwards the text is read
again: if it does not hold exactly the values the edit meant, the edit is refused and nothing is written.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping as Values
from typing import Any

from mcp_arangodb_async.config.place import Problem, shown_place
from mcp_arangodb_async.config.tree import Alias, Mapping, Node, Scalar, read_nodes, read_tree
from mcp_arangodb_async.errors import ConfigError, NotFoundError

Keys = tuple[str, ...]

# Words and numbers that YAML 1.1 readers, such as 0.5.4, take for something else than text.
_QUOTED = re.compile(r"(y|yes|n|no|on|off|true|false|null|~|nan|inf)\Z|[^A-Za-z_/]", re.IGNORECASE)


def set_value(text: str, place: Keys, value: object, *, first: bool = False) -> str:
    """The text with this value at this place, added or replaced; `first` adds it above its siblings.

    Mappings on the way are created. Raises ConfigError if the text cannot be changed safely.
    """
    root = _nodes(text)
    expected = _tree_value(text)
    inner = expected
    for key in place[:-1]:
        if not isinstance(inner.get(key), dict):
            inner[key] = {}
        inner = inner[key]
    inner[place[-1]] = _as_read(value)
    if first and len(place) == 1 and place[0] not in _tree_value(text) and root and not root.flow:
        expected = {place[0]: expected.pop(place[0]), **expected}
    return _verified(_set(text, root, place, value, first), expected, place)


def remove_value(text: str, place: Keys) -> str:
    """The text without the entry at this place; comments outside the entry stay."""
    root = _nodes(text)
    expected = _tree_value(text)
    parent, key, node = _find(root, place)
    inner = expected
    for step in place[:-1]:
        inner = inner[step]
    del inner[place[-1]]
    if parent.flow:
        changed = _cut_flow(text, parent, key)
    else:
        changed = _cut_lines(text, _line_start(text, key.start), _line_end(text, node.end))
        if len(parent.entries) == 1 and len(place) > 1:
            _, outer, _ = _find(root, place[:-1])
            colon = text.index(":", outer.end) + 1
            changed = changed[:colon] + " {}" + changed[colon:]
    return _verified(changed, expected, place)


def rename_key(text: str, place: Keys, new: str) -> str:
    """The text with this entry under another key, in the same position."""
    root = _nodes(text)
    expected = _tree_value(text)
    parent, key, _ = _find(root, place)
    inner = expected
    for step in place[:-1]:
        inner = inner[step]
    renamed = {new if name == place[-1] else name: value for name, value in inner.items()}
    inner.clear()
    inner.update(renamed)
    changed = text[: key.start] + _scalar(new, flow=parent.flow) + text[key.end :]
    return _verified(changed, expected, place)


def _nodes(text: str) -> Mapping | None:
    problems: list[Problem] = []
    node = read_nodes(text, problems)
    if problems:
        raise ConfigError("; ".join(problem.text("line") for problem in problems))
    if node is None or isinstance(node, Mapping):
        return node
    raise ConfigError("the file must hold keys and values at its top")


def _tree_value(text: str) -> dict[str, Any]:
    tree = read_tree(text.encode())
    if tree.problems:
        raise ConfigError("; ".join(problem.text("line") for problem in tree.problems))
    return copy.deepcopy(tree.value)


def _verified(changed: str, expected: dict[str, Any], place: Keys) -> str:
    tree = read_tree(changed.encode("utf-8", "surrogatepass"))
    if tree.problems or repr(tree.value) != repr(expected):  # order and types count
        raise ConfigError(
            f"{shown_place(place)} cannot be changed alone; edit the file by hand",
            hint="other entries use its anchor, or its layout is unusual",
        )
    return changed


def _find(root: Mapping | None, place: Keys) -> tuple[Mapping, Scalar, Node]:
    """The mapping around a place, its key there and its value."""
    node: Node | None = root
    for step, name in enumerate(place):
        if not isinstance(node, Mapping):
            break
        key, inner = next(((key, value) for key, value in node.entries if key.text == name), (None, None))
        if key is None or inner is None:
            break
        if step == len(place) - 1:
            return node, key, inner
        node = inner
    raise NotFoundError(f"the file has no {shown_place(place)} of its own")


def _set(text: str, root: Mapping | None, place: Keys, value: object, first: bool) -> str:
    if root is None:
        return _append(text, len(text), _entry(place[0], _nested(place[1:], value), 0))
    parent = root
    for step, name in enumerate(place):
        rest = place[step + 1 :]
        found = next(((key, node) for key, node in parent.entries if key.text == name), None)
        if found is None:
            return _insert(text, parent, name, _nested(rest, value), first)
        key, node = found
        if not rest:
            return _replace(text, parent, key, node, value)
        if not isinstance(node, Mapping) or not node.entries:
            if parent.flow or not _is_empty(node):
                return _replace(text, parent, key, node, _nested(rest, value))
            return _fill(text, key, node, _nested(rest, value))
        parent = node
    raise AssertionError("a place has at least one key")


def _as_read(value: Any) -> Any:
    """The value as the text will give it back: a whole number without its point, a tuple as a list."""
    if isinstance(value, Values):
        return {str(key): _as_read(item) for key, item in value.items()}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if isinstance(value, list | tuple):
        return [_as_read(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _nested(place: Keys, value: object) -> object:
    for key in reversed(place):
        value = {key: value}
    return value


def _is_empty(node: Node) -> bool:
    """Is there nothing in it: a key without value, `null`, or `{}`?"""
    if isinstance(node, Scalar):
        return node.value is None
    return isinstance(node, Mapping) and not node.entries


def _insert(text: str, parent: Mapping, name: str, value: object, first: bool) -> str:
    """A new entry in a mapping that has entries already, or in an empty `{}`."""
    if parent.flow:
        entry = f"{_scalar(name, flow=True)}: {_flow(value)}"
        if not parent.entries:
            return text[: parent.start + 1] + entry + text[parent.start + 1 :]
        at = parent.entries[-1][1].end
        return f"{text[:at]}, {entry}{text[at:]}"
    start = parent.entries[0][0].start
    lines = _entry(name, value, start - _line_start(text, start))
    if first:
        at = _line_start(text, start)
        return text[:at] + _newlines(text, lines) + text[at:]
    return _append(text, _line_end(text, parent.end), lines)


def _replace(text: str, parent: Mapping, key: Scalar, node: Node, value: object) -> str:
    rendered = _flow(value)
    if isinstance(node, Scalar | Alias) or node.flow:
        start, end = node.start, node.end
        if start == end:  # a key without value
            start = end = text.index(":", key.end) + 1
            rendered = f" {rendered}"
        elif text[end - 1] == "\n" and not parent.flow:  # a block of text ends with its line
            rendered += "\n"
        return text[:start] + rendered + text[end:]
    colon = text.index(":", key.end) + 1
    return f"{text[:colon]} {rendered}{text[node.end :]}"


def _fill(text: str, key: Scalar, node: Node, value: object) -> str:
    """Entries below a key that had nothing: `databases:` or `databases: {}`."""
    assert isinstance(value, dict)
    indent = key.start - _line_start(text, key.start) + 2
    lines = "".join(_entry(str(name), inner, indent) for name, inner in value.items())  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    end = _line_end(text, max(node.end, key.end))
    colon = text.index(":", key.end) + 1
    if node.start < node.end:
        tail = text[node.end : end]
        text = text[:colon] + tail + text[end:]
        end = colon + len(tail)
    return _append(text, end, lines)


def _append(text: str, at: int, lines: str) -> str:
    """Lines put in at the start of a line, or at the end of a text that may lack its last line break."""
    before = text[:at]
    if before and not before.endswith("\n"):
        before += "\r\n" if "\r\n" in text else "\n"
    return before + _newlines(text, lines) + text[at:]


def _newlines(text: str, lines: str) -> str:
    return lines.replace("\n", "\r\n") if "\r\n" in text else lines


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _line_end(text: str, at: int) -> int:
    """The start of the next line; a node that ends with its line break ends there."""
    if at and text[at - 1] == "\n":
        return at
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def _cut_lines(text: str, start: int, end: int) -> str:
    return text[:start] + text[end:]


def _cut_flow(text: str, parent: Mapping, key: Scalar) -> str:
    index = next(number for number, (other, _) in enumerate(parent.entries) if other is key)
    if index + 1 < len(parent.entries):
        return text[: key.start] + text[parent.entries[index + 1][0].start :]
    start = parent.entries[index - 1][1].end if index else key.start
    return text[:start] + text[parent.entries[index][1].end :]


def _entry(name: str, value: object, indent: int) -> str:
    """An entry in block style, each line ending with a line break."""
    lead = " " * indent
    head = f"{lead}{_scalar(name, flow=False)}:"
    if isinstance(value, dict) and value:
        inner = "".join(_entry(str(key), item, indent + 2) for key, item in value.items())  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        return f"{head}\n{inner}"
    return f"{head} {_flow(value, inside=False)}\n"


def _flow(value: Any, *, inside: bool = True) -> str:
    """A value on one line; `inside` brackets, where commas and braces end a word."""
    if isinstance(value, Values):
        entries: list[str] = [f"{_scalar(str(key), flow=True)}: {_flow(item)}" for key, item in value.items()]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        return "{" + ", ".join(entries) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(item) for item in value) + "]"  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, int):
        return str(value)
    return "null" if value is None else _scalar(str(value), flow=inside)


def _scalar(text: str, *, flow: bool) -> str:
    """The text as YAML: plain when every reader takes it for this text, else in double quotes."""
    quoted = json.dumps(text, ensure_ascii=not text.isprintable())
    if not text or _QUOTED.match(text) or "\n" in text:
        return quoted
    for sample, value in (
        (f"{text}: 1", {text: 1}),
        (f"{{k: {text}}}" if flow else f"k: {text}", {"k": text}),
    ):
        tree = read_tree(sample.encode("utf-8", "replace"))
        if tree.problems or tree.value != value:
            return quoted
    return text
