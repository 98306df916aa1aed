"""The way from the chat page to the operators' console: there where a console is, and found by keyboard."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from bot.assembly_operating import open_desk
from tests.end_to_end.browsing import Visit, needs_chromium
from tests.end_to_end.fake_page import Served
from tests.web.operator.host import Clock, OperatedService, toy_host

pytestmark = [pytest.mark.browser, needs_chromium]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with toy_host(tmp_path_factory.mktemp("console"), Clock(time.time())) as host:
        served = Served(OperatedService(open_desk(host)))
        yield served
        served.close()


def test_the_console_is_offered_in_both_languages_and_opens_by_keyboard(visit: Visit) -> None:
    page = visit(locale="zh-CN")
    expect(page.get_by_role("link", name="运营控制台")).to_be_visible()
    page.locator('[data-do="language"]').click()
    page.get_by_role("button", name="My data").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Operators' console")).to_be_focused()
    with page.context.expect_page() as opened:
        page.keyboard.press("Enter")
    expect(opened.value.get_by_role("link", name="Dashboards")).to_be_visible()
    expect(page.locator("#message")).to_be_visible()  # the chat stays where it is
