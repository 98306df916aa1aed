"""A turn over the API: server-sent events as the page's, or one JSON. Closing the connection stops the work."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, Response
from fastapi.sse import format_sse_event
from pydantic import BaseModel

from domain.events import AnswerDelta, AnswerFinished, PassagesRetrieved, QueryRewritten
from web.api.described import events_described
from web.api.desk import Asking, ConversationId, Desk
from web.api.live import EventStream, Happening, Happenings, finished, first_of, happenings
from web.api.models import (
    AnswerDeltaEvent,
    FinishedTurn,
    PassageOut,
    PassagesRetrievedEvent,
    QueryOut,
    QueryRewrittenEvent,
    QuestionIn,
    QueuedEvent,
    TurnOut,
)
from web.api.problems import problem, refusal, responses

LIFE = b": still here\n\n"  # a comment; without it a proxy takes a long search for a dead connection
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "model": FinishedTurn,
        "description": "`queued`* · `query_rewritten` · `passages_retrieved` · `answer_delta`* · `answer_finished`, or "
        "`error` with problem details in the place of what did not come. With `Accept: application/json` the data of "
        "`answer_finished` alone.",
        "content": events_described(),
    }
}


def event_of(
    item: QueuedEvent | QueryRewritten | PassagesRetrieved | AnswerDelta | AnswerFinished,
) -> tuple[str, BaseModel]:
    """The name and the data of an event, as they travel."""
    match item:
        case QueuedEvent():
            return "queued", item
        case QueryRewritten(query):
            return "query_rewritten", QueryRewrittenEvent(query=QueryOut.of(query))
        case PassagesRetrieved(passages):
            return "passages_retrieved", PassagesRetrievedEvent(passages=[PassageOut.of(found) for found in passages])
        case AnswerDelta(text):
            return "answer_delta", AnswerDeltaEvent(text=text)
        case AnswerFinished():
            return "answer_finished", finished_turn(item)


def finished_turn(end: AnswerFinished) -> FinishedTurn:
    """The end of a turn as it travels."""
    return FinishedTurn(turn=TurnOut.of(end.turn), stored=end.stored, waiting=end.waiting)


def add_turns(router: APIRouter, desk: Desk) -> None:
    """Adds the route that asks."""

    @router.post("/conversations/{conversation_id}/turns", responses={**_STREAM, **responses(404)}, tags=["turns"])
    async def ask(
        request: Request,
        conversation_id: ConversationId,
        question: QuestionIn,
        caller: Asking,
        accept: Annotated[str, Header()] = "",
    ) -> Response:
        """Ask. The turn is stored in the caller's conversation of that id, which begins with its first turn."""
        base = question.knowledge_base or desk.knowledge_base
        turn = happenings(
            desk,
            caller.owner,
            lambda: desk.service.stream_reply(caller.owner, conversation_id, question.message, base),
        )
        if "application/json" in accept and "text/event-stream" not in accept:
            return JSONResponse(finished_turn(await finished(request, turn)).model_dump(mode="json"))
        return EventStream(_sent(await first_of(request, turn), turn))


async def _sent(first: Happening, turn: Happenings) -> AsyncGenerator[bytes, None]:
    yield _encoded(first)
    async with aclosing(turn):
        try:
            async for item in turn:
                yield _encoded(item)
        except Exception as error:
            yield _event("error", problem(refusal(error)))


def _encoded(item: Happening) -> bytes:
    return LIFE if item is None else _event(*event_of(item))


def _event(name: str, data: BaseModel) -> bytes:
    return format_sse_event(event=name, data_str=data.model_dump_json())
