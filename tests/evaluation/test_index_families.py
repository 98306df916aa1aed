"""The same knowledge base through several index families: what each finds and keeps of a passage."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.conversation import Query
from evaluation.index_families import families, made
from retrieval.hybrid import HybridOptions
from retrieval.index_spec import parse_spec
from retrieval.knowledge_base import KnowledgeBaseStore
from tests.retrieval.word_encoder import WordEncoder, prepared

SPECS = [parse_spec(name) for name in ("flat", "sq8", "ivf-flat:lists=4,effort=4")]


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    store = KnowledgeBaseStore(tmp_path, WordEncoder(64))
    store.create("help").put_many([prepared(f"d{n}", f"heron word{n}") for n in range(300)])
    store.close()
    return tmp_path / "help.sqlite3"


def test_each_family_searches_a_copy_of_its_own(catalogue: Path) -> None:
    before = catalogue.read_bytes()
    with made(catalogue, WordEncoder(64), SPECS) as bases:
        assert list(bases) == [str(spec) for spec in SPECS]
        sizes = [one.bytes_a_passage for one in bases.values()]
        ways = families(bases, WordEncoder(64), HybridOptions(), lambda inner: inner)
        found = {name: way.retrieve(Query("word70", "word70"), 1)[0].passage.id for name, way in ways.items()}
    assert len(found) == 6
    assert set(found.values()) == {"d70#0"}
    assert sizes[0] == 256
    assert 64 <= sizes[1] < sizes[0] < sizes[2]  # a byte a number; whole numbers; the same with lists
    assert catalogue.read_bytes() == before
