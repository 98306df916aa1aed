"""What could be asked next, as buttons under the newest answer of the chat page, and the options of a question back."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.end_to_end.browsing import PHONE, Visit, ask, needs_chromium
from tests.end_to_end.fake_page import Served

pytestmark = [pytest.mark.browser, needs_chromium]


def offered(page: Page) -> list[str]:
    page.wait_for_selector(".follow-ups")
    return page.locator(".follow-ups button").all_inner_texts()


def test_the_newest_answer_offers_what_was_not_asked_and_a_click_asks_it(visit: Visit) -> None:
    page = visit()
    ask(page, "What does a blinking red light mean?")
    assert offered(page) == [
        "What if I move before the 12 months are over?", "Is there a fee on 4G Home?", "Do you sell unicorns?",
    ]  # fmt: skip
    page.get_by_role("button", name="Is there a fee on 4G Home?").click()
    expect(page.locator("#live .said")).to_have_text("Is there a fee on 4G Home?")
    page.wait_for_selector("#live .follow-ups")
    assert offered(page) == ["What if I move before the 12 months are over?", "Do you sell unicorns?"]
    expect(page.locator(".follow-ups")).to_have_count(1)


def test_they_are_there_again_after_a_reload_and_fit_on_a_phone(visit: Visit) -> None:
    page = visit(viewport=PHONE)
    ask(page, "what if i move?")
    before = offered(page)
    page.reload()
    assert offered(page) == before
    assert page.locator("#scroll").evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    expect(page.get_by_role("group", name="What you could ask next")).to_be_visible()


def test_nothing_is_offered_after_small_talk_or_while_an_answer_is_being_written(visit: Visit) -> None:
    page = visit()
    ask(page, "what if i move?")
    page.wait_for_selector(".follow-ups")
    page.fill("#message", "slow, is the line good?")
    page.press("#message", "Enter")
    page.wait_for_selector("#live .draft")
    expect(page.locator(".follow-ups")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator("#live .note").first).to_be_visible()
    ask(page, "hello", until=".actions")
    page.wait_for_timeout(300)
    expect(page.locator(".follow-ups")).to_have_count(0)


def test_without_memory_nothing_is_offered_and_nothing_breaks(visit: Visit, served: Served) -> None:
    page = visit()
    served.assistant.store_down = True
    try:
        ask(page, "is the line good?")
        page.wait_for_timeout(300)
        expect(page.locator(".follow-ups")).to_have_count(0)
    finally:
        served.assistant.store_down = False


def test_nobody_is_told_what_somebody_else_could_ask(visit: Visit, served: Served) -> None:
    page = visit()
    ask(page, "what if i move?")
    page.wait_for_selector(".follow-ups")
    reply = httpx.get(f"{served.url}follow-ups", params={"conversation": page.url.partition("c=")[2]})
    assert (reply.status_code, reply.text) == (200, "")


def test_the_options_of_a_question_back_are_buttons_and_nothing_else_is_offered(visit: Visit) -> None:
    page = visit()
    ask(page, "which one?", until=".choice")
    assert page.locator("#live .choice").all_inner_texts() == ["Fibre 100", "4G Home"]
    page.wait_for_timeout(300)
    expect(page.locator(".follow-ups")).to_have_count(0)
    page.locator("#live .choice", has_text="4G Home").click()
    expect(page.locator("#live .said")).to_have_text("4G Home")
