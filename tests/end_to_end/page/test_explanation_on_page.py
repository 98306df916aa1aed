"""“Why this answer” on the chat page: opened from the answer, in the dialog or as a page, only by its owner."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import expect

from tests.end_to_end.browsing import PHONE, Visit, ask, needs_chromium
from tests.end_to_end.fake_page import Served

pytestmark = [pytest.mark.browser, needs_chromium]


def test_the_foot_of_an_answer_opens_why_it_was_given(visit: Visit) -> None:
    page = visit()
    ask(page, "what if i move?")
    page.locator("#live").get_by_role("link", name="Why this answer").click()
    viewer = page.get_by_role("dialog", name="Why this answer")
    expect(viewer.locator(".why")).to_have_text("“what if i move?” was answered from 3 passages.")
    expect(viewer.locator(".effects tr")).to_have_count(3)
    assert viewer.locator(".effects .bar").first.evaluate("e => e.offsetHeight") == 10  # its styles are there
    page.keyboard.press("Escape")
    expect(viewer).to_be_hidden()


def test_an_earlier_answer_is_explained_too_and_on_a_phone_nothing_runs_over(visit: Visit) -> None:
    page = visit(viewport=PHONE)
    ask(page, "what if i move?")
    ask(page, "is the line good?")
    page.locator("#transcript").get_by_role("link", name="Why this answer").click()
    expect(page.locator("#viewer .why")).to_contain_text("“what if i move?”")
    assert page.locator("#viewer .page").evaluate("e => e.scrollWidth - e.clientWidth") <= 0


def test_small_talk_needs_no_explanation(visit: Visit) -> None:
    page = visit()
    ask(page, "hello", until=".actions")
    expect(page.locator("#live").get_by_role("link", name="Why this answer")).to_have_count(0)


def test_the_explanation_is_a_page_of_its_own_too_but_not_for_others(visit: Visit, served: Served) -> None:
    page = visit()
    ask(page, "what if i move?")
    address = page.locator("#live").get_by_role("link", name="Why this answer").get_attribute("href")
    tab = page.context.new_page()
    tab.goto(served.url + str(address))
    expect(tab.locator("body.alone .why")).to_contain_text("“what if i move?”")
    reply = httpx.get(served.url + str(address), headers={"accept": "text/html"})
    assert (reply.status_code, "answered from" in reply.text) == (404, False)
    assert "This question is no longer in the conversation." in reply.text


def test_memory_that_is_down_is_said_in_the_dialog(visit: Visit, served: Served) -> None:
    page = visit()
    ask(page, "what if i move?")
    served.assistant.store_down = True
    try:
        page.locator("#live").get_by_role("link", name="Why this answer").click()
        expect(page.locator("#viewer")).to_contain_text("not answering at the moment")
    finally:
        served.assistant.store_down = False
