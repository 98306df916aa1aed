"""Which memory there is: what keeps conversations, and what lists and judges them, by the settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from domain.errors import Misconfigured
from domain.feedback import FeedbackStore
from domain.operating import OperatorBook
from domain.protocols import ConversationStore, HandOffDesk, MemoryLimits
from domain.turn_log import TurnLog
from memory.embedded_server import EmbeddedRedis
from memory.in_memory_lists import InMemoryFeedback, InMemoryTurnLog
from memory.in_memory_store import InMemoryConversationStore
from memory.journal import Journal
from memory.keeping_store import KeepingStore
from memory.operator_book import InMemoryOperatorBook
from memory.redis_feedback import RedisFeedback
from memory.redis_hand_offs import RedisHandOffDesk
from memory.redis_log import RedisTurnLog
from memory.redis_operator_book import RedisOperatorBook
from memory.redis_store import RedisConversationStore
from settings import Settings


@dataclass(frozen=True, slots=True)
class OpenMemory:
    """``close`` gives back connections and servers, in that order."""

    store: KeepingStore
    hand_offs: HandOffDesk
    close: Sequence[Callable[[], object]]


def limits_of(settings: Settings) -> MemoryLimits:
    """How long and how much is kept."""
    return MemoryLimits(settings.memory.ttl_seconds, settings.memory.max_turns, settings.memory.max_bytes)


def open_memory(settings: Settings) -> OpenMemory:
    """The Redis of ``settings.redis_url``, or the server that comes along. Raises ``Misconfigured`` when it does not
    answer."""
    limits, chosen, close = limits_of(settings), settings.memory, list[Callable[[], object]]()
    if settings.redis_url:
        store = RedisConversationStore(settings.redis_url, limits, log_capacity=chosen.log_turns)
    else:
        server = EmbeddedRedis(settings.data_dir.resolve() / "memory")
        store = RedisConversationStore(server.start(), limits, revive=server.start, log_capacity=chosen.log_turns)
        close = [server.stop]
    store.ping()
    desk = RedisHandOffDesk(store.run_script, settings.hand_off.capacity)
    journal = Journal(settings.data_dir.resolve() / "waiting", chosen.journal_turns, chosen.journal_bytes)
    kept = KeepingStore(store, journal, desk)
    kept.start()
    return OpenMemory(kept, desk, [kept.close, *close])


def open_book(store: object) -> OperatorBook:
    """The operators' book beside the conversations: in their Redis, or in this process where they are."""
    run = getattr(store, "run_script", None)
    return InMemoryOperatorBook() if run is None else RedisOperatorBook(run)


def feedback_in(store: ConversationStore) -> FeedbackStore:
    """Where verdicts on the turns of ``store`` are kept: beside them."""
    if isinstance(store, KeepingStore):
        return RedisFeedback(store.store.connection, store.store.log_index)
    if isinstance(store, InMemoryConversationStore):
        return InMemoryFeedback(store)
    raise _unknown(store)


def turn_log_of(store: ConversationStore) -> TurnLog:
    """The operators' list of the turns of ``store``."""
    if isinstance(store, KeepingStore):
        return RedisTurnLog(store.store.connection, store.store.log_index)
    if isinstance(store, InMemoryConversationStore):
        return InMemoryTurnLog(store)
    raise _unknown(store)


def _unknown(store: object) -> Misconfigured:
    return Misconfigured(f"{type(store).__name__} keeps no list of turns; give a store of the memory part.")
