"""What the page fetches about whole conversations, beside what Gradio carries: finding, export, import."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from domain.errors import PartUnavailable, QuestionRejected
from domain.protocols import Assistant
from web.exported import KINDS, Form, as_file
from web.texts import Texts
from web.view import View
from web.visitors import owner_of_request, texts_for, valid, view_of

_LONGEST_SEARCH = 200


def add_conversation_routes(app: FastAPI, assistant: Assistant) -> None:
    """Adds ``/found``, ``/export`` and ``/import``, each about the asker's own conversations."""

    @app.get("/found")
    def found(request: Request, q: str) -> JSONResponse:
        """The ids of the conversations in whose titles, questions and answers all words of ``q`` stand."""
        owner = owner_of_request(request)
        try:
            items = assistant.shelf.search(owner, q[:_LONGEST_SEARCH]) if owner else ()
        except PartUnavailable:
            return _said(texts_for(request).unavailable, 503)
        return JSONResponse([item.id for item in items])

    @app.get("/export")
    def export(request: Request, c: str, kind: str = "md", covered: bool = False) -> Response:
        """A conversation as a file: ``md``, ``json`` or ``pdf``; ``covered``: with personal data blacked out."""
        texts = texts_for(request)
        try:
            return _exported(assistant, request, valid(c), kind, covered)
        except QuestionRejected as error:
            return _said(str(error), 404)
        except PartUnavailable:
            return _said(texts.unavailable, 503)

    @app.post("/import")
    async def take_in(request: Request) -> JSONResponse:
        """Stores a conversation that was exported as JSON, as the sender's and under a new id."""
        texts, owner = texts_for(request), owner_of_request(request)
        if not owner:
            return _said(texts.no_cookie, 403)
        data = await request.body()
        return _taken_in(assistant, owner, data, texts)


def _taken_in(assistant: Assistant, owner: str, data: bytes, texts: Texts) -> JSONResponse:
    try:
        conversation = assistant.shelf.take_in(owner, data)
    except QuestionRejected as error:
        return _said(str(error), 422)
    except PartUnavailable:
        return _said(texts.unavailable, 503)
    return JSONResponse({"conversation": conversation.id, "message": texts.actions.imported})


def _exported(assistant: Assistant, request: Request, conversation_id: str, kind: str, covered: bool) -> Response:
    owner = owner_of_request(request)
    conversation = assistant.conversation(owner, conversation_id) if owner and conversation_id else None
    if conversation is None or not conversation.turns or kind not in KINDS:
        return _said(texts_for(request).actions.nothing_to_export, 404)
    return as_file(assistant.shelf, conversation, Form(kind, covered), _view(assistant, request))


def _view(assistant: Assistant, request: Request) -> View:
    bases = list(assistant.knowledge_bases(owner_of_request(request)))
    return view_of(request.headers.get("cookie"), request.headers.get("accept-language"), bases)


def _said(message: str, status: int) -> JSONResponse:
    return JSONResponse({"message": message}, status)
