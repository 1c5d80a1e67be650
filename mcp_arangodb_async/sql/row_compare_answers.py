"""Which environments gave the same answer, their engines' types and the order of rows aside."""

from __future__ import annotations

from collections.abc import Mapping

from mcp_arangodb_async.sql.answer import Answer
from mcp_arangodb_async.sql.row_compare_plan import result_type
from mcp_arangodb_async.sql.row_compare_values import Reading, encoded, kind_of, reader, reading_of
from mcp_arangodb_async.sql.values import unique_names


def equal_answers(answers: Mapping[str, Answer]) -> list[list[str]]:
    """The names of environments in groups with equal answers; answers that were cut are in none."""
    by_columns: dict[tuple[str, ...], dict[str, Answer]] = {}
    for environment, answer in answers.items():
        if not answer.truncated:
            names = tuple(name.casefold() for name in unique_names(answer.columns))
            by_columns.setdefault(names, {})[environment] = answer
    groups: dict[tuple[tuple[str, ...], bytes], list[str]] = {}
    for names, alike in by_columns.items():
        for environment, content in contents(alike).items():
            groups.setdefault((names, content), []).append(environment)
    return list(groups.values())


def contents(answers: Mapping[str, Answer]) -> dict[str, bytes]:
    """The rows of answers with the same columns, as bytes that are equal where the rows are."""
    types = {
        name: [result_type(answer.engine, column.type) for column in answer.columns]
        for name, answer in answers.items()
    }
    readings: list[Reading] = [
        reading_of(map(kind_of, column)) for column in zip(*types.values(), strict=True)
    ]
    found: dict[str, bytes] = {}
    for name, answer in answers.items():
        readers = [
            reader(reading, kind, answer.engine) for reading, kind in zip(readings, types[name], strict=True)
        ]
        rows = [
            encoded(
                [value if read is None else read(value) for value, read in zip(row, readers, strict=True)]
            )
            for row in answer.rows
        ]
        found[name] = b"\n".join(sorted(rows))
    return found
