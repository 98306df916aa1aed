"""What every request must pass, whoever sends it: the name it calls us by, where it comes from, and its size."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

from domain.access import Access
from web.guards import Application, Receive, Scope, Send, header
from web.refusing import refuse_and_close

UPLOADS = re.compile(r"/(?:[^/]+/)*(?:upload|uploads|import|documents)(?:/[^/]*)?/?")
"""Paths to which files are sent: they may be larger, and are counted."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110, 9.2.1
_OUR_OWN = frozenset({"same-origin", "none"})  # "none": a person typed the address
_MOST_HEADERS = 100


class Gate:
    """Refuses what no page or client of ours sends: 421 for a name that is not ours, 403 for a change that another
    site's page asks for, 413 for too large a body, 431 for too many headers."""

    def __init__(self, app: Application, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # no page of ours opens one
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] != "http":
            await self._app(scope, receive, send)
        elif refusal := self._refusal(scope):
            await refuse_and_close(scope, receive, send, *refusal)
        else:
            await _Measured(self._app, self._most_bytes(scope))(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        if len(scope["headers"]) > _MOST_HEADERS:
            return 431, f"The request has more than {_MOST_HEADERS} headers; leave some out."
        if not self._is_ours(header(scope, b"host")):
            return 421, "This server is not known by that name; an administrator can add it to accounts.hosts."
        if scope["method"] not in _SAFE and not self._comes_from_here(scope):
            return 403, "The request comes from another site's page; open this one's own page and try again there."
        return self._too_long(scope)

    def _is_ours(self, host: bytes) -> bool:
        return self._access.hosts is None or _hostname(host.decode("latin-1")) in self._access.hosts

    def _comes_from_here(self, scope: Scope) -> bool:
        """Browsers say where a request comes from; programs say nothing, and carry no cookie by accident."""
        origin = header(scope, b"origin").decode("latin-1").lower()
        if origin in self._access.origins:
            return True
        fetched = header(scope, b"sec-fetch-site").decode("latin-1").lower()
        if fetched and fetched not in _OUR_OWN:
            return False
        return not origin or _authority(origin) == header(scope, b"host").decode("latin-1").lower()

    def _too_long(self, scope: Scope) -> tuple[int, str] | None:
        length, most = header(scope, b"content-length"), self._most_bytes(scope)
        if length and (not length.isdigit() or len(length) > 15):
            return 400, "The request has a Content-Length that is no number; send the size of its body in bytes."
        return (413, _too_large(most)) if length and int(length) > most else None

    def _most_bytes(self, scope: Scope) -> int:
        upload = UPLOADS.fullmatch(str(scope["path"])) is not None
        return self._access.max_upload_bytes if upload else self._access.max_body_bytes


class _Measured:
    """Counts the bytes of a body that did not say how long it is; the response to one that is too long is 413."""

    def __init__(self, app: Application, most_bytes: int) -> None:
        self._app, self._left, self._most = app, most_bytes, most_bytes
        self._started, self._more = False, True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def rest() -> MutableMapping[str, Any]:
            return await receive() if self._more else {"type": "http.disconnect"}

        async def measured() -> MutableMapping[str, Any]:
            message = await receive()
            self._more = message.get("more_body", False)
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                raise _TooLarge
            return message

        async def watched(message: MutableMapping[str, Any]) -> None:
            if self._left < 0 and not self._started:
                return  # what the application says of a body that was cut off
            self._started = True
            await send(message)

        try:
            await self._app(scope, measured, watched)
        except Exception:
            if self._left >= 0 or self._started:
                raise
        if self._left < 0 and not self._started:
            await refuse_and_close(scope, rest, send, 413, _too_large(self._most))


class _TooLarge(Exception):
    """More bytes came than may."""


def _too_large(most: int) -> str:
    return f"The request is larger than the {most:,} bytes that it may have; send less at once."


def _hostname(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _authority(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
