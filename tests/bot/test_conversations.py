"""Branching, pruning, finding, taking out and bringing back, over the store that forgets at exit."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bot.conversations import Shelf, memory_for
from domain.answer import Answer, AnswerKind, Citation
from domain.conversation import Conversation, Query, Turn
from domain.errors import QuestionRejected
from domain.passage import Passage, RetrievedPassage
from domain.protocols import MemoryLimits
from memory.archive import read_archive, write_archive
from memory.in_memory_store import InMemoryConversationStore

PASSAGE = Passage("p1", "moving", "Moving", "You pay £20. 搬家", "moving.md", (10, 26), ("Fees",), {"region": "UK"})


def turn(name: str, answer: str = "You pay £20.") -> Turn:
    citation = Citation(1, "p1", (0, len(answer)), (0, 12), "You pay £20.", 0.9)
    said = Answer(answer, AnswerKind.QUOTED, (citation,), 0.8)
    found = RetrievedPassage(PASSAGE, 0.9, 1, {"relevance": 0.9})
    return Turn(name, f"what of {name}?", Query(name, name), said, (found,), knowledge_base="help")


@pytest.fixture
def store() -> InMemoryConversationStore:
    store = InMemoryConversationStore(MemoryLimits(3600, 50, 100_000))
    for name in ("one", "two", "three"):
        store.append("me", "talk", turn(name))
    return store


@pytest.fixture
def shelf(store: InMemoryConversationStore) -> Shelf:
    return Shelf(store, write_archive, read_archive)


def ids(conversation: Conversation) -> list[str]:
    return [one.id for one in conversation.turns]


def test_a_branch_holds_the_turns_before_and_names_where_it_came_from(
    shelf: Shelf, store: InMemoryConversationStore
) -> None:
    shelf.branch("me", "talk", "three", "branch", "Another question")
    branch = store.load("me", "branch")
    assert (ids(branch), branch.branched_from, branch.title) == (["one", "two"], "talk", "Another question")
    assert ids(store.load("me", "talk")) == ["one", "two", "three"]


def test_a_branch_at_the_first_question_is_empty_and_is_named_by_what_is_asked_in_it(
    shelf: Shelf, store: InMemoryConversationStore
) -> None:
    shelf.branch("me", "talk", "one", "branch", "Edited")
    store.append("me", "branch", turn("new"))
    branch = store.load("me", "branch")
    assert (ids(branch), branch.branched_from, branch.title) == (["new"], "talk", "what of new?")


@pytest.mark.parametrize(("owner", "turn_id"), [("me", "four"), ("somebody", "two")])
def test_no_branch_grows_from_a_turn_that_is_not_there_or_not_ones_own(
    shelf: Shelf, store: InMemoryConversationStore, owner: str, turn_id: str
) -> None:
    with pytest.raises(QuestionRejected, match="no longer in this conversation"):
        shelf.branch(owner, "talk", turn_id, "branch")
    assert store.load(owner, "branch").turns == ()


def test_a_deleted_turn_leaves_every_other_as_it_was(shelf: Shelf, store: InMemoryConversationStore) -> None:
    assert shelf.delete_turn("me", "talk", "two")
    assert not shelf.delete_turn("me", "talk", "two")
    assert not shelf.delete_turn("somebody", "talk", "one")
    assert store.load("me", "talk").turns == (turn("one"), turn("three"))


def test_what_is_asked_again_takes_the_place_of_the_last_turn_and_does_not_see_it(
    store: InMemoryConversationStore,
) -> None:
    memory = memory_for(store, "three")
    assert ids(memory.load("me", "talk")) == ["one", "two"]
    memory.append("me", "talk", turn("again"))
    assert ids(store.load("me", "talk")) == ["one", "two", "again"]
    assert memory.limits == store.limits


def test_an_answer_stays_when_asking_it_again_is_stopped(store: InMemoryConversationStore) -> None:
    memory_for(store, "three").append("me", "talk", replace(turn("again"), stopped=True))
    assert ids(store.load("me", "talk")) == ["one", "two", "three"]


def test_replacing_nothing_is_the_store_itself(store: InMemoryConversationStore) -> None:
    assert memory_for(store, "") is store


def test_what_was_taken_out_comes_back_the_same_under_a_new_id(shelf: Shelf, store: InMemoryConversationStore) -> None:
    archive = shelf.written("me", "talk")
    back = shelf.take_in("other", archive)
    assert (len(back.id), back.id == "talk") == (32, False)
    stored = store.load("other", back.id)
    assert (stored.title, stored.turns) == ("what of one?", store.load("me", "talk").turns)
    assert json.loads(archive)["turns"][0]["turn"]["evidence"][0]["passage"]["text"] == "You pay £20. 搬家"
    assert b"me" not in archive.replace(b"name", b"").replace(b"same", b"") or b'"owner"' not in archive


def test_an_archive_is_found_and_pinned_like_any_other(shelf: Shelf, store: InMemoryConversationStore) -> None:
    back = shelf.take_in("me", shelf.written("me", "talk"))
    shelf.pin("me", back.id, True)
    assert [(one.id, one.pinned) for one in store.list("me")] == [(back.id, True), ("talk", False)]
    assert {one.id for one in shelf.search("me", "THREE pay")} == {back.id, "talk"}
    assert shelf.search("me", "unicorn") == []


def test_there_is_nothing_to_take_out_of_what_is_not_ones_own(shelf: Shelf) -> None:
    with pytest.raises(QuestionRejected, match="nothing to export"):
        shelf.written("somebody", "talk")


DAMAGED = {
    "no JSON": b"# Markdown",
    "deep": b"[" * 200_000,
    "a list": b"[]",
    "another file": b'{"turns": [1]}',
    "a later version": b'{"colloquy": "conversation", "version": 2, "turns": [1]}',
    "no questions": b'{"colloquy": "conversation", "version": 1, "turns": []}',
    "a turn that is none": b'{"colloquy": "conversation", "version": 1, "turns": [{"version": [1, 1], "turn": 3}]}',
    "not UTF-8": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_a_file_that_is_no_archive_is_refused_in_one_sentence_and_stores_nothing(
    shelf: Shelf, store: InMemoryConversationStore, data: bytes
) -> None:
    with pytest.raises(QuestionRejected, match="not a conversation exported from Colloquy"):
        shelf.take_in("other", data)
    assert store.list("other") == []


@pytest.mark.parametrize(
    ("key", "value"), [("title", 7), ("trimmed", -1), ("trimmed", True), ("trimmed", "3")], ids=str
)
def test_a_damaged_head_is_refused(shelf: Shelf, key: str, value: object) -> None:
    archive = json.loads(shelf.written("me", "talk"))
    with pytest.raises(QuestionRejected, match="is damaged"):
        shelf.take_in("me", json.dumps(archive | {key: value}).encode())


@pytest.mark.parametrize("name", ["", "x" * 81, "a\nb"], ids=["empty", "long", "two lines"])
def test_a_turn_without_a_usable_id_is_refused(shelf: Shelf, name: str) -> None:
    archive = json.loads(shelf.written("me", "talk"))
    archive["turns"][1]["turn"]["id"] = name
    with pytest.raises(QuestionRejected, match="question 2 in it has no usable id"):
        shelf.take_in("me", json.dumps(archive).encode())


def test_a_file_beyond_the_limit_is_refused_before_it_is_read(shelf: Shelf) -> None:
    with pytest.raises(QuestionRejected, match="200,001 bytes and 200,000 are taken"):
        shelf.take_in("me", b"{" * 200_001)
