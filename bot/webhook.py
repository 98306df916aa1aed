"""Tells the operator's own system of a hand-off: one signed POST, tried again when it fails, never in a turn's way."""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from http.client import HTTPException
from urllib.parse import urlsplit

from domain.errors import Misconfigured
from domain.hand_off import HandOff

SIGNATURE_HEADER = "X-Colloquy-Signature"
TIMESTAMP_HEADER = "X-Colloquy-Timestamp"

_AGAIN_AT = frozenset({408, 425, 429})  # and every status from 500: the others will not change by asking again
_MOST_WAITING = 1000


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """``url`` is http or https; ``secret`` signs the body ("" sends no signature). ``timeout_seconds`` bounds one try,
    ``retries`` the further ones, ``pause_seconds`` the pause before the first of them, doubled each time."""

    url: str
    secret: str = ""
    timeout_seconds: float = 5.0
    retries: int = 4
    pause_seconds: float = 0.5


class Webhook:
    """A worker thread with a queue of messages. ``outcome`` is told (id, "" or what went wrong) of each, once."""

    def __init__(
        self,
        settings: WebhookSettings,
        outcome: Callable[[str, str], object],
        wait: Callable[[float], object] | None = None,
    ) -> None:
        """Raises ``Misconfigured`` for an address that is neither http nor https. ``wait`` waits so many seconds
        between tries; by default a wait that ``close`` cuts short."""
        self._settings, self._outcome = checked(settings), outcome
        self._closing = threading.Event()
        self._wait = wait or self._closing.wait
        self._waiting: queue.Queue[HandOff | None] = queue.Queue(_MOST_WAITING)
        self._opener = _opener()
        self._worker = threading.Thread(target=self._work, name="hand-off webhook", daemon=True)
        self._worker.start()

    def send(self, item: HandOff) -> bool:
        """Queues the message and returns at once; False when too many wait already."""
        try:
            self._waiting.put_nowait(item)
        except queue.Full:
            return False
        return True

    def close(self, timeout_seconds: float = 2.0) -> None:
        """Ends the worker after the message it is at; what still waits is sent at the next start."""
        self._closing.set()
        with suppress(queue.Full):  # then the worker wakes up by itself
            self._waiting.put_nowait(None)
        self._worker.join(timeout_seconds)

    def _work(self) -> None:
        while not self._closing.is_set():
            item = self._waiting.get()
            if item is None:
                return
            error = self._tried(item)
            if error is not None:
                self._outcome(item.id, error)

    def _tried(self, item: HandOff) -> str | None:
        """ "" for delivered, else the last failure in words; None when closing cut it short."""
        error = ""
        for attempt in range(self._settings.retries + 1):
            if attempt:
                self._wait(self._settings.pause_seconds * 2 ** (attempt - 1))
            if self._closing.is_set():
                return None
            error, again = self._posted(item)
            if not again:
                return error
        return error

    def _posted(self, item: HandOff) -> tuple[str, bool]:
        """(what went wrong or "", whether it is worth another try)."""
        body = payload(item)
        headers = signed(body, self._settings.secret, int(time.time()))
        request = urllib.request.Request(self._settings.url, body, dict(headers), method="POST")
        try:
            with self._opener.open(request, timeout=self._settings.timeout_seconds):
                return "", False
        except urllib.error.HTTPError as error:
            with error:
                return f"answered {error.code}", error.code >= 500 or error.code in _AGAIN_AT
        except (OSError, HTTPException, ValueError) as error:
            return f"not reached ({getattr(error, 'reason', None) or error or type(error).__name__})", True


def _opener() -> urllib.request.OpenerDirector:
    """HTTP and HTTPS and nothing else: no redirects, so that a question and its signature go to the address that the
    operator chose and to no other."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def checked(settings: WebhookSettings) -> WebhookSettings:
    """``settings`` unchanged. Raises ``Misconfigured`` for an address that is neither http nor https."""
    try:
        parts = urlsplit(settings.url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good:
        raise Misconfigured(
            f"The hand-off webhook is {settings.url!r}, which is no address to post to; write https://host/path."
        )
    return settings


def payload(item: HandOff) -> bytes:
    """The body that is posted: the entry as JSON, without what only the queue knows."""
    fields = asdict(item)
    for name in ("taken_by", "taken_at", "done_at", "delivery", "delivery_error"):
        del fields[name]
    return json.dumps({"event": "hand_off", "item": fields}, ensure_ascii=False).encode("utf-8", "replace")


def signed(body: bytes, secret: str, timestamp: int) -> Mapping[str, str]:
    """The headers of a message. With a secret, ``X-Colloquy-Signature`` is ``sha256=`` and the HMAC-SHA256 in hex over
    the timestamp (Unix seconds), a full stop and the body; receivers should refuse old timestamps."""
    headers = {"Content-Type": "application/json", "User-Agent": "Colloquy", TIMESTAMP_HEADER: str(timestamp)}
    if not secret:
        return headers
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {**headers, SIGNATURE_HEADER: f"sha256={digest}"}
