"""The whole application over the fake assistant on a real socket, and what its event streams say."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import uvicorn
from fastapi import FastAPI

from domain.access import OPEN, Access
from tests.web.fakes import FakeAssistant
from web.api.application import build_api
from web.api.desk import open_desk
from web.options import DEFAULTS, ServiceOptions
from web.running import RunningTurns
from web.server import build_app, listen
from web.serving import GracefulServer


class Served:
    """Listens on a free port, in a thread of its own, from the moment it is made."""

    def __init__(self, assistant: FakeAssistant, options: ServiceOptions = DEFAULTS, access: Access = OPEN) -> None:
        app = build_app(assistant, default_knowledge_base="harbourline", options=options, access=access)
        self._serve(assistant, app, app.state.running, options)

    def _serve(self, assistant: FakeAssistant, app: FastAPI, running: RunningTurns, options: ServiceOptions) -> None:
        self.assistant, self.running = assistant, running
        self._listener = listen("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
        self.server = GracefulServer(config, self.running, options.shutdown_seconds)
        self._thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self._listener]}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Goes down as at a signal, and returns when it is down."""
        self.server.should_exit = True
        self._thread.join(20)
        self._listener.close()
        assert not self._thread.is_alive()


class ServedApi(Served):
    """The API without the pages, which take a second to build."""

    def __init__(self, assistant: FakeAssistant, options: ServiceOptions = DEFAULTS) -> None:
        desk = open_desk(assistant, "harbourline", options)
        self._serve(assistant, build_api(desk), desk.running, options)


@dataclass(frozen=True, slots=True)
class Sent:
    """One server-sent event."""

    event: str
    data: dict[str, Any]


def events_of(lines: Iterator[str]) -> Iterator[Sent]:
    """The events of a stream of lines; comments are left out."""
    name, data = "message", ""
    for line in lines:
        if line.startswith("event:"):
            name = line.removeprefix("event:").strip()
        elif line.startswith("data:"):
            data += line.removeprefix("data:").strip()
        elif not line and data:
            yield Sent(name, json.loads(data))
            name, data = "message", ""
