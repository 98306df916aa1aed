"""The promises of ``Retriever``, put to every retriever there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from domain.conversation import Query
from domain.passage import Passage
from domain.protocols import Evidence, Retriever
from retrieval.hybrid import HybridRetriever
from retrieval.reranking import RerankingRetriever, ThresholdedRetriever
from tests.retrieval.index_places import PLACES, SearchableIndex, assert_ranked, new_place
from tests.retrieval.word_encoder import WordEncoder, prepared


class OverlapReader:
    """Relevance is the share of the query's words that the passage has."""

    def read(self, query: str, passages: Sequence[Passage]) -> Sequence[Evidence]:
        words = set(query.lower().split())
        return [Evidence(len(words & set(passage.text.lower().split())) / len(words)) for passage in passages]


def hybrid(base: SearchableIndex, encoder: WordEncoder) -> Retriever:
    return HybridRetriever(base.snapshot, encoder)


def reranked(base: SearchableIndex, encoder: WordEncoder) -> Retriever:
    return RerankingRetriever(hybrid(base, encoder), OverlapReader(), candidates=7, threshold=0.2)


def thresholded(base: SearchableIndex, encoder: WordEncoder) -> Retriever:
    return ThresholdedRetriever(hybrid(base, encoder), 0.3)


Make = Callable[[SearchableIndex, WordEncoder], Retriever]
EVERY = pytest.mark.parametrize("make", [hybrid, reranked, thresholded])
THOSE_THAT_REFUSE = pytest.mark.parametrize("make", [reranked, thresholded])


@pytest.fixture(scope="module", params=PLACES)
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SearchableIndex:
    """Nobody changes it, so that all tests may share it."""
    base = new_place(request.param, tmp_path_factory.mktemp("kb")).store().create("help")
    animals = ["heron", "otter", "badger", "crow", "hare"]
    base.put_many([prepared(animal, *[f"{animal} {place}" for place in ("river", "wood")]) for animal in animals])
    base.put_many([prepared(f"twin{n}", "heron river") for n in range(20)])
    return base


@EVERY
@pytest.mark.parametrize("k", [-1, 0, 1, 2, 9, 100])
def test_at_most_k_ranked_from_one_best_first_and_none_twice(base: SearchableIndex, make: Make, k: int) -> None:
    found = make(base, WordEncoder()).retrieve(Query("heron river", "heron river"), k)
    assert_ranked(found, k)


@EVERY
def test_the_best_passage_is_found(base: SearchableIndex, make: Make) -> None:
    found = make(base, WordEncoder()).retrieve(Query("badger wood", "badger wood"), 3)
    assert found[0].passage.id == "badger#1"


@EVERY
def test_the_same_query_gives_the_same_list(base: SearchableIndex, make: Make) -> None:
    query = Query("heron", "heron")
    assert make(base, WordEncoder()).retrieve(query, 9) == make(base, WordEncoder()).retrieve(query, 9)


@EVERY
@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_a_blank_query_matches_nothing(base: SearchableIndex, make: Make, text: str) -> None:
    assert make(base, WordEncoder()).retrieve(Query(text, text), 5) == []


@EVERY
@pytest.mark.parametrize("kind", PLACES)
def test_an_empty_knowledge_base_matches_nothing(tmp_path: Path, kind: str, make: Make) -> None:
    empty = new_place(kind, tmp_path).store().create("empty")
    assert make(empty, WordEncoder()).retrieve(Query("heron", "heron"), 5) == []


@THOSE_THAT_REFUSE
def test_a_query_about_something_else_matches_nothing(base: SearchableIndex, make: Make) -> None:
    assert make(base, WordEncoder()).retrieve(Query("mortgage advice", "mortgage advice"), 5) == []
