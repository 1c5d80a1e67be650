"""The arguments of a call become the tool's `Args` record, or an error that names the argument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, cast

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.tools.spec import Args, fields_of

# Problems told in one message; a model mends a few at a time.
SHOWN = 5


def parse_args(args: type[Args], raw: Mapping[str, Any]) -> Args:
    """The record; raises `InputError` naming the first wrong field and describing every one.

    Accepted beyond the schema: spellings of earlier releases, null for an optional argument, and an object or
    array written as JSON text, as some clients send it.
    """
    also = args.also
    given = {also.get(name, name): value for name, value in raw.items()} if also else dict(raw)
    if len(given) != len(raw):
        twice = sorted(name for name in raw if also.get(name, name) != name)
        raise InputError(
            f"{', '.join(twice)}: given twice, in an old and the current spelling", field=twice[0]
        )
    fields = fields_of(args)
    unknown = [name for name in given if name not in fields]
    if unknown:
        raise unknown_argument(unknown, list(fields))
    if None in given.values():
        given = {
            name: value for name, value in given.items() if value is not None or fields[name].is_required()
        }
    try:
        return args.model_validate(given)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        mended = with_json_text_parsed(given, problems)
        if mended is None:
            raise invalid(problems) from None
    try:
        return args.model_validate(mended)
    except ValidationError as error:
        raise invalid(error.errors(include_url=False, include_input=False)) from None


def unknown_argument(unknown: Sequence[str], possible: Sequence[str]) -> InputError:
    """The error for names the tool does not have, with the closest ones it has."""
    close: list[str] = []
    for name in unknown:
        close += [match for match in get_close_matches(name, possible, n=2, cutoff=0.5) if match not in close]
    names = ", ".join(repr(name[:64]) for name in unknown[:SHOWN])
    return InputError(
        f"no argument {names}; possible: {', '.join(possible) or 'none'}",
        field=unknown[0][:64],
        did_you_mean=close,
    )


def with_json_text_parsed(
    given: Mapping[str, Any], problems: Sequence[ErrorDetails]
) -> dict[str, Any] | None:
    """The arguments with JSON text in place of an object or array parsed; None if that mends nothing."""
    mended = dict(given)
    for problem in problems:
        name = problem["loc"][0] if len(problem["loc"]) == 1 else None
        value = given.get(cast("str", name))
        if not isinstance(value, str) or problem["type"] not in {"dict_type", "list_type", "tuple_type"}:
            return None
        try:
            mended[cast("str", name)] = orjson.loads(value)
        except orjson.JSONDecodeError:
            return None
    return mended


def invalid(problems: Sequence[ErrorDetails]) -> InputError:
    """One error for all problems: the field is the first one's, the message tells each."""
    told = [f"{path(problem)}: {wording(problem)}" for problem in problems[:SHOWN]]
    if len(problems) > SHOWN:
        told.append(f"and {len(problems) - SHOWN} more")
    return InputError("; ".join(told), field=path(problems[0]))


def path(problem: ErrorDetails) -> str:
    """Where the problem is, as `filters.0.op`."""
    return ".".join(str(part) for part in problem["loc"])


# In JSON's words, where the validator speaks of Python's types.
WORDINGS: Mapping[str, str] = {
    "missing": "is required",
    "extra_forbidden": "is not an argument",
    "dict_type": "should be an object",
    "model_type": "should be an object",
    "list_type": "should be an array",
    "too_short": "should have at least {min_length} items",
    "too_long": "should have at most {max_length} items",
    "none_required": "should be null",
}


def wording(problem: ErrorDetails) -> str:
    """What is wrong, as it stands behind the name of the argument."""
    known = WORDINGS.get(problem["type"])
    if known is not None:
        return known.format_map(problem.get("ctx", {}))
    message = problem["msg"]
    return message.removeprefix("Input ").removeprefix("Value error, ")
