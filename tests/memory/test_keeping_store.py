"""A memory through outages of a real server: ``EmbeddedRedis`` is stopped and started under it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from domain.answer import Reason
from domain.conversation import Conversation, Turn
from domain.errors import MemoryDown, PartUnavailable, QuestionRejected
from domain.hand_off import HandOff
from domain.owners import owner_hash
from domain.protocols import MemoryLimits
from memory.codec import encode_turn
from memory.embedded_server import EmbeddedRedis
from memory.hand_off_queue import InMemoryHandOffDesk
from memory.journal import Journal
from memory.keeping_store import KeepingStore
from memory.redis_keys import LOG_PLACES
from memory.redis_store import RedisConversationStore

LIMITS = MemoryLimits(None, 100, 1_000_000)
MakeTurn = Callable[..., Turn]


@dataclass
class House:
    """One machine: a server that can be stopped, and stores on it."""

    server: EmbeddedRedis
    folder: Path
    desk: InMemoryHandOffDesk
    opened: list[KeepingStore]

    def store(self, most_turns: int = 10) -> KeepingStore:
        inner = RedisConversationStore(self.server.url, LIMITS, retries=0, timeout_seconds=2)
        store = KeepingStore(inner, Journal(self.folder / "waiting", most_turns, 1_000_000), self.desk)
        self.opened.append(store)
        return store

    def ids(self, owner: str, conversation_id: str = "c") -> list[str]:
        """What is really stored."""
        plain = RedisConversationStore(self.server.url, LIMITS)
        return [turn.id for turn in plain.load(owner, conversation_id).turns]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(EmbeddedRedis(tmp_path / "redis"), tmp_path, InMemoryHandOffDesk(), [])
    with made.server:
        yield made
        for store in made.opened:
            store.close()


def down(store: KeepingStore, owner: str, turn: Turn) -> tuple[Turn, ...]:
    """Appends while the server is stopped; what then waits."""
    with pytest.raises(MemoryDown) as told:
        store.append(owner, "c", turn)
    return told.value.waiting


def logged(house: House, owner: str) -> int:
    """How many lines of the operators' log are about ``owner``."""
    plain = RedisConversationStore(house.server.url, LIMITS)
    places = plain.run_script("return redis.call('HVALS', KEYS[1])", [LOG_PLACES], [])
    return sum(place.decode().startswith(owner_hash(owner)) for place in places)


def settled(store: KeepingStore) -> None:
    deadline = time.monotonic() + 10
    while store.waiting_turns and time.monotonic() < deadline:
        time.sleep(0.02)


def test_while_the_server_answers_it_is_the_store(house: House, owner: str, make_turn: MakeTurn) -> None:
    store = house.store()
    store.append(owner, "c", make_turn(1))
    store.put(owner, Conversation("b", owner, "Branch", (make_turn(1),), branched_from="c"))
    store.rename(owner, "c", "Moving")
    store.set_pinned(owner, "c", True)
    assert [(one.id, one.title, one.pinned) for one in store.list(owner)] == [
        ("b", "Branch", False),
        ("c", "Moving", True),
    ]
    assert store.load(owner, "c").turns == (make_turn(1),)
    assert [one.id for one in store.search(owner, "moving")] == ["c"]
    assert store.delete_turn(owner, "b", "turn-1") is True
    store.delete(owner, "b")
    assert [one.id for one in store.list(owner)] == ["c"]
    assert not (house.folder / "waiting").exists()


def test_turns_of_an_outage_wait_and_are_stored_once_in_order_when_it_is_over(
    house: House, owner: str, make_turn: MakeTurn
) -> None:
    store = house.store()
    store.append(owner, "c", make_turn(0))
    house.server.stop()
    assert down(store, owner, make_turn(1)) == (make_turn(1),)
    assert down(store, owner, make_turn(2)) == (make_turn(1), make_turn(2))
    house.server.start()
    settled(store)  # without a further turn
    assert house.ids(owner) == ["turn-0", "turn-1", "turn-2"]
    store.append(owner, "c", make_turn(3))
    assert house.ids(owner) == ["turn-0", "turn-1", "turn-2", "turn-3"]


def test_a_turn_after_the_outage_never_overtakes_those_that_wait(house: House, owner: str, make_turn: MakeTurn) -> None:
    store = house.store()
    house.server.stop()
    down(store, owner, make_turn(0))
    house.server.start()
    told = 1
    while told < 200:  # for as long as the store is not asked again, further turns queue up
        try:
            store.append(owner, "c", make_turn(told))
            break
        except MemoryDown:
            told += 1
            time.sleep(0.05)
    settled(store)
    assert house.ids(owner) == [f"turn-{number}" for number in range(told + 1)]


def test_follow_ups_know_what_was_said_before_and_during_the_outage(
    house: House, owner: str, make_turn: MakeTurn
) -> None:
    store = house.store()
    store.append(owner, "c", make_turn(0))
    house.server.stop()
    down(store, owner, make_turn(1))
    with pytest.raises(MemoryDown) as told:
        store.load(owner, "c")
    assert told.value.waiting == (make_turn(0), make_turn(1))
    with pytest.raises(MemoryDown) as told:
        store.load(f"{owner} other", "c")
    assert told.value.waiting == ()


