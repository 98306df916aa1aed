"""The promises of ``TurnLog``, put to every implementation."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from uuid import uuid4

import pytest

from domain.answer import Answer, AnswerKind, Reason
from domain.conversation import Conversation, Query, Trace, Turn
from domain.errors import Misconfigured
from domain.feedback import Feedback
from domain.owners import short_owner_hash
from domain.protocols import MemoryLimits
from domain.turn_log import LoggedTurn, TurnFilter
from tests.contracts.memory_places import PLACES, ROOMY, Memory, NewMemory, opened


@pytest.fixture(scope="module", params=PLACES)
def new_memory(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewMemory]:
    with opened(request.param, tmp_path_factory.mktemp("redis")) as found:
        yield found


@pytest.fixture
def owner() -> str:
    return f"owner {uuid4()}"


def turn(number: int, kind: AnswerKind = AnswerKind.QUOTED, confidence: float = 0.5, base: str = "help") -> Turn:
    question = f"Question number {number}?"
    answer = Answer(f"Answer{number} is sixty days.", kind, confidence=confidence)
    return Turn(f"turn-{number}", question, Query(question, question), answer, knowledge_base=base)


def numbers(turns: Sequence[LoggedTurn]) -> list[int]:
    return [int(one.question.removeprefix("Question number ").removesuffix("?")) for one in turns]


def filled(new_memory: NewMemory, owner: str, capacity: int = 5) -> Memory:
    """Five turns of two owners; the log of each place holds ``capacity``, so that other tests' are pushed out."""
    memory = new_memory(ROOMY, capacity)
    memory.store.append(owner, "a", turn(1, AnswerKind.ABSTAINED, 0.2))
    memory.store.append(owner, "a", turn(2, AnswerKind.GENERATED, 0.9))
    memory.store.append(f"{owner} other", "a", turn(3, AnswerKind.QUOTED, 0.9, "rates"))
    memory.store.append(owner, "b", turn(4, AnswerKind.GENERATED, 0.4))
    memory.store.append(owner, "a", turn(5, AnswerKind.QUOTED, 0.6))
    return memory


def test_a_turn_is_listed_with_what_lists_show_and_found_whole(new_memory: NewMemory, owner: str) -> None:
    answer = Answer("I do not know.", AnswerKind.ABSTAINED, confidence=0.25, reason=Reason.UNSURE)
    whole = Turn(
        id="t:1",
        question="How much\nnotice? 📞",
        query=Query("notice", "How much notice?"),
        answer=answer,
        trace=Trace({"retrieve": 0.0625, "total": 0.5}),
        asked_at=1_790_000_000.25,
        knowledge_base="harbourline",
        stopped=True,
    )
    memory, began = new_memory(ROOMY, 10), time.time()
    memory.store.append(owner, "c", whole)
    (logged,) = memory.log.recent(1)
    assert logged == LoggedTurn(
        reference=logged.reference,
        session=logged.session,
        owner_hash=short_owner_hash(owner),
        logged_at=logged.logged_at,
        asked_at=1_790_000_000.25,
        question="How much\nnotice? 📞",
        answer="I do not know.",
        kind=AnswerKind.ABSTAINED,
        reason=Reason.UNSURE,
        confidence=0.25,
        knowledge_base="harbourline",
        stopped=True,
        seconds={"retrieve": 0.0625, "total": 0.5},
    )
    assert began - 1 <= logged.logged_at <= time.time() + 1
    assert len(logged.owner_hash) == 12
    assert owner not in repr(logged)
    assert memory.log.get(logged.reference) == (logged, whole)


def test_turns_come_newest_first_across_owners_a_page_at_a_time(new_memory: NewMemory, owner: str) -> None:
    log = filled(new_memory, owner).log
    first = log.recent(2)
    second = log.recent(2, before=first[-1].logged_at)
    third = log.recent(2, before=second[-1].logged_at)
    assert [numbers(page) for page in (first, second, third)] == [[5, 4], [3, 2], [1]]
    assert list(log.recent(2, before=third[-1].logged_at)) == []


