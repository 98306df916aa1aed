from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pytest

from domain.conversation import Query
from domain.errors import Misconfigured
from domain.passage import Passage, RetrievedPassage
from domain.protocols import Evidence
from retrieval.reranking import RerankingRetriever, ThresholdedRetriever, blend

QUESTION = Query("question", "as typed")


def retrieved(*ids: str) -> list[RetrievedPassage]:
    passages = [Passage(id_, "d", "", id_, "", (0, 1)) for id_ in ids]
    return [
        RetrievedPassage(passage, 1 / rank, rank, {"fusion_score": 1 / rank, "dense_score": 1.1 - rank / 10})
        for rank, passage in enumerate(passages, start=1)
    ]


class Fixed:
    """Always finds the same list."""

    def __init__(self, *ids: str) -> None:
        self._found = retrieved(*ids)

    def retrieve(self, query: Query, k: int) -> Sequence[RetrievedPassage]:
        return self._found[:k]


class Opinion:
    """Reads every passage with a relevance known beforehand, and remembers what it was given."""

    def __init__(self, **relevance: float) -> None:
        self._relevance: Mapping[str, float] = relevance
        self.questions: list[str] = []
        self.read_ids: list[str] = []

    def read(self, query: str, passages: Sequence[Passage]) -> Sequence[Evidence]:
        self.questions.append(query)
        self.read_ids += [passage.id for passage in passages]
        return [Evidence(self._relevance.get(passage.id, 0.0)) for passage in passages]


def ids(found: Sequence[RetrievedPassage]) -> list[str]:
    return [one.passage.id for one in found]


def test_the_readers_order_replaces_the_inner_one() -> None:
    reader = Opinion(a=0.2, b=0.9, c=0.5)
    found = RerankingRetriever(Fixed("a", "b", "c"), reader).retrieve(QUESTION, 2)
    assert ids(found) == ["b", "c"]
    assert [one.signals["relevance"] for one in found] == [0.9, 0.5]
    assert found[0].signals["dense_score"] == pytest.approx(0.9)
    assert reader.questions == ["question"]


def test_equal_readings_keep_the_inner_order_whatever_the_ids() -> None:
    found = RerankingRetriever(Fixed("z", "a", "m"), Opinion(z=0.5, a=0.5, m=0.5)).retrieve(QUESTION, 3)
    assert ids(found) == ["z", "a", "m"]
    assert found[0].score > found[1].score > found[2].score


def test_what_is_below_the_threshold_is_dropped_even_if_nothing_remains() -> None:
    reader = Opinion(a=0.49, b=0.5)
    assert ids(RerankingRetriever(Fixed("a", "b"), reader, threshold=0.5).retrieve(QUESTION, 5)) == ["b"]
    assert RerankingRetriever(Fixed("a", "b"), reader, threshold=0.6).retrieve(QUESTION, 5) == []


def test_only_the_candidates_are_read_and_the_rest_follow_when_asked_for() -> None:
    reader = Opinion(a=0.1, b=0.9, c=0.99, d=0.99)
    retriever = RerankingRetriever(Fixed("a", "b", "c", "d"), reader, candidates=2)
    found = retriever.retrieve(QUESTION, 4)
    assert ids(found) == ["b", "a", "c", "d"]
    assert reader.read_ids == ["a", "b"]
    assert ["relevance" in one.signals for one in found] == [True, True, False, False]
    assert ids(found) == ids(sorted(found, key=lambda one: -one.score))
    assert ids(retriever.retrieve(QUESTION, 2)) == ["b", "a"]


def test_unread_passages_do_not_follow_when_none_that_was_read_remains() -> None:
    retriever = RerankingRetriever(Fixed("a", "b", "c"), Opinion(c=1.0), candidates=2, threshold=0.5)
    assert retriever.retrieve(QUESTION, 3) == []


def test_nothing_found_means_nothing_read() -> None:
    reader = Opinion()
    assert RerankingRetriever(Fixed(), reader).retrieve(QUESTION, 3) == []
    assert reader.questions == []


def test_the_blend_is_log_linear_in_odds_and_rank() -> None:
    assert blend(0.8, 3, 0.0) == pytest.approx(math.log(4), abs=1e-6)
    assert blend(0.8, 3, 1.0) == pytest.approx(-math.log(3), abs=1e-6)
    assert blend(0.8, 3, 0.25) == pytest.approx(0.75 * math.log(4) - 0.25 * math.log(3), abs=1e-6)
    assert math.isfinite(blend(0.0, 1, 0.0))
    assert math.isfinite(blend(1.0, 1, 0.0))


def test_a_whole_share_for_the_fusion_keeps_its_order() -> None:
    found = RerankingRetriever(Fixed("a", "b", "c"), Opinion(c=1.0, b=0.6), fusion_share=1.0).retrieve(QUESTION, 3)
    assert ids(found) == ["a", "b", "c"]


@pytest.mark.parametrize("wrong", [{"candidates": 0}, {"threshold": 1.5}, {"threshold": -0.1}, {"fusion_share": 2.0}])
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(Misconfigured, match="got"):
        RerankingRetriever(Fixed("a"), Opinion(), **wrong)  # type: ignore[arg-type]


def test_a_threshold_on_a_signal_drops_and_renumbers() -> None:
    found = ThresholdedRetriever(Fixed("a", "b", "c"), 0.9).retrieve(QUESTION, 3)
    assert [(one.passage.id, one.rank) for one in found] == [("a", 1), ("b", 2)]
    assert ThresholdedRetriever(Fixed("a"), 1.1).retrieve(QUESTION, 3) == []
    assert ThresholdedRetriever(Fixed("a"), 0.0, signal="relevance").retrieve(QUESTION, 3) == []


def test_the_reader_sees_as_much_of_the_conversation_as_it_is_told_to() -> None:
    query = Query("and in Ireland?", "as typed", context=("what is Fibre", "what does it cost £29"))
    reader = Opinion(a=0.5)
    for exchanges in (0, 1, 5):
        RerankingRetriever(Fixed("a"), reader, context_exchanges=exchanges).retrieve(query, 1)
    assert reader.questions == [
        "and in Ireland?",
        "and in Ireland? what does it cost £29",
        "and in Ireland? what does it cost £29 what is Fibre",
    ]
