"""That tabs leave nothing behind: what was drawn for one is not kept in the server once others have come."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import gradio as gr
import httpx
import pytest
from fastapi import FastAPI

from tests.web.fakes import FakeAssistant
from tests.web.gradio_tabs import event_numbers, serving
from web.server import build_app

TABS = 24
KEPT = 16


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return build_app(FakeAssistant(pause_seconds=0), default_knowledge_base="harbourline")


@pytest.fixture(scope="module")
def address(app: FastAPI) -> Iterator[str]:
    with serving(app) as found:
        yield found


class Tab:
    """A browser's tab as far as the server can tell, with a cookie of its own."""

    def __init__(self, address: str) -> None:
        self._client = httpx.Client(base_url=address, timeout=30, headers={"accept": "text/html"})
        self._numbers = event_numbers(self._client)
        self._session = uuid.uuid4().hex

    def send(self, event: str, data: dict[str, str] | None = None) -> str:
        """Fires an event as the page's script does; everything that came back until it was done."""
        wanted = {"data": [], "fn_index": self._numbers[event], "session_hash": self._session, "event_data": data}
        self._client.post("/gradio_api/queue/join", json=wanted).raise_for_status()
        return self._client.get(f"/gradio_api/queue/data?session_hash={self._session}").text


def test_tabs_of_the_past_are_forgotten(app: FastAPI, address: str) -> None:
    for number in range(TABS):
        tab = Tab(address)
        assert "Ask Harbourline help" in tab.send("load")
        where = {"conversation": f"conversation-{number}", "knowledge_base": "harbourline"}
        assert "half price" in tab.send("ask", {"message": "what if i move?", **where})
    mounted = [getattr(route, "app", None) for route in app.routes]
    [page] = [part for part in mounted if isinstance(part, gr.routes.App)]
    assert 0 < len(page.state_holder.session_data) <= KEPT
    assert len(page.get_blocks()._queue.event_analytics) <= 1
