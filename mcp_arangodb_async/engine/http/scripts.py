"""`/_api/aqlfunction`: user-defined functions are kept, listed and removed; they cannot be called.

The engine runs no JavaScript: a query that calls one gets error 1582. What is stored here survives a move to
a real server, which can run it. Code is checked as far as it can be without a JavaScript parser.
"""

from __future__ import annotations

import re
from typing import Any

from mcp_arangodb_async.engine.catalog.options import WriteOptions
from mcp_arangodb_async.engine.errors import (
    ERROR_QUERY_FUNCTION_INVALID_CODE,
    ERROR_QUERY_FUNCTION_INVALID_NAME,
    ERROR_QUERY_FUNCTION_NOT_FOUND,
    ArangoError,
)
from mcp_arangodb_async.engine.http.call import Call, merged, result
from mcp_arangodb_async.engine.http.messages import Response
from mcp_arangodb_async.engine.http.parameters import flag_field
from mcp_arangodb_async.engine.http.routing import Need, Route

Json = dict[str, Any]

_FUNCTIONS = "_aqlfunctions"
_NAME = re.compile(r"[A-Za-z0-9_]+(::[A-Za-z0-9_]+)+")
_TOKEN = re.compile(
    r"""//[^\n]* | /\*.*?\*/ | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' | `(?:\\.|[^`\\])*`
        | [A-Za-z_$][\w$]* | \d[\w.]* | \n | [^\S\n]+ | .""",
    re.DOTALL | re.VERBOSE,
)
_CLOSES = {")": "(", "]": "[", "}": "{"}
# Words after which another word may follow on the same line.
_WORDS_BEFORE_WORDS = frozenset({
    "async", "await", "break", "case", "class", "const", "continue", "default", "delete", "do", "else",
    "export", "extends", "finally", "for", "function", "get", "if", "import", "in", "instanceof", "let",
    "new", "of", "return", "set", "static", "switch", "throw", "try", "typeof", "var", "void", "while",
    "with", "yield",
})  # fmt: skip
_WORDS_AFTER_WORDS = {"in", "instanceof", "of", "extends", "as", "from"}


def check_code(code: str) -> None:
    """Refuse what is no JavaScript on sight: not a function, brackets apart, two words side by side."""
    depth = list[str]()
    before = ""
    for match in _TOKEN.finditer(code):
        part = match.group()
        if part.startswith(("//", "/*")) or (part.isspace() and part != "\n"):
            continue
        if part in "([{":
            depth.append(part)
        elif part in _CLOSES and (not depth or depth.pop() != _CLOSES[part]):
            raise ArangoError(
                ERROR_QUERY_FUNCTION_INVALID_CODE, f"unexpected '{part}' in the function's code"
            )
        elif _is_word(before) and _is_word(part) and not _may_follow(before, part):
            raise ArangoError(ERROR_QUERY_FUNCTION_INVALID_CODE, f"unexpected '{part}' after '{before}'")
        before = part
    if depth:
        raise ArangoError(ERROR_QUERY_FUNCTION_INVALID_CODE, f"'{depth[-1]}' is not closed")
    if not re.match(r"\s*(\(?\s*function\b|\(?[\w$,\s]*\)?\s*=>)", code):
        raise ArangoError(ERROR_QUERY_FUNCTION_INVALID_CODE, "the code must be a single function")


def _is_word(part: str) -> bool:
    return bool(part) and (part[0].isalnum() or part[0] in "_$\"'")


def _may_follow(before: str, part: str) -> bool:
    return before in _WORDS_BEFORE_WORDS or part in _WORDS_AFTER_WORDS


def list_functions(call: Call) -> Response:
    """All functions, or those below a namespace."""
    prefix = call.names.get("name") or call.parameters.text("namespace")
    with call.transaction(write=False) as tx:
        found = [
            {"name": entry["name"], "code": entry["code"], "isDeterministic": entry["isDeterministic"]}
            for entry in tx.collection(_FUNCTIONS).scan(tx)
            if not prefix or entry["name"].upper().startswith(f"{prefix.upper().rstrip(':')}::")
        ]
    return result(sorted(found, key=lambda entry: str(entry["name"])))


def create_function(call: Call) -> Response:
    body = call.fields
    name, code = body.get("name"), body.get("code")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ArangoError(ERROR_QUERY_FUNCTION_INVALID_NAME)
    if not isinstance(code, str) or not code:
        raise ArangoError(ERROR_QUERY_FUNCTION_INVALID_CODE)
    check_code(code)
    document = {
        "_key": name.upper(),
        "name": name,
        "code": code,
        "isDeterministic": flag_field(body, "isDeterministic"),
    }
    with call.transaction(write=True) as tx:
        change = tx.collection(_FUNCTIONS).insert(tx, document, WriteOptions(overwrite_mode="replace"))
    is_new = change.old is None
    return merged({"isNewlyCreated": is_new}, 201 if is_new else 200)


def remove_function(call: Call) -> Response:
    """One function by its name, or with `group` all below a namespace."""
    name = call.names["name"].upper()
    with call.transaction(write=True) as tx:
        collection = tx.collection(_FUNCTIONS)
        if call.parameters.flag("group"):
            prefix = name.rstrip(":") + "::"
            keys = [
                str(entry["_key"]) for entry in collection.scan(tx) if str(entry["_key"]).startswith(prefix)
            ]
        else:
            if collection.get(tx, name) is None:
                raise ArangoError(
                    ERROR_QUERY_FUNCTION_NOT_FOUND,
                    f"no AQL user function with name '{call.names['name']}' found",
                )
            keys = [name]
        for key in keys:
            collection.remove(tx, key)
    return merged({"deletedCount": len(keys)})


ROUTES: tuple[Route, ...] = (
    Route("GET", "/_api/aqlfunction", list_functions),
    Route("GET", "/_api/aqlfunction/{name}", list_functions),
    Route("POST", "/_api/aqlfunction", create_function, Need.WRITE),
    Route("DELETE", "/_api/aqlfunction/{name}", remove_function, Need.WRITE),
)
