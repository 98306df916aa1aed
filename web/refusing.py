"""How a request is turned away before it reaches a page: RFC 9457, or OpenAI's shape under ``/v1``."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import MutableMapping, Sequence
from http import HTTPStatus
from typing import Any

from web.guards import Header, Receive, Scope, Send

_DRAINED_BYTES = 2**20  # what a client may still be sending while it reads why it was refused
_DRAINED_SECONDS = 1.0


async def refuse(scope: Scope, send: Send, status: int, detail: str, headers: Sequence[Header] = ()) -> None:
    """Send ``status`` with ``detail``, one sentence that says what is wrong and what to do."""
    openai = str(scope.get("path", "")).startswith("/v1/")
    body = _openai(status, detail) if openai else _problem(status, detail)
    kind = b"application/json" if openai else b"application/problem+json"
    sent = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": [*sent, *headers]})
    await send({"type": "http.response.body", "body": body})


async def refuse_and_close(scope: Scope, receive: Receive, send: Send, status: int, detail: str) -> None:
    """As ``refuse``, and the connection ends. What is still being sent is read away first, up to a mebibyte and one
    second: closing over unread bytes resets the connection, and the client would never see why (RFC 9112, 9.6)."""

    async def held_open(message: MutableMapping[str, Any]) -> None:
        await send({**message, "more_body": True} if message["type"] == "http.response.body" else message)

    await refuse(scope, held_open, status, detail, [(b"connection", b"close")])
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(_drain(receive), _DRAINED_SECONDS)
    await send({"type": "http.response.body", "body": b""})


async def _drain(receive: Receive) -> None:
    left, more = _DRAINED_BYTES, True
    while more and left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        more = message["type"] == "http.request" and message.get("more_body", False)


def retry_after(seconds: float) -> Header:
    """The header that says when to come back."""
    return b"retry-after", str(max(1, round(seconds))).encode()


def _problem(status: int, detail: str) -> bytes:
    told = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return json.dumps(told).encode()


def _openai(status: int, detail: str) -> bytes:
    family = "server_error" if status >= 500 else "invalid_request_error"
    return json.dumps({"error": {"message": detail, "type": family, "param": None, "code": None}}).encode()
