"""What the page fetches about one turn, beside what Gradio carries: why it was answered like this."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from domain.conversation import Turn
from domain.errors import PartUnavailable
from domain.protocols import Assistant
from web.explanation import render_explanation
from web.texts import Texts
from web.visitors import owner_of_request, texts_for, valid

WholePage = Callable[[str, Texts], str]
"""A page of its own around a piece of HTML."""


def add_turn_routes(app: FastAPI, assistant: Assistant, whole_page: WholePage) -> None:
    """Adds ``/explanation``: why a turn of the asker's own conversation was answered as it was."""

    @app.get("/explanation", response_class=HTMLResponse)
    def explanation(request: Request, conversation: str, turn: str, part: bool = False) -> HTMLResponse:
        """A whole page, or with ``part`` what the page's dialog shows. 404 for a turn that is not the asker's."""
        texts = texts_for(request)
        body, status = _explained(assistant, owner_of_request(request), valid(conversation), turn, texts)
        return HTMLResponse(body if part else whole_page(body, texts), status)


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
