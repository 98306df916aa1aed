"""The page on the network: FastAPI around Gradio, cookies and policy in front, uvicorn underneath."""

from __future__ import annotations

import os
import socket
from html import escape
from pathlib import Path
from typing import Annotated

# Read by Gradio when it is imported: no telemetry and no version check, whatever the environment says.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
# Its queue keeps statistics of 10,000 events and goes through them all after each, for a monitor that is switched off.
os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = "1000000000"

import gradio as gr
from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from domain.access import OPEN, Access
from domain.errors import Misconfigured, PartUnavailable, UnknownKnowledgeBase
from domain.operating import Operated
from domain.protocols import Assistant
from domain.service import Service
from web.api.application import ApiBeside, build_api
from web.api.desk import open_desk
from web.api.widget import WidgetDoor
from web.auth import add_log_in
from web.chat_page import build_page
from web.entrance import Entrance
from web.gate import Gate
from web.guards import OwnerCookie, OwnHostOnly
from web.operator.routes import add_operator
from web.options import DEFAULTS, ServiceOptions
from web.page_routes import add_page_routes
from web.serving import run
from web.sources import render_document
from web.tabs import TabOwners
from web.texts import Texts
from web.visitors import owner_of_request, texts_for

_STATIC = Path(__file__).parent / "static"
_STYLES = ("chat.css", "actions.css", "explanation.css")
_FONTS = [
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "Roboto",
    "Noto Sans",
    "PingFang SC",
    "Noto Sans CJK SC",
    "sans-serif",
]
_CODE_FONTS = ["ui-monospace", "SFMono-Regular", "Consolas", "monospace"]


class _Place(BaseModel):
    """Where to open the viewer: ``start`` and ``end`` are offsets in the document, ``quote`` what stood there, ``page``
    where that is in a PDF."""

    kb: str
    id: str
    start: int = 0
    end: int = 0
    quote: str = ""
    page: int = 0
    part: bool = False


def build_app(
    assistant: Service,
    *,
    default_knowledge_base: str,
    title: str = "Colloquy",
    options: ServiceOptions = DEFAULTS,
    access: Access = OPEN,
) -> FastAPI:
    """Everything the browser and programs see, as one ASGI application; the chat page is at ``/``. ``access``: who may
    come in. ``app.state.running`` are the turns that page and API are working on."""
    app = FastAPI(title=title, docs_url=None, redoc_url=None, openapi_url=None)
    desk = open_desk(assistant, default_knowledge_base, options)
    app.state.running = desk.running
    add_log_in(app, access, _whole_page)
    _add_document_viewer(app, assistant)
    add_page_routes(app, assistant, _whole_page)
    if isinstance(assistant, Operated):
        add_operator(app, assistant.operator)
    page = build_page(assistant, desk.running, default_knowledge_base=default_knowledge_base, title=title)
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        footer_links=[],
        run_history=False,
        show_error=False,
        ssr_mode=False,
        pwa=False,
        enable_monitoring=False,
        max_file_size=1,
        favicon_path=str(_STATIC / "icon.svg"),
        theme=gr.themes.Base(font=_FONTS, font_mono=_CODE_FONTS),
    )
    # Given to Gradio as css=, every selector would be rewritten; given as head=, it would arrive after the first paint.
    # The last one added sees a request first: whatever refuses it, the reply carries the headers.
    app.add_middleware(ApiBeside, api=build_api(desk))
    app.add_middleware(TabOwners)
    app.add_middleware(OwnerCookie)
    app.add_middleware(Entrance, access=access)
    app.add_middleware(WidgetDoor, access=access)
    app.add_middleware(Gate, access=access)
    app.add_middleware(OwnHostOnly, head=_head())
    return app


def serve(
    assistant: Service,
    host: str = "127.0.0.1",
    port: int = 7860,
    *,
    default_knowledge_base: str,
    options: ServiceOptions = DEFAULTS,
    access: Access = OPEN,
) -> None:
    """Serve the page until interrupted. Raises ``Misconfigured`` when the address cannot be listened on."""
    listener = listen(host, port)
    app = build_app(assistant, default_knowledge_base=default_knowledge_base, options=options, access=access)
    run(app, listener, app.state.running, options.shutdown_seconds)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. ``port`` 0 takes any free one. Raises ``Misconfigured`` with what to do otherwise."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise Misconfigured(
            f"Cannot listen on {host} port {port}: {reason}. "
            "Stop the program that uses it, or choose another port or host."
        ) from error
    return listener


def _add_document_viewer(app: FastAPI, assistant: Assistant) -> None:
    @app.get("/document", response_class=HTMLResponse)
    def document(request: Request, where: Annotated[_Place, Query()]) -> HTMLResponse:
        """A document with the cited stretch marked: a whole page, or with ``part`` what the page's dialog shows."""
        texts = texts_for(request)
        body, status = _document_body(assistant, where, texts, owner_of_request(request))
        return HTMLResponse(body if where.part else _whole_page(body, texts), status)


def _document_body(assistant: Assistant, where: _Place, texts: Texts, owner: str) -> tuple[str, int]:
    try:
        found = assistant.document(where.kb, where.id, owner)
    except UnknownKnowledgeBase:
        found = None
    except PartUnavailable:
        return f'<p class="note">{escape(texts.unavailable)}</p>', 503
    if found is None:
        return f'<p class="note">{escape(texts.document_gone)}</p>', 404
    return render_document(found, (where.start, where.end), where.quote, texts, where.page), 200


def _head() -> str:
    """Styles, and what must run before the first paint; for the page and for the document viewer."""
    style = "\n".join((_STATIC / name).read_text(encoding="utf-8") for name in _STYLES)
    return f"<style>{style}</style><script>{(_STATIC / 'early.js').read_text(encoding='utf-8')}</script>"


def _whole_page(body: str, texts: Texts) -> str:
    scroll = "document.querySelector('mark')?.scrollIntoView({block: 'center'})"
    return (
        f'<!doctype html><html lang="{texts.language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>Colloquy</title>{_head()}</head>'
        f'<body class="alone"><main class="page">{body}</main><script>{scroll}</script></body></html>'
    )
