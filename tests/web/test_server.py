"""What goes over the network: owners, the browser's policy, closed routes, the document viewer, and taken ports."""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from domain.errors import Misconfigured
from tests.web.fakes import FakeAssistant
from web.guards import cookie_value, owner_of
from web.server import build_app, listen

HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(build_app(FakeAssistant(), default_knowledge_base="harbourline"))


@pytest.fixture(autouse=True)
def _stranger(client: TestClient) -> None:
    client.cookies.clear()


def test_every_new_browser_gets_a_secret_of_its_own(client: TestClient) -> None:
    cookies = []
    for _ in range(2):
        client.cookies.clear()
        cookies.append(client.get("/", headers=HTML).headers["set-cookie"])
    for cookie in cookies:
        assert re.match(r"colloquy_owner=[A-Za-z0-9_-]{43}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax$", cookie)
    assert cookies[0] != cookies[1]


def test_a_known_browser_keeps_its_secret_and_a_made_up_one_is_replaced(client: TestClient) -> None:
    client.get("/", headers=HTML)
    assert "set-cookie" not in client.get("/", headers=HTML).headers
    client.cookies.clear()
    assert "set-cookie" in client.get("/", headers={**HTML, "cookie": "colloquy_owner=admin"}).headers


@pytest.mark.parametrize("header", [None, "", "colloquy_owner=short", "colloquy_owner=" + "a" * 44, "a;b=\x00;=;;"])
def test_a_cookie_that_we_cannot_have_made_names_nobody(header: str | None) -> None:
    assert owner_of(header) is None


def test_an_owner_and_other_cookies_are_read_from_the_header() -> None:
    header = "colloquy_zone=-120; colloquy_owner=" + "a" * 43
    assert owner_of(header) == "a" * 43
    assert cookie_value(header, "colloquy_zone") == "-120"
    assert cookie_value(header, "other") is None


def test_the_page_names_no_other_host_and_carries_its_own_styles(client: TestClient) -> None:
    reply = client.get("/", headers=HTML)
    page = re.sub(r"<script>window\.gradio_config = .*?</script>", "", reply.text, flags=re.S)
    assert set(re.findall(r"(?:src|href|content)=\"(https?://[^\"]+)", page)) == set()
    assert "manifest.json" not in page
    assert "#composer {" in page
    assert "connect-src 'self'" in reply.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/gradio_api/upload", "/gradio_api/file=/etc/passwd", "/gradio_api/proxy=http://x"])
def test_routes_the_page_does_not_use_are_closed(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404
    assert client.post(path).status_code == 404


def test_the_viewer_shows_a_document_at_the_cited_place(client: TestClient) -> None:
    where: dict[str, str | int] = {
        "kb": "harbourline",
        "id": "moving",
        "start": 32,
        "end": 73,
        "quote": "You keep your contract",
    }
    whole = client.get("/document", params=where)
    part = client.get("/document", params={**where, "part": "1"})
    assert '<mark data-citation="">You keep your contract' in part.text
    assert part.text in whole.text
    assert whole.text.startswith("<!doctype html>")


def test_a_script_in_a_document_is_shown_as_text(client: TestClient) -> None:
    page = client.get("/document", params={"kb": "harbourline", "id": "router", "part": "1"}).text
    assert "&lt;script&gt;window.hacked" in page
    assert "<script" not in page


@pytest.mark.parametrize("where", [{"kb": "harbourline", "id": "gone"}, {"kb": "nowhere", "id": "moving"}])
def test_a_document_that_is_gone_says_so(client: TestClient, where: dict[str, str]) -> None:
    reply = client.get("/document", params=where)
    assert reply.status_code == 404
    assert "no longer in the knowledge base" in reply.text


def test_a_taken_port_is_one_clear_sentence() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Misconfigured, match=rf"127\.0\.0\.1 port {port}: .+ choose another port"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("port", [-1, 70_000])
def test_a_port_that_cannot_exist_is_refused(port: int) -> None:
    with pytest.raises(Misconfigured, match="choose another port"):
        listen("127.0.0.1", port)
