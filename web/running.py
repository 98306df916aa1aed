"""Turns that are being answered now: each in a thread of its own, so that a slow one never holds up another.

As many as the machine can work on at once run; further ones wait in a bounded line and know their place in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from enum import Enum
from typing import Any

from domain.events import AnswerFinished, TurnEvent

_CLOSE_SECONDS = 3.0  # how long a stopped turn may take to be stored before the page shows it from what it has
_STEP_SECONDS = 0.05  # how often a server that goes down looks whether its last turns have ended

Watch = Callable[[TurnEvent | Exception | None], None]
"""Told of every event of every turn, of what it raised, and with None of a turn that was stopped before its end."""


class TooManyTurns(Exception):
    """As many turns as this server allows are running already, and as many as it allows wait."""


class ServerStopping(Exception):
    """The server is going down: it finishes what it has begun and begins nothing more."""


class _Sign(Enum):
    """What travels among the events beside them."""

    ENDED = "ended"
    MOVED = "moved"  # up in the line


_Item = TurnEvent | Exception | _Sign


def _unwatched(_: TurnEvent | Exception | None) -> None:
    """Nobody looks on."""


class RunningTurn:
    """One turn: ``begin()`` is called, consumed and closed in a thread of its own.

    Stopping closes the assistant's iterator as soon as it yields, which makes the assistant store what was written.
    A turn made with a ``position`` above 0 waits, so many turns before it and itself counted, until ``run``.
    """

    def __init__(
        self,
        begin: Callable[[], Iterator[TurnEvent]],
        *,
        owner: str = "",
        position: int = 0,
        watch: Watch = _unwatched,
        ended: Callable[[RunningTurn], None] = lambda _: None,
    ) -> None:
        """``ended`` is called on the event loop, with the turn, when the thread has closed the iterator."""
        self.owner = owner
        self._begin, self._watch, self._ended = begin, watch, ended
        self._loop = asyncio.get_running_loop()
        self._items: asyncio.Queue[_Item] = asyncio.Queue()
        self._stop = threading.Event()
        self._woken = asyncio.Event()
        self.abandoned = False
        self.position = position
        if not position:
            self.run()

    @property
    def stopping(self) -> bool:
        """Whether somebody has asked for it to stop."""
        return self._stop.is_set()

    def run(self) -> None:
        """Its place has come. Event loop only."""
        self.move(0)
        threading.Thread(target=self._work, name="turn", daemon=True).start()

    def move(self, position: int) -> None:
        """Its place in the line is now ``position``; ``events`` tells by an empty list. Event loop only."""
        if position != self.position:
            self.position = position
            self._items.put_nowait(_Sign.MOVED)

    def refuse(self, error: Exception) -> None:
        """End a waiting turn with ``error``. Event loop only."""
        self._items.put_nowait(error)
        self._items.put_nowait(_Sign.ENDED)

    def stop(self, abandon: bool = False) -> None:
        """Ask it to stop. ``abandon`` says that nobody looks at the result any more. Safe from any thread."""
        self.abandoned = self.abandoned or abandon
        self._stop.set()
        self._call(self._wake)

    async def events(self, beat_seconds: float) -> AsyncIterator[list[TurnEvent]]:
        """What has happened since the last list; an empty list at every beat without news, and when the turn has
        moved up in the line.

        The beats let whoever is sending notice that the browser has gone. Raises what the assistant raised.
        """
        while True:
            batch = await self._next(beat_seconds)
            events = [item for item in batch if not isinstance(item, Exception | _Sign)]
            if events or not batch or _Sign.MOVED in batch:
                yield events
            for item in batch:
                if isinstance(item, Exception):
                    raise item
            if _Sign.ENDED in batch or self.stopping:
                return

    async def stored(self) -> None:
        """Wait until a stopped turn has been closed, but not for ever."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._drained(), _CLOSE_SECONDS)

    async def _drained(self) -> None:
        while not self.position and await self._items.get() is not _Sign.ENDED:
            pass

    async def _next(self, beat_seconds: float) -> list[_Item]:
        item = asyncio.ensure_future(self._items.get())
        woken = asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait({item, woken}, timeout=beat_seconds, return_when=asyncio.FIRST_COMPLETED)
            if not item.done():
                return []
            batch = [item.result()]
        finally:
            item.cancel()
            woken.cancel()
        while not self._items.empty():
            batch.append(self._items.get_nowait())
        return batch

    def _wake(self) -> None:
        self._woken.set()

    def _work(self) -> None:
        try:
            finished = self._consume()
            if not finished:
                self._watch(None)
        except Exception as error:  # whatever the assistant raises is told to the page, which shows it
            self._watch(error)
            self._put(error)
        finally:
            self._put(_Sign.ENDED)
            self._call(self._ended, self)

    def _consume(self) -> bool:
        """Whether the turn came to its own end."""
        finished = False
        events = self._begin()
        try:
            for event in events:
                finished = isinstance(event, AnswerFinished)
                self._watch(event)
                self._put(event)
                if self._stop.is_set():
                    break
        finally:
            # An Iterator need not have close; the assistant's, being a generator, does.
            getattr(events, "close", lambda: None)()
        return finished

    def _put(self, item: _Item) -> None:
        self._call(self._items.put_nowait, item)

    def _call(self, what: Callable[..., Any], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop may be gone when the server is shutting down
            self._loop.call_soon_threadsafe(what, *arguments)


class RunningTurns:
    """The turns by whoever waits for them (a browser tab, a request), at most one each. Event loop only, but for the
    counts.

    At most ``limit`` are worked on; a stopped one counts until the assistant has closed it. At most ``queue_limit``
    wait; they are taken in the order they came.
    """

    def __init__(
        self, limit: int, queue_limit: int = 0, watch: Watch = _unwatched, idle: Callable[[], None] = lambda: None
    ) -> None:
        """``idle`` is called on the event loop whenever the last of the running turns has ended."""
        self._limit, self._queue_limit, self._watch, self._idle = limit, queue_limit, watch, idle
        self._turns: dict[tuple[str, str], RunningTurn] = {}
        self._line: deque[RunningTurn] = deque()
        self._closed = False
        self._worked_on: set[RunningTurn] = set()

    @property
    def working(self) -> int:
        """How many turns are worked on."""
        return len(self._worked_on)

    @property
    def waiting(self) -> int:
        """How many turns wait for their place."""
        return len(self._line)

    def start(self, tab: tuple[str, str], begin: Callable[[], Iterator[TurnEvent]]) -> RunningTurn:
        """Start a turn, or put it into the line; one still running in this tab is abandoned.

        Raises ``TooManyTurns`` when the line is full and ``ServerStopping`` after ``close``.
        """
        if self._closed:
            raise ServerStopping
        self._abandon(tab)
        if self.working >= self._limit and len(self._line) >= self._queue_limit:
            raise TooManyTurns
        position = len(self._line) + 1 if self.working >= self._limit else 0
        turn = RunningTurn(begin, owner=tab[0], position=position, watch=self._watch, ended=self._advance)
        if position:
            self._line.append(turn)
        else:
            self._worked_on.add(turn)
        self._turns[tab] = turn
        return turn

    def stop(self, tab: tuple[str, str], abandon: bool = False) -> None:
        """Stop what runs in this tab, if anything does. Safe from any thread."""
        turn = self._turns.get(tab)
        if turn is not None:
            turn.stop(abandon)

    def finish(self, tab: tuple[str, str], turn: RunningTurn) -> None:
        """Forget a turn, stopping it if it still runs. A newer turn of the same tab is left alone."""
        turn.stop()
        self._leave_line(turn)
        if self._turns.get(tab) is turn:
            del self._turns[tab]

    def close(self) -> None:
        """Begin nothing more; whoever waits in the line is told ``ServerStopping``."""
        self._closed = True
        while self._line:
            self._line.popleft().refuse(ServerStopping())

    async def settled(self, seconds: float, *, stop: bool = False) -> bool:
        """Wait until no turn is worked on, but at most ``seconds``; with ``stop`` all are asked to stop first. Returns
        whether none is left."""
        if stop:
            for turn in self._turns.values():
                turn.stop(abandon=True)
        return await self._until(lambda: not self.working, seconds)

    async def leave_off(self, owner: str, seconds: float) -> bool:
        """Stop all that ``owner`` has asked for, in whatever tab, and wait until it is closed, which stores it, but at
        most ``seconds``. Returns whether none is left."""
        for tab in [tab for tab in self._turns if tab[0] == owner]:
            self._abandon(tab)
        return await self._until(lambda: all(turn.owner != owner for turn in self._worked_on), seconds)

    def __len__(self) -> int:
        return len(self._turns)

    def _abandon(self, tab: tuple[str, str]) -> None:
        turn = self._turns.get(tab)
        if turn is not None:
            turn.stop(abandon=True)
            self._leave_line(turn)

    async def _until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Whether it holds in the end."""
        deadline = self._now() + seconds
        while not holds() and self._now() < deadline:
            await asyncio.sleep(_STEP_SECONDS)
        return holds()

    def _advance(self, ended: RunningTurn) -> None:
        """A thread has ended: the first of the line takes its place."""
        self._worked_on.discard(ended)
        while self._line and self.working < self._limit:
            first = self._line.popleft()
            if not first.stopping:
                self._worked_on.add(first)
                first.run()
        self._number()
        if not self.working:
            self._idle()

    def _leave_line(self, turn: RunningTurn) -> None:
        with contextlib.suppress(ValueError):  # it runs, or never waited
            self._line.remove(turn)
            self._number()

    def _number(self) -> None:
        for place, turn in enumerate(self._line, 1):
            turn.move(place)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
