"""What a snapshot says beyond its two lists: which passages time rules out, and single documents and vectors."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from retrieval.knowledge_base import KnowledgeBase, KnowledgeBaseStore
from retrieval.validity import TODAY_ONLY, asked_time
from tests.retrieval.word_encoder import WordEncoder, prepared

TODAY = date(2026, 11, 22)


@pytest.fixture
def base(tmp_path: Path) -> KnowledgeBase:
    made = KnowledgeBaseStore(tmp_path, WordEncoder()).create("help")
    made.put_many(
        [
            prepared("old", "fee seven", "more", metadata={"effective_from": "2024-01-01"}),
            prepared("new", "fee nine", metadata={"effective_from": "2026-06-01", "supersedes": "old"}),
            prepared("next", "fee twelve", metadata={"effective_from": "2027-01-01", "supersedes": "new"}),
            prepared("gone", "fee offer", metadata={"effective_until": "2026-01-31"}),
            prepared("plain", "fee page"),
        ]
    )
    return made


def answering(base: KnowledgeBase, question: str, today: date = TODAY) -> list[str]:
    with base.snapshot() as snapshot:
        out = snapshot.rows_not_holding(asked_time([question], today), today)
        rows = [row for row, _ in snapshot.lexical("fee", 9, out)]
        assert set(rows) <= {row for row, _ in snapshot.dense(WordEncoder().encode_queries(["fee"])[0], 9, out)}
        return sorted(passage.document_id for passage in snapshot.passages(rows).values())


def test_the_versions_that_hold_at_the_time_asked_about_are_found(base: KnowledgeBase) -> None:
    assert answering(base, "the fee") == ["new", "plain"]
    assert answering(base, "the fee in 2025") == ["gone", "old", "plain"]
    assert answering(base, "what will the fee be in 2027") == ["next", "plain"]
    assert answering(base, "the fee", date(2027, 1, 1)) == ["next", "plain"]
    assert answering(base, "the fee", date(2026, 5, 31)) == ["old", "plain"], "an earlier day is read anew"


def test_a_change_of_a_document_changes_what_time_rules_out(base: KnowledgeBase) -> None:
    assert answering(base, "the fee") == ["new", "plain"]
    base.put_many([prepared("plain", "fee page", metadata={"effective_from": "2026-12-01"})])
    base.delete("new")
    assert answering(base, "the fee") == ["old"]


def test_rows_that_do_not_hold_are_all_their_documents_passages(base: KnowledgeBase) -> None:
    with base.snapshot() as snapshot:
        assert snapshot.rows_not_holding(TODAY_ONLY, TODAY).tolist() == [1, 2, 4, 5]


def test_documents_and_vectors_are_found_by_their_ids(base: KnowledgeBase) -> None:
    with base.snapshot() as snapshot:
        assert snapshot.rows_of(["plain", "old", "none"]) == [1, 2, 6]
        assert (snapshot.text_of("old"), snapshot.text_of("none")) == ("fee seven\n\nmore", None)
        found = snapshot.vectors(["plain#0", "old#1", "none#0"])
        assert sorted(found) == ["old#1", "plain#0"]
        np.testing.assert_allclose(found["old#1"], WordEncoder().encode_passages(["old\nmore"])[0], atol=1e-6)
        assert snapshot.vectors([]) == {}
