"""The promises of ``Retriever``, put to the retrievers that order, collapse, group and attach."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from domain.conversation import Query
from domain.protocols import Retriever
from retrieval.diversity import DiverseRetriever
from retrieval.duplicates import DistinctRetriever
from retrieval.fusion_weights import FEATURES, FusionWeights
from retrieval.granularity import DocumentFirstRetriever, DocumentRetriever, within_documents
from retrieval.hybrid import HybridOptions, HybridRetriever
from retrieval.knowledge_base import KnowledgeBase, KnowledgeBaseStore
from retrieval.neighbours import ExpandedRetriever
from tests.retrieval.index_places import assert_ranked
from tests.retrieval.word_encoder import WordEncoder, prepared


def hybrid(base: KnowledgeBase, options: HybridOptions | None = None) -> HybridRetriever:
    return HybridRetriever(base.snapshot, WordEncoder(), options or HybridOptions())


def summed(base: KnowledgeBase) -> Retriever:
    return hybrid(base, HybridOptions(fusion="sum", dense_weight=0.8, lexical_weight=0.2))


def learned(base: KnowledgeBase) -> Retriever:
    return hybrid(base, HybridOptions(fusion="learned", learned=FusionWeights((2.0,) * len(FEATURES))))


def documents(base: KnowledgeBase) -> Retriever:
    return DocumentRetriever(hybrid(base))


def documents_by_sum(base: KnowledgeBase) -> Retriever:
    return DocumentRetriever(hybrid(base), passages_counted=3)


def document_first(base: KnowledgeBase) -> Retriever:
    found = hybrid(base)
    return DocumentFirstRetriever(
        DocumentRetriever(found), lambda ids: within_documents(found, base.snapshot, ids), best_documents=4
    )


def diverse(base: KnowledgeBase) -> Retriever:
    return DiverseRetriever(hybrid(base), base.snapshot, trade_off=0.6)


def distinct(base: KnowledgeBase) -> Retriever:
    return DistinctRetriever(hybrid(base))


def expanded(base: KnowledgeBase) -> Retriever:
    return ExpandedRetriever(hybrid(base), base.snapshot)


def all_of_them(base: KnowledgeBase) -> Retriever:
    return ExpandedRetriever(DiverseRetriever(DistinctRetriever(learned(base)), base.snapshot), base.snapshot)


Make = Callable[[KnowledgeBase], Retriever]
MAKERS = [
    *(summed, learned, documents, documents_by_sum, document_first),
    *(diverse, distinct, expanded, all_of_them),
]
EVERY = pytest.mark.parametrize("make", MAKERS)


@pytest.fixture
def base(tmp_path: Path) -> KnowledgeBase:
    base = KnowledgeBaseStore(tmp_path, WordEncoder()).create("help")
    animals = ["heron", "otter", "badger", "crow", "hare"]
    base.put_many([prepared(animal, *[f"{animal} {place}" for place in ("river", "wood")]) for animal in animals])
    base.put_many([prepared(f"twin{n}", "heron river") for n in range(20)])
    return base


@EVERY
@pytest.mark.parametrize("k", [-1, 0, 1, 2, 9, 100])
def test_at_most_k_ranked_from_one_best_first_and_none_twice(base: KnowledgeBase, make: Make, k: int) -> None:
    found = make(base).retrieve(Query("heron river", "heron river"), k)
    assert_ranked(found, k)
    assert len(found) >= min(k, 4)


@EVERY
def test_the_best_passage_is_found(base: KnowledgeBase, make: Make) -> None:
    found = make(base).retrieve(Query("badger wood", "badger wood"), 3)
    assert found[0].passage.id == "badger#1"


@EVERY
def test_the_same_query_gives_the_same_list(base: KnowledgeBase, make: Make) -> None:
    query = Query("heron", "heron", context=("river",))
    assert make(base).retrieve(query, 9) == make(base).retrieve(query, 9)


@EVERY
@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_a_blank_query_matches_nothing(base: KnowledgeBase, make: Make, text: str) -> None:
    assert list(make(base).retrieve(Query(text, text), 5)) == []


@EVERY
def test_an_empty_knowledge_base_matches_nothing(tmp_path: Path, make: Make) -> None:
    empty = KnowledgeBaseStore(tmp_path / "other", WordEncoder()).create("empty")
    assert list(make(empty).retrieve(Query("heron", "heron"), 5)) == []
