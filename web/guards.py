"""What stands between the network and the page, as plain ASGI middleware: who is asking, and what may be loaded."""

from __future__ import annotations

import gzip
import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from http.cookies import CookieError, SimpleCookie
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

OWNER_COOKIE = "colloquy_owner"
_OWNER_BYTES = 32  # 256 bits: nobody guesses another person's name
_OWNER = re.compile(r"[A-Za-z0-9_-]{43}")
_YEAR_SECONDS = 365 * 24 * 3600

# Styles are set on elements in place, by Gradio and by our scripts; everything else comes from this server.
_POLICY = (
    "default-src 'self'; script-src 'self'{scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'self'"
)
_NO_INLINE_SCRIPTS = _POLICY.format(scripts="").encode()
_SCRIPT = re.compile(rb"<script(?=[\s>])([^>]*>.*?</script>)", re.S | re.I)
_HEADERS = (
    (b"content-security-policy", _NO_INLINE_SCRIPTS),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"SAMEORIGIN"),  # for browsers that do not know frame-ancestors; the others go by that
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
)
_ONLY_ENCRYPTED = (b"strict-transport-security", b"max-age=31536000")  # a year; only said where it holds already
_CLOSED = tuple(
    f"/gradio_api/{name}" for name in ("upload", "file", "proxy", "stream", "call", "component_server", "deep_link")
)
_FOREIGN = (
    re.compile(rb"<meta\s[^>]*\"(?:og|twitter):[^>]*>", re.S),
    re.compile(rb"<link\s[^>]*rel=\"manifest\"[^>]*>", re.S),
)


def owner_of(cookies: str | None) -> str | None:
    """The owner named by a ``Cookie`` header, or None when there is none that we could have made."""
    try:
        morsel = SimpleCookie(cookies or "").get(OWNER_COOKIE)
    except CookieError:
        return None
    return morsel.value if morsel is not None and _OWNER.fullmatch(morsel.value) else None


def cookie_value(cookies: str | None, name: str) -> str | None:
    """One cookie of a ``Cookie`` header."""
    try:
        morsel = SimpleCookie(cookies or "").get(name)
    except CookieError:
        return None
    return morsel.value if morsel is not None else None


class OwnerCookie:
    """Gives every browser that opens a page a secret of its own, which scripts cannot read."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        opens_page = scope["type"] == "http" and scope["method"] == "GET" and b"text/html" in header(scope, b"accept")
        if not opens_page or owner_of(header(scope, b"cookie").decode("latin-1")):
            await self._app(scope, receive, send)
            return
        cookie = _new_cookie(secure=scope.get("scheme") == "https")

        async def send_with_cookie(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), (b"set-cookie", cookie)]
            await send(message)

        await self._app(scope, receive, send_with_cookie)


class OwnHostOnly:
    """Keeps the page to this server: a policy the browser enforces, foreign addresses cut from Gradio's page, and
    Gradio's routes for uploads and proxies, which the page does not use, closed. ``head`` is put into the page's
    head, so that styles are there before anything is drawn."""

    def __init__(self, app: Application, head: str = "") -> None:
        self._app = app
        self._head = head.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif str(scope["path"]).startswith(_CLOSED):
            await send({"type": "http.response.start", "status": 404, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"Not part of this service.\n"})
        elif b"text/html" in header(scope, b"accept"):
            # The page must arrive readable to be cleaned, so it is compressed here and not inside.
            plain = {**scope, "headers": [item for item in scope["headers"] if item[0].lower() != b"accept-encoding"]}
            zips = b"gzip" in header(scope, b"accept-encoding")
            await self._app(plain, receive, _Rewriter(send, _headers(scope), self._head, zips))
        else:
            await self._app(scope, receive, _Rewriter(send, _headers(scope), self._head, zips=False))


class _Rewriter:
    """Sends on a response with our headers; an HTML page is held back until whole, then cleaned."""

    def __init__(self, send: Send, headers: Sequence[Header], head: bytes, zips: bool) -> None:
        self._send, self._headers = send, headers
        self._head = head
        self._zips = zips
        self._start: MutableMapping[str, Any] | None = None
        self._body = b""

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            own = {name.lower() for name, _ in message.get("headers", [])}  # a page may ask for a stricter policy
            message["headers"] = [*message.get("headers", []), *(one for one in self._headers if one[0] not in own)]
            if _is_plain_html(message["headers"]):
                self._start = message
                return
        if self._start is None:
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if not message.get("more_body", False):
            await self._send_page(self._start)

    async def _send_page(self, start: MutableMapping[str, Any]) -> None:
        body = self._body
        for pattern in _FOREIGN:
            body = pattern.sub(b"", body)
        is_chat = b"<gradio-app" in body
        if is_chat:
            body = body.replace(b"</head>", self._head + b"</head>", 1)
        body, policy = _with_nonce(body, evaluates=is_chat)
        kept = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
        kept = [(name, policy if value == _NO_INLINE_SCRIPTS else value) for name, value in kept]
        if self._zips:
            body = gzip.compress(body, compresslevel=5)
            kept += [(b"content-encoding", b"gzip"), (b"vary", b"accept-encoding")]
        start["headers"] = [*kept, (b"content-length", str(len(body)).encode())]
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})


def _with_nonce(page: bytes, *, evaluates: bool) -> tuple[bytes, bytes]:
    """The page with a word in each of its scripts that nobody can know before, and the policy that lets only those
    run: neither a script that is put in later nor an ``onerror`` has it. Gradio builds its event code with
    ``new Function``, so its page ``evaluates``; no other does."""
    nonce = secrets.token_urlsafe(16)
    scripts = f" 'nonce-{nonce}'" + (" 'unsafe-eval'" if evaluates else "")
    blessed = _SCRIPT.sub(rb"<script nonce=" + nonce.encode() + rb"\1", page)
    return blessed, _POLICY.format(scripts=scripts).encode()


def _headers(scope: Scope) -> Sequence[Header]:
    return (*_HEADERS, _ONLY_ENCRYPTED) if scope.get("scheme") == "https" else _HEADERS


def _is_plain_html(headers: list[tuple[bytes, bytes]]) -> bool:
    named = {name.lower(): value for name, value in headers}
    return named.get(b"content-type", b"").startswith(b"text/html") and b"content-encoding" not in named


def header(scope: Scope, name: bytes) -> bytes:
    """The first header of that name, in lower case; empty where there is none."""
    return next((bytes(value) for key, value in scope["headers"] if key.lower() == name), b"")


def _new_cookie(secure: bool) -> bytes:
    value = secrets.token_urlsafe(_OWNER_BYTES)
    # Lax, not Strict: with Strict a person who follows a link to the page would arrive as a stranger.
    parts = [f"{OWNER_COOKIE}={value}", "Path=/", f"Max-Age={_YEAR_SECONDS}", "HttpOnly", "SameSite=Lax"]
    return "; ".join([*parts, "Secure"] if secure else parts).encode()
