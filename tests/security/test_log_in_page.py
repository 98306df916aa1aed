"""Logging in and out in a real browser: with and without scripts, and back to where one wanted to go."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from domain.access import Access
from memory.in_memory_accounts import InMemoryAccounts, InMemoryRateLimiter
from memory.passwords import Passwords
from tests.web.api.served import Served
from tests.web.fakes import FakeAssistant

pytestmark = pytest.mark.browser
GOOD = "four words that rhyme"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    accounts = InMemoryAccounts(3600, Passwords(passes=1, memory_kib=32))
    accounts.add("ann", GOOD, "reader")
    served = Served(FakeAssistant(pause_seconds=0), access=Access(accounts, InMemoryRateLimiter()))
    yield served
    served.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


def fill_in(page: Page, name: str, password: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_one_logs_in_asks_and_logs_out(browser: Browser, served: Served) -> None:
    page = browser.new_context(locale="en-GB").new_page()
    page.goto(f"{served.url}/?kb=harbourline")
    expect(page).to_have_url(re.compile(r"/log-in\?next="))
    fill_in(page, "ann", "not her password")
    expect(page.get_by_role("alert")).to_contain_text("do not go together")
    fill_in(page, "ann", GOOD)
    expect(page).to_have_url(f"{served.url}/?kb=harbourline")
    page.locator("#message").fill("moving notice")
    page.locator("#message").press("Enter")
    expect(page.locator(".answer").last).to_contain_text("14 days", timeout=15_000)
    assert {owner for owner, _ in served.assistant.kept} != set()
    assert all(owner.startswith("user:") for owner, _ in served.assistant.kept)
    page.get_by_role("link", name="ann: Log out").click()
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(f"{served.url}/log-in")
    page.goto(f"{served.url}/")
    expect(page.get_by_label("Password")).to_be_visible()
    page.context.close()


def test_it_works_without_scripts_and_in_chinese_on_a_phone(browser: Browser, served: Served) -> None:
    context = browser.new_context(
        java_script_enabled=False, locale="zh-CN", viewport={"width": 390, "height": 844}, color_scheme="dark"
    )
    page = context.new_page()
    page.goto(f"{served.url}/document?kb=harbourline&id=moving")
    expect(page.get_by_role("heading", name="登录")).to_be_visible()
    page.get_by_label("用户名").fill("ann")
    page.get_by_label("密码").fill(GOOD)
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("heading", name="Moving home")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
