"""The chat widget: its script, a page that shows it, and the door for visitors of the sites that may carry it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import MutableMapping
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from domain.access import Access
from domain.errors import PartUnavailable
from web.guards import Application, Receive, Scope, Send, header
from web.identity import CALLER, Caller
from web.refusing import refuse, retry_after
from web.texts import choose_language
from web.texts_widget import WIDGET_CATALOGUES

VISITOR_HEADER = b"x-colloquy-visitor"
_VISITOR = re.compile(r"[A-Za-z0-9_-]{43}")  # 256 random bits, as the owner's cookie
_OPEN = re.compile(r"/api/v1/conversations/[^/]+(?:/turns(?:/[^/]+/feedback)?)?")
"""What a visitor may do: read, ask and forget one conversation whose id they know, and judge its answers."""

_SCRIPT = Path(__file__).parents[1] / "static" / "widget.js"
_PLACEHOLDER = "const TEXTS = {};"
_PREFLIGHT_SECONDS = b"600"


def widget_script() -> str:
    """The script with the texts of every language in it."""
    texts = {language: asdict(catalogue) for language, catalogue in WIDGET_CATALOGUES.items()}
    script = _SCRIPT.read_text(encoding="utf-8")
    return script.replace(_PLACEHOLDER, f"const TEXTS = {json.dumps(texts, ensure_ascii=False)};", 1)


def add_widget(router: APIRouter) -> None:
    """Adds ``/widget.js`` and ``/widget-demo``; pages, so they are not described."""
    script = widget_script()

    @router.get("/widget.js", include_in_schema=False)
    def widget() -> Response:
        """The widget; a page asks again after ten minutes, so that an update arrives."""
        return Response(script, media_type="text/javascript", headers={"cache-control": "max-age=600"})

    @router.get("/widget-demo", include_in_schema=False)
    def demo(request: Request, lang: str = "") -> HTMLResponse:
        """A page that carries it."""
        return HTMLResponse(_demo(choose_language(lang, request.headers.get("accept-language"))))


class WidgetDoor:
    """Lets the pages of ``access.origins`` send what a widget sends, each visitor by a secret of their own, and no
    cookie: another site's page never acts as whoever is logged in here. Answers are counted for each address."""

    def __init__(self, app: Application, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = header(scope, b"origin") if scope["type"] == "http" else b""
        if not origin or origin.decode("latin-1").lower() not in self._access.origins:
            await self._app(scope, receive, send)
            return

        async def shared(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                allowed = [(b"access-control-allow-origin", origin), (b"vary", b"origin")]
                message["headers"] = [*message.get("headers", []), *allowed]
            await send(message)

        await self._opened(scope, receive, shared)

    async def _opened(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = header(scope, VISITOR_HEADER).decode("latin-1")
        if not _OPEN.fullmatch(str(scope["path"])):
            await refuse(scope, send, 403, "Another site's page may only ask; use this server's own page for the rest.")
        elif scope["method"] == "OPTIONS":
            await _preflight(send)
        elif not _VISITOR.fullmatch(token):
            await refuse(scope, send, 401, "The widget's header X-Colloquy-Visitor is missing; load /widget.js anew.")
        elif wait := await asyncio.to_thread(self._wait, scope):
            told = f"You are asking faster than this service allows; wait {max(1, round(wait))} s and ask again."
            await refuse(scope, send, 429, told, [retry_after(wait)])
        else:
            # A cookie or an account cannot say so: their owners hold no such colon.
            await self._app({**scope, CALLER: Caller(f"visitor:{token}", "reader")}, receive, send)

    def _wait(self, scope: Scope) -> float:
        if self._access.limiter is None or scope["method"] != "POST":
            return 0.0
        address = (scope.get("client") or ("",))[0]
        try:
            return self._access.limiter.take(f"visitor at {address}", self._access.answers)
        except PartUnavailable:  # counting is no reason to refuse
            return 0.0


async def _preflight(send: Send) -> None:
    headers = [
        (b"access-control-allow-methods", b"GET, POST, PUT, DELETE"),
        (b"access-control-allow-headers", b"content-type, " + VISITOR_HEADER),
        (b"access-control-max-age", _PREFLIGHT_SECONDS),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _demo(language: str) -> str:
    texts = WIDGET_CATALOGUES[language]
    style = (
        ":root{color-scheme:light dark}body{font:16px/1.6 system-ui,sans-serif;max-width:42rem;margin:4rem auto;"
        "padding:0 1.2rem}pre{padding:.8rem 1rem;border:1px solid;border-radius:8px;overflow-x:auto}"
    )
    tag = '<script src="https://…/widget.js" async></script>'
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(texts.demo_title)}</title>'
        f"<style>{style}</style></head><body><main><h1>{escape(texts.demo_title)}</h1>"
        f'<p>{escape(texts.demo_about)}</p><pre tabindex="0"><code>{escape(tag)}</code></pre>'
        f'<p>{escape(texts.demo_how)}</p></main><script src="widget.js"></script></body></html>'
    )
