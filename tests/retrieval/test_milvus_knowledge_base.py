"""What the Milvus knowledge base does beyond the contract: sizes, odd texts, scores, excluded rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from domain.errors import DocumentRejected
from retrieval.knowledge_base import KnowledgeBaseStore
from retrieval.milvus_knowledge_base import MilvusKnowledgeBase
from tests.retrieval.index_places import OnMilvus, new_on_milvus
from tests.retrieval.word_encoder import WordEncoder, prepared


@pytest.fixture
def place() -> OnMilvus:
    return new_on_milvus()


@pytest.fixture(scope="module")
def base() -> MilvusKnowledgeBase:
    """One that each test leaves with the document "other" at most."""
    return new_on_milvus().store(WordEncoder(16)).create("help")


@pytest.mark.parametrize(
    "id_", ["plain", 'quo"te', "back\\slash", "new\nline", "ünï/cøde 漢字 🦦", "'single'", "] or true", "x" * 1024]
)
def test_any_id_is_found_again(base: MilvusKnowledgeBase, id_: str) -> None:
    odd = prepared(id_[:1020], "heron", metadata={"title": id_})
    base.put_many([odd, prepared("other", "heron")])
    assert base.document(odd.document.id) == (odd.document, "heron")
    assert base.content_hash(odd.document.id) == odd.content_hash
    assert base.delete(odd.document.id) is True
    assert [document.id for document in base.documents()] == ["other"]


def test_a_text_longer_than_a_field_comes_back_whole(place: OnMilvus) -> None:
    base = place.store(WordEncoder(16)).create("help")
    long = prepared("long", *[f"ünï {n} " * 500 for n in range(16)])
    assert len(long.text.encode()) > 65_535
    base.put_many([long])
    assert base.document("long") == (long.document, long.text)
    with base.snapshot() as snapshot:
        assert tuple(snapshot.passages(snapshot.rows()).values()) == long.passages


@pytest.mark.parametrize(
    ("document", "what"),
    [
        (prepared("big", "é" * 40_000), "longest passage of the document 'big' has 80004 bytes"),
        (prepared("i" * 1100, "heron"), "id of the document"),
        (prepared("meta", "heron", metadata={"k": "v" * 70_000}), "metadata of the document 'meta' has"),
        (prepared("many", "heron", metadata={"k": ",".join(map(str, range(2000)))}), "names 2001 values"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_changes(place: OnMilvus, document: object, what: str) -> None:
    base = place.store(WordEncoder(16)).create("help")
    with pytest.raises(DocumentRejected, match=what):
        base.put_many([prepared("small", "heron"), document])  # type: ignore[list-item]
    assert list(base.documents()) == []
    base.put_many([prepared("small", "heron")])
    assert base.info().passage_count == 1


def test_a_passage_id_of_another_document_is_taken_until_that_is_gone(place: OnMilvus) -> None:
    base = place.store(WordEncoder(16)).create("help")
    base.put_many([prepared("a", "heron")])
    thief = prepared("b", "otter")
    thief = replace(thief, passages=(replace(thief.passages[0], id="a#0"),))
    with pytest.raises(DocumentRejected, match="'a#0', which is taken"):
        base.put_many([thief])
    base.put_many([prepared("a"), thief])
    assert base.info().passage_count == 1


def test_dense_search_finds_what_the_files_find_with_the_same_scores(place: OnMilvus, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    words = [f"w{n}" for n in range(40)]
    documents = [prepared(f"d{n:03}", " ".join(rng.choice(words, 6))) for n in range(203)]
    files, milvus = KnowledgeBaseStore(tmp_path, WordEncoder()).create("help"), place.store().create("help")
    for base in (files, milvus):
        base.put_many(documents[:150])
        base.put_many(documents[120:])
        base.delete("d007")
    with files.snapshot() as exact, milvus.snapshot() as found:
        for text in ("w1 w2", "w3", "w39 w0 w7"):
            [vector] = WordEncoder().encode_queries([text])
            best = {exact.passages([row])[row].id: score for row, score in exact.dense(vector, 10)}
            same = {found.passages([row])[row].id: score for row, score in found.dense(vector, 10)}
            assert sorted(same.values(), reverse=True) == pytest.approx(sorted(best.values(), reverse=True), abs=1e-5)
            rows = [row for row, _ in found.dense(vector, 10)]
            scores = found.dense_scores(vector, rows)
            assert scores == pytest.approx(dict(found.dense(vector, 10)), abs=1e-5)
            assert list(scores) == rows


def test_bm25_finds_words_only_and_prefers_rare_ones(place: OnMilvus) -> None:
    base = place.store().create("help")
    base.put_many([prepared(f"d{n}", "the router light") for n in range(9)])
    base.put_many([prepared("rare", "the router zebra")])
    with base.snapshot() as snapshot:
        [(row, score), *others] = snapshot.lexical("what about the router of the zebra", 50)
        assert snapshot.passages([row])[row].document_id == "rare"
        assert len(others) == 9
        assert score > others[0][1] > 0
        assert snapshot.lexical("the", 5) == []
        assert snapshot.lexical("giraffe", 5) == []
        assert snapshot.lexical("?!", 5) == []
        assert len(snapshot.lexical("router", 4)) == 4


def test_excluded_rows_are_not_found_and_k_others_are(place: OnMilvus) -> None:
    base = place.store().create("help")
    base.put_many([prepared(f"d{n}", f"heron {n}") for n in range(9)])
    [vector] = WordEncoder().encode_queries(["heron"])
    with base.snapshot() as snapshot:
        left_out = np.array(snapshot.rows()[:5], dtype=np.int64)
        for found in (snapshot.dense(vector, 4, left_out), snapshot.lexical("heron", 4, left_out)):
            assert len(found) == 4
            assert not {row for row, _ in found} & set(left_out.tolist())
