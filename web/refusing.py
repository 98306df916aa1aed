"""How a request is turned away before it reaches a page: RFC 9457, or OpenAI's shape under ``/v1``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from http import HTTPStatus

from web.guards import Header, Scope, Send


async def refuse(scope: Scope, send: Send, status: int, detail: str, headers: Sequence[Header] = ()) -> None:
    """Send ``status`` with ``detail``, one sentence that says what is wrong and what to do."""
    openai = str(scope.get("path", "")).startswith("/v1/")
    body = _openai(status, detail) if openai else _problem(status, detail)
    kind = b"application/json" if openai else b"application/problem+json"
    sent = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": [*sent, *headers]})
    await send({"type": "http.response.body", "body": body})


def retry_after(seconds: float) -> Header:
    """The header that says when to come back."""
    return b"retry-after", str(max(1, round(seconds))).encode()


def _problem(status: int, detail: str) -> bytes:
    told = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return json.dumps(told).encode()


def _openai(status: int, detail: str) -> bytes:
    family = "server_error" if status >= 500 else "invalid_request_error"
    return json.dumps({"error": {"message": detail, "type": family, "param": None, "code": None}}).encode()
