"""The promises of ``FeedbackStore``, put to every implementation. The fourth is the server's, and proved for
conversations in ``tests/memory/test_durability.py``: verdicts are in the same append-only file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

from domain.answer import Answer, AnswerKind
from domain.conversation import Conversation, Query, Turn
from domain.errors import QuestionRejected
from domain.feedback import Feedback
from domain.owners import short_owner_hash
from domain.protocols import MemoryLimits
from tests.contracts.memory_places import PLACES, ROOMY, NewMemory, opened

GOOD = Feedback("up", at=1_790_000_000.5)
BAD = Feedback("down", "wrong", "It is €20 now, not £20.\n真的", 1_790_000_100.25)


@pytest.fixture(scope="module", params=PLACES)
def new_memory(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewMemory]:
    with opened(request.param, tmp_path_factory.mktemp("redis")) as found:
        yield found


@pytest.fixture
def owner() -> str:
    return f"owner {uuid4()}"


def turn(number: int) -> Turn:
    question = f"Question number {number}?"
    return Turn(f"turn-{number}", question, Query(question, question), Answer("Sixty days.", AnswerKind.QUOTED))


def test_a_verdict_with_all_its_parts_comes_back_equal(new_memory: NewMemory, owner: str) -> None:
    memory = new_memory(ROOMY, 100)
    for number in (1, 2, 3):
        memory.store.append(owner, "c", turn(number))
    assert memory.feedback.give(owner, "c", "turn-1", GOOD) is True
    assert memory.feedback.give(owner, "c", "turn-3", BAD) is True
    assert memory.feedback.of(owner, "c") == {"turn-1": GOOD, "turn-3": BAD}


def test_a_second_verdict_replaces_the_first_and_can_be_taken_back(new_memory: NewMemory, owner: str) -> None:
    memory = new_memory(ROOMY, 100)
    memory.store.append(owner, "c", turn(1))
    memory.feedback.give(owner, "c", "turn-1", GOOD)
    memory.feedback.give(owner, "c", "turn-1", BAD)
    assert memory.feedback.of(owner, "c") == {"turn-1": BAD}
    assert [one.feedback for one in memory.feedback.recent(100) if one.owner_hash == short_owner_hash(owner)] == [BAD]
    assert memory.feedback.take_back(owner, "c", "turn-1") is True
    assert memory.feedback.of(owner, "c") == {}
    assert [one for one in memory.feedback.recent(100) if one.owner_hash == short_owner_hash(owner)] == []


def test_a_turn_that_is_not_stored_takes_no_verdict(new_memory: NewMemory, owner: str) -> None:
    memory = new_memory(ROOMY, 100)
    memory.store.append(owner, "c", turn(1))
    assert memory.feedback.give(owner, "c", "turn-2", GOOD) is False
    assert memory.feedback.give(owner, "never seen", "turn-1", GOOD) is False
    assert memory.feedback.give(f"{owner} other", "c", "turn-1", GOOD) is False
    assert memory.feedback.take_back(owner, "c", "turn-2") is False
    assert memory.feedback.of(owner, "c") == memory.feedback.of(owner, "never seen") == {}
    assert [summary.id for summary in memory.store.list(owner)] == ["c"]


def test_a_verdict_goes_with_its_turn(new_memory: NewMemory, owner: str) -> None:
    memory = new_memory(replace(ROOMY, max_turns=3), 100)
    for number in (1, 2, 3):
        memory.store.append(owner, "c", turn(number))
        memory.feedback.give(owner, "c", f"turn-{number}", BAD)
    memory.store.delete_turn(owner, "c", "turn-2")
    assert set(memory.feedback.of(owner, "c")) == {"turn-1", "turn-3"}
    for number in (4, 5):
        memory.store.append(owner, "c", turn(number))
    assert set(memory.feedback.of(owner, "c")) == {"turn-3"}
    memory.store.delete(owner, "c")
    assert memory.feedback.of(owner, "c") == {}
    assert [one for one in memory.feedback.recent(100) if one.owner_hash == short_owner_hash(owner)] == []


def test_a_verdict_expires_with_its_conversation(new_memory: NewMemory, owner: str) -> None:
    memory = new_memory(MemoryLimits(1, 100, 1_000_000), 100)
    memory.store.append(owner, "c", turn(1))
    memory.feedback.give(owner, "c", "turn-1", GOOD)
    time.sleep(1.1)
    assert memory.feedback.of(owner, "c") == {}
    assert [one for one in memory.feedback.recent(100) if one.owner_hash == short_owner_hash(owner)] == []


def test_recent_gives_the_newest_verdict_first_across_owners(new_memory: NewMemory, owner: str) -> None:
    memory, other = new_memory(ROOMY, 100), f"{owner} other"
    for who, number in ((owner, 1), (other, 2), (owner, 3)):
        memory.store.append(who, "c", turn(number))
        memory.feedback.give(who, "c", f"turn-{number}", GOOD)
    memory.feedback.give(owner, "c", "turn-1", BAD)
    newest = memory.feedback.recent(3)
    assert [(one.question, one.feedback.verdict) for one in newest] == [
        ("Question number 1?", "down"),
        ("Question number 3?", "up"),
        ("Question number 2?", "up"),
    ]
    assert [one.owner_hash for one in newest] == [short_owner_hash(who) for who in (owner, owner, other)]
    logged = memory.log.get(newest[0].reference)
    assert logged is not None
    assert (logged[0].feedback, logged[1]) == (BAD, turn(1))
    assert len(memory.feedback.recent(2)) == 2


def test_feedback_is_in_the_owners_export_and_is_erased(new_memory: NewMemory, owner: str) -> None:
    memory = new_memory(ROOMY, 100)
    memory.store.append(owner, "c", turn(1))
    memory.store.append(owner, "d", turn(2))
    memory.feedback.give(owner, "c", "turn-1", BAD)
    assert memory.store.export(owner).feedback == {"c": {"turn-1": BAD}}
    memory.store.erase(owner)
    memory.store.put(owner, Conversation("c", owner, "Again", (turn(1),)))
    assert memory.feedback.of(owner, "c") == {}


def test_a_comment_that_is_too_long_is_rejected_with_the_number(new_memory: NewMemory, owner: str) -> None:
    memory = new_memory(ROOMY, 100)
    memory.store.append(owner, "c", turn(1))
    with pytest.raises(QuestionRejected, match=r"2,001 characters and 2,000"):
        memory.feedback.give(owner, "c", "turn-1", Feedback("down", "", "x" * 2001))
    assert memory.feedback.of(owner, "c") == {}
