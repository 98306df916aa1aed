"""A knowledge base with a trained index: same answers as without, also after changes, crashes and damage."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from domain.errors import PartUnavailable
from retrieval.index_spec import Family, IndexSpec, parse_spec
from retrieval.knowledge_base import KnowledgeBase, KnowledgeBaseStore
from retrieval.prepared import PreparedDocument
from tests.retrieval.word_encoder import WordEncoder, prepared

WORDS = "red blue green hub sim line bill fee plan late fast slow light router move house cost price day month".split()
HNSW = parse_spec("hnsw:effort=500")


def encoder(fingerprint: str = "words") -> WordEncoder:
    return WordEncoder(32, fingerprint)


def documents(count: int, seed: int = 0, prefix: str = "d") -> list[PreparedDocument]:
    rng = random.Random(seed)
    return [prepared(f"{prefix}{n}", " ".join(rng.choices(WORDS, k=8)) + f" {n}") for n in range(count)]


def found(base: KnowledgeBase, text: str, k: int = 10) -> list[tuple[str, float]]:
    """(document, score rounded) of a dense search."""
    [vector] = encoder().encode_queries([text])
    with base.snapshot() as snapshot:
        nearest = snapshot.dense(np.asarray(vector), k)
        passages = snapshot.passages([row for row, _ in nearest])
        return [(passages[row].document_id, round(score, 4)) for row, score in nearest]


def exactly(base: KnowledgeBase, text: str, k: int = 10) -> list[tuple[str, float]]:
    """The same by definition, over the documents that the catalogue holds now."""
    [query] = encoder().encode_queries([text])
    scored = []
    for document in base.documents():
        known = base.document(document.id)
        assert known is not None
        [vector] = encoder().encode_passages([f"{document.title}\n{known[1]}"])
        scored.append((document.id, float(vector @ query)))
    return sorted(((id_, round(s, 4)) for id_, s in scored), key=lambda one: -one[1])[:k]


def same(base: KnowledgeBase) -> bool:
    """Whether a few searches find what they should, ties in any order."""
    queries = ("red hub", "late fee price", "move house 17", "router")
    return all([s for _, s in found(base, q)] == pytest.approx([s for _, s in exactly(base, q)]) for q in queries)


def saved(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if "index" in path.name)


@pytest.mark.parametrize("spec", [HNSW, parse_spec("ivf-flat:effort=99"), parse_spec("sq8:refine=20")])
def test_a_trained_index_finds_what_the_exact_one_finds_also_when_opened_again(spec: IndexSpec, tmp_path: Path) -> None:
    base = KnowledgeBaseStore(tmp_path, encoder(), index=spec).create("help")
    base.put_many(documents(200))
    assert base.compact().family is spec.family
    assert len(saved(tmp_path)) == 1
    assert same(base)
    base.close()
    assert same(KnowledgeBaseStore(tmp_path, encoder(), index=spec).open("help"))


def test_changes_are_seen_over_a_trained_index_and_in_time_it_is_made_anew(tmp_path: Path) -> None:
    base = KnowledgeBaseStore(tmp_path, encoder(), index=HNSW).create("help")
    base.put_many(documents(100))
    base.compact()
    first = saved(tmp_path)
    base.put_many(documents(8, seed=1, prefix="new"))
    base.delete("d3")
    base.put_many([prepared("d4", "late late late fee")])
    assert same(base)
    base.compact()
    assert saved(tmp_path) == first, "a tenth has changed: not due"
    assert same(KnowledgeBaseStore(tmp_path, encoder(), index=HNSW).open("help"))
    base.put_many(documents(30, seed=2, prefix="more"))
    base.compact()
    assert saved(tmp_path) != first
    assert len(saved(tmp_path)) == 1
    assert same(base)
    assert "d3" not in {document for document, _ in found(base, "red", 200)}


def test_a_damaged_index_is_not_used(tmp_path: Path) -> None:
    base = KnowledgeBaseStore(tmp_path, encoder(), index=HNSW).create("help")
    base.put_many(documents(120))
    base.compact()
    base.close()
    vectors = tmp_path / saved(tmp_path)[0] / "vectors.faiss"
    damaged = bytearray(vectors.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    vectors.write_bytes(bytes(damaged))
    again = KnowledgeBaseStore(tmp_path, encoder(), index=HNSW).open("help")
    assert same(again)
    again.compact()
    assert same(KnowledgeBaseStore(tmp_path, encoder(), index=HNSW).open("help"))


@pytest.mark.parametrize("left", ["about.json", "ids.npy", "vectors.faiss"])
def test_an_index_half_written_is_not_used(left: str, tmp_path: Path) -> None:
    base = KnowledgeBaseStore(tmp_path, encoder(), index=HNSW).create("help")
    base.put_many(documents(60))
    base.compact()
    (tmp_path / saved(tmp_path)[0] / left).unlink()
    assert same(KnowledgeBaseStore(tmp_path, encoder(), index=HNSW).open("help"))


def test_the_index_of_a_knowledge_base_that_was_removed_is_no_other_ones(tmp_path: Path) -> None:
    """Same name, same rows, other documents: pain 6 of every store of vectors beside a store of texts."""
    store = KnowledgeBaseStore(tmp_path, encoder(), index=HNSW)
    store.create("help").put_many(documents(60))
    store.open("help").compact()
    kept = tmp_path / saved(tmp_path)[0]
    shutil.copytree(kept, tmp_path / "aside")
    store.remove("help")
    assert saved(tmp_path) == []
    other = store.create("help")
    other.put_many(documents(60, seed=9, prefix="other"))
    shutil.copytree(tmp_path / "aside", kept)  # as if the crash had come before its removal
    assert same(KnowledgeBaseStore(tmp_path, encoder(), index=HNSW).open("help"))


def test_another_family_is_made_when_it_is_asked_for(tmp_path: Path) -> None:
    base = KnowledgeBaseStore(tmp_path, encoder(), index=HNSW).create("help")
    base.put_many(documents(80))
    base.compact()
    assert base.compact(IndexSpec(Family.SQ8)).family is Family.SQ8
    assert same(base)
    assert base.compact(IndexSpec(Family.FLAT)).family is Family.FLAT
    assert saved(tmp_path) == []
    assert same(base)


def test_small_knowledge_bases_need_no_index_on_disk(tmp_path: Path) -> None:
    base = KnowledgeBaseStore(tmp_path, encoder()).create("help")
    assert base.compact().family is Family.FLAT
    base.put_many(documents(20))
    assert base.compact().family is Family.FLAT
    assert saved(tmp_path) == []


def test_an_index_that_cannot_be_written_leaves_the_search_as_it_was(tmp_path: Path) -> None:
    base = KnowledgeBaseStore(tmp_path, encoder(), index=HNSW).create("help")
    base.put_many(documents(50))
    with base.snapshot() as snapshot:
        generation = len(snapshot)
    blocked = tmp_path / "help.index-1"
    blocked.write_text("a file stands where the folder should be")
    assert generation == 50
    with pytest.raises(PartUnavailable, match=r"cannot be written"):
        base.compact()
    assert same(base)
