"""No passage crosses a filter, whatever is asked; and k come back where k pass."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path

import pytest

from domain.conversation import Query
from domain.filters import Filter
from domain.passage import RetrievedPassage
from retrieval.hybrid import HybridOptions, HybridRetriever
from retrieval.knowledge_base import KnowledgeBase, KnowledgeBaseStore
from retrieval.prepared import PreparedDocument
from tests.retrieval.word_encoder import WordEncoder, prepared

TODAY = date(2026, 11, 22)
WORDS = [
    f"{colour}{thing}" for colour in "red blue green grey".split() for thing in "hub sim line bill fee plan".split()
]
AUDIENCES = ("customer", "agent", "manager", "all", "customer, agent", "")


def about(document_id: str, text: str, **metadata: str) -> PreparedDocument:
    return prepared(document_id, text, metadata=metadata)


def searching(base: KnowledgeBase, only: Filter) -> HybridRetriever:
    return HybridRetriever(base.snapshot, WordEncoder(), HybridOptions(pool=10, only=only), today=lambda: TODAY)


def found(base: KnowledgeBase, text: str, only: Filter, k: int = 5) -> list[RetrievedPassage]:
    return list(searching(base, only).retrieve(Query(text, text), k))


def audience(*values: str) -> Filter:
    return Filter({"audience": frozenset(values)}, strict=frozenset({"audience"}))


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, KnowledgeBase]:
    """Two knowledge bases of 700 documents each; most are for another audience than any one reader's."""
    rng, made = random.Random(3), {}
    store = KnowledgeBaseStore(tmp_path_factory.mktemp("kb"), WordEncoder())
    for name in ("one", "two"):
        base = store.create(name)
        base.put_many(
            [
                about(f"{name}-{n}", " ".join(rng.choices(WORDS, k=6)), audience=rng.choice(AUDIENCES))
                for n in range(700)
            ]
        )
        made[name] = base
    return made


def test_no_passage_crosses_an_audience_or_a_knowledge_base(bases: dict[str, KnowledgeBase]) -> None:
    rng, seen = random.Random(4), 0
    for _ in range(600):
        name, reader = rng.choice(sorted(bases)), rng.choice(("customer", "agent", "manager"))
        only, text = audience(reader, "all"), " ".join(rng.choices(WORDS, k=rng.randint(1, 4)))
        passages = found(bases[name], text, only, 10)
        assert len(passages) == 10
        for one in passages:
            document = bases[name].document(one.passage.document_id)
            assert document is not None
            values = document[0].metadata["audience"]
            assert reader in values or values == "all"
            assert one.passage.document_id.startswith(name)
            seen += 1
    assert seen == 6000


def test_a_filter_finds_what_a_search_of_those_documents_alone_finds(
    bases: dict[str, KnowledgeBase], tmp_path: Path
) -> None:
    """Inside the search, not after it: the lists are those of an index that holds nothing else."""
    only = audience("manager")
    alone = KnowledgeBaseStore(tmp_path, WordEncoder()).create("alone")
    for document in bases["one"].documents():
        if only.admits(document.metadata):
            known = bases["one"].document(document.id)
            assert known is not None
            alone.put_many([about(document.id, known[1], **dict(document.metadata))])
    for text in ("redhub bluefee", "greenplan", "greybill redline bluesim"):
        filtered = [one.passage.document_id for one in found(bases["one"], text, only, 20)]
        dense_alone = [one.passage.document_id for one in found(alone, text, Filter(), 20)]
        assert set(filtered[:5]) & set(dense_alone[:8])
        assert len(filtered) == 20


def test_a_change_of_a_document_changes_what_passes(tmp_path: Path) -> None:
    base = KnowledgeBaseStore(tmp_path, WordEncoder()).create("help")
    base.put_many([about("a", "red fee", audience="customer"), about("b", "red fee", audience="agent")])
    only = audience("customer")
    assert [one.passage.document_id for one in found(base, "red fee", only)] == ["a"]
    base.put_many([about("a", "red fee", audience="agent")])
    assert found(base, "red fee", only) == []
    base.put_many([about("b", "red fee", audience="customer")])
    assert [one.passage.document_id for one in found(base, "red fee", only)] == ["b"]


def test_a_day_can_be_asked_for(tmp_path: Path) -> None:
    base = KnowledgeBaseStore(tmp_path, WordEncoder()).create("help")
    base.put_many(
        [
            about("old", "red fee", effective_from="2024-01-01", effective_until="2025-12-31"),
            about("new", "red fee", effective_from="2026-01-01"),
        ]
    )
    for day, wanted in ((date(2025, 6, 1), ["old"]), (date(2026, 6, 1), ["new"]), (date(2023, 1, 1), [])):
        assert [one.passage.document_id for one in found(base, "red fee", Filter(valid_on=day))] == wanted
