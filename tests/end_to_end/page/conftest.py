"""One server over the fake assistant and one browser a module, for what people do on the page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.end_to_end.browsing import Visit, Visits, chromium
from tests.end_to_end.fake_page import SHORT_MS, Served
from tests.web.fakes import FakeAssistant


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    served = Served(FakeAssistant())
    yield served
    served.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(SHORT_MS) as browser:
        yield browser


@pytest.fixture
def visit(browser: Browser, served: Served) -> Iterator[Visit]:
    """Opens the page; afterwards asserts that no page asked another host for anything or raised an error."""
    visits = Visits(browser, SHORT_MS)

    def open_page(context: BrowserContext | None = None, address: str = "", **settings: object) -> Page:
        return visits.open(address or served.url, context, **settings)

    yield open_page
    visits.close()
