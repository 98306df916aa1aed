"""A tab's events go to whoever opened the tab, over the real server."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import httpx
import pytest

from tests.web.fakes import FakeAssistant
from tests.web.gradio_tabs import event_numbers, serving
from web.server import build_app


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    app = build_app(FakeAssistant(pause_seconds=0), default_knowledge_base="harbourline")
    with serving(app) as found:
        yield found


class Browser:
    """Somebody with a cookie of their own, who says what they like of any tab."""

    def __init__(self, address: str) -> None:
        self.client = httpx.Client(base_url=address, timeout=30)
        self._numbers = event_numbers(self.client)

    def join(self, tab: str, event: str = "load", data: dict[str, str] | None = None) -> httpx.Response:
        wanted = {"data": [], "fn_index": self._numbers[event], "session_hash": tab, "event_data": data}
        return self.client.post("/gradio_api/queue/join", json=wanted)

    def stream(self, tab: str) -> httpx.Response:
        return self.client.get("/gradio_api/queue/data", params={"session_hash": tab})


def test_a_stream_is_read_by_whoever_joined_and_by_nobody_else(address: str) -> None:
    ann, eve, tab = Browser(address), Browser(address), uuid.uuid4().hex
    assert ann.join(tab).status_code == 200
    asked = {"message": "what if i move?", "conversation": "c-of-ann-1", "knowledge_base": "harbourline"}
    assert ann.join(tab, "ask", asked).status_code == 200
    refused = eve.stream(tab)
    assert (refused.status_code, "half price" in refused.text) == (404, False)
    assert "half price" in ann.stream(tab).text


def test_nobody_says_anything_of_anothers_tab(address: str) -> None:
    ann, eve, tab = Browser(address), Browser(address), uuid.uuid4().hex
    assert ann.join(tab).status_code == 200
    assert eve.join(tab).status_code == 404
    cancelled = {"session_hash": tab, "fn_index": 0, "event_id": "x"}
    assert eve.client.post("/gradio_api/cancel", json=cancelled).status_code == 404
    assert eve.client.get(f"/gradio_api/heartbeat/{tab}").status_code == 404
    twice: list[tuple[str, str | int | float | bool | None]] = [
        ("session_hash", uuid.uuid4().hex),
        ("session_hash", tab),
    ]
    assert eve.client.get("/gradio_api/queue/data", params=twice).status_code == 404
    assert httpx.get(f"{address}/gradio_api/queue/data", params={"session_hash": tab}).status_code == 404
    assert ann.stream(tab).status_code == 200


def test_a_tab_of_ones_own_goes_on_as_before(address: str) -> None:
    ann, eve = Browser(address), Browser(address)
    for browser in (ann, eve):
        tab = uuid.uuid4().hex
        assert browser.join(tab).status_code == 200
        assert "Ask Harbourline help" in browser.stream(tab).text
