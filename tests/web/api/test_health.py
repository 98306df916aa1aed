"""Does it live, may it be sent work, and what Prometheus reads."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from domain.answer import Answer, AnswerKind
from domain.conversation import Query, Trace, Turn
from domain.errors import PartUnavailable
from domain.events import AnswerFinished
from tests.web.api.served import Served, ServedApi
from tests.web.fakes import FakeAssistant
from web.api.metrics import Metrics

ONE_JSON = {"accept": "application/json"}


def figures(text: str) -> dict[str, float]:
    """Every sample as ``name{label=value}``."""
    return {
        f"{sample.name}{sample.labels or ''}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def finished(kind: AnswerKind, base: str, stored: bool = True) -> AnswerFinished:
    answer = Answer("14 days.", kind, confidence=0.86)
    trace = Trace({"rewrite": 0.03, "odd": 1.0, "total": 0.7})
    return AnswerFinished(Turn("t", "secret words", Query("q", "q"), answer, trace=trace, knowledge_base=base), stored)


@pytest.fixture
def down(served: Served) -> Iterator[None]:
    served.assistant.store_down = True
    yield
    served.assistant.store_down = False


def test_a_process_that_takes_requests_lives(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.usefixtures("down")
def test_a_process_lives_while_its_memory_is_down_but_is_not_ready(client: httpx.Client) -> None:
    assert client.get("/healthz").status_code == 200
    reply = client.get("/readyz")
    assert reply.status_code == 503
    assert reply.json() == {"ready": False, "troubles": {"memory": "Redis does not answer."}}


def test_a_process_with_everything_is_ready(client: httpx.Client) -> None:
    reply = client.get("/readyz")
    assert (reply.status_code, reply.json()) == (200, {"ready": True, "troubles": {}})


def test_looking_creates_nothing(client: httpx.Client, served: Served) -> None:
    kept = dict(served.assistant.kept)
    for path in ("/healthz", "/readyz", "/metrics"):
        client.get(path)
    assert served.assistant.kept == kept


def test_turns_feedback_and_memory_are_counted_over_the_api() -> None:
    served = ServedApi(FakeAssistant(pause_seconds=0))
    with httpx.Client(base_url=served.url, timeout=20) as client:
        address = "/api/v1/conversations/counted-here"
        turn = client.post(f"{address}/turns", json={"message": "half price?"}, headers=ONE_JSON).json()["turn"]
        client.post(f"{address}/turns", json={"message": "boom"}, headers=ONE_JSON)
        client.put(f"{address}/turns/{turn['id']}/feedback", json={"verdict": "down"})
        reply = client.get("/metrics")
    served.close()
    seen = figures(reply.text)
    assert reply.headers["content-type"].startswith("text/plain; version=")
    assert seen["colloquy_turns_total{'kind': 'generated', 'knowledge_base': 'harbourline'}"] == 1
    assert seen["colloquy_turns_failed_total{'error': 'unavailable'}"] == 1
    assert seen["colloquy_feedback_total{'verdict': 'down'}"] == 1
    assert seen["colloquy_confidence_count"] == 1
    assert seen["colloquy_stage_seconds_count{'stage': 'total'}"] == 1
    assert (seen["colloquy_turns_running"], seen["colloquy_turns_waiting"], seen["colloquy_memory_up"]) == (0, 0, 1)
    assert "half price" not in reply.text


@pytest.mark.usefixtures("down")
def test_memory_that_is_down_shows(client: httpx.Client) -> None:
    assert figures(client.get("/metrics").text)["colloquy_memory_up"] == 0


def test_what_people_write_or_make_up_never_becomes_a_label() -> None:
    metrics = Metrics(lambda: ["harbourline"])
    metrics.watch(finished(AnswerKind.QUOTED, "harbourline"))
    metrics.watch(finished(AnswerKind.QUOTED, "somebody made this up", stored=False))
    metrics.watch(PartUnavailable("secret words"))
    metrics.watch(RuntimeError("secret words"))
    metrics.watch(None)
    text = metrics.text(2, 1, memory_up=True).decode()
    seen = figures(text)
    assert "secret" not in text
    assert "made this up" not in text
    assert seen["colloquy_turns_total{'kind': 'quoted', 'knowledge_base': 'other'}"] == 1
    assert seen["colloquy_turns_not_stored_total"] == 1
    assert seen["colloquy_turns_failed_total{'error': 'unexpected'}"] == 1
    assert seen["colloquy_turns_stopped_total"] == 1
    assert seen["colloquy_confidence_bucket{'le': '0.9'}"] == 2
    assert seen["colloquy_confidence_bucket{'le': '0.8'}"] == 0
    assert seen["colloquy_stage_seconds_count{'stage': 'other'}"] == 2
    assert (seen["colloquy_turns_running"], seen["colloquy_turns_waiting"]) == (2, 1)


def test_two_applications_in_one_process_count_apart() -> None:
    first, second = Metrics(lambda: []), Metrics(lambda: [])
    first.feedback("up")
    assert "colloquy_feedback_total{'verdict': 'up'}" not in figures(second.text(0, 0, memory_up=True).decode())
