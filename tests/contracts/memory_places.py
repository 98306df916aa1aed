"""Where a memory may live: what the contract suites of conversations, feedback and the log of turns run over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from domain.feedback import FeedbackStore
from domain.protocols import ConversationStore, MemoryLimits
from domain.turn_log import TurnLog
from memory.embedded_server import EmbeddedRedis
from memory.hand_off_queue import InMemoryHandOffDesk
from memory.in_memory_lists import InMemoryFeedback, InMemoryTurnLog
from memory.in_memory_store import InMemoryConversationStore
from memory.journal import Journal
from memory.keeping_store import KeepingStore
from memory.redis_feedback import RedisFeedback
from memory.redis_log import RedisTurnLog
from memory.redis_store import RedisConversationStore

DEBIAN_REDIS = Path("/usr/bin/redis-server")
PLACES = ["in memory", "embedded Redis", "Debian's Redis"]
ROOMY = MemoryLimits(ttl_seconds=None, max_turns=100, max_bytes=1_000_000)


@dataclass(frozen=True)
class Memory:
    """Conversations, what was thought of them, and the operators' list of them, in one place."""

    store: ConversationStore
    feedback: FeedbackStore
    log: TurnLog


NewMemory = Callable[[MemoryLimits, int], Memory]
"""(limits, capacity of the log) -> a memory; several of one place share what is stored, unless it is the process."""


@contextmanager
def opened(place: str, folder: Path) -> Iterator[NewMemory]:
    """Memories of ``place``, which keeps its files in ``folder``."""
    if place == "in memory":
        yield in_memory
        return
    executable = None if place == "embedded Redis" else DEBIAN_REDIS
    if executable is not None and not executable.exists():
        pytest.skip("Debian's redis-server is not installed here")
    with EmbeddedRedis(folder, executable) as server:
        if executable is None:  # as the assistant has it, with a journal before it
            yield lambda limits, capacity: kept(in_redis(server.url, limits, capacity), folder / "waiting")
        else:
            yield lambda limits, capacity: in_redis(server.url, limits, capacity)


def in_memory(limits: MemoryLimits, capacity: int) -> Memory:
    """A memory that dies with the process."""
    store = InMemoryConversationStore(limits)
    return Memory(store, InMemoryFeedback(store), InMemoryTurnLog(store, capacity))


def kept(memory: Memory, folder: Path) -> Memory:
    """``memory`` with a journal in ``folder`` for the time it is down."""
    assert isinstance(memory.store, RedisConversationStore)
    store = KeepingStore(memory.store, Journal(folder, 100, 1_000_000), InMemoryHandOffDesk())
    return replace(memory, store=store)


def in_redis(url: str, limits: MemoryLimits, capacity: int) -> Memory:
    """A memory in the Redis at ``url``."""
    store = RedisConversationStore(url, limits, log_capacity=capacity)
    connection, index = store.connection, store.log_index
    return Memory(store, RedisFeedback(connection, index), RedisTurnLog(connection, index))
