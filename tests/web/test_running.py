"""Turns in threads of their own: order, stopping, errors, the limit, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from domain.errors import PartUnavailable
from domain.events import AnswerDelta, TurnEvent
from web.running import RunningTurn, RunningTurns, TooManyTurns

TAB = ("owner", "tab")


class Source:
    """Yields numbered deltas for ever, ``pause_seconds`` apart, and notices when it is closed."""

    def __init__(self, pause_seconds: float = 0.01, count: int = 10_000) -> None:
        self.pause_seconds = pause_seconds
        self.count = count
        self.closed = threading.Event()

    def __call__(self) -> Iterator[TurnEvent]:
        try:
            for n in range(self.count):
                time.sleep(self.pause_seconds)
                yield AnswerDelta(str(n))
        finally:
            self.closed.set()


async def gather(turn: RunningTurn) -> list[TurnEvent]:
    return [event async for batch in turn.events(0.05) for event in batch]


def test_events_arrive_in_order_and_the_source_is_closed() -> None:
    source = Source(count=20)

    async def scenario() -> list[TurnEvent]:
        return await gather(RunningTurn(source))

    assert asyncio.run(scenario()) == [AnswerDelta(str(n)) for n in range(20)]
    assert source.closed.wait(1)


def test_what_the_assistant_raises_arrives_after_the_events_before_it() -> None:
    def breaks() -> Iterator[TurnEvent]:
        yield AnswerDelta("so far")
        raise PartUnavailable("gone")

    async def scenario() -> list[TurnEvent]:
        seen: list[TurnEvent] = []

        async def consume() -> None:
            async for batch in RunningTurn(breaks).events(1):
                seen.extend(batch)

        with pytest.raises(PartUnavailable, match="gone"):
            await consume()
        return seen

    assert asyncio.run(scenario()) == [AnswerDelta("so far")]


def test_stopping_ends_the_stream_at_once_and_closes_the_source_when_it_next_yields() -> None:
    source = Source(pause_seconds=0.3)

    async def scenario() -> float:
        turn = RunningTurn(source)
        asyncio.get_running_loop().call_later(0.05, turn.stop)
        started = time.monotonic()
        await gather(turn)
        took = time.monotonic() - started
        await turn.stored()
        return took

    assert asyncio.run(scenario()) < 0.25
    assert source.closed.is_set()


def test_a_silent_source_still_beats() -> None:
    async def scenario() -> list[list[TurnEvent]]:
        turn, beats = RunningTurn(Source(pause_seconds=0.5, count=1)), list[list[TurnEvent]]()
        async for batch in turn.events(0.05):
            beats.append(batch)
        return beats

    beats = asyncio.run(scenario())
    assert beats.count([]) >= 3
    assert beats[-1] == [AnswerDelta("0")]


def test_a_new_turn_in_a_tab_abandons_the_one_before() -> None:
    first, second = Source(), Source(count=1)

    async def scenario() -> tuple[RunningTurn, RunningTurn, int]:
        running = RunningTurns(limit=5)
        before = running.start(TAB, first)
        after = running.start(TAB, second)
        running.finish(TAB, before)
        left = len(running)
        await gather(after)
        running.finish(TAB, after)
        assert len(running) == 0
        return before, after, left

    before, after, left = asyncio.run(scenario())
    assert before.abandoned
    assert not after.abandoned
    assert left == 1
    assert first.closed.wait(1)


def test_the_limit_counts_tabs_that_are_working() -> None:
    async def scenario() -> None:
        running = RunningTurns(limit=1)
        turn = running.start(TAB, Source())
        with pytest.raises(TooManyTurns):
            running.start(("other", "tab"), Source())
        running.finish(TAB, turn)
        running.finish(("other", "tab"), running.start(("other", "tab"), Source()))

    asyncio.run(scenario())


def test_stopping_a_tab_where_nothing_runs_does_nothing() -> None:
    running = RunningTurns(limit=1)
    running.stop(TAB)
    assert len(running) == 0
