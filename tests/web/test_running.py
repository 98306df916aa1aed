"""Turns in threads of their own: order, stopping, errors, the limit, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from domain.errors import PartUnavailable
from domain.events import AnswerDelta, TurnEvent
from web.running import RunningTurn, RunningTurns, ServerStopping, TooManyTurns

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


def test_the_limit_counts_turns_until_the_assistant_has_closed_them() -> None:
    source = Source()

    async def scenario() -> None:
        running = RunningTurns(limit=1)
        turn = running.start(TAB, source)
        with pytest.raises(TooManyTurns):
            running.start(("other", "tab"), Source())
        running.finish(TAB, turn)
        assert await running.settled(2)
        running.finish(("other", "tab"), running.start(("other", "tab"), Source()))

    asyncio.run(scenario())
    assert source.closed.is_set()


def test_further_turns_wait_in_line_see_their_place_and_are_taken_in_order() -> None:
    order: list[str] = []

    def named(name: str) -> Callable[[], Iterator[TurnEvent]]:
        def begin() -> Iterator[TurnEvent]:
            order.append(name)
            time.sleep(0.2)  # so that whoever waits behind it sees the place it has then
            yield AnswerDelta(name)

        return begin

    async def places(turn: RunningTurn) -> list[int]:
        seen = [turn.position, *[turn.position async for _ in turn.events(5)]]
        return list(dict.fromkeys(seen))

    async def scenario() -> list[list[int]]:
        running = RunningTurns(limit=1, queue_limit=2)
        first = running.start(TAB, Source(count=30))
        second, third = (running.start(("owner", name), named(name)) for name in ("second", "third"))
        assert (running.working, running.waiting) == (1, 2)
        with pytest.raises(TooManyTurns):
            running.start(("owner", "fourth"), named("fourth"))
        seen = await asyncio.gather(places(second), places(third), gather(first))
        assert await running.settled(2)
        assert (running.working, running.waiting) == (0, 0)
        return [list(seen[0]), list(seen[1])]

    assert asyncio.run(scenario()) == [[1, 0], [2, 1, 0]]
    assert order == ["second", "third"]


def test_a_turn_that_gives_up_waiting_lets_the_others_move_up_and_never_begins() -> None:
    begun = threading.Event()

    def begin() -> Iterator[TurnEvent]:
        begun.set()
        yield AnswerDelta("")

    async def scenario() -> int:
        running = RunningTurns(limit=1, queue_limit=2)
        working = running.start(TAB, Source())
        impatient = running.start(("owner", "impatient"), begin)
        patient = running.start(("owner", "patient"), Source(count=1))
        impatient.stop()
        assert await gather(impatient) == []
        running.finish(("owner", "impatient"), impatient)
        place = patient.position
        running.finish(TAB, working)
        assert await gather(patient) == [AnswerDelta("0")]
        return place

    assert asyncio.run(scenario()) == 1
    assert not begun.is_set()


def test_a_server_that_goes_down_finishes_what_runs_and_refuses_what_waits() -> None:
    source = Source(count=10)

    async def scenario() -> list[TurnEvent]:
        running = RunningTurns(limit=1, queue_limit=1)
        working, waiting = running.start(TAB, source), running.start(("owner", "waiting"), Source())
        running.close()
        with pytest.raises(ServerStopping):
            await gather(waiting)
        with pytest.raises(ServerStopping):
            running.start(("owner", "late"), Source())
        events = await gather(working)
        assert await running.settled(2)
        return events

    assert asyncio.run(scenario()) == [AnswerDelta(str(n)) for n in range(10)]


def test_what_takes_too_long_for_a_server_that_goes_down_is_stopped_and_closed() -> None:
    source = Source()

    async def scenario() -> None:
        running = RunningTurns(limit=1)
        running.start(TAB, source)
        running.close()
        assert not await running.settled(0.1)
        assert await running.settled(2, stop=True)

    asyncio.run(scenario())
    assert source.closed.is_set()


def test_all_that_one_owner_has_asked_for_is_stopped_and_closed_and_no_one_elses() -> None:
    mine, others, waiting = Source(), Source(), Source()

    async def scenario() -> tuple[bool, bool, int, int, list[TurnEvent]]:
        running = RunningTurns(limit=2, queue_limit=1)
        running.start(("me", "tab"), mine)
        running.start(("somebody", "tab"), others)
        third = running.start(("me", "another tab"), waiting)
        left_off = await running.leave_off("me", 5)
        state = left_off, mine.closed.is_set(), running.working, running.waiting, await gather(third)
        await running.settled(5, stop=True)
        return state

    assert asyncio.run(scenario()) == (True, True, 1, 0, [])
    assert not waiting.closed.is_set()  # it never began


def test_what_does_not_stop_in_time_is_said() -> None:
    held = threading.Event()

    def stuck() -> Iterator[TurnEvent]:
        held.wait(30)
        yield AnswerDelta("at last")

    async def scenario() -> tuple[bool, bool]:
        running = RunningTurns(limit=1)
        running.start(TAB, stuck)
        first = await running.leave_off("owner", 0.1)
        held.set()
        return first, await running.leave_off("owner", 5)

    assert asyncio.run(scenario()) == (False, True)


def test_when_the_last_turn_has_ended_it_is_said_once() -> None:
    idle: list[int] = []

    async def scenario() -> None:
        running = RunningTurns(limit=2, queue_limit=1, idle=lambda: idle.append(running.working))
        turns = [running.start(("owner", name), Source(count=3)) for name in ("a", "b", "c")]
        await asyncio.gather(*map(gather, turns))
        assert await running.settled(2)

    asyncio.run(scenario())
    assert idle == [0]


def test_whoever_watches_sees_events_errors_and_turns_that_were_stopped() -> None:
    seen: list[object] = []

    def breaks() -> Iterator[TurnEvent]:
        yield AnswerDelta("so far")
        raise PartUnavailable("gone")

    async def scenario() -> None:
        running = RunningTurns(limit=2, watch=seen.append)
        with pytest.raises(PartUnavailable):
            await gather(running.start(TAB, breaks))
        running.finish(("a", "b"), running.start(("a", "b"), Source()))
        await running.settled(2)

    asyncio.run(scenario())
    assert [type(item) for item in seen] == [AnswerDelta, PartUnavailable, AnswerDelta, type(None)]


def test_stopping_a_tab_where_nothing_runs_does_nothing() -> None:
    running = RunningTurns(limit=1)
    running.stop(TAB)
    assert len(running) == 0
