from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import pytest

from corpora.doc2dial import GroundedTurn, SqueezedText, exchanges, gold_passages, gold_set, load_turns
from corpora.splits import is_development
from domain.errors import Misconfigured
from domain.passage import Passage
from retrieval.ingestion import ingest
from retrieval.knowledge_base import KnowledgeBaseStore
from tests.retrieval.word_encoder import WordEncoder

BODY = "Renewing\nYou can renew a licence by post. It costs $12.\n\nLost plates\nTell us at once. Tell us in writing."


def grounded(grounding: str, position: float = 0.0) -> GroundedTurn:
    return GroundedTurn("t", "q", (), "d", "documents/d.md", grounding, position)


def passage(name: str, text: str, stretch: str) -> Passage:
    start = text.index(stretch)
    return Passage(name, "d", "D", stretch, "documents/d.md", (start, start + len(stretch)))


def test_a_stretch_is_found_whatever_its_markup_and_spacing() -> None:
    text = "# Fees\n\nYou pay **$12** (or\n*more*) ."
    start, end = SqueezedText(text).find("you pay $12 ( or more )") or (0, 0)
    assert text[start:end] == "You pay **$12** (or\n*more"
    assert SqueezedText(text).find("you pay $13") is None
    assert SqueezedText(text).find(" …") is None


def test_letters_that_grow_in_lower_case_do_not_shift_what_follows() -> None:
    text = "İİİ then here"
    start, end = SqueezedText(text).find("then") or (0, 0)
    assert text[start:end] == "then"


def test_of_equal_stretches_the_one_at_the_position_is_taken() -> None:
    text = "Call us. " + "x" * 50 + " Call us."
    assert SqueezedText(text).find("call us", 0.0) == (0, 7)
    assert SqueezedText(text).find("call us", 0.9) == (60, 67)


def test_gold_is_every_passage_that_holds_half_of_the_grounding() -> None:
    first, second = passage("a", BODY, "You can renew a licence by post."), passage("b", BODY, "It costs $12.")
    overlapping = passage("c", BODY, "a licence by post. It costs")
    text = SqueezedText(BODY)
    assert gold_passages(grounded("You can renew a licence by post."), text, [first, second, overlapping]) == {"a", "c"}
    assert gold_passages(grounded("It costs $12."), text, [first, second]) == {"b"}


def test_where_no_passage_holds_half_the_best_one_is_gold() -> None:
    thirds = [passage(name, BODY, s) for name, s in (("a", "You can renew"), ("b", "a licence"), ("c", "by post"))]
    assert gold_passages(grounded("You can renew a licence by post."), SqueezedText(BODY), thirds) == {"a"}


def test_a_heading_points_at_the_passage_under_it() -> None:
    under = [passage("z", BODY, "You can renew a licence by post."), passage("a", BODY, "Tell us at once.")]
    assert gold_passages(grounded("\n\nLost plates \n"), SqueezedText(BODY), under) == {"a"}
    assert gold_passages(grounded("Found plates"), SqueezedText(BODY), under) == frozenset()


def test_histories_become_exchanges() -> None:
    said = ["user: hi", "agent: hello: there", "user: one", "user: two", "agent: a", "agent: b"]
    assert exchanges(said) == (("hi", "hello: there"), ("one two", "a b"))
    assert exchanges(["agent: welcome", "user: hi"]) == (("", "welcome"), ("hi", ""))
    assert exchanges([]) == ()


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    with lzma.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Six documents with two turns each, one of them about something the document does not say."""
    documents, turns = [], []
    (tmp_path / "documents").mkdir()
    for n in range(6):
        body = BODY.replace("$12", f"${n}")
        (tmp_path / f"documents/d{n}.md").write_text(f"# Document {n}\n\n{body}\n")
        documents.append({"doc_id": f"Doc {n}", "title": f"Document {n}", "file": f"documents/d{n}.md", "text": body})
        row = {"doc_id": f"Doc {n}", "history": ["user: hi", "agent: yes"], "user": "how much", "response": "r"}
        turns.append({**row, "id": f"{n}a", "grounding": f"It costs ${n}.", "start": body.index("It")})
        turns.append({**row, "id": f"{n}b", "grounding": "It is free forever.", "start": 0})
    write(tmp_path / "documents_index.jsonl.xz", documents)
    write(tmp_path / "turns_open.jsonl.xz", turns)
    return tmp_path


def test_the_splits_share_no_document_and_leave_none_out(data: Path) -> None:
    dev, train, everything = (load_turns(data, split) for split in ("dev", "train", "all"))
    assert {t.document_id for t in dev}.isdisjoint(t.document_id for t in train)
    assert sorted(t.id for t in [*dev, *train]) == sorted(t.id for t in everything)
    assert all(is_development(turn.document_id) for turn in dev)
    assert everything[0].history == (("hi", "yes"),)


def test_gold_passages_are_found_in_a_real_knowledge_base(data: Path, tmp_path: Path) -> None:
    (tmp_path / "kb").mkdir()
    store = KnowledgeBaseStore(tmp_path / "kb", WordEncoder())
    base = store.create("public")
    ingest([data / "documents"], base)
    gold = gold_set(load_turns(data, "all"), base)
    assert gold.unaligned == 6
    with base.snapshot() as snapshot:
        texts = {p.id: p.text for p in snapshot.passages(snapshot.rows()).values()}
    assert len(gold.turns) == 6
    assert all(one.turn.grounding in texts[name] for one in gold.turns for name in one.passages)
    store.close()


def test_another_knowledge_base_is_refused_with_the_command_that_helps(data: Path, tmp_path: Path) -> None:
    (tmp_path / "kb").mkdir()
    store = KnowledgeBaseStore(tmp_path / "kb", WordEncoder())
    with pytest.raises(Misconfigured, match=r"documents/d0\.md.*colloquy ingest DATA/documents --kb empty"):
        gold_set(load_turns(data, "all"), store.create("empty"))
    store.close()


def test_a_missing_data_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="documents_index"):
        load_turns(tmp_path)
