"""Conversations leave over the API as files for people and for programs, and come back in."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import httpx
import pytest
from pypdf import PdfReader

from web.api.archives import accepted

TYPED = "Mail me at ann@example.org about half price?"
SOMEBODY = {"cookie": "colloquy_owner=" + "b" * 43}
KINDS = [
    ("json", "application/json", "half-price.json"),
    ("markdown", "text/markdown; charset=utf-8", "half-price.md"),
    ("pdf", "application/pdf", "half-price.pdf"),
]


@pytest.fixture(scope="module")
def kept(client: httpx.Client) -> str:
    """The address of a conversation of one turn."""
    address = "/api/v1/conversations/to-be-exported"
    asked = client.post(f"{address}/turns", json={"message": TYPED}, headers={"accept": "application/json"})
    assert asked.status_code == 200
    assert client.patch(address, json={"title": "half price"}).status_code == 200
    return address


def words(reply: httpx.Response) -> str:
    """What a person reads in the file."""
    if reply.headers["content-type"] == "application/pdf":
        return " ".join(page.extract_text() for page in PdfReader(BytesIO(reply.content)).pages)
    return reply.text


@pytest.mark.parametrize(("wanted", "media_type", "name"), KINDS, ids=[kind for kind, _, _ in KINDS])
@pytest.mark.parametrize("told", ["format", "accept"])
def test_a_conversation_is_saved_in_the_format_that_is_asked_for(
    client: httpx.Client, kept: str, told: str, wanted: str, media_type: str, name: str
) -> None:
    params = {"format": wanted} if told == "format" else {}
    headers = {"accept": media_type} if told == "accept" else {}
    reply = client.get(f"{kept}/export", params=params, headers=headers)
    assert (reply.status_code, reply.headers["content-type"]) == (200, media_type)
    assert reply.headers["content-disposition"].startswith(f'attachment; filename="{name}"')
    assert "ann@example.org about half price?" in words(reply)


@pytest.mark.parametrize("wanted", ["json", "markdown", "pdf"])
def test_personal_data_is_blacked_out_where_that_is_asked_for(client: httpx.Client, kept: str, wanted: str) -> None:
    reply = client.get(f"{kept}/export", params={"format": wanted, "covered": True})
    assert "about half price?" in words(reply)
    assert "ann@example.org" not in words(reply)


def test_a_format_in_the_address_comes_before_what_a_browser_accepts(client: httpx.Client, kept: str) -> None:
    reply = client.get(f"{kept}/export", params={"format": "pdf"}, headers={"accept": "application/json"})
    assert reply.content.startswith(b"%PDF")


def test_a_format_that_there_is_not_is_a_problem(client: httpx.Client, kept: str) -> None:
    assert client.get(f"{kept}/export", params={"format": "docx"}).status_code == 422


@pytest.mark.parametrize("wanted", ["json", "markdown", "pdf"])
def test_another_owners_conversation_is_no_file(client: httpx.Client, kept: str, wanted: str) -> None:
    assert client.get(f"{kept}/export", params={"format": wanted}, headers=SOMEBODY).status_code == 404


@pytest.mark.parametrize(
    ("accept", "format_"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("text/html", "json"),
        ("text/markdown", "markdown"),
        ("Application/PDF;q=0.5, text/markdown;q=0.9", "markdown"),
        ("application/pdf, text/markdown", "pdf"),
        ("text/markdown;q=0, application/pdf;q=0.1", "pdf"),
        ("text/markdown;q=much", "json"),
    ],
)
def test_of_what_is_accepted_the_weightiest_is_sent(accept: str, format_: str) -> None:
    assert accepted(accept) == format_


def test_what_was_exported_is_taken_in_again_as_the_senders_own(client: httpx.Client, kept: str) -> None:
    archive = client.get(f"{kept}/export").content
    reply = client.post("/api/v1/import", content=archive, headers=SOMEBODY)
    told: dict[str, Any] = reply.json()
    assert (reply.status_code, told["title"], told["turn_count"]) == (201, "half price", 1)
    theirs = client.get(f"/api/v1/conversations/{told['id']}", headers=SOMEBODY).json()
    assert [turn["question"] for turn in theirs["turns"]] == [TYPED]
    assert client.get(f"/api/v1/conversations/{told['id']}").status_code == 404
    assert told["id"] not in kept


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[" * 60_000, b"\xff\xfe", json.dumps({"colloquy": "conversation"}).encode()], ids=range(5)
)
def test_what_is_no_conversation_is_refused_in_words(client: httpx.Client, body: bytes) -> None:
    reply = client.post("/api/v1/import", content=body)
    assert reply.status_code == 422
    assert reply.json()["detail"].endswith(".")
