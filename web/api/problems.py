"""What goes wrong, told to programs: RFC 9457 problem details, and OpenAI's shape under ``/v1``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from domain.access import TooOften
from domain.errors import ColloquyError, PartUnavailable, QuestionRejected, UnknownKnowledgeBase
from web.running import ServerStopping, TooManyTurns

_LOG = logging.getLogger(__name__)
_MEDIA_TYPE = "application/problem+json"
_RETRY_SECONDS = 5  # about as long as a few turns take
OPENAI = "/v1/"
"""Under this path errors have the shape that OpenAI's clients read."""


class Problem(BaseModel):
    """RFC 9457: ``detail`` is one sentence that says what is wrong and what to do."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class OpenAIError(BaseModel):
    """``type`` is the family of errors that OpenAI's clients know, ``code`` the one that was met."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class OpenAIProblem(BaseModel):
    """An error as OpenAI sends it."""

    error: OpenAIError


class Refused(HTTPException):
    """A request that cannot be met, for a reason that the asker may read."""

    def __init__(self, status: int, detail: str, code: str = "", retry_seconds: float = _RETRY_SECONDS) -> None:
        wait = {"retry-after": str(max(1, round(retry_seconds)))}
        super().__init__(status, detail, wait if status in (429, 503) else None)
        self.code = code


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of routes under ``/api``: problem details for each status."""
    return {status: _described(status, _MEDIA_TYPE, "Problem") for status in (*statuses, 401, 403, 422, 429, 500, 503)}


def openai_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The same under ``/v1``."""
    known = (*statuses, 400, 401, 403, 429, 500, 503)
    return {status: _described(status, "application/json", "OpenAIProblem") for status in known}


def refusal(error: Exception) -> Refused:
    """An error as the asker may know it. What nobody planned is logged, and told without its words."""
    match error:
        case Refused():
            return error
        case HTTPException():
            return Refused(error.status_code, str(error.detail))
        case TooOften():
            return Refused(429, str(error), "rate_limit_exceeded", error.retry_after_seconds)
        case QuestionRejected():
            return Refused(422, str(error), "invalid_message")
        case UnknownKnowledgeBase():
            return Refused(404, "There is no such knowledge base; GET /api/v1/knowledge-bases lists them.", "not_found")
        case TooManyTurns():
            return Refused(503, "As many turns are running and waiting as this server takes; try again soon.", "busy")
        case ServerStopping():
            return Refused(503, "This server is going down and begins nothing more; try again soon.", "stopping")
        case PartUnavailable():
            _LOG.warning("A part is unavailable: %s", error)
            return Refused(503, "A part that this needs does not answer; try again soon.", "unavailable")
    _LOG.error("Unexpected error in the API", exc_info=error)
    return Refused(500, "Something went wrong that nobody planned for; the log of the server says more.")


def problem(refused: Refused) -> Problem:
    """The body of a refusal under ``/api``."""
    return Problem(title=_title(refused.status_code), status=refused.status_code, detail=str(refused.detail))


def openai_problem(refused: Refused) -> OpenAIProblem:
    """The body of a refusal under ``/v1``."""
    status = refused.status_code
    family = "server_error" if status >= 500 else "invalid_request_error"
    return OpenAIProblem(error=OpenAIError(message=str(refused.detail), type=family, code=refused.code or None))


def answered(request: Request, refused: Refused) -> JSONResponse:
    """The whole response to a request that cannot be met."""
    headers: Mapping[str, str] | None = refused.headers
    if request.url.path.startswith(OPENAI):
        status = 400 if refused.status_code == 422 else refused.status_code  # OpenAI has no 422
        return JSONResponse(openai_problem(refused).model_dump(), status, headers)
    return JSONResponse(problem(refused).model_dump(), refused.status_code, headers, media_type=_MEDIA_TYPE)


def add_handlers(app: FastAPI) -> None:
    """Every error of ``app`` becomes a problem."""

    async def known(request: Request, error: Exception) -> JSONResponse:
        return answered(request, refusal(error))

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return answered(request, Refused(422, _sentence(error), "invalid_request"))

    for kind in (HTTPException, ColloquyError, TooManyTurns, ServerStopping, Exception):
        app.add_exception_handler(kind, known)
    app.add_exception_handler(RequestValidationError, invalid)


def _sentence(error: RequestValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(step) for step in first["loc"] if step not in ("body",)) or "the body"
    return f"“{place}” cannot be taken: {first['msg'][:1].lower()}{first['msg'][1:]}."


def _title(status: int) -> str:
    return HTTPStatus(status).phrase


def _described(status: int, media_type: str, model: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{model}"}
    return {"description": _title(status), "content": {media_type: {"schema": schema}}}
