"""Debian's Chromium over the page: opening it, asking, and noticing what no page may do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
QUIET = (
    "--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
)  # fmt: skip
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}

needs_chromium = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")
Visit = Callable[..., Page]


@contextmanager
def chromium(patience_ms: int) -> Iterator[Browser]:
    """A browser whose expectations wait up to ``patience_ms``."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        expect.set_options(timeout=patience_ms)
        yield browser
        browser.close()


class Visits:
    """Pages opened by one test; ``foreign`` are addresses of other hosts that one of them asked for, ``errors``
    what its scripts raised, ``complaints`` the errors on its console."""

    def __init__(self, browser: Browser, patience_ms: int) -> None:
        self._browser, self._patience_ms = browser, patience_ms
        self._contexts: list[BrowserContext] = []
        self.foreign: list[str] = []
        self.errors: list[str] = []
        self.complaints: list[str] = []

    def open(self, address: str, context: BrowserContext | None = None, **settings: object) -> Page:
        """The page at ``address``, in a browser of its own unless ``context`` is given, once it is drawn."""
        context = context or self._browser.new_context(**settings)  # type: ignore[arg-type]
        self._contexts.append(context)
        page, host = context.new_page(), urlsplit(address).netloc
        page.set_default_timeout(self._patience_ms)
        page.on("request", lambda request: self._look(request.url, host))
        page.on("websocket", lambda socket: self.foreign.append(socket.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._listen)
        page.goto(address)
        page.wait_for_selector("#transcript .turns")
        return page

    def close(self) -> None:
        """Close every page; none may have asked another host for anything or raised an error."""
        for context in self._contexts:
            context.close()
        assert self.foreign == []
        assert self.errors == []

    def _look(self, url: str, host: str) -> None:
        if urlsplit(url).scheme not in ("data", "blob") and urlsplit(url).netloc != host:
            self.foreign.append(url)

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)


def wait_until_idle(page: Page) -> None:
    page.wait_for_function(
        "!document.body.matches('.asking, .stopping') && !document.querySelector('#live [data-state=working]')"
    )


def ask(page: Page, message: str, until: str = ".measure") -> None:
    """Types a question, sends it, and waits for the part of its answer that ``until`` selects."""
    wait_until_idle(page)
    page.fill("#message", message)
    page.press("#message", "Enter")
    expect(page.locator("#live .said")).to_have_text(message)
    page.wait_for_selector(f"#live {until}")
