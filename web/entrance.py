"""Who may come in, where accounts are on: a browser with a session, or a program with an API key."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import quote

from domain.access import Access
from domain.accounts import Accounts, Limit
from domain.errors import PartUnavailable
from web.gate import UPLOADS
from web.guards import Application, Receive, Scope, Send, cookie_value, header
from web.identity import CALLER, Caller, program_of, user_caller
from web.refusing import refuse, retry_after

SESSION_COOKIE = "colloquy_session"
OPEN_TO_ALL = frozenset({"/log-in", "/healthz", "/readyz", "/favicon.ico", "/widget.js"})
"""Where nobody is asked who they are: nothing there tells anything about anybody."""

_ANSWERS = re.compile(r"/v1/chat/completions/?")  # turns of conversations are counted where they are stored
_SECRET = re.compile(r"[A-Za-z0-9_-]{20,128}")
_BEARER = re.compile(r"bearer +(\S+) *", re.IGNORECASE)
_REMEMBERED = 1000
_REMEMBERED_SECONDS = 600.0

_LOG = logging.getLogger(__name__)


class Entrance:
    """Settles who sent a request and leaves it in the scope, for ``identity.caller_of``. Whoever may not come in is
    sent to the log-in page, or told 401 where no person is looking. Uploads and answers are counted for each caller.

    While the accounts cannot be read, whoever came in within the last ten minutes is still known: a memory that is
    down must not take away the answers as well."""

    def __init__(self, app: Application, access: Access) -> None:
        self._app, self._access = app, access
        self._known = _Known()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._access.accounts is not None and CALLER not in scope:  # a widget's visitor is settled already
            try:
                caller = await asyncio.to_thread(self._caller, self._access.accounts, scope)
            except PartUnavailable as error:
                _LOG.warning("Nobody can be let in: %s", error)
                await refuse(scope, send, 503, "Who you are cannot be checked now; try again in a minute.")
                return
            if caller is None and scope["path"] not in OPEN_TO_ALL:
                await _turn_away(scope, send)
                return
            scope[CALLER] = caller
        wait = await asyncio.to_thread(self._wait, scope)
        if wait:
            told = f"You are sending more than this service allows; wait {max(1, round(wait))} s and try again."
            await refuse(scope, send, 429, told, [retry_after(wait)])
        else:
            await self._app(scope, receive, send)

    def _caller(self, accounts: Accounts, scope: Scope) -> Caller | None:
        sent = header(scope, b"authorization").decode("latin-1")
        if sent:  # a wrong key is refused even where a cookie would do: the sender meant the key
            bearer = _BEARER.fullmatch(sent)
            return self._by_key(accounts, bearer[1]) if bearer else None
        return self._by_session(accounts, session_secret(scope))

    def _by_key(self, accounts: Accounts, secret: str) -> Caller | None:
        def look_up() -> Caller | None:
            user = accounts.key_user(secret)
            return user_caller(user, by_key=True) if user else None

        return self._known.ask(secret, look_up) if _SECRET.fullmatch(secret) else None

    def _by_session(self, accounts: Accounts, secret: str) -> Caller | None:
        def look_up() -> Caller | None:
            session = accounts.session(secret)
            return user_caller(session.user, by_key=False) if session else None

        return self._known.ask(secret, look_up) if secret else None

    def _wait(self, scope: Scope) -> float:
        limit = self._counted(scope)
        if limit is None or self._access.limiter is None:
            return 0.0
        caller = program_of(scope)
        try:
            return self._access.limiter.take(caller.owner if caller else "", limit)
        except PartUnavailable:  # counting is no reason to refuse
            return 0.0

    def _counted(self, scope: Scope) -> Limit | None:
        if scope["method"] not in ("POST", "PUT", "PATCH"):
            return None
        if UPLOADS.fullmatch(scope["path"]):
            return self._access.uploads
        return self._access.answers if _ANSWERS.fullmatch(scope["path"]) else None


class _Known:
    """Who was let in lately, asked only while the accounts do not answer."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[Caller, float]] = OrderedDict()

    def ask(self, secret: str, look_up: Callable[[], Caller | None]) -> Caller | None:
        try:
            caller = look_up()
        except PartUnavailable:
            remembered = self._kept.get(secret)
            if remembered is None or remembered[1] + _REMEMBERED_SECONDS < time.monotonic():
                raise
            return remembered[0]
        self._kept.pop(secret, None)
        if caller is not None:
            self._kept[secret] = caller, time.monotonic()
            while len(self._kept) > _REMEMBERED:
                self._kept.popitem(last=False)
        return caller


def session_secret(scope: Scope) -> str:
    """The session that a request names, "" for none that we could have made."""
    sent = cookie_value(header(scope, b"cookie").decode("latin-1"), SESSION_COOKIE) or ""
    return sent if _SECRET.fullmatch(sent) else ""


async def _turn_away(scope: Scope, send: Send) -> None:
    reads = scope["method"] in ("GET", "HEAD") and b"text/html" in header(scope, b"accept")
    if not reads:
        how = [(b"www-authenticate", b'Bearer realm="colloquy"')]
        await refuse(scope, send, 401, "Log in, or send an API key as “Authorization: Bearer KEY”.", how)
        return
    wanted = quote(str(scope["path"]) + _query(scope), safe="/")
    headers = [(b"location", f"/log-in?next={wanted}".encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 303, "headers": [*headers, (b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


def _query(scope: Scope) -> str:
    query = bytes(scope.get("query_string", b"")).decode("latin-1")
    return f"?{query}" if query else ""
