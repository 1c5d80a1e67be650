"""A program that speaks MCP on its standard input and output, for the tests of `stdio`; run as a file.

It uses the standard library only, so that it starts fast. Its tools tell what it sees of its environment, and
misbehave when they are asked to.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

Arguments = dict[str, Any]


def say(**message: Any) -> None:
    """Write a message."""
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def echo(arguments: Arguments, meta: Arguments) -> str:
    """Its text."""
    return str(arguments.get("text", ""))


def steps(arguments: Arguments, meta: Arguments) -> str:
    """Progress, one step after the other."""
    count = int(arguments["steps"])
    for step in range(1, count + 1):
        if "progressToken" in meta:
            params = {
                "progressToken": meta["progressToken"], "progress": step, "total": count,
                "message": f"step {step}",
            }  # fmt: skip
            say(method="notifications/progress", params=params)
    return f"{count} steps"


def ask(arguments: Arguments, meta: Arguments) -> str:
    """A question to the user."""
    schema = {"type": "object", "properties": {"sure": {"type": "boolean"}}, "required": ["sure"]}
    params = {"message": f"Drop {arguments['what']}?", "requestedSchema": schema}
    say(id="question", method="elicitation/create", params=params)
    for line in sys.stdin:
        answer = json.loads(line)
        if answer.get("id") == "question":
            if "error" in answer:
                raise ValueError("nobody answers")
            result = answer["result"]
            return "dropped" if result["action"] == "accept" and result["content"]["sure"] else "kept"
    return "gone"


def environment(arguments: Arguments, meta: Arguments) -> str:
    """Everything the program can see of where it runs."""
    return json.dumps({"environ": dict(os.environ), "arguments": sys.argv[1:], "pid": os.getpid()})


def die(arguments: Arguments, meta: Arguments) -> str:
    """End at once."""
    os._exit(3)


def flood(arguments: Arguments, meta: Arguments) -> str:
    """A line without end."""
    while True:
        sys.stdout.write("x" * 65536)
        sys.stdout.flush()


def noise(arguments: Arguments, meta: Arguments) -> str:
    """A print that is no message, before the answer."""
    sys.stdout.write("hello, I am a log line\n")
    return "after noise"


TOOLS: dict[str, Callable[[Arguments, Arguments], str]] = {
    tool.__name__: tool for tool in (echo, steps, ask, environment, die, flood, noise)
}


def result_of(method: str, params: Arguments) -> Arguments:
    """The result of a request."""
    match method:
        case "initialize":
            return {
                "protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                "serverInfo": {"name": "piped", "version": "1"},
            }  # fmt: skip
        case "tools/list":
            return {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in TOOLS]}
        case "tools/call":
            text = TOOLS[params["name"]](params.get("arguments") or {}, params.get("_meta") or {})
            return {"content": [{"type": "text", "text": text}]}
        case _:
            raise ValueError(f"no method {method}")


def main() -> None:
    """Serve until the input ends."""
    for line in sys.stdin:
        message = json.loads(line)
        if "method" not in message or "id" not in message:
            continue
        try:
            say(id=message["id"], result=result_of(message["method"], message.get("params") or {}))
        except (ValueError, KeyError) as error:
            say(id=message["id"], error={"code": -32603, "message": str(error)})


if __name__ == "__main__":
    main()
