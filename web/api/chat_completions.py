"""OpenAI's ``/v1/chat/completions`` and ``/v1/models``: a knowledge base is a model, the caller keeps the history.

A stream of OpenAI's cannot take back what it has sent, and what streams here is a preview until the answer is chosen.
So the text is sent once it is settled, sentence by sentence; until then comments keep the connection alive.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse, Response

from domain.conversation import Turn
from domain.events import AnswerFinished
from web.api.described import chunks_described
from web.api.desk import Asking, Desk
from web.api.live import EventStream, Happening, Happenings, finished, first_of, happenings
from web.api.models import TurnOut
from web.api.openai_models import (
    AssistantMessage,
    ChatCompletion,
    ChatRequest,
    Choice,
    Grounds,
    Model,
    ModelList,
    Usage,
    chunk,
    paired,
)
from web.api.problems import Refused, openai_problem, openai_responses, refusal

_SENTENCE = re.compile(r".+?(?:[.!?。！？](?:\s*\[\d+\])*\s+|\n+|$)", re.S)
_LIFE = b": still here\n\n"
_STREAM: dict[int | str, dict[str, Any]] = {200: {"model": ChatCompletion, "content": chunks_described()}}


def add_chat_completions(router: APIRouter, desk: Desk) -> None:
    """Adds what OpenAI's clients ask for."""

    @router.get("/v1/models", responses=openai_responses(), tags=["openai"])
    def list_models(caller: Asking) -> ModelList:
        """The knowledge bases that the caller can ask."""
        return ModelList(data=[Model.of(info) for info in desk.service.knowledge_bases(caller.owner)])

    @router.get("/v1/models/{model}", responses=openai_responses(404), tags=["openai"])
    def get_model(caller: Asking, model: Annotated[str, Path(max_length=200)]) -> Model:
        """One knowledge base."""
        infos = {info.name: info for info in desk.service.knowledge_bases(caller.owner)}
        if model not in infos:
            raise _no_model(model)
        return Model.of(infos[model])

    @router.post("/v1/chat/completions", responses={**_STREAM, **openai_responses(404)}, tags=["openai"])
    async def complete(request: Request, wanted: ChatRequest, caller: Asking) -> Response:
        """Answer the last message. Nothing is remembered: the messages before it are the history."""
        question = _question(wanted)
        history = paired(wanted.messages[:-1])
        owner = caller.owner
        turn = happenings(desk, owner, lambda: desk.service.stream_answer(owner, wanted.model, question, history))
        reply = _Reply(desk, wanted)
        try:
            if not wanted.stream:
                return JSONResponse(reply.whole((await finished(request, turn)).turn))
            return EventStream(reply.stream(await first_of(request, turn), turn))
        except Exception as error:
            raise _as_openai(error, wanted.model) from error


class _Reply:
    """One answer in OpenAI's words."""

    def __init__(self, desk: Desk, wanted: ChatRequest) -> None:
        self._desk, self._wanted = desk, wanted
        self._head: dict[str, Any] = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": wanted.model,
        }

    def whole(self, turn: Turn) -> dict[str, Any]:
        """The body of a reply that is not streamed."""
        out = TurnOut.of(turn)
        citations = out.answer.citations
        message = AssistantMessage(content=out.answer.marked, citations=citations)
        completion = ChatCompletion(
            **self._head,
            choices=[Choice(message=message)],
            usage=self._usage(out),
            citations=citations,
            colloquy=_grounds(out),
        )
        return completion.model_dump(mode="json")

    async def stream(self, first: Happening, turn: Happenings) -> AsyncGenerator[bytes, None]:
        """The chunks of a reply that is."""
        yield _sent(chunk(self._head, {"role": "assistant", "content": ""}))
        async with aclosing(turn):
            try:
                item = first
                while not isinstance(item, AnswerFinished):
                    if item is None:
                        yield _LIFE
                    item = await anext(turn)
                for piece in self._pieces(item.turn):
                    yield _sent(piece)
                yield b"data: [DONE]\n\n"
            except Exception as error:
                yield _sent(openai_problem(_as_openai(error, self._wanted.model)).model_dump())

    def _pieces(self, turn: Turn) -> list[dict[str, Any]]:
        out = TurnOut.of(turn)
        pieces = [chunk(self._head, {"content": match[0]}) for match in _SENTENCE.finditer(out.answer.marked)]
        citations = [citation.model_dump(mode="json") for citation in out.answer.citations]
        grounds = _grounds(out).model_dump(mode="json")
        pieces.append(chunk(self._head, {"citations": citations}, "stop", citations=citations, colloquy=grounds))
        if self._wanted.stream_options and self._wanted.stream_options.include_usage:
            usage = self._usage(out).model_dump()
            pieces.append({**chunk(self._head, {}), "choices": [], "usage": usage})
        return pieces

    def _usage(self, out: TurnOut) -> Usage:
        count = self._desk.service.count_tokens
        asked = sum(count(message.text) for message in self._wanted.messages)
        written = count(out.answer.text)
        return Usage(prompt_tokens=asked, completion_tokens=written, total_tokens=asked + written)


def _grounds(out: TurnOut) -> Grounds:
    return Grounds(kind=out.answer.kind, confidence=out.answer.confidence, query=out.query.text, turn=out)


def _question(wanted: ChatRequest) -> str:
    last = wanted.messages[-1]
    if last.role != "user":
        raise Refused(400, f"The last message is the {last.role}'s; put the user's question last.", "invalid_messages")
    if last.foreign:
        raise Refused(400, f"A message holds a part of type {last.foreign[:40]!r}; send text only.", "invalid_messages")
    return last.text


def _as_openai(error: Exception, model: str) -> Refused:
    refused = refusal(error)
    return _no_model(model) if refused.status_code == 404 else refused


def _no_model(model: str) -> Refused:
    return Refused(
        404, f"The model {model[:80]!r} does not exist; GET /v1/models lists those that do.", "model_not_found"
    )


def _sent(piece: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(piece, ensure_ascii=False)}\n\n".encode()
