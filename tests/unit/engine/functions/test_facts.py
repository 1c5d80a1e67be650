"""Facts about every function: `facts/*.txt`, one a line, as in `LOWER(1) => "1" !1542`.

A line is an expression, its value as JSON or `error` and a number, and the numbers of the warnings.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from mcp_arangodb_async.engine.database import Database
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.functions import FUNCTIONS
from mcp_arangodb_async.engine.instance import Engine
from mcp_arangodb_async.engine.values import encode_json

FACTS = Path(__file__).parent / "facts"
# Functions of views and indexes, of a cluster, and what was removed: other rooms show them.
WITHOUT_FACTS = {
    "ANALYZER", "APPROX_NEAR_COSINE", "APPROX_NEAR_INNER_PRODUCT", "APPROX_NEAR_L2", "BM25", "BOOST",
    "EXISTS", "FULLTEXT", "MINHASH_MATCH", "OFFSET_INFO", "PHRASE", "RANDOM", "SHARD_ID",
    "TFIDF", "WITHIN", "WITHIN_RECTANGLE",
}  # fmt: skip
OUTCOME = re.compile(r"(.*?)((?: !\d+)*)")
LINES = [
    pytest.param(expression, outcome, id=f"{path.stem}: {expression}")
    for path in sorted(FACTS.glob("*.txt"))
    for line in path.read_text(encoding="utf-8").splitlines()
    if line
    for expression, _, outcome in [line.rpartition(" => ")]
]


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    engine = Engine.open(None)
    yield engine.database("_system")
    engine.close()


def close(found: Any, expected: Any) -> bool:
    """Say whether two values are the same but for the last digits of numbers."""
    if isinstance(found, list) and isinstance(expected, list):
        left, right = cast("list[Any]", found), cast("list[Any]", expected)
        return len(left) == len(right) and all(map(close, left, right))
    if isinstance(found, int | float) and isinstance(expected, float):
        return math.isclose(found, expected, rel_tol=1e-12, abs_tol=1e-12)
    return json.dumps(found, sort_keys=True) == json.dumps(expected, sort_keys=True)


@pytest.mark.parametrize(("expression", "outcome"), LINES)
def test_fact(database: Database, expression: str, outcome: str) -> None:
    if outcome.startswith("error "):
        with pytest.raises(ArangoError) as caught:
            list(database.query(f"RETURN {expression}").rows)
        assert caught.value.num == int(outcome.removeprefix("error "))
        return
    value, numbers = OUTCOME.fullmatch(outcome).groups()  # pyright: ignore[reportOptionalMemberAccess]
    result = database.query(f"RETURN {expression}")
    (found,) = (json.loads(encode_json(row)) for row in result.rows)
    assert close(found, json.loads(value)), found
    assert [warning["code"] for warning in result.warnings] == [int(n) for n in numbers.split(" !")[1:]]


def test_every_function_has_a_fact_or_a_reason() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in FACTS.glob("*.txt"))
    missing = {name for name in FUNCTIONS if f"{name}(" not in text}
    assert missing <= WITHOUT_FACTS
