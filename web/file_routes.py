"""Files of one's own: sent to the page and taken out again."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from domain.errors import ColloquyError, DocumentRejected
from domain.own_files import own_base
from domain.protocols import Assistant
from web.texts import Texts
from web.visitors import owner_of_request, texts_for

_LONGEST_NAME = 255


def add_file_routes(app: FastAPI, assistant: Assistant) -> None:
    """Adds ``/upload`` (POST stores a file, DELETE takes one out), about the sender's own files."""

    @app.post("/upload")
    async def upload(request: Request, name: str) -> JSONResponse:
        """Stores the file that is the body; what the sender is told is in ``message``."""
        owner, texts = owner_of_request(request), texts_for(request)
        if not owner:
            return _said(texts.no_cookie, 403)
        data = await request.body()
        return await asyncio.to_thread(_uploaded, assistant, owner, (name[:_LONGEST_NAME], data), texts)

    @app.delete("/upload")
    def remove(request: Request, id: str) -> JSONResponse:
        """Takes a document out again."""
        owner, texts = owner_of_request(request), texts_for(request)
        try:
            removed = bool(owner) and assistant.files.remove(owner, id)
        except ColloquyError:
            return _said(texts.unavailable, 503)
        return _said("", 200) if removed else _said(texts.actions.file_gone, 404)


def _uploaded(assistant: Assistant, owner: str, file: tuple[str, bytes], texts: Texts) -> JSONResponse:
    try:
        documents = assistant.files.upload(owner, *file)
    except DocumentRejected as error:
        return _said(str(error), 422)
    except ColloquyError:
        return _said(texts.unavailable, 503)
    names = ", ".join(document.title or document.id for document in documents[:3])
    told = {"message": texts.actions.file_added.format(name=names), "knowledge_base": own_base(owner)}
    return JSONResponse(told)


def _said(message: str, status: int) -> JSONResponse:
    return JSONResponse({"message": message}, status)
