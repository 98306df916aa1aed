"""The promises of ``HandOffDesk``, put to every implementation. The seventh is the server's, and proved for
conversations in ``tests/memory/test_durability.py``: the queue is in the same append-only file."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from domain.answer import Reason
from domain.errors import Misconfigured, PartUnavailable
from domain.hand_off import Delivery, HandOff, HandOffState
from domain.passage import Place
from domain.protocols import HandOffDesk, MemoryLimits
from memory.embedded_server import EmbeddedRedis
from memory.hand_off_queue import InMemoryHandOffDesk
from memory.redis_hand_offs import RedisHandOffDesk
from memory.redis_store import RedisConversationStore

NewDesk = Callable[[int], HandOffDesk]


class Ticking:
    """A clock that goes on by one second each time it is read, from 1000."""

    def __init__(self) -> None:
        self._seconds = itertools.count(1000)

    def __call__(self) -> float:
        return float(next(self._seconds))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisConversationStore]:
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield RedisConversationStore(server.url, MemoryLimits(None, 10, 100_000))


@pytest.fixture(params=["in memory", "embedded Redis"])
def new_desk(request: pytest.FixtureRequest, store: RedisConversationStore) -> NewDesk:
    if request.param == "in memory":
        return lambda capacity: InMemoryHandOffDesk(capacity, Ticking())
    store.run_script("redis.call('FLUSHALL') return 1", [], [])
    return lambda capacity: RedisHandOffDesk(store.run_script, capacity, Ticking())


def item(question: str = "Where is the shop in Hull?", item_id: str = "") -> HandOff:
    return HandOff(
        id=item_id or uuid4().hex,
        owner_hash="f00d",
        conversation_id="c1",
        question=question,
        query="Where is the Harbourline shop in Hull?",
        reason=Reason.AFTER_ABSTENTION,
        knowledge_base="harbourline",
        sources=(Place("p1", "d1", "Contact › Shops", "contact.md", (4, 90)),),
        created_at=1_790_000_000.125,
        delivery=Delivery.WAITING,
    )


def test_an_entry_with_all_its_parts_comes_back_equal(new_desk: NewDesk) -> None:
    desk, whole = new_desk(5), item("Where’s the shop? 📍")
    desk.put(whole)
    assert desk.get(whole.id) == whole
    assert list(desk.list()) == [whole]


def test_an_unknown_id_is_none_and_nothing_is_made_of_it(new_desk: NewDesk) -> None:
    desk = new_desk(5)
    assert desk.get("never") is None
    assert not desk.take("never", "Ann")
    assert not desk.finish("never")
    desk.record_delivery("never", Delivery.FAILED, "gone")
    assert list(desk.list()) == []


def test_forgetting_an_owner_takes_every_entry_of_theirs_and_no_other(new_desk: NewDesk) -> None:
    desk = new_desk(5)
    for number, owner in enumerate(("mine", "theirs", "mine")):
        desk.put(replace(item(item_id=f"i{number}"), owner_hash=owner))
    assert desk.take("i0", "Ann")
    assert desk.finish("i0")
    assert desk.forget("mine") == 2
    assert [one.id for one in desk.list()] == ["i1"]
    assert desk.forget("mine") == 0
    desk.put(item(item_id="i0"))
    assert [one.id for one in desk.list(HandOffState.OPEN)] == ["i1", "i0"]


def test_putting_an_entry_again_leaves_it_as_it_was(new_desk: NewDesk) -> None:
    desk, first = new_desk(5), item(item_id="same")
    desk.put(first)
    assert desk.take("same", "Ann")
    desk.put(item("Another question?", "same"))
    kept = desk.get("same")
    assert kept is not None
    assert (kept.question, kept.state) == (first.question, HandOffState.TAKEN)


def test_the_list_is_oldest_first_and_of_one_state_when_asked(new_desk: NewDesk) -> None:
    desk = new_desk(5)
    for name in ("b", "a", "c"):
        desk.put(item(item_id=name))
    desk.take("a", "Ann")
    desk.finish("c")
    assert [one.id for one in desk.list()] == ["b", "a", "c"]
    assert [one.id for one in desk.list(HandOffState.OPEN)] == ["b"]
    assert [one.id for one in desk.list(HandOffState.TAKEN)] == ["a"]
    assert [one.id for one in desk.list(HandOffState.DONE)] == ["c"]


def test_an_entry_goes_from_open_to_taken_to_done_and_never_back(new_desk: NewDesk) -> None:
    desk = new_desk(5)
    desk.put(item(item_id="x"))
    assert desk.take("x", "Ann")
    assert not desk.take("x", "Bob")
    assert desk.finish("x")
    assert not desk.finish("x")
    assert not desk.take("x", "Bob")
    done = desk.get("x")
    assert done is not None
    assert (done.state, done.taken_by, done.taken_at) == (HandOffState.DONE, "Ann", 1000.0)
    assert done.done_at > done.taken_at


def test_an_entry_may_be_done_without_being_taken(new_desk: NewDesk) -> None:
    desk = new_desk(5)
    desk.put(item(item_id="x"))
    assert desk.finish("x")


def test_of_eight_who_take_one_entry_at_once_one_gets_it(new_desk: NewDesk) -> None:
    desk, told = new_desk(5), list[bool]()
    desk.put(item(item_id="x"))
    threads = [threading.Thread(target=lambda n=n: told.append(desk.take("x", f"agent {n}"))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [False] * 7 + [True]


def test_what_became_of_the_message_is_noted_and_nothing_else_changes(new_desk: NewDesk) -> None:
    desk = new_desk(5)
    desk.put(item(item_id="x"))
    desk.take("x", "Ann")
    desk.record_delivery("x", Delivery.FAILED, "answered 503")
    noted = desk.get("x")
    assert noted is not None
    assert (noted.delivery, noted.delivery_error) == (Delivery.FAILED, "answered 503")
    assert (noted.state, noted.taken_by) == (HandOffState.TAKEN, "Ann")


def test_where_there_is_no_room_the_entry_that_was_done_first_goes(new_desk: NewDesk) -> None:
    desk = new_desk(3)
    for name in ("a", "b", "c"):
        desk.put(item(item_id=name))
    desk.finish("c")
    desk.finish("a")
    desk.put(item(item_id="d"))
    assert [one.id for one in desk.list()] == ["a", "b", "d"]
    desk.put(item(item_id="e"))
    assert [one.id for one in desk.list()] == ["b", "d", "e"]


def test_a_queue_full_of_work_takes_no_more_and_drops_nothing(new_desk: NewDesk) -> None:
    desk = new_desk(2)
    desk.put(item(item_id="a"))
    desk.put(item(item_id="b"))
    desk.take("b", "Ann")
    with pytest.raises(PartUnavailable, match=r"holds 2 entries that nobody has done; finish some"):
        desk.put(item(item_id="c"))
    assert [one.id for one in desk.list()] == ["a", "b"]
    assert desk.capacity == 2


def test_a_capacity_below_one_is_refused(new_desk: NewDesk) -> None:
    with pytest.raises(Misconfigured, match="capacity of 0; give at least 1"):
        new_desk(0)


def test_half_a_surrogate_pair_does_not_lose_the_entry(new_desk: NewDesk) -> None:
    desk = new_desk(2)
    desk.put(item("what \ud800 now", "x"))
    kept = desk.get("x")
    assert kept is not None
    assert kept.question == "what ? now"


def test_a_server_that_is_gone_is_a_part_that_does_not_answer(tmp_path: Path) -> None:
    store = RedisConversationStore(f"unix://{tmp_path}/none.sock", MemoryLimits(None, 1, 1000), retries=0)
    with pytest.raises(PartUnavailable, match="does not answer"):
        RedisHandOffDesk(store.run_script).list()
