"""A tab's events go to whoever opened the tab, over the real server."""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Iterator

import httpx
import pytest
import uvicorn

from tests.web.fakes import FakeAssistant
from web.server import build_app, listen


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    app = build_app(FakeAssistant(pause_seconds=0), default_knowledge_base="harbourline")
    with listen("127.0.0.1", 0) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


class Browser:
    """Somebody with a cookie of their own, who says what they like of any tab."""

    def __init__(self, address: str) -> None:
        self.client = httpx.Client(base_url=address, timeout=30)
        page = self.client.get("/", headers={"accept": "text/html"}).text
        config = re.search(r"window\.gradio_config = (\{.*?\});?</script>", page, re.S)
        assert config is not None
        events = json.loads(config[1])["dependencies"]
        self._numbers = {event["targets"][0][1]: event["id"] for event in events if event["targets"]}

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
