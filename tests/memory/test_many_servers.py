"""The contracts of conversations, feedback and the log of turns on several servers, which then lose a master.

The tests of the contracts run here with the two groups of ``redis_groups``; what follows them kills servers.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from uuid import uuid4

import pytest

from domain.answer import Answer, AnswerKind
from domain.conversation import Query, Turn
from domain.errors import PartUnavailable
from domain.feedback import Feedback
from domain.protocols import ConversationStore, MemoryLimits
from memory.redis_store import RedisConversationStore
from tests.contracts import test_conversation_store_contract, test_feedback_contract, test_turn_log_contract
from tests.contracts.memory_places import ROOMY, Memory, NewMemory, in_redis
from tests.contracts.test_conversation_store_contract import NewStore
from tests.memory.redis_groups import Group, client, cluster, free_port, sentinels, until

globals().update(
    {
        name: test
        for contract in (test_conversation_store_contract, test_feedback_contract, test_turn_log_contract)
        for name, test in vars(contract).items()
        if name.startswith("test_")
    }
)

GROUPS = {"Sentinel": sentinels, "Cluster": cluster}


@pytest.fixture(scope="module", params=list(GROUPS))
def group(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Group]:
    opened: AbstractContextManager[Group] = GROUPS[request.param](tmp_path_factory.mktemp("group"))
    with opened as made:
        yield made


@pytest.fixture
def new_memory(group: Group) -> Iterator[NewMemory]:
    opened: list[Memory] = []

    def make(limits: MemoryLimits, capacity: int) -> Memory:
        opened.append(in_redis(group.url, limits, capacity))
        return opened[-1]

    yield make
    for memory in opened:
        memory.store.close()  # type: ignore[attr-defined]


@pytest.fixture
def new_store(new_memory: NewMemory) -> NewStore:
    return lambda limits: new_memory(limits, 1000).store


@pytest.fixture
def owner() -> str:
    return f"owner {uuid4()}"


def turn(number: int) -> Turn:
    question = f"Question number {number}?"
    return Turn(f"turn-{number}", question, Query(question, question), Answer("Sixty days.", AnswerKind.QUOTED))


def appended(store: ConversationStore, owner: str, number: int) -> None:
    """Tries until the turn is acknowledged, as the journal does."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return store.append(owner, "c", turn(number))
        except PartUnavailable:
            if time.monotonic() > deadline:
                raise


def test_two_clients_of_a_group_see_the_same(new_memory: NewMemory, owner: str) -> None:
    new_memory(ROOMY, 100).store.append(owner, "c", turn(1))
    other = new_memory(ROOMY, 100)
    assert other.store.load(owner, "c").turns == (turn(1),)
    assert other.log.recent(1)[0].question == "Question number 1?"


def test_what_was_acknowledged_is_on_a_replica(group: Group, new_memory: NewMemory, owner: str) -> None:
    new_memory(ROOMY, 100).store.append(owner, "c", turn(1))
    replication = client(group.master_of(owner)).info("replication")
    assert replication["slave0"]["state"] == "online"
    # What follows the turn are the log's and other tests' changes; a replica that lacked the turn would be behind it.
    until(lambda: _acknowledged(group.master_of(owner)), "the replica has everything", 5)


def _acknowledged(port: int) -> bool:
    replication = client(port).info("replication")
    return bool(replication["slave0"]["offset"] >= replication["master_repl_offset"])


def test_acknowledged_turns_survive_the_death_of_a_master_and_clients_go_on(
    group: Group, new_memory: NewMemory, owner: str, caplog: pytest.LogCaptureFixture
) -> None:
    memory = new_memory(MemoryLimits(None, 10_000, 100_000_000), 100)
    acknowledged: list[int] = []
    enough = threading.Event()

    def write() -> None:
        while not enough.is_set():
            appended(memory.store, owner, len(acknowledged))
            acknowledged.append(len(acknowledged))

    writer = threading.Thread(target=write)
    with caplog.at_level(logging.WARNING):
        writer.start()
        until(lambda: len(acknowledged) >= 50, "50 turns are stored")
        before, died = len(acknowledged), group.master_of(owner)
        group.kill(died)
        until(lambda: len(acknowledged) >= before + 20, "20 more turns are stored")
        enough.set()
        writer.join()
    kept = [int(one.id.removeprefix("turn-")) for one in memory.store.load(owner, "c").turns]
    assert kept == acknowledged
    assert group.master_of(owner) != died
    assert memory.feedback.give(owner, "c", "turn-0", Feedback("up")) is True
    assert memory.log.recent(1)[0].question == f"Question number {acknowledged[-1]}?"
    said = [record.getMessage() for record in caplog.records if "No replica" in record.getMessage()]
    assert len(said) == 1  # the new master has none left, and that is said once


@pytest.mark.parametrize("group", ["Cluster"], indirect=True)  # Sentinels take ten seconds over this
def test_a_restarted_server_becomes_a_replica_and_is_waited_for_again(
    group: Group, new_memory: NewMemory, owner: str, caplog: pytest.LogCaptureFixture
) -> None:
    (dead,) = [port for port, process in group.processes.items() if process.poll() is not None]
    group.restart(dead)
    until(lambda: client(dead).info("replication")["role"] == "slave", "the old master follows the new one")
    until(lambda: client(dead).info("replication")["master_link_status"] == "up", "the old master has caught up")
    memory = new_memory(ROOMY, 100)
    with caplog.at_level(logging.WARNING):
        for number in range(20):
            for part in range(9):  # of different owners: all masters are written to
                memory.store.append(f"{owner} {part}", "c", turn(number))
    assert [record.getMessage() for record in caplog.records] == []
    assert len(memory.store.load(f"{owner} 8", "c").turns) == 20


def test_a_group_that_is_gone_is_unavailable_and_says_where(owner: str) -> None:
    for url in (f"redis+sentinel://127.0.0.1:{free_port()}/s", f"redis+cluster://127.0.0.1:{free_port()}"):
        store = RedisConversationStore(url, ROOMY, retries=1)
        with pytest.raises(PartUnavailable, match=url.replace("+", r"\+")):
            store.load(owner, "c")
