"""The API as one application, and how it stands beside the pages."""

from __future__ import annotations

from contextlib import suppress

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import Response

from web.api.archives import add_archives
from web.api.chat_completions import add_chat_completions
from web.api.conversations import add_conversations, add_parts_of_turns
from web.api.described import describe_the_rest
from web.api.desk import Desk, asking
from web.api.health import add_health
from web.api.knowledge import add_knowledge
from web.api.live import ClientGone
from web.api.personal import add_personal
from web.api.problems import add_handlers
from web.api.turns import add_turns
from web.api.widget import add_widget
from web.guards import Application, Receive, Scope, Send

PREFIXES = ("/api/", "/v1/")
PLACES = frozenset({"/openapi.json", "/healthz", "/readyz", "/metrics", "/widget.js", "/widget-demo"})
_ABOUT = (
    "Ask a team's documents. Answers come with citations, calibrated confidence and memory; docs/api.md has examples. "
    "Errors are RFC 9457 problem details, under /v1 OpenAI's."
)


def build_api(desk: Desk) -> FastAPI:
    """Every route for programs; ``/openapi.json`` describes them."""
    api = FastAPI(title="Colloquy", version="1", description=_ABOUT, docs_url=None, redoc_url=None)
    v1 = APIRouter(prefix="/api/v1", dependencies=[Depends(asking)])
    add_conversations(v1, desk)
    add_archives(v1, desk)
    add_turns(v1, desk)
    add_parts_of_turns(v1, desk)
    add_knowledge(v1, desk)
    add_personal(v1, desk)
    root = APIRouter()
    add_chat_completions(root, desk)
    add_health(root, desk)
    add_widget(root)
    api.include_router(v1)
    api.include_router(root)
    add_handlers(api)
    api.add_exception_handler(ClientGone, _unread)
    describe_the_rest(api)
    return api


async def _unread(_: Request, __: Exception) -> Response:
    return Response(status_code=503)


class ApiBeside:
    """Sends what is for programs to the API and everything else to the pages."""

    def __init__(self, app: Application, api: Application) -> None:
        self._app, self._api = app, api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not for_programs(str(scope["path"])):
            await self._app(scope, receive, send)
            return
        # Starlette raises once more what it has answered and our handler has logged; uvicorn would log it again.
        with suppress(Exception):
            await self._api(scope, receive, send)


def for_programs(path: str) -> bool:
    """Whether a path belongs to the API."""
    return path.startswith(PREFIXES) or path in PLACES
