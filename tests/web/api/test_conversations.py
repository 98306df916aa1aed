"""Conversations over the API: whose they are, what may be done with them, what is known of their turns."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.web.api.served import Served

ONE_JSON = {"accept": "application/json"}
SOMEBODY = {"cookie": "colloquy_owner=" + "a" * 43}
GONE = ("get", "patch", "delete")


def ask(client: httpx.Client, conversation: str, message: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    address = f"/api/v1/conversations/{conversation}/turns"
    reply = client.post(address, json={"message": message}, headers={**ONE_JSON, **(headers or {})})
    turn: dict[str, Any] = reply.json()["turn"]
    return turn


def listed(client: httpx.Client, headers: dict[str, str] | None = None) -> list[str]:
    reply = client.get("/api/v1/conversations", headers=headers)
    return [item["id"] for item in reply.json()["conversations"]]


def test_a_new_conversation_is_an_id_that_nothing_is_kept_under(client: httpx.Client) -> None:
    first, second = (client.post("/api/v1/conversations") for _ in range(2))
    assert first.status_code == 201
    assert first.json() != second.json()
    assert first.json()["id"] not in listed(client)
    assert client.get(f"/api/v1/conversations/{first.json()['id']}").status_code == 404


def test_a_conversation_is_listed_read_renamed_and_forgotten(client: httpx.Client) -> None:
    turn = ask(client, "whole-life-1", "What about half price?")
    summary = next(
        item for item in client.get("/api/v1/conversations").json()["conversations"] if item["id"] == "whole-life-1"
    )
    assert (summary["title"], summary["turn_count"], summary["pinned"]) == ("What about half price?", 1, False)
    renamed = client.patch("/api/v1/conversations/whole-life-1", json={"title": "Prices"})
    assert (renamed.status_code, renamed.json()["title"]) == (200, "Prices")
    assert client.get("/api/v1/conversations/whole-life-1").json()["turns"] == [turn]
    gone = client.delete("/api/v1/conversations/whole-life-1")
    assert (gone.status_code, gone.content) == (204, b"")
    assert client.get("/api/v1/conversations/whole-life-1").status_code == 404


def test_a_person_gets_all_that_is_kept_of_them_and_has_it_forgotten(client: httpx.Client) -> None:
    turn = ask(client, "personal-1", "What about half price?", SOMEBODY)
    ask(client, "personal-2", "What does a red light mean?")
    address = f"/api/v1/conversations/personal-1/turns/{turn['id']}/feedback"
    client.put(address, json={"verdict": "down", "comment": "no"}, headers=SOMEBODY)
    reply = client.get("/api/v1/me/data", headers=SOMEBODY)
    assert reply.headers["content-disposition"] == 'attachment; filename="colloquy-my-data.json"'
    data = reply.json()
    assert [one["id"] for one in data["conversations"]] == ["personal-1"]
    assert data["conversations"][0]["turns"][0]["question"] == "What about half price?"
    assert data["feedback"]["personal-1"][turn["id"]]["comment"] == "no"
    assert client.delete("/api/v1/me/data", headers=SOMEBODY).json() == {"conversations": 1}
    assert client.get("/api/v1/me/data", headers=SOMEBODY).json()["conversations"] == []
    assert "personal-2" in listed(client)


@pytest.mark.parametrize("method", GONE)
def test_a_conversation_that_is_not_there_is_a_problem(client: httpx.Client, method: str) -> None:
    body = {"json": {"title": "x"}} if method == "patch" else {}
    reply = client.request(method, "/api/v1/conversations/never-begun", **body)  # type: ignore[arg-type]
    assert reply.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "You have no conversation of that id; GET /api/v1/conversations lists those you have.",
    }


@pytest.mark.parametrize("method", GONE)
def test_another_owners_conversation_is_as_good_as_none(client: httpx.Client, method: str) -> None:
    ask(client, "mine-alone", "half price?")
    body = {"json": {"title": "x"}} if method == "patch" else {}
    stranger = client.request(method, "/api/v1/conversations/mine-alone", headers=SOMEBODY, **body)  # type: ignore[arg-type]
    assert stranger.status_code == 404
    assert "mine-alone" in listed(client)
    assert "mine-alone" not in listed(client, SOMEBODY)


def test_a_browser_sees_over_the_api_what_it_said_on_the_page(client: httpx.Client, served: Served) -> None:
    ask(client, "with-a-cookie", "half price?", SOMEBODY)
    assert ("a" * 43, "with-a-cookie") in served.assistant.kept
    assert "with-a-cookie" in listed(client, SOMEBODY)
    assert "with-a-cookie" not in listed(client)


def test_a_program_without_cookie_or_key_has_conversations_of_its_own(client: httpx.Client, served: Served) -> None:
    ask(client, "of-a-program", "half price?")
    assert ("api-local", "of-a-program") in served.assistant.kept


@pytest.mark.parametrize("name", ["short", "x" * 65, "with space", "semi;colon", "ümlaut-here"])
def test_an_id_that_no_client_of_ours_makes_is_refused(client: httpx.Client, name: str) -> None:
    assert client.get(f"/api/v1/conversations/{name}").status_code == 422


def test_the_trace_of_a_turn_has_every_number_there_is(client: httpx.Client) -> None:
    turn = ask(client, "with-a-trace", "What about half price?")
    trace = client.get(f"/api/v1/conversations/with-a-trace/turns/{turn['id']}/trace").json()
    assert trace["answer"]["weighting"]["retrieval_weight"] == 0.71
    assert trace["evidence"][0]["signals"] == {"relevance": 0.72}
    assert set(trace["trace"]["seconds"]) == {"total"}


def test_an_explanation_is_of_the_turn_that_was_asked_about(client: httpx.Client) -> None:
    turn = ask(client, "explain-this-one", "What about half price?")
    explained = client.get(f"/api/v1/conversations/explain-this-one/turns/{turn['id']}/explanation").json()
    assert explained["why"] == "“What about half price?” was answered from 3 passages."
    assert len(explained["effects"]) > 1


def test_a_verdict_is_kept_replaced_and_taken_back(client: httpx.Client, served: Served) -> None:
    turn = ask(client, "judged-by-me", "half price?")
    address = f"/api/v1/conversations/judged-by-me/turns/{turn['id']}/feedback"
    kept = served.assistant.feedback
    assert client.put(address, json={"verdict": "up"}).status_code == 204
    assert client.put(address, json={"verdict": "down", "reason": "wrong", "comment": "No."}).status_code == 204
    (given,) = kept.of("api-local", "judged-by-me").values()
    assert (given.verdict, given.reason, given.comment) == ("down", "wrong", "No.")
    assert client.delete(address).status_code == 204
    assert kept.of("api-local", "judged-by-me") == {}


@pytest.mark.parametrize(
    ("body", "status"),
    [({"verdict": "up"}, 404), ({"verdict": "sideways"}, 422), ({"verdict": "up", "comment": "x" * 2001}, 422)],
    ids=["no such turn", "no verdict", "too long"],
)
def test_a_verdict_that_cannot_be_kept_is_a_problem(client: httpx.Client, body: dict[str, str], status: int) -> None:
    reply = client.put("/api/v1/conversations/judged-by-me/turns/never-said/feedback", json=body)
    assert (reply.status_code, reply.json()["status"]) == (status, status)


@pytest.mark.parametrize("part", ["trace", "explanation"])
def test_a_turn_of_another_owner_tells_nothing(client: httpx.Client, part: str) -> None:
    turn = ask(client, "nobodys-business", "half price?")
    address = f"/api/v1/conversations/nobodys-business/turns/{turn['id']}/{part}"
    assert client.get(address, headers=SOMEBODY).status_code == 404


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/conversations", "/v1/embeddings"])
def test_a_path_that_there_is_not_is_a_problem_and_no_page(client: httpx.Client, path: str) -> None:
    reply = client.get(path, headers={"accept": "text/html"})
    assert reply.status_code == 404
    assert reply.headers["content-type"] in ("application/problem+json", "application/json")
