"""Turns that are being answered now: each in a thread of its own, so that a slow one never holds up another."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator

from domain.events import TurnEvent

_CLOSE_SECONDS = 3.0  # how long a stopped turn may take to be stored before the page shows it from what it has


class TooManyTurns(Exception):
    """As many turns as this server allows are running already."""


class RunningTurn:
    """One turn: ``begin()`` is called, consumed and closed in a thread of its own.

    Stopping closes the assistant's iterator as soon as it yields, which makes the assistant store what was written.
    """

    def __init__(self, begin: Callable[[], Iterator[TurnEvent]]) -> None:
        self._begin = begin
        self._loop = asyncio.get_running_loop()
        self._items: asyncio.Queue[TurnEvent | Exception | None] = asyncio.Queue()
        self._stop = threading.Event()
        self._woken = asyncio.Event()
        self.abandoned = False
        threading.Thread(target=self._work, name="turn", daemon=True).start()

    @property
    def stopping(self) -> bool:
        """Whether somebody has asked for it to stop."""
        return self._stop.is_set()

    def stop(self, abandon: bool = False) -> None:
        """Ask it to stop. ``abandon`` says that nobody looks at the result any more. Safe from any thread."""
        self.abandoned = self.abandoned or abandon
        self._stop.set()
        with contextlib.suppress(RuntimeError):  # the event loop may be gone when the server is shutting down
            self._loop.call_soon_threadsafe(self._woken.set)

    async def events(self, beat_seconds: float) -> AsyncIterator[list[TurnEvent]]:
        """What has happened since the last list; an empty list at every beat without news.

        The beats let whoever is sending notice that the browser has gone. Raises what the assistant raised.
        """
        while True:
            batch = await self._next(beat_seconds)
            events = [item for item in batch if item is not None and not isinstance(item, Exception)]
            if events or not batch:
                yield events
            for item in batch:
                if isinstance(item, Exception):
                    raise item
            if None in batch or self.stopping:
                return

    async def stored(self) -> None:
        """Wait until a stopped turn has been closed, but not for ever."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._drained(), _CLOSE_SECONDS)

    async def _drained(self) -> None:
        while await self._items.get() is not None:
            pass

    async def _next(self, beat_seconds: float) -> list[TurnEvent | Exception | None]:
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

    def _work(self) -> None:
        try:
            events = self._begin()
            try:
                for event in events:
                    self._put(event)
                    if self._stop.is_set():
                        break
            finally:
                # An Iterator need not have close; the assistant's, being a generator, does.
                getattr(events, "close", lambda: None)()
        except Exception as error:  # whatever the assistant raises is told to the page, which shows it
            self._put(error)
        finally:
            self._put(None)

    def _put(self, item: TurnEvent | Exception | None) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._items.put_nowait, item)


class RunningTurns:
    """The running turns by browser tab, at most one a tab and ``limit`` in all. Empty when nobody is waiting."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._turns: dict[tuple[str, str], RunningTurn] = {}

    def start(self, tab: tuple[str, str], begin: Callable[[], Iterator[TurnEvent]]) -> RunningTurn:
        """Start a turn; one still running in this tab is abandoned. Raises ``TooManyTurns``. Event loop only."""
        self.stop(tab, abandon=True)
        if len(self._turns) >= self._limit:
            raise TooManyTurns
        turn = RunningTurn(begin)
        self._turns[tab] = turn
        return turn

    def stop(self, tab: tuple[str, str], abandon: bool = False) -> None:
        """Stop what runs in this tab, if anything does."""
        turn = self._turns.get(tab)
        if turn is not None:
            turn.stop(abandon)

    def finish(self, tab: tuple[str, str], turn: RunningTurn) -> None:
        """Forget a turn, stopping it if it still runs. A newer turn of the same tab is left alone."""
        turn.stop()
        if self._turns.get(tab) is turn:
            del self._turns[tab]

    def __len__(self) -> int:
        return len(self._turns)
