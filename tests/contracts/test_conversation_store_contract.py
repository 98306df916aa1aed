"""The promises of ``ConversationStore``, put to every implementation. The fourth, which needs processes to kill, is in
``tests/memory/test_durability.py``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

from domain.answer import Answer, AnswerKind, Citation, Weighting
from domain.conversation import Conversation, Gate, Query, Trace, Turn
from domain.errors import Misconfigured, QuestionRejected
from domain.owner_data import OwnerData
from domain.passage import Passage, RetrievedPassage
from domain.protocols import ConversationStore, MemoryLimits
from memory.codec import encode_turn
from tests.contracts.memory_places import PLACES, ROOMY, opened

NewStore = Callable[[MemoryLimits], ConversationStore]


@pytest.fixture(scope="module", params=PLACES)
def new_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewStore]:
    with opened(request.param, tmp_path_factory.mktemp("redis")) as new_memory:
        yield lambda limits: new_memory(limits, 1000).store


@pytest.fixture
def owner() -> str:
    return f"owner {uuid4()}"


def turn(number: int, answer: str = "Sixty days.", question: str = "") -> Turn:
    question = question or f"Question number {number}?"
    return Turn(f"turn-{number}", question, Query(question, question), Answer(answer, AnswerKind.QUOTED))


def questions(store: ConversationStore, owner: str, conversation_id: str) -> list[str]:
    return [kept.question for kept in store.load(owner, conversation_id).turns]


def test_unknown_id_loads_an_empty_conversation_and_creates_nothing(new_store: NewStore, owner: str) -> None:
    store = new_store(ROOMY)
    assert store.load(owner, "never seen") == Conversation("never seen", owner)
    assert list(store.list(owner)) == []


def test_a_turn_with_all_its_parts_comes_back_equal(new_store: NewStore, owner: str) -> None:
    passage = Passage("p1", "d1", "Moving", "Give 30 days’ notice.\x00", "moving.md", (4, 25), ("Moving", "Notice"))
    whole = Turn(
        id="t1",
        question="How much notice for 2 lines? 📞",
        query=Query("notice for moving 2 lines", "How much notice?", Gate.REWRITE, "pronoun", 0.5, ("Moving home?",)),
        answer=Answer(
            "Thirty days.",
            AnswerKind.GENERATED,
            (Citation(1, "p1", (0, 12), (0, 20), "Give 30 days’ notice", 0.875),),
            0.75,
            Weighting(0.25, "fixed", (), {"margin": 0.125}),
        ),
        evidence=(RetrievedPassage(passage, 3.5, 1, {"dense_rank": 1.0}),),
        trace=Trace({"retrieve": 0.0625}),
        asked_at=1_790_000_000.123456,
        knowledge_base="harbourline",
        stopped=True,
    )
    store = new_store(ROOMY)
    store.append(owner, "c", whole)
    assert store.load(owner, "c").turns == (whole,)


def test_turns_come_back_in_the_order_they_were_appended(new_store: NewStore, owner: str) -> None:
    store = new_store(ROOMY)
    for number in range(5):
        store.append(owner, "c", turn(number))
    assert questions(store, owner, "c") == [f"Question number {n}?" for n in range(5)]


def test_appending_a_turn_again_stores_it_once(new_store: NewStore, owner: str) -> None:
    store = new_store(ROOMY)
    for number in (1, 2, 1, 2, 2):
        store.append(owner, "c", turn(number))
    assert questions(store, owner, "c") == ["Question number 1?", "Question number 2?"]
    assert store.list(owner)[0].turn_count == 2


def test_appends_of_eight_threads_all_survive_each_thread_in_its_order(new_store: NewStore, owner: str) -> None:
    store = new_store(MemoryLimits(None, 1000, 10_000_000))

    def write(writer: int) -> None:
        for number in range(10):
            store.append(owner, "c", turn(100 * writer + number))

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = [int(kept.id.removeprefix("turn-")) for kept in store.load(owner, "c").turns]
    for writer in range(8):
        assert [n % 100 for n in numbers if n // 100 == writer] == list(range(10))
    assert len(numbers) == 80


def test_oldest_turns_go_first_when_there_are_too_many(new_store: NewStore, owner: str) -> None:
    store = new_store(MemoryLimits(None, max_turns=3, max_bytes=1_000_000))
    for number in range(5):
        store.append(owner, "c", turn(number))
    assert questions(store, owner, "c") == [f"Question number {n}?" for n in (2, 3, 4)]
    assert store.load(owner, "c").trimmed == 2
    assert store.list(owner)[0].turn_count == 3


def test_oldest_turns_go_first_when_they_are_too_large_together(new_store: NewStore, owner: str) -> None:
    size = len(encode_turn(turn(0, "x" * 500)))
    store = new_store(MemoryLimits(None, max_turns=100, max_bytes=3 * size + 10))
    for number in range(4):
        store.append(owner, "c", turn(number, "x" * 500))
    assert questions(store, owner, "c") == [f"Question number {n}?" for n in (1, 2, 3)]
    store.append(owner, "c", turn(4, "x" * (500 + size)))  # takes the room of two
    assert questions(store, owner, "c") == ["Question number 3?", "Question number 4?"]
    assert store.load(owner, "c").trimmed == 3


def test_a_turn_larger_than_a_conversation_may_be_is_rejected_and_changes_nothing(
    new_store: NewStore, owner: str
) -> None:
    store = new_store(MemoryLimits(None, max_turns=100, max_bytes=2_000))
    store.append(owner, "c", turn(1))
    with pytest.raises(QuestionRejected, match="2,000"):
        store.append(owner, "c", turn(2, "x" * 2_000))
    assert questions(store, owner, "c") == ["Question number 1?"]


def test_time_to_live_starts_anew_at_each_append(new_store: NewStore, owner: str) -> None:
    store = new_store(MemoryLimits(ttl_seconds=1000, max_turns=100, max_bytes=1_000_000))
    store.append(owner, "left alone", turn(1))
    store.append(owner, "kept busy", turn(1))
    time.sleep(0.2)
    store.append(owner, "kept busy", turn(2))
    busy, alone = store.list(owner)
    assert (busy.id, busy.turn_count, alone.id) == ("kept busy", 2, "left alone")
    for one in (busy, alone):
        assert one.expires_at == pytest.approx(one.updated_at + 1000, abs=0.05)
    assert busy.updated_at >= alone.updated_at + 0.19


def test_a_conversation_whose_time_is_over_is_gone(new_store: NewStore, owner: str) -> None:
    store = new_store(MemoryLimits(ttl_seconds=1, max_turns=100, max_bytes=1_000_000))
    store.append(owner, "c", turn(1))
    deadline = time.monotonic() + 30
    while store.list(owner) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(store.list(owner)) == []
    assert store.load(owner, "c") == Conversation("c", owner)
    assert list(store.search(owner, "question number")) == []


def test_time_to_live_starts_anew_when_a_conversation_is_read(new_store: NewStore, owner: str) -> None:
    store = new_store(MemoryLimits(ttl_seconds=300, max_turns=100, max_bytes=1_000_000))
    for name in ("exported", "read"):
        store.append(owner, name, turn(1))
    time.sleep(0.6)  # twice the share of its life that must pass before a reading renews it
    assert len(store.export(owner).conversations) == 2
    assert len(store.load(owner, "read").turns) == 1
    read, exported = store.list(owner)
    assert (read.id, exported.id) == ("read", "exported")
    assert read.expires_at is not None
    assert read.expires_at >= read.updated_at + 300.5
    assert exported.expires_at == pytest.approx(exported.updated_at + 300, abs=0.05)


def test_without_time_to_live_nothing_expires(new_store: NewStore, owner: str) -> None:
    store = new_store(ROOMY)
    store.append(owner, "c", turn(1))
    assert store.list(owner)[0].expires_at is None


def test_one_owner_never_sees_or_touches_what_is_anothers(new_store: NewStore, owner: str) -> None:
    store, other = new_store(ROOMY), f"{owner}:another"
    store.append(owner, "c", turn(1))
    store.append(other, "c", turn(2))
    assert questions(store, owner, "c") == ["Question number 1?"]
    store.rename(other, "c", "Renamed")
    store.delete(other, "c")
    assert [summary.title for summary in store.list(owner)] == ["Question number 1?"]
    assert list(store.list(other)) == []


@pytest.mark.parametrize("name", ["", "a:b", "{x}", "líne\nbreak \x00", "*", "x" * 5000, "\ud800 half a pair"])
def test_any_string_is_a_safe_owner_and_id(new_store: NewStore, owner: str, name: str) -> None:
    store = new_store(ROOMY)
    store.append(owner + name, name, turn(1))
    assert [summary.id for summary in store.list(owner + name)] == [name]
    assert store.load(owner + name, name).turns == (turn(1),)
    assert list(store.list(owner + "?")) == []


def test_list_is_newest_first_and_says_when(new_store: NewStore, owner: str) -> None:
    store, began = new_store(ROOMY), time.time()
    for name in ("first", "second", "third"):
        store.append(owner, name, turn(1))
    store.append(owner, "first", turn(2))
    summaries = store.list(owner)
    assert [(summary.id, summary.turn_count) for summary in summaries] == [("first", 2), ("third", 1), ("second", 1)]
    assert all(began - 1 <= summary.updated_at <= time.time() + 1 for summary in summaries)


def test_title_is_the_first_question_cut_after_a_word(new_store: NewStore, owner: str) -> None:
    store = new_store(ROOMY)
    long = "Can I keep my landline number when I move from\n Cork to Galway, and what does it cost?"
    store.append(owner, "c", turn(1, question=long))
    store.append(owner, "c", turn(2))
    title = "Can I keep my landline number when I move from Cork to…"
    assert store.list(owner)[0].title == store.load(owner, "c").title == title


def test_rename_stays_through_later_appends(new_store: NewStore, owner: str) -> None:
    store = new_store(ROOMY)
    store.append(owner, "c", turn(1))
    store.rename(owner, "c", "  Moving\nhome ")
    store.append(owner, "c", turn(2))
    assert store.load(owner, "c").title == "Moving home"
    with pytest.raises(QuestionRejected):
        store.rename(owner, "c", " \n ")


def test_rename_and_delete_of_an_unknown_id_create_nothing(new_store: NewStore, owner: str) -> None:
    store = new_store(ROOMY)
    store.rename(owner, "c", "Ghost")
    store.delete(owner, "c")
    assert store.load(owner, "c") == Conversation("c", owner)
    assert list(store.list(owner)) == []


def test_a_deleted_conversation_begins_anew(new_store: NewStore, owner: str) -> None:
    store = new_store(MemoryLimits(None, max_turns=1, max_bytes=100_000))
    for number in (1, 2):
        store.append(owner, "c", turn(number))
    store.append(owner, "stays", turn(1))
    store.delete(owner, "c")
    assert [summary.id for summary in store.list(owner)] == ["stays"]
    store.append(owner, "c", turn(2))
    assert questions(store, owner, "c") == ["Question number 2?"]
    assert store.load(owner, "c").trimmed == 0


def test_erasing_an_owner_leaves_the_others_and_says_how_much_it_was(new_store: NewStore, owner: str) -> None:
    store, other = new_store(ROOMY), f"{owner} other"
    for name in ("a", "b"):
        store.append(owner, name, turn(1))
        store.append(other, name, turn(1))
    assert store.erase(owner) == 2
    assert list(store.list(owner)) == []
    assert questions(store, owner, "a") == []
    assert [summary.id for summary in store.list(other)] == ["b", "a"]
    assert store.erase(owner) == 0


def test_what_was_asked_before_an_erasure_is_not_stored_after_it(new_store: NewStore, owner: str) -> None:
    store, other = new_store(ROOMY), f"{owner} other"
    before = replace(turn(1), asked_at=time.time() - 60)
    assert store.erase(owner) == 0
    store.append(owner, "c", before)
    store.append(other, "c", before)
    assert (questions(store, owner, "c"), questions(store, other, "c")) == ([], ["Question number 1?"])
    store.append(owner, "c", replace(turn(2), asked_at=time.time() + 60))
    assert questions(store, owner, "c") == ["Question number 2?"]


def test_a_deleted_turn_is_gone_and_the_others_keep_their_ids_and_order(new_store: NewStore, owner: str) -> None:
    store = new_store(ROOMY)
    for number in (1, 2, 3):
        store.append(owner, "c", turn(number))
    assert store.delete_turn(owner, "c", "turn-2") is True
    assert store.delete_turn(owner, "c", "turn-2") is False
    assert store.delete_turn(owner, "never seen", "turn-1") is False
    assert store.delete_turn(f"{owner} other", "c", "turn-1") is False
    assert [kept.id for kept in store.load(owner, "c").turns] == ["turn-1", "turn-3"]
    assert store.list(owner)[0].turn_count == 2
    assert list(store.search(owner, "number 2")) == []
    assert list(store.list(f"{owner} other")) == []


def test_a_deleted_turn_gives_its_room_back_and_is_not_counted_as_trimmed(new_store: NewStore, owner: str) -> None:
    size = len(encode_turn(turn(0, "x" * 500)))
    store = new_store(MemoryLimits(None, max_turns=100, max_bytes=3 * size + 10))
    for number in range(3):
        store.append(owner, "c", turn(number, "x" * 500))
    store.delete_turn(owner, "c", "turn-1")
    store.append(owner, "c", turn(3, "x" * 500))
    assert [kept.id for kept in store.load(owner, "c").turns] == ["turn-0", "turn-2", "turn-3"]
    assert store.load(owner, "c").trimmed == 0


def test_a_conversation_whose_only_turn_was_deleted_can_go_on(new_store: NewStore, owner: str) -> None:
    store = new_store(ROOMY)
    store.append(owner, "c", turn(1))
    store.delete_turn(owner, "c", "turn-1")
    assert [(one.title, one.turn_count) for one in store.list(owner)] == [("Question number 1?", 0)]
    store.append(owner, "c", turn(1))
    assert questions(store, owner, "c") == ["Question number 1?"]


def test_a_pin_stays_through_appends_and_makes_nothing_of_an_unknown_id(new_store: NewStore, owner: str) -> None:
    store = new_store(ROOMY)
    for name in ("a", "b"):
        store.append(owner, name, turn(1))
    store.set_pinned(owner, "a", True)
    store.set_pinned(owner, "never seen", True)
    store.append(owner, "a", turn(2))
    assert [(one.id, one.pinned) for one in store.list(owner)] == [("a", True), ("b", False)]
    assert store.load(owner, "a").pinned is True
    store.set_pinned(owner, "a", False)
    assert store.load(owner, "a").pinned is False


def whole(owner: str, numbers: range, branched_from: str | None = "c") -> Conversation:
    turns = tuple(turn(number) for number in numbers)
    return Conversation("branch", owner, "Moving, once more", turns, True, branched_from, trimmed=2)


def test_a_whole_conversation_comes_back_equal_and_goes_on(new_store: NewStore, owner: str) -> None:
    store = new_store(ROOMY)
    store.put(owner, whole(owner, range(3)))
    assert store.load(owner, "branch") == whole(owner, range(3))
    (listed,) = store.list(owner)
    assert (listed.title, listed.turn_count, listed.pinned, listed.branched_from) == ("Moving, once more", 3, True, "c")
    store.append(owner, "branch", turn(3))
    assert store.load(owner, "branch") == whole(owner, range(4))


def test_a_whole_conversation_belongs_to_whoever_puts_it(new_store: NewStore, owner: str) -> None:
    store = new_store(ROOMY)
    store.put(owner, whole("somebody else", range(1), None))
    assert store.load(owner, "branch").owner == owner
    assert list(store.list("somebody else")) == []


def test_putting_over_a_conversation_is_refused_and_changes_nothing(new_store: NewStore, owner: str) -> None:
    store = new_store(ROOMY)
    store.append(owner, "branch", turn(7))
    with pytest.raises(QuestionRejected, match="'branch' already"):
        store.put(owner, whole(owner, range(3)))
    assert questions(store, owner, "branch") == ["Question number 7?"]
    store.delete(owner, "branch")
    store.put(owner, whole(owner, range(1)))
    with pytest.raises(QuestionRejected, match="'branch' already"):
        store.put(owner, whole(owner, range(1)))


def test_what_is_put_keeps_the_bounds(new_store: NewStore, owner: str) -> None:
    store = new_store(MemoryLimits(None, max_turns=3, max_bytes=1_000_000))
    store.put(owner, whole(owner, range(5)))
    kept = store.load(owner, "branch")
    assert [one.id for one in kept.turns] == ["turn-2", "turn-3", "turn-4"]
    assert kept.trimmed == 2 + 2
    tight = new_store(MemoryLimits(None, max_turns=100, max_bytes=2_000))
    with pytest.raises(QuestionRejected, match="2,000"):
        tight.put(owner, Conversation("large", owner, "", (turn(1, "x" * 2_000),)))
    assert tight.load(owner, "large") == Conversation("large", owner)


def test_two_turns_of_one_id_are_refused_and_nothing_is_stored(new_store: NewStore, owner: str) -> None:
    store = new_store(ROOMY)
    with pytest.raises(QuestionRejected, match="'turn-1' twice"):
        store.put(owner, Conversation("c", owner, "Twice", (turn(1), turn(2), turn(1))))
    assert list(store.list(owner)) == []


def test_a_whole_conversation_may_be_empty_and_is_named_after_its_first_question(
    new_store: NewStore, owner: str
) -> None:
    store = new_store(ROOMY)
    store.put(owner, Conversation("c", owner, branched_from="d"))
    assert [(one.title, one.turn_count) for one in store.list(owner)] == [("", 0)]
    store.append(owner, "c", turn(1))
    store.put(owner, Conversation("named", owner, "", (turn(2),)))
    assert [one.title for one in store.list(owner)] == ["Question number 2?", "Question number 1?"]
    assert store.load(owner, "c").branched_from == "d"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("number", ["b", "a"]),
        ("NUMBER  sixty", ["b", "a"]),
        ("thirty", ["a"]),
        ("thirty 1?", ["a"]),
        ("thirty 5?", []),
        ("irty", ["a"]),
        ("crème BRÛLÉE", ["b"]),
        ("straße", ["b"]),
        ("搬家", ["b"]),
        ("100% [a-z]+ (x)", ["b"]),
        ("asked_at", []),
        ("quoted", []),
        ("  ", ["b", "a"]),
    ],
)
def test_search_finds_what_title_and_turns_hold_together(
    new_store: NewStore, owner: str, text: str, found: list[str]
) -> None:
    store = new_store(ROOMY)
    store.append(owner, "a", turn(1, "Thirty days."))
    store.append(owner, "a", turn(2))
    store.append(owner, "b", turn(5, "Sixty. Crème brûlée, STRASSE, 100% [a-z]+ (x)\nnext line"))
    store.rename(owner, "b", "搬家")
    assert [summary.id for summary in store.search(owner, text)] == found
    assert list(store.search(f"{owner} other", text)) == []


def test_search_forgets_what_was_trimmed_or_deleted(new_store: NewStore, owner: str) -> None:
    store = new_store(MemoryLimits(None, max_turns=2, max_bytes=1_000_000))
    for number in (1, 2, 3):
        store.append(owner, "c", turn(number, f"Answer{number}."))
    store.rename(owner, "c", "Title")
    assert [len(store.search(owner, f"answer{number}")) for number in (1, 2, 3)] == [0, 1, 1]
    store.delete(owner, "c")
    assert list(store.search(owner, "answer3")) == []


def test_an_export_holds_every_conversation_whole(new_store: NewStore, owner: str) -> None:
    store = new_store(ROOMY)
    store.append(owner, "a", turn(1))
    store.put(owner, whole(owner, range(2)))
    store.append(f"{owner} other", "theirs", turn(3))
    exported = store.export(owner)
    assert exported.conversations == (
        whole(owner, range(2)),
        Conversation("a", owner, "Question number 1?", (turn(1),)),
    )
    assert exported.feedback == {}
    assert store.export(f"{owner} nobody") == OwnerData()


@pytest.mark.parametrize(
    "limits", [MemoryLimits(0, 1, 1), MemoryLimits(None, 0, 1), MemoryLimits(None, 1, -1)], ids=str
)
def test_limits_below_one_are_refused_by_name(new_store: NewStore, limits: MemoryLimits) -> None:
    with pytest.raises(Misconfigured, match=r"memory limit (ttl_seconds|max_turns|max_bytes) is (0|-1)"):
        new_store(limits)


def test_limits_are_shown_as_given(new_store: NewStore) -> None:
    assert new_store(ROOMY).limits == ROOMY
