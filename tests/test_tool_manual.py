"""The pages about tools say what the code says; `make manual` writes them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.tool_manual import FAMILIES, Family, Page, contents, conversations, written

DIRECTORY = Path(__file__).parent.parent / "docs" / "manual" / "tools"
CONTENTS = re.compile(r"(?<=<!-- contents -->\n).*?(?=<!-- end -->)", re.DOTALL)
PAGES = [(family, page) for family in FAMILIES for page in family.pages]
LINK = re.compile(r"\]\((?P<file>[^)#]*)(?:#(?P<anchor>[^)]*))?\)")


@pytest.mark.parametrize(("family", "page"), PAGES, ids=[page.name for _, page in PAGES])
def test_a_page_is_what_the_code_says(family: Family, page: Page, update: bool) -> None:
    path = DIRECTORY / f"{page.name}.md"
    found = written(page, family)
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
    assert all(f"`{tool.name}`" in found for family in FAMILIES for tool in family.tools)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.conversations)
def test_every_tool_is_on_one_page_and_in_a_conversation(family: Family) -> None:
    names = [tool.name for tool in family.tools]
    assert sorted(tool.name for page in family.pages for tool in family.tools_of(page)) == sorted(names)
    assert set(names) <= {one.tool for one in conversations(family) if not one.error}


def test_no_page_is_left_over_and_no_link_leads_nowhere() -> None:
    assert {path.stem for path in DIRECTORY.glob("*.md")} == {*(page.name for _, page in PAGES), "README"}
    for path in DIRECTORY.glob("*.md"):
        for link in LINK.finditer(path.read_text(encoding="utf-8")):
            target = (path.parent / link["file"]) if link["file"] else path
            assert target.exists(), f"{path.name}: {link[0]}"
            anchor = link["anchor"]
            if anchor:
                heads = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
                assert anchor in {head.lower().replace(" ", "-") for head in heads}, link[0]
