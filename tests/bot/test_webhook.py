"""The webhook against a real server on this machine."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bot.handing_off import HandingOff, Wanted, Where
from bot.webhook import SIGNATURE_HEADER, TIMESTAMP_HEADER, Webhook, WebhookSettings, payload, signed
from domain.answer import Reason
from domain.conversation import Query
from domain.errors import Misconfigured
from domain.hand_off import Delivery, HandOff
from memory.hand_off_queue import InMemoryHandOffDesk

ITEM = HandOff("id1", "f00d", "c1", "Where is it? 📍", "Where is the shop?", Reason.ASKED_FOR_PERSON)
WANTED = Wanted("Where?", Query("Where?", "Where?"), (), Reason.ASKED_FOR_PERSON)


class Receiver:
    """Answers one POST after the other with the statuses it was given, the last of them for ever."""

    def __init__(self, statuses: Sequence[int], delay_seconds: float = 0.0) -> None:
        self.statuses, self.delay_seconds = list(statuses), delay_seconds
        self.got: list[tuple[dict[str, str], bytes]] = []

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        self.got.append((dict(handler.headers), body))
        time.sleep(self.delay_seconds)
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        handler.send_response(status)
        if status in (302, 307):
            handler.send_header("Location", "/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()


@contextmanager
def serving(receiver: Receiver) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.answer(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook"
    finally:
        server.shutdown()
        server.server_close()


class Outcomes:
    """What the webhook told, and a way to wait for it."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self._happened = threading.Event()

    def __call__(self, item_id: str, error: str) -> None:
        self.told.append((item_id, error))
        self._happened.set()

    def wait(self) -> list[tuple[str, str]]:
        assert self._happened.wait(5)
        return self.told


def delivered(receiver: Receiver, **changes: float) -> tuple[list[tuple[str, str]], list[float]]:
    """What came of one message, and the pauses between the tries."""
    outcomes, pauses = Outcomes(), list[float]()
    with serving(receiver) as url:
        settings = WebhookSettings(url, "s3cret", timeout_seconds=changes.get("timeout_seconds", 5.0), retries=3)
        webhook = Webhook(settings, outcomes, pauses.append)
        assert webhook.send(ITEM)
        told = outcomes.wait()
        webhook.close()
    return told, pauses


def test_the_entry_arrives_signed_once() -> None:
    receiver = Receiver([200])
    assert delivered(receiver) == ([("id1", "")], [])
    ((headers, body),) = receiver.got
    told = json.loads(body)
    assert told["event"] == "hand_off"
    assert (told["item"]["question"], told["item"]["reason"]) == ("Where is it? 📍", "asked_for_person")
    assert "taken_by" not in told["item"]
    timestamp = headers[TIMESTAMP_HEADER]
    expected = hmac.new(b"s3cret", timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers[SIGNATURE_HEADER] == f"sha256={expected}"


def test_a_known_signature_comes_out_as_written_here() -> None:
    headers = signed(b"{}", "key", 1_700_000_000)
    assert headers[SIGNATURE_HEADER] == "sha256=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae"
    assert SIGNATURE_HEADER not in signed(b"{}", "", 0)


def test_a_server_in_trouble_is_asked_again_with_growing_pauses() -> None:
    receiver = Receiver([503, 500, 200])
    assert delivered(receiver) == ([("id1", "")], [0.5, 1.0])
    assert len(receiver.got) == 3


def test_it_gives_up_after_the_last_try_and_says_why() -> None:
    told, pauses = delivered(Receiver([502]))
    assert told == [("id1", "answered 502")]
    assert pauses == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("status", [400, 401, 404, 302, 307])
def test_a_refusal_is_final_and_a_redirect_is_one(status: int) -> None:
    receiver = Receiver([status])
    assert delivered(receiver) == ([("id1", f"answered {status}")], [])
    assert len(receiver.got) == 1


def test_a_server_that_does_not_answer_in_time_has_failed() -> None:
    told, _ = delivered(Receiver([200], delay_seconds=0.2), timeout_seconds=0.03)
    assert told[0][1].startswith("not reached (")


@pytest.mark.parametrize("url", ["ftp://host/x", "file:///etc/passwd", "https://", "host/path", "http://a:b:c", ""])
def test_any_other_address_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"no address to post to; write https://"):
        Webhook(WebhookSettings(url), lambda item_id, error: None)


def test_a_turn_does_not_wait_for_the_webhook_and_the_queue_learns_how_it_went() -> None:
    desk = InMemoryHandOffDesk()
    with serving(Receiver([200], delay_seconds=1.0)) as url:
        handing_off = HandingOff(desk, WebhookSettings(url))
        since = time.perf_counter()
        item = handing_off.hand_over(Where("ann", "c1", "kb"), WANTED)
        assert time.perf_counter() - since < 0.8
        assert item.delivery is Delivery.WAITING
        assert _delivery_of(desk, item.id) is Delivery.DELIVERED
        handing_off.close()


def test_a_failure_stays_with_the_entry() -> None:
    desk = InMemoryHandOffDesk()
    with serving(Receiver([400])) as url:
        handing_off = HandingOff(desk, WebhookSettings(url))
        item = handing_off.hand_over(Where("ann", "c1", "kb"), WANTED)
        assert _delivery_of(desk, item.id) is Delivery.FAILED
        handing_off.close()
    kept = desk.get(item.id)
    assert kept is not None
    assert kept.delivery_error == "answered 400"


def test_what_an_earlier_run_did_not_get_to_is_sent_at_the_start() -> None:
    desk = InMemoryHandOffDesk()
    desk.put(HandOff("old", "f", "c", "q", "q", Reason.ASKED_FOR_PERSON, delivery=Delivery.WAITING))
    receiver = Receiver([200])
    with serving(receiver) as url:
        handing_off = HandingOff(desk, WebhookSettings(url))
        assert _delivery_of(desk, "old") is Delivery.DELIVERED
        handing_off.close()
    assert len(receiver.got) == 1


def test_the_body_survives_half_a_surrogate_pair() -> None:
    assert b'"question": "?"' in payload(HandOff("i", "f", "c", "\ud800", "q", Reason.ASKED_FOR_PERSON))


def _delivery_of(desk: InMemoryHandOffDesk, item_id: str) -> Delivery:
    """Once it is no longer waiting."""
    for _ in range(500):
        item = desk.get(item_id)
        if item is not None and item.delivery is not Delivery.WAITING:
            return item.delivery
        time.sleep(0.01)
    pytest.fail("the message was never settled")
