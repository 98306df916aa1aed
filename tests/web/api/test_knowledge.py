"""What there is to ask about, over the API."""

from __future__ import annotations

import httpx
import pytest

BASE = "/api/v1/knowledge-bases/harbourline"


def test_every_knowledge_base_is_listed_with_its_size(client: httpx.Client) -> None:
    bases = client.get("/api/v1/knowledge-bases").json()["knowledge_bases"]
    assert [(base["name"], base["title"], base["document_count"], base["passage_count"]) for base in bases] == [
        ("harbourline", "Harbourline help", 84, 412),
        ("public-services", "Public services", 273, 2373),
    ]


def test_a_search_finds_passages_best_first_and_no_more_than_wanted(client: httpx.Client) -> None:
    found = client.get(f"{BASE}/search", params={"q": "blinking red light", "k": 1}).json()["passages"]
    assert [(passage["rank"], passage["document_id"]) for passage in found] == [(1, "router")]
    assert found[0]["text"].startswith("A steady green light")


def test_a_search_that_nothing_answers_is_empty(client: httpx.Client) -> None:
    assert client.get(f"{BASE}/search", params={"q": "unicorns"}).json() == {"passages": []}


@pytest.mark.parametrize("params", [{}, {"q": ""}, {"q": "x", "k": 0}, {"q": "x", "k": 51}, {"q": "x" * 4001}])
def test_a_search_for_nothing_or_too_much_is_refused(client: httpx.Client, params: dict[str, str | int]) -> None:
    assert client.get(f"{BASE}/search", params=params).status_code == 422


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/knowledge-bases/nowhere/search?q=x",
        "/api/v1/knowledge-bases/nowhere/documents",
        "/api/v1/knowledge-bases/nowhere/documents/moving",
    ],
)
def test_an_unknown_knowledge_base_is_a_problem(client: httpx.Client, path: str) -> None:
    reply = client.get(path)
    assert (reply.status_code, reply.json()["title"]) == (404, "Not Found")
    assert "GET /api/v1/knowledge-bases" in reply.json()["detail"]


def test_documents_are_listed_by_id_page_by_page_without_their_texts(client: httpx.Client) -> None:
    first = client.get(f"{BASE}/documents", params={"limit": 1}).json()
    second = client.get(f"{BASE}/documents", params={"limit": 1, "after": first["next"]}).json()
    assert first == {
        "documents": [
            {
                "id": "moving",
                "title": "Moving home",
                "source": "moving.md",
                "metadata": {"region": "UK"},
                "passages": 2,
                "indexed_at": 1.0,
            }
        ],
        "total": 2,
        "next": "moving",
    }
    assert ([one["id"] for one in second["documents"]], second["total"], second["next"]) == (["router"], 2, None)
    assert client.get(f"{BASE}/documents", params={"after": "router"}).json()["documents"] == []


@pytest.mark.parametrize("params", [{"limit": 0}, {"limit": 201}, {"limit": "x"}, {"after": "x" * 1001}], ids=range(4))
def test_a_page_of_documents_that_there_cannot_be_is_refused(client: httpx.Client, params: dict[str, str]) -> None:
    assert client.get(f"{BASE}/documents", params=params).status_code == 422


@pytest.mark.parametrize(
    ("start", "end", "span"),
    [(0, 13, [0, 13]), (5, 2, [5, 5]), (0, 99_999, [0, 432]), (99_999, 99_999, [432, 432])],
)
def test_a_stretch_of_a_document_never_leaves_it(client: httpx.Client, start: int, end: int, span: list[int]) -> None:
    part = client.get(f"{BASE}/documents/moving", params={"start": start, "end": end}).json()
    assert (part["length"], part["span"], len(part["text"])) == (432, span, span[1] - span[0])


def test_a_document_comes_whole_with_what_is_known_of_it(client: httpx.Client) -> None:
    whole = client.get(f"{BASE}/documents/moving").json()
    assert (whole["title"], whole["source"], whole["metadata"]) == ("Moving home", "moving.md", {"region": "UK"})
    assert whole["text"].startswith("# Moving home")


@pytest.mark.parametrize("document_id", ["gone", "..%2F..%2Fetc%2Fpasswd", "a/b/c"])
def test_a_document_that_there_is_not_is_a_problem(client: httpx.Client, document_id: str) -> None:
    assert client.get(f"{BASE}/documents/{document_id}").status_code == 404
