"""Arguments become a record, or an error that names the argument."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import pytest
from pydantic import Field

from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.tools.arguments import parse_args
from mcp_arangodb_async.tools.spec import DatabaseArgs, Names


class ExampleArgs(DatabaseArgs):
    """An example with one argument of each kind."""

    query: str = Field(description="text")
    bind_vars: dict[str, Any] | None = Field(None, description="object")
    count: int = Field(10, ge=1, description="number")
    kind: Literal["a", "b"] = Field("a", description="choice")
    names: Names = Field([], description="names")

    also: ClassVar = {"bindVars": "bind_vars", "name": "names"}


def parse(**given: Any) -> ExampleArgs:
    args = parse_args(ExampleArgs, given)
    assert isinstance(args, ExampleArgs)
    return args


def test_current_names_are_taken() -> None:
    args = parse(query="RETURN 1", bind_vars={"a": 1}, database="x")
    assert (args.query, args.bind_vars, args.count, args.database) == ("RETURN 1", {"a": 1}, 10, "x")


def test_old_spellings_are_taken() -> None:
    assert parse(query="q", bindVars={"a": 1}).bind_vars == {"a": 1}


def test_an_old_spelling_beside_the_new_one_is_refused() -> None:
    with pytest.raises(InputError, match="bindVars: given twice") as caught:
        parse(query="q", bindVars={}, bind_vars={})
    assert caught.value.field == "bindVars"


def test_null_is_the_same_as_leaving_an_optional_argument_out() -> None:
    args = parse(query="q", count=None, database=None, names=None)
    assert (args.count, args.names) == (10, [])


def test_null_is_no_value_for_a_required_argument() -> None:
    with pytest.raises(InputError, match="query: should be a valid string"):
        parse(query=None)


def test_objects_written_as_json_text_are_taken() -> None:
    args = parse(query="q", bind_vars='{"a": [1]}', names='["x", "y"]')
    assert args.bind_vars == {"a": [1]}
    assert args.names == ["x", "y"]


def test_text_that_is_no_json_is_refused() -> None:
    with pytest.raises(InputError, match="bind_vars: should be an object"):
        parse(query="q", bind_vars="{a: 1")


def test_one_name_is_a_list_of_one() -> None:
    assert parse(query="q", name="routes").names == ["routes"]


def test_an_unknown_name_gets_the_closest_ones() -> None:
    with pytest.raises(InputError) as caught:
        parse(query="q", bind_var={})
    assert caught.value.field == "bind_var"
    assert caught.value.did_you_mean[0] == "bind_vars"
    assert "possible: " in caught.value.message


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        parse(count=0, kind="c")
    assert caught.value.field == "query"
    assert caught.value.message == (
        "query: is required; count: should be greater than or equal to 1; kind: should be 'a' or 'b'"
    )


@pytest.mark.parametrize("name", ["x" * 10_000, "\n\0", "__class__", "model_config", "also"])
def test_hostile_names_are_refused_and_shortened(name: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_args(ExampleArgs, {"query": "q", name: 1})
    assert len(caught.value.message) < 300


def test_values_are_not_repeated_in_messages() -> None:
    with pytest.raises(InputError) as caught:
        parse(query="q", count="hunter2")
    assert "hunter2" not in caught.value.message