def test_a_store_that_was_just_down_is_not_waited_for_at_every_turn(
    house: House, owner: str, make_turn: MakeTurn
) -> None:
    store = house.store()
    house.server.stop()
    down(store, owner, make_turn(0))
    with pytest.raises(MemoryDown, match=r"is asked again every 5 s"):
        store.load(owner, "c")


def test_a_journal_without_room_says_so_and_keeps_what_it_has(house: House, owner: str, make_turn: MakeTurn) -> None:
    store = house.store(most_turns=1)
    house.server.stop()
    down(store, owner, make_turn(0))
    with pytest.raises(PartUnavailable, match="no more fit") as told:
        store.append(owner, "c", make_turn(1))
    assert not isinstance(told.value, MemoryDown)
    house.server.start()
    settled(store)
    assert house.ids(owner) == ["turn-0"]


def test_a_turn_too_large_to_be_stored_does_not_wait(house: House, owner: str, make_turn: MakeTurn) -> None:
    store = house.store()
    house.server.stop()
    with pytest.raises(QuestionRejected, match="1,000,000"):
        store.append(owner, "c", make_turn(0, "x" * 1_000_000))
    assert store.waiting_turns == 0


def test_the_next_run_stores_what_the_last_one_left_waiting(house: House, owner: str, make_turn: MakeTurn) -> None:
    first = house.store()
    house.server.stop()
    down(first, owner, make_turn(0))
    first.close()
    house.server.start()
    second = house.store()
    second.start()
    second.close()
    assert house.ids(owner) == ["turn-0"]


def test_a_repeated_turn_is_stored_once(house: House, owner: str, make_turn: MakeTurn) -> None:
    store = house.store()
    store.append(owner, "c", make_turn(0))
    house.server.stop()
    down(store, owner, make_turn(0))  # its acknowledgment was lost, say
    house.server.start()
    settled(store)
    assert house.ids(owner) == ["turn-0"]


def test_deleting_takes_along_what_waits_or_says_that_it_cannot(house: House, owner: str, make_turn: MakeTurn) -> None:
    store = house.store()
    house.server.stop()
    down(store, owner, make_turn(0))
    for forget in (lambda: store.delete(owner, "c"), lambda: store.erase(owner)):
        with pytest.raises(PartUnavailable):
            forget()
    house.server.start()
    assert store.erase(owner) == 1
    settled(store)
    assert house.ids(owner) == []


def test_what_waits_in_another_process_does_not_come_back_after_its_owner_erased_everything(
    house: House, owner: str, make_turn: MakeTurn
) -> None:
    before, after = replace(make_turn(1), asked_at=time.time()), replace(make_turn(2), asked_at=time.time() + 60)
    alive, dead = (Journal(house.folder / name, 10, 1_000_000) for name in ("alive", "dead"))
    for journal in (alive, dead):  # two machines that could not reach the server
        journal.add(owner, "c", encode_turn(before))
        journal.add(f"{owner} other", "c", encode_turn(before))
    dead.close()
    assert house.store().erase(owner) == 0
    for journal in (alive, Journal(house.folder / "dead", 10, 1_000_000)):
        inner = RedisConversationStore(house.server.url, LIMITS)
        store = KeepingStore(inner, journal, house.desk)
        house.opened.append(store)
        store.export(owner)  # stores first what waits
        store.append(owner, "c", after)
        assert house.ids(owner) == ["turn-2"]
        assert house.ids(f"{owner} other") == ["turn-1"]
    assert not any(house.folder.glob("*/*.journal"))
    assert logged(house, owner) == 1


def test_a_turn_that_waited_longer_than_a_conversation_lives_is_let_go(
    house: House, owner: str, make_turn: MakeTurn
) -> None:
    journal = Journal(house.folder / "waiting", 10, 1_000_000)
    for number, waited in ((1, 7200), (2, 60)):
        journal.add(owner, "c", encode_turn(replace(make_turn(number), asked_at=time.time() - waited)))
    inner = RedisConversationStore(house.server.url, MemoryLimits(3600, 100, 1_000_000))
    house.opened.append(store := KeepingStore(inner, journal, house.desk))
    store.append(owner, "c", make_turn(3))
    assert house.ids(owner) == ["turn-2", "turn-3"]


def test_a_persons_data_holds_their_hand_offs_and_erasing_takes_them(
    house: House, owner: str, make_turn: MakeTurn
) -> None:
    store = house.store()
    store.append(owner, "c", make_turn(0))
    mine = HandOff("h1", owner_hash(owner), "c", "Where?", "Where?", Reason.ASKED_FOR_PERSON)
    theirs = HandOff("h2", owner_hash("somebody"), "c", "When?", "When?", Reason.ASKED_FOR_PERSON)
    house.desk.put(mine)
    house.desk.put(theirs)
    exported = store.export(owner)
    assert exported.hand_offs == (mine,)
    assert [one.turns for one in exported.conversations] == [(make_turn(0),)]
    assert store.erase(owner) == 1
    assert list(house.desk.list()) == [theirs]
