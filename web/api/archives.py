"""Conversations as files: taken out as Markdown, PDF or JSON, and taken in again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from web.api.conversations import found_conversation
from web.api.desk import Asking, ConversationId, Desk
from web.api.models import ImportedOut
from web.api.problems import responses
from web.exported import Form, as_file
from web.visitors import view_of

Format = Literal["json", "markdown", "pdf"]
_ENDINGS: Mapping[Format, str] = {"json": "json", "markdown": "md", "pdf": "pdf"}
_TYPES: Mapping[str, Format] = {
    "application/json": "json",
    "text/markdown": "markdown",
    "application/pdf": "pdf",
}
_FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "text/markdown": {"schema": {"type": "string"}},
            "application/pdf": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
_ARCHIVE = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}


def add_archives(router: APIRouter, desk: Desk) -> None:
    """Adds export and import."""
    service = desk.service

    @router.get(
        "/conversations/{conversation_id}/export",
        response_class=Response,
        responses={**responses(404), **_FILES},
        tags=["conversations"],
    )
    def export_conversation(
        request: Request,
        conversation_id: ConversationId,
        caller: Asking,
        wanted: Annotated[Format | None, Query(alias="format", description="before what Accept says")] = None,
        covered: Annotated[bool, Query(description="with personal data blacked out")] = False,
        accept: Annotated[str, Header()] = "",
    ) -> Response:
        """A conversation as a file: Markdown and PDF to be read, JSON to be taken in again."""
        found = found_conversation(desk, caller.owner, conversation_id)
        headers, bases = request.headers, list(service.knowledge_bases(caller.owner))
        view = view_of(headers.get("cookie"), headers.get("accept-language"), bases)
        return as_file(service.shelf, found, Form(_ENDINGS[wanted or accepted(accept)], covered), view)

    @router.post("/import", status_code=201, responses=responses(), openapi_extra=_ARCHIVE, tags=["conversations"])
    async def import_conversation(request: Request, caller: Asking) -> ImportedOut:
        """Store a conversation that was exported as JSON, as the caller's and under a new id."""
        data = await request.body()
        return await run_in_threadpool(_taken_in, desk, caller.owner, data)


def accepted(accept: str) -> Format:
    """The first of an ``Accept`` header's types that an export has, by its weights (RFC 9110, 12.5.1); JSON without."""
    weighed = [(_weight(part), part.partition(";")[0].strip().lower()) for part in accept.split(",")]
    ranked = sorted((pair for pair in weighed if pair[0] > 0), key=lambda pair: -pair[0])
    return next((_TYPES[name] for _, name in ranked if name in _TYPES), "json")


def _weight(part: str) -> float:
    told = next((one.strip()[2:] for one in part.split(";")[1:] if one.strip().startswith("q=")), "1")
    try:
        return float(told)
    except ValueError:
        return 0.0


def _taken_in(desk: Desk, owner: str, data: bytes) -> ImportedOut:
    stored = desk.service.shelf.take_in(owner, data)
    return ImportedOut(id=stored.id, title=stored.title, turn_count=len(stored.turns))
