"""The chat page over the fake assistant, served for the tests that drive it in a browser."""

from __future__ import annotations

import threading

import uvicorn

from tests.web.fakes import FakeAssistant
from web.options import DEFAULTS, ServiceOptions
from web.server import build_app, listen

SHORT_MS = 15_000  # far more than a step takes, so that a busy machine does not fail a test


class Served:
    """The page on a free port in a thread of its own."""

    def __init__(self, assistant: FakeAssistant, options: ServiceOptions = DEFAULTS) -> None:
        self.assistant = assistant
        self._listener = listen("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        app = build_app(assistant, default_knowledge_base="harbourline", options=options)
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._listener.close()
