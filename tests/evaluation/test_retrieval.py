from __future__ import annotations

import json
from collections.abc import Sequence

from corpora.doc2dial import GoldSet, GoldTurn, GroundedTurn
from domain.conversation import Gate, Query
from domain.passage import Passage, RetrievedPassage
from evaluation.retrieval import as_typed, evaluate, measures, report, with_history


class WordOverlap:
    """Finds the passages that share a word with the query, those with most shared words first."""

    def __init__(self, texts: dict[str, str]) -> None:
        self._texts = texts

    def retrieve(self, query: Query, k: int) -> Sequence[RetrievedPassage]:
        asked = set(query.text.lower().split())
        shared = {name: len(asked & set(text.split())) for name, text in self._texts.items()}
        best = sorted((name for name in shared if shared[name]), key=lambda name: (-shared[name], name))[:k]
        return [
            RetrievedPassage(Passage(name, name, "", self._texts[name], "", (0, 1)), float(shared[name]), rank)
            for rank, name in enumerate(best, start=1)
        ]


TEXTS = {"fee": "moving home costs twenty pounds", "red": "a red light means no fibre", "it": "what does it cost"}
TURNS = GoldSet(
    (
        GoldTurn(
            GroundedTurn("1", "what does it cost", (("moving home", "yes"),), "d", "f", "g", 0), frozenset({"fee"})
        ),
        GoldTurn(GroundedTurn("2", "red light", (), "d", "f", "g", 0), frozenset({"red"})),
    ),
    unaligned=3,
)


def rewritten(question: str, history: Sequence[tuple[str, str]]) -> Query:
    return Query("moving home costs" if history else question, question, Gate.REWRITE)


def test_every_way_to_ask_is_measured_with_every_retriever() -> None:
    told: list[tuple[int, int]] = []
    systems = {"words": WordOverlap(TEXTS), "nothing": WordOverlap({})}
    lines = evaluate(TURNS, rewritten, systems, lambda done, total: told.append((done, total)))
    found = {(line.asked, line.searched): line.measures["R@1"].mean for line in lines}
    assert found == {
        ("last message", "words"): 0.5,
        ("last message", "nothing"): 0.0,
        ("full history", "words"): 0.5,
        ("full history", "nothing"): 0.0,
        ("rewritten", "words"): 1.0,
        ("rewritten", "nothing"): 0.0,
    }
    assert told == [(n, 12) for n in range(1, 13)]


def test_the_history_follows_the_message_newest_first() -> None:
    query = with_history("now", (("first", "one"), ("second", "")))
    assert query.text == "now\nsecond\none\nfirst"
    assert query.original == "now"
    assert as_typed("now") == Query("now", "now")


def test_measures_look_no_deeper_than_their_cutoff() -> None:
    ranked = [["a", "b", "c", "d", "e", "gold"], ["gold"]]
    found = measures(ranked, [frozenset({"gold"})] * 2)
    assert {name: estimate.mean for name, estimate in found.items()} == {
        "R@1": 0.5,
        "R@5": 0.5,
        "R@10": 1.0,
        "MRR": (1 / 6 + 1) / 2,
    }


def test_the_report_tells_the_numbers_and_what_was_left_out() -> None:
    lines = evaluate(TURNS, rewritten, {"words": WordOverlap(TEXTS)}, lambda done, total: None)
    table = report(lines, TURNS, "Retrieval", {"commit": "abc"})
    assert "rewritten, words" in table.as_text()
    assert "100.0 [100.0–100.0]" in table.as_markdown()
    assert "2; 3 more left out" in table.as_text()
    results = json.loads(table.as_json())["results"]
    assert [row["R@1"]["mean"] for row in results] == [0.5, 0.5, 1.0]
