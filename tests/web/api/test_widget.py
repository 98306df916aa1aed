"""The chat widget: what its script carries, and what a visitor of another site may and may not do."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from domain.access import Access
from domain.accounts import Limit
from memory.in_memory_accounts import InMemoryAccounts, InMemoryRateLimiter
from memory.passwords import Passwords
from tests.web.api.served import Served
from tests.web.fakes import FakeAssistant
from web.api.widget import widget_script

SHOP = "https://shop.example"
TURNS = "/api/v1/conversations/from-a-shop/turns"
VISITOR = {"origin": SHOP, "x-colloquy-visitor": "v" * 43}
ANOTHER = {"origin": SHOP, "x-colloquy-visitor": "w" * 43}
ONE_JSON = {"accept": "application/json"}


@pytest.fixture(scope="module")
def guarded() -> Iterator[Served]:
    """Accounts are on, and one shop may carry the widget."""
    access = Access(
        accounts=InMemoryAccounts(60, Passwords()),
        limiter=InMemoryRateLimiter(),
        answers=Limit("turns", 5, 3600),
        origins=frozenset({SHOP}),
    )
    served = Served(FakeAssistant(pause_seconds=0), access=access)
    yield served
    served.close()


@pytest.fixture(scope="module")
def shop(guarded: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=guarded.url, timeout=20) as client:
        yield client


def test_the_script_is_for_any_page_and_carries_both_languages(shop: httpx.Client) -> None:
    reply = shop.get("/widget.js")
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/javascript")
    assert reply.text == widget_script()
    assert '"placeholder": "Your question…"' in reply.text
    assert '"placeholder": "您的问题…"' in reply.text


def test_a_browser_is_told_what_the_shops_page_may_send(shop: httpx.Client) -> None:
    asked = {"origin": SHOP, "access-control-request-method": "POST"}
    reply = shop.options(TURNS, headers=asked)
    assert reply.status_code == 204
    assert reply.headers["access-control-allow-origin"] == SHOP
    assert reply.headers["access-control-allow-headers"] == "content-type, x-colloquy-visitor"
    assert "access-control-allow-credentials" not in reply.headers


def test_a_visitor_asks_without_an_account_and_reads_only_their_own(shop: httpx.Client, guarded: Served) -> None:
    reply = shop.post(TURNS, json={"message": "half price?"}, headers={**VISITOR, **ONE_JSON})
    assert reply.status_code == 200
    assert reply.headers["access-control-allow-origin"] == SHOP
    assert ("visitor:" + "v" * 43, "from-a-shop") in guarded.assistant.kept
    mine = shop.get("/api/v1/conversations/from-a-shop", headers=VISITOR)
    assert len(mine.json()["turns"]) == 1
    assert shop.get("/api/v1/conversations/from-a-shop", headers=ANOTHER).status_code == 404


@pytest.mark.parametrize("token", ["", "short", "v" * 44, "v" * 42 + ":"])
def test_a_visitor_without_a_secret_of_the_right_make_is_nobody(shop: httpx.Client, token: str) -> None:
    headers = {"origin": SHOP, "x-colloquy-visitor": token}
    assert shop.get("/api/v1/conversations/from-a-shop", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://shop.example.evil.example", SHOP + ":8443"]
)
def test_another_site_is_let_in_nowhere(shop: httpx.Client, origin: str) -> None:
    headers = {**VISITOR, "origin": origin}
    reply = shop.post(TURNS, json={"message": "half price?"}, headers=headers)
    assert reply.status_code in (401, 403)
    assert "access-control-allow-origin" not in reply.headers
    assert shop.get("/api/v1/conversations/from-a-shop", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/conversations",
        "/api/v1/knowledge-bases",
        "/api/v1/conversations/from-a-shop/turns/t1/trace",
        "/v1/models",
        "/metrics",
        "/",
        "/operator",
    ],
)
def test_the_shops_page_may_do_nothing_but_ask(shop: httpx.Client, path: str) -> None:
    assert shop.get(path, headers=VISITOR).status_code == 403


def test_the_cookie_of_somebody_here_counts_for_nothing_on_the_shops_page(shop: httpx.Client) -> None:
    headers = {"origin": SHOP, "cookie": "colloquy_owner=" + "a" * 43 + "; colloquy_session=" + "a" * 43}
    assert shop.get("/api/v1/conversations/from-a-shop", headers=headers).status_code == 401


def test_visitors_of_one_address_together_ask_no_faster_than_one_person(shop: httpx.Client) -> None:
    seen = [
        shop.post(TURNS, json={"message": "hello"}, headers={**VISITOR, **ONE_JSON, "x-colloquy-visitor": letter * 43})
        for letter in "abcdef"
    ]
    assert 429 in [reply.status_code for reply in seen]
    refused = next(reply for reply in seen if reply.status_code == 429)
    assert int(refused.headers["retry-after"]) > 0
    assert refused.headers["access-control-allow-origin"] == SHOP


def test_without_a_list_of_sites_none_is_let_in(client: httpx.Client) -> None:
    reply = client.options(TURNS, headers={"origin": SHOP, "access-control-request-method": "POST"})
    assert "access-control-allow-origin" not in reply.headers
    assert client.post(TURNS, json={"message": "hi"}, headers=VISITOR).status_code == 403


def test_the_demo_speaks_the_language_of_its_address(client: httpx.Client) -> None:
    assert '<html lang="zh">' in client.get("/widget-demo", params={"lang": "zh"}).text
    assert "A page with the chat widget" in client.get("/widget-demo").text