def test_turns_of_one_conversation_share_a_session_and_nobody_elses(new_memory: NewMemory, owner: str) -> None:
    log = filled(new_memory, owner).log
    five, four, three, two, one = log.recent(5)
    assert five.session == two.session == one.session
    assert len({five.session, four.session, three.session}) == 3
    assert numbers(log.recent(5, where=TurnFilter(session=five.session))) == [5, 2, 1]
    assert len({turn.reference for turn in (five, four, three, two, one)}) == 5


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (TurnFilter(kinds=frozenset({AnswerKind.GENERATED})), [4, 2]),
        (TurnFilter(kinds=frozenset({AnswerKind.ABSTAINED, AnswerKind.QUOTED})), [5, 3, 1]),
        (TurnFilter(confidence=(0.4, 0.6)), [5, 4]),
        (TurnFilter(knowledge_base="rates"), [3]),
        (TurnFilter(text="ANSWER2"), [2]),
        (TurnFilter(text="sixty question"), [5, 4, 3, 2, 1]),
        (TurnFilter(text="abstained"), []),
        (TurnFilter(verdict="down"), [3]),
        (TurnFilter(verdict="up"), [2]),
        (TurnFilter(verdict="up", kinds=frozenset({AnswerKind.QUOTED})), []),
    ],
)
def test_a_filter_lets_through_what_it_says(
    new_memory: NewMemory, owner: str, where: TurnFilter, found: list[int]
) -> None:
    memory = filled(new_memory, owner)
    memory.feedback.give(f"{owner} other", "a", "turn-3", Feedback("down", "wrong"))
    memory.feedback.give(owner, "a", "turn-2", Feedback("up"))
    assert numbers(memory.log.recent(5, where=where)) == found


def test_a_filter_by_time_takes_the_first_moment_and_leaves_the_last(new_memory: NewMemory, owner: str) -> None:
    log = filled(new_memory, owner).log
    five, four, _, two, _ = log.recent(5)
    assert numbers(log.recent(5, where=TurnFilter(since=two.logged_at, until=five.logged_at))) == [4, 3, 2]
    assert numbers(log.recent(5, before=four.logged_at, where=TurnFilter(since=two.logged_at))) == [3, 2]


def test_the_oldest_fall_out_of_a_full_log_and_stay_stored(new_memory: NewMemory, owner: str) -> None:
    memory = filled(new_memory, owner, capacity=3)
    assert memory.log.capacity == 3
    assert numbers(memory.log.recent(10)) == [5, 4, 3]
    assert len(memory.store.load(owner, "a").turns) == 3


def test_what_is_gone_from_a_conversation_is_gone_from_the_log(new_memory: NewMemory, owner: str) -> None:
    memory = filled(new_memory, owner)
    by_number = dict(zip(range(5, 0, -1), memory.log.recent(5), strict=True))
    memory.store.delete_turn(owner, "a", "turn-2")
    assert numbers(memory.log.recent(10)) == [5, 4, 3, 1]
    assert memory.log.get(by_number[2].reference) is None
    memory.store.delete(owner, "b")
    assert numbers(memory.log.recent(10)) == [5, 3, 1]
    memory.store.erase(owner)
    assert numbers(memory.log.recent(10)) == [3]
    assert memory.log.get(by_number[5].reference) is None


def test_trimmed_and_expired_turns_leave_the_log(new_memory: NewMemory, owner: str) -> None:
    memory = new_memory(MemoryLimits(1, max_turns=1, max_bytes=1_000_000), 2)
    memory.store.append(owner, "c", turn(1))
    memory.store.append(owner, "c", turn(2))
    assert numbers(memory.log.recent(10)) == [2]
    time.sleep(1.1)
    assert list(memory.log.recent(10)) == []


def test_a_turn_appended_again_is_listed_once(new_memory: NewMemory, owner: str) -> None:
    memory = new_memory(ROOMY, 2)
    for number in (1, 2, 1):
        memory.store.append(owner, "c", turn(number))
    assert numbers(memory.log.recent(10)) == [2, 1]


def test_what_was_put_whole_is_no_news(new_memory: NewMemory, owner: str) -> None:
    memory = new_memory(ROOMY, 1)
    memory.store.append(owner, "c", turn(1))
    memory.store.put(owner, Conversation("branch", owner, "Branch", (turn(1), turn(2))))
    assert numbers(memory.log.recent(10)) == [1]


@pytest.mark.parametrize("reference", ["", "never seen", "0" * 32, "\x00"])
def test_an_unknown_reference_is_none(new_memory: NewMemory, reference: str) -> None:
    assert new_memory(ROOMY, 5).log.get(reference) is None


def test_a_capacity_below_one_is_refused(new_memory: NewMemory) -> None:
    with pytest.raises(Misconfigured, match="capacity of 0"):
        new_memory(replace(ROOMY), 0)
