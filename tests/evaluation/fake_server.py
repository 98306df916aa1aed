"""``python -m tests.evaluation.fake_server``: the API over the fake assistant, in a process of its own."""

from __future__ import annotations

import sys

from tests.web.fakes import FakeAssistant
from web.api.application import build_api
from web.api.desk import open_desk
from web.options import ServiceOptions
from web.server import listen
from web.serving import run

if __name__ == "__main__":
    listener = listen("127.0.0.1", 0)
    desk = open_desk(FakeAssistant(pause_seconds=0.002), "harbourline", ServiceOptions(turn_limit=4, queue_limit=16))
    sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}/\n")
    sys.stdout.flush()
    run(build_api(desk), listener, desk.running, 5.0)
