"""What a client's model has to read before its first call, measured on what really comes over the wire."""

from __future__ import annotations

import json

import pytest

from tests.interaction.conversation import Places, Way
from tests.test_catalog import BUDGETED, MOST_TOKENS

pytestmark = pytest.mark.anyio
MOST_INSTRUCTIONS = 2048


async def test_the_list_and_the_instructions_fit_their_budgets(way: Way, places: Places) -> None:
    async with places.open(way) as talk, talk() as client:
        listed = (await client.client.list_tools()).tools
        tools = {tool.name: tool.model_dump(by_alias=True, exclude_none=True, mode="json") for tool in listed}
        budgeted = [tools[f"arango_{name}"] for name in BUDGETED]
        assert len(budgeted) == 49
        assert len(json.dumps(budgeted, separators=(",", ":"), ensure_ascii=False)) / 4 <= MOST_TOKENS
        advertised = {
            name for name, tool in tools.items() if "session" in tool["inputSchema"].get("properties", ())
        }
        assert bool(advertised) == (way.carrier == "http")
        if way.era == "handshake":
            instructions = client.client.instructions
            assert instructions
            assert len(instructions.encode()) <= MOST_INSTRUCTIONS
