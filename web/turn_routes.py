"""What the page fetches about one turn, beside what Gradio carries: why it was answered like this, what could be asked
next, and what the person thinks of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from html import escape
from typing import Annotated

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, Field

from domain.conversation import Turn
from domain.errors import PartUnavailable, QuestionRejected, UnknownKnowledgeBase
from domain.feedback import Feedback, Verdict
from domain.protocols import Assistant
from web.explanation import render_explanation
from web.texts import Texts
from web.turn_actions import render_follow_ups
from web.visitors import owner_of_request, texts_for, valid


class _Given(BaseModel):
    """What the page sends when somebody judges an answer."""

    conversation: str
    turn: str
    verdict: Verdict
    reason: Annotated[str, Field(max_length=40)] = ""
    comment: str = ""


WholePage = Callable[[str, Texts], str]
"""A page of its own around a piece of HTML."""


def add_turn_routes(app: FastAPI, assistant: Assistant, whole_page: WholePage) -> None:
    """Adds ``/explanation``, ``/follow-ups`` and ``/feedback``, each about a turn of the asker's own conversations."""

    @app.get("/explanation", response_class=HTMLResponse)
    def explanation(request: Request, conversation: str, turn: str, part: bool = False) -> HTMLResponse:
        """A whole page, or with ``part`` what the page's dialog shows. 404 for a turn that is not the asker's."""
        texts = texts_for(request)
        body, status = _explained(assistant, owner_of_request(request), valid(conversation), turn, texts)
        return HTMLResponse(body if part else whole_page(body, texts), status)

    @app.get("/follow-ups", response_class=HTMLResponse)
    def follow_ups(request: Request, conversation: str) -> HTMLResponse:
        """What could be asked next, as buttons; nothing where there is nothing, or a part does not answer."""
        owner, texts = owner_of_request(request), texts_for(request)
        try:
            questions = assistant.follow_ups(owner, valid(conversation)) if owner and valid(conversation) else ()
        except (PartUnavailable, UnknownKnowledgeBase):
            questions = ()
        return HTMLResponse(render_follow_ups(questions, texts))

    @app.post("/feedback")
    def feedback(request: Request, given: _Given) -> JSONResponse:
        """Keeps what a person thinks of an answer; what they are told is in ``message``."""
        texts = texts_for(request)
        message, status = _judged(assistant, owner_of_request(request), given, texts)
        return JSONResponse({"message": message}, status)


def _judged(assistant: Assistant, owner: str, given: _Given, texts: Texts) -> tuple[str, int]:
    opinion = Feedback(given.verdict, given.reason, given.comment, time.time())
    try:
        known = bool(owner) and assistant.feedback.give(owner, valid(given.conversation), given.turn, opinion)
    except QuestionRejected as error:
        return str(error), 422
    except PartUnavailable:
        return texts.actions.not_noted, 503
    return (texts.actions.thanks, 200) if known else (texts.actions.turn_gone, 404)


def _explained(assistant: Assistant, owner: str, conversation_id: str, turn_id: str, texts: Texts) -> tuple[str, int]:
    try:
        turn = turn_of(assistant, owner, conversation_id, turn_id)
        if turn is None:
            return _note(texts.actions.turn_gone), 404
        return render_explanation(assistant.explain(turn), texts), 200
    except PartUnavailable:
        return _note(texts.unavailable), 503


def turn_of(assistant: Assistant, owner: str, conversation_id: str, turn_id: str) -> Turn | None:
    """A turn of one of the owner's own conversations, or None."""
    if not owner or not conversation_id:
        return None
    turns = assistant.conversation(owner, conversation_id).turns
    return next((turn for turn in turns if turn.id == turn_id), None)


def _note(words: str) -> str:
    return f'<p class="note">{escape(words)}</p>'
