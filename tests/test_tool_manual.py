"""The pages about tools say what the code says; `make manual` writes them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mcp_arangodb_async.tools.catalog import ALL_TOOLS
from tests.tool_manual import EXAMPLES, GOLDENS, PAGES, contents, page, spoken

DIRECTORY = Path(__file__).parent.parent / "docs" / "manual" / "tools"
CONTENTS = re.compile(r"(?<=<!-- contents -->\n).*?(?=<!-- end -->)", re.DOTALL)
LINK = re.compile(r"\]\((?P<file>[^)#]*)(?:#(?P<anchor>[^)]*))?\)")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_says(name: str, update: bool) -> None:
    path = DIRECTORY / f"{name}.md"
    found = page(name)
    if update:
        path.write_text(found, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == found


def test_the_list_of_pages_has_every_tool(update: bool) -> None:
    path = DIRECTORY / "README.md"
    text = path.read_text(encoding="utf-8")
    found = CONTENTS.sub(lambda _: f"\n{contents()}\n\n", text)
    if update:
        path.write_text(found, encoding="utf-8")
    assert text == found or update
    assert all(f"`{tool.name}`" in found for tool in ALL_TOOLS)


def test_every_tool_is_called_in_the_conversation_of_the_manual() -> None:
    called = {one.tool for one in spoken((GOLDENS / EXAMPLES).read_text(encoding="utf-8")) if not one.error}
    assert called == {tool.name for tool in ALL_TOOLS}


def test_no_page_is_left_over_and_no_link_leads_nowhere() -> None:
    assert {path.stem for path in DIRECTORY.glob("*.md")} == {*PAGES, "README"}
    for path in DIRECTORY.glob("*.md"):
        for link in LINK.finditer(path.read_text(encoding="utf-8")):
            target = (path.parent / link["file"]) if link["file"] else path
            assert target.exists(), f"{path.name}: {link[0]}"
            anchor = link["anchor"]
            if anchor:
                heads = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
                assert anchor in {head.lower().replace(" ", "-") for head in heads}, link[0]
