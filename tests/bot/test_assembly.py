from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.assembly import Colloquy, assemble
from domain.answer import Answer, AnswerKind
from domain.conversation import Conversation, Query, Turn
from domain.errors import UnknownKnowledgeBase
from domain.events import AnswerFinished
from domain.operating import Search
from domain.own_files import own_base
from domain.passage import Passage, RetrievedPassage
from memory.archive import write_archive
from memory.in_memory_store import InMemoryConversationStore
from settings import MemorySettings, Settings


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    documents = tmp_path_factory.mktemp("documents")
    (documents / "moving.md").write_text("# Moving home\n\nMoving fibre to a new address costs £20.\n", "utf-8")
    (documents / "voicemail.md").write_text("# Voicemail\n\nDial 1571 to listen to your voicemail.\n", "utf-8")
    return documents


@pytest.fixture(scope="module")
def assistant(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Colloquy]:
    data = tmp_path_factory.mktemp("data")
    with assemble(Settings(data_dir=data, memory=MemorySettings(max_turns=7)), memory=False) as made:
        report = made.ingest("mine", [folder])
        assert (report.added, report.skipped) == (2, ())
        yield made


def test_without_memory_no_server_is_started(assistant: Colloquy) -> None:
    assert isinstance(assistant._store, InMemoryConversationStore)
    assert assistant.memory_limits.max_turns == 7
    assert assistant.conversations("ann") == []


def test_an_unknown_knowledge_base_is_refused_before_anything_is_loaded(assistant: Colloquy) -> None:
    with pytest.raises(UnknownKnowledgeBase, match="nowhere"):
        assistant.search("nowhere", "fee", 3)
    with pytest.raises(UnknownKnowledgeBase, match="nowhere"):
        assistant.stream_reply("ann", "c1", "How much?", "nowhere")
    with pytest.raises(UnknownKnowledgeBase, match="nowhere"):
        assistant.replay("nowhere", "How much?", [])
    with pytest.raises(UnknownKnowledgeBase, match="nowhere"):
        assistant.document("nowhere", "moving.md")


def test_what_was_ingested_is_found_and_shown(assistant: Colloquy) -> None:
    (info,) = assistant.knowledge_bases()
    assert (info.name, info.document_count) == ("mine", 2)
    best = assistant.retriever("mine", rerank=False).retrieve(Query("price of moving", "price of moving"), 1)[0]
    assert "£20" in best.passage.text
    shown = assistant.document("mine", best.passage.document_id)
    assert shown is not None
    document, text = shown
    assert document.title == "Moving home"
    start, end = best.passage.span
    assert text[start:end] == best.passage.text
    assert assistant.document("mine", "no such document") is None


def test_ingesting_again_changes_nothing_and_rebuilding_starts_anew(assistant: Colloquy, folder: Path) -> None:
    assert assistant.ingest("mine", [folder]).unchanged == 2
    assert assistant.ingest("mine", [folder], rebuild=True).added == 2


def test_what_is_read_from_conversations_is_the_owners_own(assistant: Colloquy) -> None:
    assert assistant.conversation("ann", "c9").turns == ()
    assistant.delete_conversation("ann", "c9")
    assert assistant.conversations("bob") == []


def test_closing_runs_what_was_to_be_run_at_the_end(tmp_path: Path, assistant: Colloquy) -> None:
    closed: list[str] = []
    at_close = [lambda: closed.append("a"), lambda: closed.append("b")]
    with Colloquy(Settings(data_dir=tmp_path), assistant._store, at_close):
        assert closed == []
    assert closed == ["a", "b"]


@pytest.mark.models
def test_a_greeting_goes_through_the_whole_house(assistant: Colloquy) -> None:
    events = list(assistant.stream_reply("ann", "c1", "hello", "mine"))
    last = events[-1]
    assert isinstance(last, AnswerFinished)
    assert last.turn.answer.kind is AnswerKind.SMALL_TALK
    assert last.stored
    assert [one.id for one in assistant.conversations("ann")] == ["c1"]


def test_a_setting_that_an_operator_changes_decides_the_next_turn(assistant: Colloquy) -> None:
    def answered() -> AnswerFinished:
        events = list(assistant.stream_reply("op", "c-op", "How much does moving fibre cost?", "mine"))
        assert isinstance(events[-1], AnswerFinished)
        return events[-1]

    settings = assistant.operator.settings
    settings.change("weighting.abstain_below", "0", "Ann")
    first, running = answered(), assistant.dialogue("mine")
    settings.change("weighting.abstain_below", "1", "Ann")
    assert first.turn.answer.kind in (AnswerKind.GENERATED, AnswerKind.QUOTED)
    assert answered().turn.answer.kind is AnswerKind.ABSTAINED
    assert assistant.dialogue("mine") is not running
    settings.change("weighting.abstain_below", "0.5", "Ann")
    logged = assistant.operator.turns.recent(2)
    assert [one.kind for one in logged] == [AnswerKind.ABSTAINED, first.turn.answer.kind]
    assert [item.question for item in assistant.operator.queue.items()] == ["How much does moving fibre cost?"]


def test_files_of_ones_own_are_reached_by_nobody_else_whatever_is_asked(assistant: Colloquy) -> None:
    [lease] = assistant.files.upload(
        "ann", "lease.md", b"# Lease\n\n## Deposit\n\nThe deposit is two months of rent.\n"
    )
    base = own_base("ann")
    assert "two months" in assistant.search(base, "How much is the deposit?", 3, "ann")[0].passage.text
    assert [one.document for one in assistant.documents(base, "ann").documents] == [lease]
    taken = assistant.shelf.take_in("bob", _forged_archive(base, lease.id))
    tries: list[Callable[[], object]] = [
        lambda: assistant.search(base, "How much is the deposit?", 3),
        lambda: assistant.search(base, "How much is the deposit?", 3, "bob"),
        lambda: assistant.documents(base, "bob"),
        lambda: assistant.document(base, lease.id, "bob"),
        lambda: assistant.stream_reply("bob", "c9", "How much is the deposit?", base),
        lambda: assistant.stream_answer("bob", base, "How much is the deposit?", []),
        lambda: assistant.follow_ups("bob", taken.id),
        lambda: assistant.operator.library.documents(base),
        lambda: assistant.operator.library.page(base, lease.id),
        lambda: assistant.operator.playground.run(Search(base, "How much is the deposit?", 3)),
    ]
    for reach in tries:
        with pytest.raises(UnknownKnowledgeBase):
            reach()
    assert base not in {info.name for info in assistant.operator.library.bases()}


def _forged_archive(base: str, document_id: str) -> bytes:
    """What somebody takes in who knows the names of a knowledge base and a document, and not what is in them."""
    passage = Passage(f"{document_id}#x", document_id, "?", "?", "?", (0, 1), ("?",))
    answer = Answer("?", AnswerKind.ABSTAINED)
    turn = Turn("t1", "?", Query("?", "?"), answer, (RetrievedPassage(passage, 1.0, 1),), knowledge_base=base)
    return write_archive(Conversation("c", "bob", "?", (turn,)))
