"""Prepared turns with a plain rule: the surer the sentence, the likelier it is the answer."""

from __future__ import annotations

from domain.conversation import Query
from domain.passage import Passage, RetrievedPassage
from domain.protocols import Draft, Evidence
from evaluation.weighting_turns import CONVERSED, Prepared, PreparedTurn, Wanted
from generation.sentence_scoring import FEATURES
from retrieval.sentences import sentence_spans

EVIDENCE_AT = FEATURES.index("evidence")


def by_evidence(features: object) -> float:
    """The probability is what the reader said."""
    return float(features[EVIDENCE_AT])  # type: ignore[index]


def turn(number: int, *, sure: float = 0.8, right: bool = True, answerable: bool = True) -> PreparedTurn:
    """A question about plan ``number`` with two passages; the first sentence is as sure as given."""
    texts = (f"Plan {number} costs £{number} a month.", f"Harbour {number} opens for £5000.")
    passages = [Passage(f"p{i}", f"d{i}", "Plans", text, "a.md", (0, len(text))) for i, text in enumerate(texts)]
    scores = (sure, 0.05)
    signals = {"dense_rank": 1.0, "bm25_rank": 2.0}
    prepared = Prepared(
        Query(f"what does plan {number} cost", f"what does plan {number} cost"),
        tuple(RetrievedPassage(one, -float(i), i, signals) for i, one in enumerate(passages, 1)),
        tuple(Evidence(sure, sentence_spans(text), (0.5,)) for text in texts),
        tuple((tuple(p if i == EVIDENCE_AT else 0.0 for i in range(len(FEATURES))),) for p in scores),
        (Draft(texts[0].replace(" a month", ""), -2.0, 8, "beam 1"),),
    )
    facts = ((f"£{number}" if right else "£9999",),) if answerable else ()
    return PreparedTurn(CONVERSED, f"conversation {number % 10}", prepared, Wanted(texts[0], facts))


def turns(count: int = 60) -> list[PreparedTurn]:
    """Sure turns are right, unsure ones wrong, but for every seventh."""
    return [turn(n, sure=0.9 if n % 2 else 0.2, right=bool(n % 2) is (n % 7 != 0)) for n in range(1, count + 1)]
