"""Logging in and out: plain pages that work without scripts. Which requests need it, ``web/entrance.py`` says."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from domain.access import Access
from domain.accounts import MAX_PASSWORD, Accounts, Session
from domain.errors import PartUnavailable
from web.entrance import SESSION_COOKIE, session_secret
from web.identity import caller_of
from web.texts import Texts
from web.texts_log_in import LOG_IN_TEXTS, LogInTexts
from web.view import attribute
from web.visitors import texts_for

WholePage = Callable[[str, Texts], str]
"""A page of its own around a piece of HTML."""

_INSIDE = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]{0,2000}")
"""A place on this server. “//host” and “/\\host” are other hosts to a browser, which also drops tabs and line ends."""

_MOST_BYTES = 8 * 1024  # a name, a password and a place to go
_NO_STORE = {"cache-control": "no-store"}


@dataclass(frozen=True, slots=True)
class _Form:
    name: str
    password: str
    goal: str


def add_log_in(app: FastAPI, access: Access, whole_page: WholePage) -> None:
    """Adds ``/log-in`` and ``/log-out``, where accounts are on."""
    if access.accounts is None:
        return
    accounts = access.accounts
    style = (Path(__file__).parent / "static" / "log_in.css").read_text(encoding="utf-8")

    def styled(body: str, texts: Texts) -> str:
        return whole_page(f"<style>{style}</style>{body}", texts)

    @app.get("/log-in", response_class=HTMLResponse)
    def show(request: Request) -> Response:
        goal = inside(request.query_params.get("next", "/"))
        if caller_of(request) is not None:
            return RedirectResponse(goal, 303, _NO_STORE)
        return _page(request, styled, goal)

    @app.post("/log-in", response_class=HTMLResponse)
    async def log_in(request: Request) -> Response:
        form = _read(await request.body())
        return await asyncio.to_thread(_entered, request, access, form, styled)

    @app.get("/log-out", response_class=HTMLResponse)
    def ask(request: Request) -> Response:
        texts, caller = texts_for(request), caller_of(request)
        body = _farewell(caller.name if caller else "", LOG_IN_TEXTS[texts.language])
        return HTMLResponse(styled(body, texts), headers=_NO_STORE)

    @app.post("/log-out")
    def log_out(request: Request) -> Response:
        return _left(request, accounts)


def inside(place: str) -> str:
    """``place`` where it is on this server, else ``/``: a link to the log-in page must not lead anywhere else."""
    return place if _INSIDE.fullmatch(place) else "/"


def _read(body: bytes) -> _Form:
    try:
        fields = parse_qs(body[:_MOST_BYTES].decode("utf-8"), max_num_fields=10)
    except ValueError:  # UnicodeDecodeError is one too
        fields = {}
    name, password, goal = (fields.get(field, [""])[0] for field in ("name", "password", "next"))
    return _Form(name[:200], password[: MAX_PASSWORD + 1], inside(goal))


def _entered(request: Request, access: Access, form: _Form, whole_page: WholePage) -> Response:
    texts = LOG_IN_TEXTS[texts_for(request).language]
    try:
        if wait := _wait(request, access, form.name):
            told = texts.too_often.format(seconds=max(1, round(wait)))
            return _page(request, whole_page, form.goal, told, 429, {"retry-after": str(max(1, round(wait)))})
        accounts = cast("Accounts", access.accounts)
        entered = accounts.log_in(form.name, form.password, session_secret(request.scope))
    except PartUnavailable:
        return _page(request, whole_page, form.goal, texts.unavailable, 503)
    if entered is None:
        return _page(request, whole_page, form.goal, texts.wrong, 401)
    return _let_in(request, form.goal, *entered)


def _wait(request: Request, access: Access, name: str) -> float:
    """Attempts are counted by address, so that one guesser is slowed, and by name, so that many are."""
    if access.limiter is None:
        return 0.0
    address = request.client.host if request.client else ""
    subjects = (f"address {address}", f"name {name.strip().lower()}")
    return max(access.limiter.take(subject, access.log_ins) for subject in subjects)


def _let_in(request: Request, goal: str, secret: str, session: Session) -> Response:
    response = RedirectResponse(goal, 303, _NO_STORE)
    # Lax, not Strict: with Strict a person who follows a link to the page would have to log in again.
    response.set_cookie(
        SESSION_COOKIE,
        secret,
        max_age=max(1, round(session.expires_at - time.time())),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


def _left(request: Request, accounts: Accounts) -> Response:
    try:
        accounts.log_out(session_secret(request.scope))
    except PartUnavailable:
        texts = texts_for(request)
        return HTMLResponse(escape(LOG_IN_TEXTS[texts.language].unavailable), 503, _NO_STORE)
    response = RedirectResponse("/log-in", 303, {**_NO_STORE, "clear-site-data": '"cache"'})
    response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="lax", secure=request.url.scheme == "https")
    return response


def _page(
    request: Request,
    whole_page: WholePage,
    goal: str,
    trouble: str = "",
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    texts = texts_for(request)
    body = _form(LOG_IN_TEXTS[texts.language], goal, trouble)
    return HTMLResponse(whole_page(body, texts), status, {**_NO_STORE, **(headers or {})})


def _form(texts: LogInTexts, goal: str, trouble: str) -> str:
    alert = f'<p class="failure" role="alert">{escape(trouble)}</p>' if trouble else ""
    return (
        f'<form class="log-in" method="post" action="/log-in"><h2>{escape(texts.heading)}</h2>{alert}'
        f"<label>{escape(texts.name)}"
        '<input name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus>'
        f"</label><label>{escape(texts.password)}"
        '<input name="password" type="password" autocomplete="current-password" required></label>'
        f'<input type="hidden" name="next" {attribute("value", goal)}>'
        f"<button>{escape(texts.log_in)}</button></form>"
    )


def _farewell(name: str, texts: LogInTexts) -> str:
    return (
        f'<form class="log-in" method="post" action="/log-out"><p>{escape(texts.logged_in_as.format(name=name))}</p>'
        f'<button>{escape(texts.log_out)}</button><p><a class="open" href="/">{escape(texts.back)}</a></p></form>'
    )
