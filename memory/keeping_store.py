"""The memory that a conversation meets: a store, a journal for the time it is down, and all that is kept of a person.

While the store answers, this is the store. When it does not, turns wait in the journal, and are stored in the order
they were asked as soon as it answers again: before any other turn, and by a thread of their own should none come.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence as SequenceOf
from dataclasses import replace
from typing import Any

from domain.conversation import Conversation, ConversationSummary, Turn
from domain.errors import MemoryDown, PartUnavailable
from domain.owner_data import OwnerData
from domain.owners import owner_hash
from domain.protocols import HandOffDesk, MemoryLimits
from memory.bounds import encoded_within
from memory.journal import Journal
from memory.redis_keys import LOG_TURNS
from memory.redis_store import RedisConversationStore

_SHORTEST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 5.0
"""Between two looks at a store that is down."""
_PATIENCE_SECONDS = 0.5
"""How long a turn waits for those before it to be stored by another thread, before it queues up behind them."""
_PATIENCE_OF_CHANGES_SECONDS = 5.0
"""The same for a person who deletes, which must not miss what waits."""
_REMEMBERED = 64
"""Conversations whose latest turns are held, so that follow-ups are understood while the store is down."""
_REMEMBERED_TURNS = 10

_log = logging.getLogger(__name__)


class KeepingStore:
    """A ``ConversationStore`` over ``store`` that keeps its promises through the store's outages, as far as a turn's
    life goes: ``append`` and ``load`` raise ``MemoryDown`` with what waits; everything else raises as ``store`` does.

    ``erase`` and ``export`` include the hand-offs in ``desk``.
    """

    def __init__(self, store: RedisConversationStore, journal: Journal, desk: HandOffDesk) -> None:
        self.store, self._journal, self._desk = store, journal, desk
        self._lately: OrderedDict[tuple[str, str], tuple[Turn, ...]] = OrderedDict()
        self._lock = threading.Lock()
        self._down, self._closing = False, threading.Event()
        self._looking: threading.Thread | None = None

    @property
    def limits(self) -> MemoryLimits:
        return self.store.limits

    @property
    def waiting_turns(self) -> int:
        """How many turns of this process wait for the store."""
        return len(self._journal)

    @property
    def is_down(self) -> bool:
        """Whether the store is known not to answer; nobody else needs to wait for its time-outs then."""
        return self._down

    def load(self, owner: str, conversation_id: str) -> Conversation:
        """As the store has it. Raises ``MemoryDown`` with the latest turns that are known while it is down."""
        try:
            self._look()
            found = self.store.load(owner, conversation_id)
        except PartUnavailable as error:
            self._look_after()
            known = self._known(owner, conversation_id)
            raise MemoryDown(str(error), (*known, *self._journal.waiting(owner, conversation_id))) from error
        self._remember(owner, conversation_id, found.turns)
        return found

    def append(self, owner: str, conversation_id: str, turn: Turn) -> None:
        """Stores ``turn``; raises ``MemoryDown`` when it waits in the journal instead, with ``turn`` in ``waiting``,
        and ``PartUnavailable`` when there is no room for it there either."""
        encoded = encoded_within(turn, self.limits)
        try:
            self._look()
            self.store.append(owner, conversation_id, turn)
        except PartUnavailable as error:
            self._down = True  # before it is looked after, which ends this
            try:
                self._journal.add(owner, conversation_id, encoded)
            finally:
                self._look_after()
            raise MemoryDown(str(error), self._journal.waiting(owner, conversation_id)) from error
        self._remember(owner, conversation_id, (*self._known(owner, conversation_id), turn))

    def list(self, owner: str) -> SequenceOf[ConversationSummary]:
        """Newest first."""
        return self.store.list(owner)

    def rename(self, owner: str, conversation_id: str, title: str) -> None:
        """Gives an existing conversation a title."""
        self.store.rename(owner, conversation_id, title)

    def set_pinned(self, owner: str, conversation_id: str, pinned: bool) -> None:
        """Pins or unpins an existing conversation."""
        self.store.set_pinned(owner, conversation_id, pinned)

    def delete(self, owner: str, conversation_id: str) -> None:
        """Forgets a conversation, with the turns of it that wait."""
        self._replay(_PATIENCE_OF_CHANGES_SECONDS)
        self.store.delete(owner, conversation_id)
        self._forget(owner, conversation_id)

    def delete_turn(self, owner: str, conversation_id: str, turn_id: str) -> bool:
        """Forgets one turn."""
        self._replay(_PATIENCE_OF_CHANGES_SECONDS)
        self._forget(owner, conversation_id)
        return self.store.delete_turn(owner, conversation_id, turn_id)

    def put(self, owner: str, conversation: Conversation) -> None:
        """Stores a whole conversation."""
        self.store.put(owner, conversation)

    def search(self, owner: str, text: str) -> SequenceOf[ConversationSummary]:
        """Those that hold every word of ``text``."""
        return self.store.search(owner, text)

    def erase(self, owner: str) -> int:
        """Forgets all that is kept of ``owner``, waiting turns and hand-offs included; how many conversations that
        were. What waits in another process's journal is refused by the mark that this leaves."""
        self._replay(_PATIENCE_OF_CHANGES_SECONDS)
        with self._lock:
            for key in [key for key in self._lately if key[0] == owner]:
                del self._lately[key]
        count = self.store.erase(owner)
        self._desk.forget(owner_hash(owner))
        return count

    def export(self, owner: str) -> OwnerData:
        """All that is kept of ``owner``."""
        self._replay(_PATIENCE_OF_CHANGES_SECONDS)
        theirs = tuple(one for one in self._desk.list() if one.owner_hash == owner_hash(owner))
        return replace(self.store.export(owner), hand_offs=theirs)

    def run_script(self, script: str, keys: SequenceOf[str], arguments: SequenceOf[str | bytes | int | float]) -> Any:
        """The server's reply to a Lua script, for what else is kept in the same Redis."""
        return self.store.run_script(script, keys, arguments)

    def ping(self) -> None:
        """Raises ``Misconfigured`` when the store does not answer."""
        self.store.ping()

    def start(self) -> None:
        """Stores what an earlier run had to leave waiting, by a thread of its own."""
        self._look_after()

    def close(self) -> None:
        """Stops replaying; what still waits is taken over at the next start."""
        self._closing.set()
        if self._looking is not None:
            self._looking.join()
        self._journal.close()
        self.store.close()

    def _look(self) -> None:
        """What waits goes first. Raises ``PartUnavailable`` at once while the store is known to be down: one thread
        asks it again and again, so that no turn has to wait for its time-outs."""
        if self._down:
            raise PartUnavailable(
                f"The conversation memory does not answer ({self.store.connection.name}); it is asked again every "
                f"{_LONGEST_PAUSE_SECONDS:.0f} s. Check that the Redis server runs."
            )
        if len(self._journal):
            self._replay(_PATIENCE_SECONDS)

    def _replay(self, patience_seconds: float = -1) -> None:
        count = self._journal.replay(self._store_late, patience_seconds)
        if count:
            _log.warning("%d turns that waited for the conversation memory are stored now.", count)

    def _store_late(self, owner: str, conversation_id: str, turn: Turn) -> None:
        """As ``append`` of the store. A turn that waited for longer than a conversation lives is let go: the mark of an
        erasure lives no longer either."""
        ttl = self.limits.ttl_seconds
        if ttl is not None and turn.asked_at and turn.asked_at + ttl < time.time():
            _log.warning("A turn that waited for the conversation memory is let go: its time to live is over.")
            return
        self.store.append(owner, conversation_id, turn)

    def _look_after(self) -> None:
        with self._lock:
            if self._looking is None:
                self._looking = threading.Thread(target=self._until_it_answers, name="journal", daemon=True)
                self._looking.start()

    def _until_it_answers(self) -> None:
        pause = _SHORTEST_PAUSE_SECONDS
        while not self._stored_all():
            if self._closing.wait(pause):
                return
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _stored_all(self) -> bool:
        """Whether the store answers and nothing waits; then turns go straight to it again."""
        try:
            self.store.run_script("return 1", [LOG_TURNS], [])
            self._replay()
        except PartUnavailable:
            self._down = True
            return False
        with self._lock:
            if len(self._journal):
                return False
            self._down, self._looking = False, None
            return True

    def _known(self, owner: str, conversation_id: str) -> tuple[Turn, ...]:
        with self._lock:
            return self._lately.get((owner, conversation_id), ())

    def _remember(self, owner: str, conversation_id: str, turns: tuple[Turn, ...]) -> None:
        with self._lock:
            self._lately[owner, conversation_id] = turns[-_REMEMBERED_TURNS:]
            self._lately.move_to_end((owner, conversation_id))
            while len(self._lately) > _REMEMBERED:
                self._lately.popitem(last=False)

    def _forget(self, owner: str, conversation_id: str) -> None:
        with self._lock:
            self._lately.pop((owner, conversation_id), None)
