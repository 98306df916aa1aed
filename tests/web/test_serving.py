"""A server that is told to go down: what it has begun it finishes, what takes too long it stops and stores."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import httpx

from tests.web.api.served import Sent, ServedApi, events_of
from tests.web.fakes import FakeAssistant
from web.options import ServiceOptions

SLOW = "slow hello"


class Reader(threading.Thread):
    """Asks, and reads the stream to its end in a thread of its own; ``ended`` is what broke it, if anything did."""

    def __init__(self, url: str, conversation: str, message: str) -> None:
        super().__init__(daemon=True)
        self._asked = (f"{url}/api/v1/conversations/{conversation}/turns", message)
        self.events: list[Sent] = []
        self.status = 0
        self.start()

    def run(self) -> None:
        address, message = self._asked
        with httpx.Client(timeout=20) as client, client.stream("POST", address, json={"message": message}) as reply:
            self.status = reply.status_code
            self.events.extend(events_of(reply.iter_lines()))


def eventually(holds: Callable[[], bool], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()


def test_a_running_turn_is_finished_and_one_in_line_is_told_to_come_again() -> None:
    assistant = FakeAssistant(pause_seconds=0, slow_seconds=0.1)
    served = ServedApi(assistant, ServiceOptions(turn_limit=1, queue_limit=1, shutdown_seconds=10))
    running = Reader(served.url, "still-running", SLOW)
    assert eventually(lambda: served.running.working == 1)
    waiting = Reader(served.url, "still-waiting", SLOW)
    assert eventually(lambda: served.running.waiting == 1)
    served.close()
    running.join(5)
    waiting.join(5)
    assert running.events[-1].event == "answer_finished"
    assert running.events[-1].data["turn"]["answer"]["text"] == "Hello! Ask me anything about your service."
    assert waiting.events[-1].event == "error"
    assert (waiting.events[-1].data["status"], "going down" in waiting.events[-1].data["detail"]) == (503, True)
    assert ("api-local", "still-running") in assistant.kept
    assert ("api-local", "still-waiting") not in assistant.kept


def test_a_turn_that_takes_longer_than_there_is_time_is_stopped_and_stored() -> None:
    assistant = FakeAssistant(pause_seconds=0, slow_seconds=0.2)
    served = ServedApi(assistant, ServiceOptions(shutdown_seconds=0.1))
    reader = Reader(served.url, "takes-too-long", SLOW)
    assert eventually(lambda: any(event.event == "answer_delta" for event in reader.events))
    started = time.monotonic()
    served.close()
    reader.join(5)
    assert time.monotonic() - started < 4
    assert reader.events[-1].event == "error"
    (turn,) = assistant.kept[("api-local", "takes-too-long")].turns
    assert turn.stopped
    assert turn.answer.text.startswith("Hello!")


def test_a_server_with_nothing_to_finish_is_down_at_once() -> None:
    served = ServedApi(FakeAssistant(), ServiceOptions(shutdown_seconds=30))
    assert httpx.get(f"{served.url}/healthz").status_code == 200
    started = time.monotonic()
    served.close()
    assert time.monotonic() - started < 3
