"""A turn as a request lives through it: its place in the line, its events, its end, and the client that goes away."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing

from fastapi import Request
from fastapi.responses import StreamingResponse

from domain.events import AnswerFinished, TurnEvent
from web.api.desk import Desk
from web.api.models import QueuedEvent
from web.running import ServerStopping

BEAT_SECONDS = 1.0  # how soon a client that has gone is noticed
Happening = TurnEvent | QueuedEvent | None
Happenings = AsyncGenerator[Happening, None]
Begin = Callable[[], Iterator[TurnEvent]]


class ClientGone(Exception):
    """Nobody waits for the reply any more."""


async def happenings(desk: Desk, owner: str, begin: Begin) -> Happenings:
    """What happens to one turn, None at every beat without news. It ends with ``AnswerFinished``.

    Closing it stops the turn. Raises ``TooManyTurns``, ``ServerStopping`` and what the assistant raises.
    """
    place = (owner, f"request {secrets.token_hex(8)}")  # requests are no tabs: none takes another's place
    turn = desk.running.start(place, begin)
    told = 0
    try:
        if turn.position:
            told = turn.position
            yield QueuedEvent(position=told)
        async for events in turn.events(BEAT_SECONDS):
            if turn.position != told:
                told = turn.position
                yield QueuedEvent(position=told)
            elif not events:
                yield None
            for event in events:
                yield event
                if isinstance(event, AnswerFinished):
                    return
        raise ServerStopping  # nobody else stops a request's turn, but a person who has all that is kept erased
    finally:
        desk.running.finish(place, turn)


async def first_of(request: Request, turn: Happenings) -> Happening:
    """The first that happens. What is wrong with a message shows here, while a status can still say so.

    Raises ``ClientGone``, and what the turn raises; then the turn is over.
    """
    while (item := await anext(turn)) is None:
        if await request.is_disconnected():
            await turn.aclose()
            raise ClientGone
    return item


async def finished(request: Request, turn: Happenings) -> AnswerFinished:
    """The end of the turn, for a client that wants nothing before it. Raises as ``first_of``."""
    async with aclosing(turn):
        async for item in turn:
            if isinstance(item, AnswerFinished):
                return item
            if await request.is_disconnected():
                raise ClientGone
    raise ServerStopping


class EventStream(StreamingResponse):
    """Server-sent events that no cache and no proxy holds back."""

    media_type = "text/event-stream"

    def __init__(self, content: AsyncGenerator[bytes, None]) -> None:
        super().__init__(content, headers={"cache-control": "no-store", "x-accel-buffering": "no"})
