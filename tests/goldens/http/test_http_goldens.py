"""Conversations with the HTTP API, as scripts with their answers.

A script is a text file: requests start with `> METHOD path {json}` (`as user:password` may come before the
method, headers follow as `| name: value`), the answer stands below `---`: status, telling headers, body. What
differs from run to run (revisions, ids, times) is shown as `«rev1»`, `«id1»`, ...: the same text for the same
value. `>> METHOD path {json}` is a request that has to succeed and whose answer is not shown.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from mcp_arangodb_async.engine import Api, Engine, Request, Response

SCRIPTS = sorted(Path(__file__).parent.glob("*.txt"))
TELLING = ("location", "etag", "x-arango-error-codes", "x-arango-async-id", "www-authenticate", "allow")
# Attributes whose values are new in every run, and what they are called in a script.
CHANGING = {
    "_rev": "rev", "_oldRev": "rev", "revision": "rev", "etag": "rev", "id": "id", "globallyUniqueId": "guid",
    "objectId": "object", "_key": "key", "_id": "doc", "checksum": "checksum", "location": "location",
    "token": "token", "jwt": "token", "fingerprint": "fingerprint", "created_at": "time", "time": "time",
    "lastValue": "last", "x-arango-async-id": "id", "executionTime": "seconds", "peakMemoryUsage": "bytes",
}  # fmt: skip


class Conversation:
    """One script's engine, and the names given to changing values so far."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._names: dict[Any, str] = {}

    def send(self, request: str, *, quiet: bool = False) -> str:
        """The answer to one request of a script, as text; a quiet one has to succeed."""
        head, *lines = request.split("\n")
        user = ""
        if head.startswith("as "):
            user, head = head[3:].split(" ", 1)
        method, path, *body = head.split(" ", 2)
        headers = {"authorization": "Basic " + base64.b64encode(user.encode()).decode()} if user else {}
        headers |= dict(line[2:].split(": ", 1) for line in lines if line.startswith("| "))
        text = "\n".join([*body, *(line for line in lines if not line.startswith("| "))])
        path, _, query = self._known(path).partition("?")
        headers = {name: self._known(value) for name, value in headers.items()}
        answer = self._api.handle(
            Request(method=method, path=path, query=query, headers=headers, body=self._known(text).encode())
        )
        assert not (quiet and answer.status >= 400), f"{request}: {answer.body!r}"
        return self._shown(answer)

    def _known(self, text: str) -> str:
        values = {name: value for value, name in self._names.items()}
        return re.sub("«[^»]+»", lambda match: str(values.get(match.group(), match.group())), text)

    def _shown(self, answer: Response) -> str:
        shown = [str(answer.status)]
        kind = answer.headers.get("content-type", "")
        body = ""
        if answer.body and kind.startswith("application/json"):
            body = json.dumps(self._masked(json.loads(answer.body)), ensure_ascii=False, indent=2)
            body = re.sub(r"(idx_|transaction ')\d+", r"\1«number»", body)
            body = re.sub(r"(?s)[\[{][^\[\]{}]*[\]}]", _on_one_line, body)
        shown += [
            f"{name}: {self._masked_text(name, answer.headers[name])}"
            for name in TELLING
            if name in answer.headers
        ]
        return "\n".join([*shown, *([body] if body else [])])

    def _masked(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            members = cast("dict[str, Any]", value).items()
            if name == "stats":  # what was counted, but not how long it took
                members = [(key, item) for key, item in members if item and CHANGING.get(key) is None]
            return {key: self._masked(item, key) for key, item in members}
        if isinstance(value, list):
            return [self._masked(item, name) for item in cast("list[Any]", value)]
        return self._masked_text(name, value) if CHANGING.get(name) else value

    def _masked_text(self, name: str, value: Any) -> Any:
        kind = CHANGING.get(name)
        if kind is None:
            return value
        if isinstance(value, str):
            # Keys, ids and locations hold numbers that the engine made; names that the script chose stay.
            quote = value.startswith('"')
            bare = value.strip('"')
            if kind in {"key", "doc", "location", "id"}:
                return re.sub(
                    r"(?<![\w-])\d{2,}(?![\w-])", lambda match: self._name("id", match.group()), bare
                )
            named = self._name(kind, bare)
            return f'"{named}"' if quote else named
        return (
            f"«{kind}»"
            if isinstance(value, int | float) and kind in {"seconds", "bytes", "time", "last"}
            else value
        )

    def _name(self, kind: str, value: str) -> str:
        if value not in self._names:
            number = sum(name.startswith(f"«{kind}") for name in self._names.values()) + 1
            self._names[value] = f"«{kind}{number}»"
        return self._names[value]


def _on_one_line(match: re.Match[str]) -> str:
    text = re.sub(r"\s*\n\s*", " ", match.group())
    text = text.replace("[ ", "[").replace(" ]", "]").replace("{ ", "{").replace(" }", "}")
    return text if len(text) < 100 else match.group()


def steps(text: str) -> Iterator[tuple[str, str | None]]:
    """Comments and requests in order; a request comes with its answer, the others with none."""
    for block in re.split(r"\n\n+(?=[#>])", text.strip("\n")):
        if block.startswith(">> "):
            yield block[3:], None
        elif block.startswith("> "):
            request, separator, answer = f"{block[2:]}\n".partition("\n---\n")
            assert separator, f"a request without an answer: {request}"
            yield request, answer.rstrip("\n")
        else:
            assert block.startswith("#"), f"neither a comment nor a request: {block[:60]}"
            yield block, None


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_the_api_answers_as_the_script_says(script: Path, update: bool) -> None:
    text = script.read_text(encoding="utf-8")
    said = list[str]()
    with Engine.open(None) as engine, Api(engine, authentication="as root:" in text) as api:
        conversation = Conversation(api)
        for part, answer in steps(text):
            if part.startswith("#"):
                said.append(part)
            elif answer is None:
                conversation.send(part, quiet=True)
                said.append(f">> {part}")
            else:
                said.append(f"> {part}\n---\n{conversation.send(part)}")
    now = "\n\n".join(said) + "\n"
    if update:
        script.write_text(now, encoding="utf-8")
    else:
        assert now == text


def test_there_are_scripts() -> None:
    assert SCRIPTS
