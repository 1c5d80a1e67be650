"""YAML text to values: lines, duplicates, hostile input."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_arangodb_async.config.place import MAXIMUM_BYTES
from mcp_arangodb_async.config.tree import read_tree

COLON = 'a second colon in one line; quote a value that ends with a colon, such as "embedded:"'


def problems(text: str | bytes) -> list[str]:
    content = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return [problem.text("f") for problem in read_tree(content).problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", {}),
        ("# only a comment\n", {}),
        ("\ufeffa: 1", {"a": 1}),
        ("a: 1\nb: 0x1f\nc: 0o17\nd: -3", {"a": 1, "b": 31, "c": 15, "d": -3}),
        ("a: .5\nb: 1e3\nc: 1.\nd: -.inf", {"a": 0.5, "b": 1000.0, "c": 1.0, "d": float("-inf")}),
        ("a: ~\nb:\nc: null", {"a": None, "b": None, "c": None}),
        ("a: yes\nb: True\nc: 'true'\nd: !!str 12", {"a": "yes", "b": True, "c": "true", "d": "12"}),
        ("1: x\nnull: y", {"1": "x", "null": "y"}),
        ("a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  k: 3", {"a": {"k": 1, "l": 2}, "b": {"k": 3, "l": 2}}),
        ("a: &x {k: 1}\nb: &y {l: 2}\nc: {<<: [*x, *y]}",
         {"a": {"k": 1}, "b": {"l": 2}, "c": {"k": 1, "l": 2}}),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
        ("a: 2024-01-01", {"a": "2024-01-01"}),
        ("a: " + "9" * 50, {"a": "9" * 50}),
    ],
)  # fmt: skip
def test_values_are_those_of_the_core_schema(text: str, value: object) -> None:
    tree = read_tree(text.encode())
    assert (tree.problems, tree.value) == ([], value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: b: c", [f"f:1: column 5: {COLON}"]),
        ("a:\n\tb: 1",
         ["f:2: column 1: a tab cannot indent; use spaces (while scanning for the next token)"]),
        ("url: embedded:", [f"f:1: column 14: {COLON}"]),
        ("a: [1,2",
         ["f:1: column 8: expected ',' or ']', but got '<stream end>' (while parsing a flow sequence)"]),
        ("a: &x [*x]", ["f:1: alias *x has no anchor above it"]),
        ("a: !!python/object:os.system ls",
         ["f:1: tag 'tag:yaml.org,2002:python/object:os.system' is not allowed; plain values need none"]),
        ("a: \x01", ["f:1: holds a control character"]),
        ("a: 1\nb: \x00", ["f:2: holds a control character"]),
        (b"a: 1\nb: \xff", ["f:2: is not UTF-8 text"]),
        ("a: 1\n---\nb: 2", ["f:2: starts a second document; a configuration file is one"]),
        ("- a", ["f:1: must hold keys and values at its top"]),
        ("? [a]\n: b", ["f:1: is a key that is not text"]),
        ("a: 1\nb: {c: 1,\n  c: 2}\na: 3",
         ["f:3: b.c: is a duplicate; it was given in line 2 already",
          "f:4: a: is a duplicate; it was given in line 1 already"]),
        ("<<: 1", ["f:1: <<: must name keys and values to merge"]),
    ],
)  # fmt: skip
def test_what_is_wrong_names_its_line(text: str | bytes, expected: list[str]) -> None:
    assert problems(text) == expected


def bomb(opening: str, closing: str) -> str:
    lines = [f"a0: &a0 {opening}x{closing}" if opening == "[" else "a0: &a0 {k: 1}"]
    for level in range(1, 10):
        names = ", ".join([f"*a{level - 1}"] * 9)
        body = f"[{names}]" if opening == "[" else f"{{<<: [{names}]}}"
        lines.append(f"a{level}: &a{level} {body}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (bomb("[", "]"), "aliases make more than"),
        (bomb("{", "}"), "aliases make more than"),
        ("[" * 5000, "nested deeper"),
        ("{a: " * 5000, "nested deeper"),
        ("- " * 50_000, "nested deeper"),
        ("? " * 50_000, "nested deeper"),
        ("a: [" + "a," * 100_000, "at most 30000 values"),
        ("".join(f"k{n}: v\n" for n in range(20_000)), "at most 30000 values"),
        ("a: " + "!" * 100_000, "is not allowed"),
        ("x" * 10_000_000, f"at most {MAXIMUM_BYTES}"),
        ("&a " * 50_000, "expected"),
    ],
    ids=lambda value: value[:12] if len(value) > 60 else value,
)
def test_hostile_text_is_refused_in_bounded_time_and_in_short_words(text: str, what: str) -> None:
    started = time.process_time()
    found = problems(text)
    assert any(what in problem for problem in found)
    assert all(len(problem) < 300 for problem in found)
    assert time.process_time() - started < 15  # seconds on a loaded machine; unbounded would be minutes


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#?%@,\n \t<~\\0", max_size=60))
@settings(max_examples=300, deadline=None)
def test_no_text_makes_the_reader_fail(text: str) -> None:
    tree = read_tree(text.encode())
    assert isinstance(tree.value, dict)
    for problem in tree.problems:
        assert "\n" not in problem.text("f")


@given(st.binary(max_size=80))
@settings(max_examples=200, deadline=None)
def test_no_bytes_make_the_reader_fail(content: bytes) -> None:
    assert isinstance(read_tree(content).value, dict)
