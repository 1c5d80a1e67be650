"""Which tools fit some words best: BM25 over names, titles, descriptions and arguments (pure)."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from mcp_arangodb_async.tools.spec import Tool, fields_of

# Okapi BM25 with its usual constants.
K1, B = 1.2, 0.75
WORD = re.compile(r"[a-z0-9]+")
# How often a field's words count: a hit in the name says more than one in an argument.
NAME_WEIGHT, TITLE_WEIGHT, TEXT_WEIGHT, ARGUMENT_WEIGHT = 4, 3, 2, 1
# Words people use for what the tools call otherwise.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "delete": ("remove",),
    "drop": ("remove",),
    "add": ("insert", "create"),
    "save": ("backup", "insert"),
    "dump": ("backup",),
    "load": ("restore", "insert"),
    "import": ("insert", "restore"),
    "find": ("query", "search"),
    "select": ("query",),
    "aql": ("query",),
    "sql": ("query",),
    "path": ("shortest", "traverse"),
    "walk": ("traverse",),
    "check": ("validate",),
    "connect": ("connection",),
    "db": ("database",),
    "table": ("collection",),
    "node": ("vertex",),
    "slow": ("profile", "explain"),
}


def words(text: str) -> list[str]:
    """The text's words in lower case, plurals cut to their stem."""
    return [
        word[:-1] if len(word) > 3 and word.endswith("s") else word for word in WORD.findall(text.lower())
    ]


def document(tool: Tool) -> list[str]:
    """The words a tool is found by, each as often as it weighs."""
    fields = (
        (tool.name.removeprefix("arango_"), NAME_WEIGHT),
        (tool.title, TITLE_WEIGHT),
        (tool.description, TEXT_WEIGHT),
        (" ".join(fields_of(tool.args)), ARGUMENT_WEIGHT),
        (tool.category, ARGUMENT_WEIGHT),
    )
    return [word for text, weight in fields for word in words(text.replace("_", " ")) * weight]


def ranked(tools: Sequence[Tool], keywords: Sequence[str]) -> list[Tool]:
    """The tools that match any keyword, the best first; equally good ones in their own order."""
    asked: Counter[str] = Counter()
    for word in (word for keyword in keywords for word in words(keyword.replace("_", " "))):
        if word != "arango":
            asked[word] += 2
            asked.update(SYNONYMS.get(word, ()))
    documents = [Counter(document(tool)) for tool in tools]
    if not documents or not asked:
        return []
    average = sum(found.total() for found in documents) / len(documents)
    scores = [score(found, asked, documents, average) for found in documents]
    order = sorted(range(len(tools)), key=lambda at: -scores[at])
    return [tools[at] for at in order if scores[at] > 0]


def score(
    found: Counter[str], asked: Counter[str], documents: Sequence[Counter[str]], average: float
) -> float:
    """One document's BM25 score; a word also counts, half, where it only begins a word."""
    total = 0.0
    for word, weight in asked.items():
        matching = [term for term in found if term == word or (len(word) > 2 and term.startswith(word))]
        frequency = sum(found[term] * (1 if term == word else 0.5) for term in matching)
        if not frequency:
            continue
        containing = sum(any(term.startswith(word) for term in other) for other in documents)
        rarity = math.log(1 + (len(documents) - containing + 0.5) / (containing + 0.5))
        length = 1 - B + B * found.total() / average
        total += weight * rarity * frequency * (K1 + 1) / (frequency + K1 * length)
    return total
