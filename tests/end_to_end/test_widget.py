"""The chat widget in Debian's Chromium, on a page of another site: asking, sources, keyboard, languages, dark."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from domain.access import Access
from tests.end_to_end.browsing import PHONE, needs_chromium
from tests.web.api.served import Served
from tests.web.fakes import FakeAssistant

pytestmark = [pytest.mark.browser, needs_chromium]

SHORT_MS = 15_000
ANSWER = "Tell us at least 14 days before you move [1]."


class Shop:
    """Another site: any path is its one page, which carries the widget. ``?lang=…&theme=…`` set the page's language and
    the widget's look."""

    def __init__(self) -> None:
        shop = self

        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                wanted = dict(part.split("=") for part in self.path.partition("?")[2].split("&") if part)
                body = shop.page(wanted.get("lang", "en"), wanted.get("theme", "light")).encode()
                self.send_response(200)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self.widget = ""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def page(self, language: str, theme: str) -> str:
        return (
            f'<!doctype html><html lang="{language}"><head><meta name="viewport" content="width=device-width">'
            f"<title>A shop</title><style>button {{ display: none !important }} p {{ color: fuchsia }}</style>"
            f'<script async src="{self.widget}" data-theme="{theme}"></script></head>'
            f"<body><main><h1>A shop</h1></main></body></html>"
        )

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    shop = Shop()
    access = Access(origins=frozenset({shop.origin}))
    served = Served(FakeAssistant(pause_seconds=0.01, slow_seconds=0.3), access=access)
    shop.widget = f"{served.url}/widget.js"
    yield shop
    served.close()
    shop.close()


@pytest.fixture
def visit(browser: Browser, shop: Shop) -> Iterator[Page]:
    """The shop's page in a browser of its own; nothing may go wrong in its scripts."""
    context, errors = browser.new_context(), list[str]()
    page = context.new_page()
    page.set_default_timeout(SHORT_MS)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(shop.origin)
    yield page
    context.close()
    assert errors == []


def ask(page: Page, message: str) -> None:
    page.locator("textarea").fill(message)
    page.keyboard.press("Enter")


def test_a_visitor_of_another_site_asks_and_opens_the_source(visit: Page) -> None:
    visit.get_by_role("button", name="Open the chat").click()
    ask(visit, "What if I move, is half price due?")
    expect(visit.locator(".answer").last).to_contain_text(ANSWER)
    visit.locator(".marker").first.click()
    source = visit.locator(".source")
    expect(source).to_be_focused()
    expect(source).to_contain_text("1 Moving home › Notice period")
    expect(source.locator("q")).to_have_count(3)
    with visit.expect_popup() as opened:
        source.get_by_role("link").click()
    expect(opened.value.locator("mark").first).to_contain_text("Tell us at least 14 days")


def test_everything_can_be_done_from_the_keyboard(visit: Page) -> None:
    opener = visit.get_by_role("button", name="Open the chat")
    opener.focus()
    visit.keyboard.press("Enter")
    expect(visit.locator("textarea")).to_be_focused()
    visit.keyboard.type("which one?")
    visit.keyboard.press("Enter")
    visit.get_by_role("button", name="4G Home").focus()
    visit.keyboard.press("Enter")
    expect(visit.locator(".said").last).to_contain_text("4G Home")
    expect(visit.get_by_role("button", name="Send")).to_be_visible()
    visit.locator("textarea").focus()
    visit.keyboard.press("Escape")
    expect(visit.locator("#panel")).to_be_hidden()
    expect(visit.locator(".opener")).to_be_focused()


def test_stop_ends_an_answer_and_a_reload_brings_the_conversation_back(visit: Page) -> None:
    visit.locator(".opener").click()
    ask(visit, "slow half price, what if I move?")
    expect(visit.locator(".stage").last).to_have_text("Writing")
    visit.get_by_role("button", name="Stop").click()
    expect(visit.locator(".stage").last).to_have_text("Stopped.")
    ask(visit, "hello")
    expect(visit.locator(".answer").last).to_have_text("Hello! Ask me anything about your service.")
    visit.reload()
    visit.locator(".opener").click()
    expect(visit.locator(".said")).to_have_count(2)
    visit.get_by_role("button", name="New conversation").click()
    expect(visit.locator(".said")).to_have_count(0)


def test_what_goes_wrong_is_said_in_its_place(visit: Page) -> None:
    visit.locator(".opener").click()
    ask(visit, "boom")
    expect(visit.locator(".failed")).to_have_text("This did not work. Please try again in a moment.")
    ask(visit, "hello")
    expect(visit.locator(".answer").last).to_contain_text("Hello!")


def test_a_script_in_a_message_or_document_is_shown_as_text(visit: Page) -> None:
    visit.locator(".opener").click()
    ask(visit, "<img src=x onerror=window.hacked=1> steady green light")
    expect(visit.locator(".said")).to_contain_text("<img src=x")
    expect(visit.locator(".source strong")).to_contain_text("Router <b>lights</b>")
    assert visit.evaluate("window.hacked") is None


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_in_it_is_hard_to_reach_or_to_read(visit: Page, shop: Shop, theme: str) -> None:
    visit.goto(f"{shop.origin}/?theme={theme}")
    visit.locator(".opener").click()
    ask(visit, "What if I move, is half price due?")
    visit.locator(".sources summary").click()
    found = Axe().run(visit, context="colloquy-chat", options={"resultTypes": ["violations"]})
    serious = [one["id"] for one in found.response["violations"] if one["impact"] in ("serious", "critical")]
    assert serious == []
    assert "color-contrast" in {one["id"] for one in found.response["passes"]}  # so it has looked inside


def test_it_speaks_the_pages_language_and_fills_a_phone(browser: Browser, shop: Shop) -> None:
    page = browser.new_page(viewport=PHONE)  # type: ignore[arg-type]
    page.goto(f"{shop.origin}/?lang=zh-CN")
    page.get_by_role("button", name="打开聊天").click()
    expect(page.locator("textarea")).to_have_attribute("placeholder", "您的问题…")
    box = page.locator("#panel").bounding_box()
    assert box == {"x": 0, "y": 0, "width": 390, "height": 844}
    page.close()
