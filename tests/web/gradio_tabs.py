"""A page served on a socket, and the numbers Gradio gives its events: what a test needs to speak as a tab does."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn
from fastapi import FastAPI

from web.server import listen


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The address of ``app`` while the block runs."""
    with listen("127.0.0.1", 0) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


def event_numbers(client: httpx.Client) -> dict[str, int]:
    """The number of each event by its name, from the page that ``client`` gets; it has a cookie afterwards."""
    page = client.get("/", headers={"accept": "text/html"}).text
    config = re.search(r"window\.gradio_config = (\{.*?\});?</script>", page, re.S)
    assert config is not None
    events = json.loads(config[1])["dependencies"]
    return {event["targets"][0][1]: event["id"] for event in events if event["targets"]}
