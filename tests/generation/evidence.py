"""Passages, and a reader whose rule is plain: what a test says of a sentence, it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.passage import Passage, RetrievedPassage
from domain.protocols import Evidence
from retrieval.sentences import sentence_spans


def passage(number: int, text: str, title: str = "", **metadata: str) -> RetrievedPassage:
    made = Passage(f"p{number}", f"d{number}", title, text, f"{number}.md", (0, len(text)), metadata=metadata)
    return RetrievedPassage(made, -float(number), number)


def reading(text: str, scores: Mapping[str, float], relevance: float = 0.9) -> Evidence:
    """Every sentence scores what is given for a part of it, 0.1 otherwise."""
    spans = sentence_spans(text)
    said = [max((p for part, p in scores.items() if part in text[a:b]), default=0.1) for a, b in spans]
    return Evidence(relevance, spans, tuple(said))


class ToldReader:
    """Reads from a table: relevance by passage id, sentence scores by a part of the sentence."""

    def __init__(self, relevance: Mapping[str, float], scores: Mapping[str, float]) -> None:
        self._relevance, self._scores = relevance, scores

    def read(self, query: str, passages: Sequence[Passage]) -> list[Evidence]:
        return [reading(one.text, self._scores, self._relevance.get(one.id, 0.5)) for one in passages]
