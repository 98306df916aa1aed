"""Turns over the API, on a real socket: events in order, one JSON, refusals, a client that goes away, the line."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.web.api.served import Sent, Served, ServedApi, events_of
from tests.web.fakes import FakeAssistant
from web.options import ServiceOptions

MOVING = "What if I move, is half price due?"
ONE_JSON = {"accept": "application/json"}


def turns(conversation: str) -> str:
    return f"/api/v1/conversations/{conversation}/turns"


def stream(client: httpx.Client, conversation: str, message: str) -> list[Sent]:
    with client.stream("POST", turns(conversation), json={"message": message}) as reply:
        assert reply.status_code == 200, reply.read()
        assert reply.headers["content-type"].startswith("text/event-stream")
        return list(events_of(reply.iter_lines()))


def eventually(holds: Callable[[], bool], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()


def test_a_turn_streams_the_events_that_the_page_gets(client: httpx.Client) -> None:
    events = stream(client, "stream-in-order", MOVING)
    names = [event.event for event in events]
    deltas = names.count("answer_delta")
    assert names == ["query_rewritten", "passages_retrieved", *["answer_delta"] * deltas, "answer_finished"]
    assert deltas > 5
    assert events[0].data["query"]["text"] == MOVING
    assert [passage["rank"] for passage in events[1].data["passages"]] == [1, 2, 3]
    turn = events[-1].data["turn"]
    assert "".join(event.data["text"] for event in events[2:-1]) == turn["answer"]["text"]
    assert events[-1].data["stored"] is True
    assert turn["answer"]["confidence"] == 0.86


def test_a_citation_points_at_its_place_in_the_document(client: httpx.Client) -> None:
    turn = stream(client, "cited-place", MOVING)[-1].data["turn"]
    cited = turn["answer"]["citations"][0]
    start, end = cited["document_span"]
    whole = client.get(f"/api/v1/knowledge-bases/harbourline/documents/{cited['document_id']}").json()
    part = client.get(whole_url(cited["document_id"]), params={"start": start, "end": end}).json()
    assert whole["text"][start:end] == part["text"] == cited["quote"] == "Tell us at least 14 days before you move."
    assert part["span"] == [start, end]
    assert "move [1]. You keep" in turn["answer"]["marked"]


def whole_url(document_id: str) -> str:
    return f"/api/v1/knowledge-bases/harbourline/documents/{document_id}"


def test_whoever_wants_one_json_gets_the_end_of_the_same_turn(client: httpx.Client) -> None:
    reply = client.post(turns("one-json-please"), json={"message": MOVING}, headers=ONE_JSON)
    streamed = stream(client, "one-json-streamed", MOVING)[-1].data
    assert reply.headers["content-type"] == "application/json"
    assert reply.json()["turn"]["answer"] == streamed["turn"]["answer"]
    assert reply.json()["stored"] is True


def test_the_next_turn_knows_the_one_before(client: httpx.Client) -> None:
    client.post(turns("a-follow-up"), json={"message": MOVING}, headers=ONE_JSON)
    query = client.post(turns("a-follow-up"), json={"message": "and when?"}, headers=ONE_JSON).json()["turn"]["query"]
    assert (query["gate"], query["text"]) == ("rewrite", f"and when? ({MOVING})")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"message": "x" * 4001}, 422, "please keep it under 4,000"),
        ({"message": ""}, 422, "“message” cannot be taken"),
        ({}, 422, "“message” cannot be taken"),
        ({"message": "hi", "knowledge_base": "nowhere"}, 404, "no such knowledge base"),
    ],
    ids=["too long", "empty", "no message", "unknown knowledge base"],
)
@pytest.mark.parametrize("headers", [ONE_JSON, {}], ids=["json", "stream"])
def test_a_message_that_cannot_be_taken_is_a_problem_before_any_event(
    client: httpx.Client, headers: dict[str, str], body: dict[str, str], status: int, said: str
) -> None:
    reply = client.post(turns("cannot-be-taken"), json=body, headers=headers)
    problem = reply.json()
    assert reply.status_code == problem["status"] == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert said in problem["detail"]


def test_what_breaks_after_the_first_event_ends_the_stream_with_an_error_event(client: httpx.Client) -> None:
    part, crash = stream(client, "breaks-later", "boom"), stream(client, "breaks-later", "crash")
    assert [event.event for event in part] == [event.event for event in crash] == ["query_rewritten", "error"]
    assert (part[-1].data["status"], crash[-1].data["status"]) == (503, 500)
    assert "nobody planned this" not in json.dumps(crash[-1].data)


def test_what_breaks_is_a_problem_where_one_json_is_wanted(client: httpx.Client) -> None:
    part = client.post(turns("breaks-as-json"), json={"message": "boom"}, headers=ONE_JSON)
    crash = client.post(turns("breaks-as-json"), json={"message": "crash"}, headers=ONE_JSON)
    assert (part.status_code, crash.status_code) == (503, 500)
    assert part.headers["retry-after"] == "5"
    assert "nobody planned this" not in crash.text


def test_a_client_that_closes_the_connection_stops_the_work_and_what_was_written_is_stored(
    client: httpx.Client, served: Served
) -> None:
    closed = served.assistant.closed
    with client.stream("POST", turns("goes-away-early"), json={"message": "slow half price move"}) as reply:
        for event in events_of(reply.iter_lines()):
            if event.event == "answer_delta":
                break
    assert eventually(lambda: served.assistant.closed == closed + 1)
    assert eventually(lambda: served.running.working == 0)
    (turn,) = client.get("/api/v1/conversations/goes-away-early").json()["turns"]
    assert turn["stopped"] is True
    assert turn["answer"]["text"].startswith("Tell ")


def test_a_client_that_hangs_up_on_one_json_stops_the_work_too(served: Served) -> None:
    closed = served.assistant.closed
    with pytest.raises(httpx.ReadTimeout), httpx.Client(base_url=served.url, timeout=0.7) as impatient:
        impatient.post(turns("hangs-up-early"), json={"message": "slow half price move"}, headers=ONE_JSON)
    assert eventually(lambda: served.assistant.closed == closed + 1)


def test_while_memory_is_down_an_answer_still_comes_and_says_it_was_not_kept(
    client: httpx.Client, served: Served
) -> None:
    served.assistant.store_down = True
    try:
        assert stream(client, "memory-is-down", MOVING)[-1].data["stored"] is False
        assert client.get("/api/v1/conversations").status_code == 503
    finally:
        served.assistant.store_down = False


@pytest.fixture(scope="module")
def narrow() -> Iterator[Served]:
    """One turn at a time, and one more in line."""
    served = ServedApi(FakeAssistant(pause_seconds=0, slow_seconds=0.1), ServiceOptions(turn_limit=1, queue_limit=1))
    yield served
    served.close()


def test_beyond_the_limit_a_turn_waits_in_line_sees_its_place_and_a_full_line_says_busy(narrow: Served) -> None:
    with httpx.Client(base_url=narrow.url, timeout=20) as client, ThreadPoolExecutor(2) as pool:
        first = pool.submit(stream, client, "first-in-line", "slow hello")
        assert eventually(lambda: narrow.running.working == 1)
        second = pool.submit(stream, client, "second-in-line", "hello")
        assert eventually(lambda: narrow.running.waiting == 1)
        third = client.post(turns("third-in-line"), json={"message": "hello"})
        assert (third.status_code, third.headers["retry-after"]) == (503, "5")
        assert "try again" in third.json()["detail"]
        waited = [(event.event, event.data.get("position")) for event in second.result()]
        assert [pair for pair in waited if pair[0] == "queued"] == [("queued", 1), ("queued", 0)]
        assert waited[-1][0] == "answer_finished"
        assert first.result()[-1].event == "answer_finished"


def test_one_slow_session_holds_up_nobody_and_four_stream_at_once(client: httpx.Client, served: Served) -> None:
    with ThreadPoolExecutor(4) as pool:
        slow = [pool.submit(stream, client, f"slow-number-{n}", "slow hello") for n in range(4)]
        assert eventually(lambda: served.running.working == 4)
        assert stream(client, "quick-between", MOVING)[-1].event == "answer_finished"
        assert served.running.working == 4
        assert [one.result()[-1].event for one in slow] == ["answer_finished"] * 4
