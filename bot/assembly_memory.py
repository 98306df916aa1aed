"""Which memory there is: what keeps conversations, and what lists and judges them, by the settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from domain.errors import Misconfigured
from domain.feedback import FeedbackStore
from domain.protocols import ConversationStore, HandOffDesk, MemoryLimits
from domain.turn_log import TurnLog
from memory.embedded_server import EmbeddedRedis
from memory.in_memory_lists import InMemoryFeedback, InMemoryTurnLog
from memory.in_memory_store import InMemoryConversationStore
from memory.redis_feedback import RedisFeedback
from memory.redis_hand_offs import RedisHandOffDesk
from memory.redis_log import RedisTurnLog
from memory.redis_store import RedisConversationStore
from settings import Settings


@dataclass(frozen=True, slots=True)
class OpenMemory:
    """``close`` gives back connections and servers, in that order."""

    store: RedisConversationStore
    hand_offs: HandOffDesk
    close: Sequence[Callable[[], object]]


def limits_of(settings: Settings) -> MemoryLimits:
    """How long and how much is kept."""
    return MemoryLimits(settings.memory.ttl_seconds, settings.memory.max_turns, settings.memory.max_bytes)


def open_memory(settings: Settings) -> OpenMemory:
    """The Redis of ``settings.redis_url``, or the server that comes along. Raises ``Misconfigured`` when it does not
    answer."""
    limits = limits_of(settings)
    if settings.redis_url:
        store = RedisConversationStore(settings.redis_url, limits)
        close: list[Callable[[], object]] = [store.close]
    else:
        server = EmbeddedRedis(settings.data_dir.resolve() / "memory")
        store = RedisConversationStore(server.start(), limits, revive=server.start)
        close = [store.close, server.stop]
    store.ping()
    return OpenMemory(store, RedisHandOffDesk(store.run_script, settings.hand_off.capacity), close)


def feedback_in(store: ConversationStore) -> FeedbackStore:
    """Where verdicts on the turns of ``store`` are kept: beside them."""
    if isinstance(store, RedisConversationStore):
        return RedisFeedback(store.connection, store.log_index)
    if isinstance(store, InMemoryConversationStore):
        return InMemoryFeedback(store)
    raise _unknown(store)


def turn_log_of(store: ConversationStore) -> TurnLog:
    """The operators' list of the turns of ``store``."""
    if isinstance(store, RedisConversationStore):
        return RedisTurnLog(store.connection, store.log_index)
    if isinstance(store, InMemoryConversationStore):
        return InMemoryTurnLog(store)
    raise _unknown(store)


def _unknown(store: object) -> Misconfigured:
    return Misconfigured(f"{type(store).__name__} keeps no list of turns; give a store of the memory part.")
