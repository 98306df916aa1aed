"""What can be done with one turn on the chat page: judging, copying, asking again, editing into a branch, deleting."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from domain.feedback import Feedback
from tests.end_to_end.browsing import PHONE, Visit, ask, needs_chromium, wait_until_idle
from tests.end_to_end.fake_page import Served

pytestmark = [pytest.mark.browser, needs_chromium]


@pytest.fixture
def page(visit: Visit) -> Page:
    return visit()


def conversation_of(page: Page) -> str:
    found = re.search(r"[?&]c=([^&]+)", page.url)
    assert found
    return found[1]


def verdicts(served: Served, page: Page) -> list[Feedback]:
    wanted = conversation_of(page)
    return [given for (_, where, _), given in served.assistant.feedback.given.items() if where == wanted]


def questions(page: Page) -> list[str]:
    return page.locator(".turn .said").all_inner_texts()


def test_a_good_answer_is_noted_and_still_marked_after_a_reload(page: Page, served: Served) -> None:
    ask(page, "what if i move?")
    page.get_by_role("button", name="Good answer", exact=True).click()
    expect(page.locator("#live .told")).to_have_text("Thank you: noted.")
    expect(page.locator("#announcer")).to_have_text("Thank you: noted.")
    page.reload()
    expect(page.get_by_role("button", name="Good answer", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="Not a good answer")).to_have_attribute("aria-pressed", "false")
    assert [given.verdict for given in verdicts(served, page)] == ["up"]


def test_a_bad_answer_is_noted_at_once_and_the_reason_with_it_when_it_is_given(page: Page, served: Served) -> None:
    ask(page, "what if i move?")
    page.get_by_role("button", name="Not a good answer").click()
    expect(page.locator("#live .told")).to_have_text("Thank you: noted.")
    assert [(given.verdict, given.reason) for given in verdicts(served, page)] == [("down", "")]
    page.locator(".turn form.reasons").get_by_text("Out of date").click()
    page.locator(".turn form.reasons textarea").fill("It was £30 <b>last year</b>.")
    page.locator(".turn form.reasons").get_by_role("button", name="Send").click()
    expect(page.locator(".turn form.reasons")).to_have_count(0)
    page.wait_for_function("document.querySelector('#announcer').textContent.includes('noted')")
    page.reload()
    expect(page.get_by_role("button", name="Not a good answer")).to_have_attribute("aria-pressed", "true")
    [given] = verdicts(served, page)
    assert (given.verdict, given.reason, given.comment) == ("down", "outdated", "It was £30 <b>last year</b>.")


def test_the_reason_can_be_chosen_and_given_up_with_the_keyboard(page: Page, served: Served) -> None:
    ask(page, "what if i move?")
    page.get_by_role("button", name="Not a good answer").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".turn form.reasons input").first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".turn form.reasons input:checked")).to_have_value("not_asked")
    page.keyboard.press("Escape")
    expect(page.locator(".turn form.reasons")).to_have_count(0)
    expect(page.get_by_role("button", name="Not a good answer")).to_be_focused()


def test_a_verdict_that_cannot_be_kept_is_said_and_not_shown_as_kept(page: Page, served: Served) -> None:
    ask(page, "what if i move?")
    served.assistant.store_down = True
    try:
        page.get_by_role("button", name="Good answer", exact=True).click()
        expect(page.locator("#live .told.warning")).to_contain_text("memory is down")
        expect(page.get_by_role("button", name="Good answer", exact=True)).to_have_attribute("aria-pressed", "false")
    finally:
        served.assistant.store_down = False


def test_the_answer_is_copied_with_its_markers(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(page, "is the line good?")
    page.locator("#live").get_by_role("button", name="Copy", exact=True).click()
    expect(page.locator("#live [data-copy]").first).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").startswith(
        "A steady green light means the line is good [1]."
    )


def test_asking_again_replaces_the_last_answer_and_only_the_last_can_be_asked_again(page: Page, served: Served) -> None:
    ask(page, "what if i move?")
    ask(page, "is the line good?")
    expect(page.get_by_role("button", name="Retry")).to_have_count(1)
    before, asked = turn_ids(served, page), served.assistant.asked
    page.get_by_role("button", name="Retry").click()
    deadline = time.monotonic() + 15  # until then the answer that stands there is still the old one
    while turn_ids(served, page) == before and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    wait_until_idle(page)
    assert questions(page) == ["what if i move?", "is the line good?"]
    after = turn_ids(served, page)
    assert (served.assistant.asked - asked, len(after), after[0] == before[0], after[1] == before[1]) == (
        1,
        2,
        True,
        False,
    )
    page.reload()
    expect(page.locator(".said")).to_have_count(2)
    expect(page.get_by_role("button", name="Retry")).to_have_count(1)


def turn_ids(served: Served, page: Page) -> list[str]:
    wanted = conversation_of(page)
    [kept] = [kept for (_, where), kept in served.assistant.kept.items() if where == wanted]
    return [turn.id for turn in kept.turns]


def test_an_answer_asked_again_in_vain_or_stopped_comes_back(page: Page, served: Served) -> None:
    ask(page, "slow: is the line good?")
    before = turn_ids(served, page)
    page.get_by_role("button", name="Retry").click()
    page.wait_for_selector("#live .draft")
    expect(page.locator("#transcript .said")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator("#transcript .said")).to_have_text("slow: is the line good?")
    assert turn_ids(served, page) == before


def edit_first(page: Page, edited: str) -> Locator:
    page.get_by_role("button", name="Edit", exact=True).first.click()
    box = page.locator(".turn form.editing textarea")
    expect(box).to_be_focused()
    box.fill(edited)
    return box


def test_an_edited_question_is_asked_in_a_branch_and_the_conversation_stays(page: Page, served: Served) -> None:
    ask(page, "what if i move?")
    ask(page, "is it free?")
    ask(page, "is the line good?")
    source = conversation_of(page)
    page.locator('.turn:has(.said:text-is("is it free?"))').get_by_role("button", name="Edit", exact=True).click()
    box = page.locator(".turn form.editing textarea")
    expect(box).to_have_value("is it free?")
    box.fill("what does a blinking red light mean?")
    page.get_by_role("button", name="Ask in a branch").click()
    page.wait_for_selector("#live .measure")
    assert questions(page) == ["what if i move?", "what does a blinking red light mean?"]
    branch = conversation_of(page)
    assert branch != source
    expect(page.locator(".conversation")).to_have_count(2)
    expect(page.locator(".conversation[aria-current]")).to_contain_text("what does a blinking red light mean?")
    sign = page.locator(".conversation[aria-current] .branch")
    expect(sign).to_have_attribute("title", "A branch of what if i move?")
    expect(page.locator("#transcript .branched")).to_contain_text("what if i move?")
    page.locator("#transcript .branched").get_by_role("button").click()
    expect(page.locator("#transcript .said")).to_have_count(3)
    assert conversation_of(page) == source
    assert questions(page) == ["what if i move?", "is it free?", "is the line good?"]


def test_the_first_question_can_be_edited_too_and_the_edit_given_up(page: Page) -> None:
    ask(page, "what if i move?")
    edit_first(page, "is the line good?").press("Escape")
    expect(page.locator(".turn form.editing")).to_have_count(0)
    expect(page.locator("#live .said")).to_be_visible()
    edit_first(page, "is the line good?")
    page.get_by_role("button", name="Ask in a branch").click()
    expect(page.locator("#live .said")).to_have_text("is the line good?")
    page.wait_for_selector("#live .measure")
    expect(page.locator(".said")).to_have_count(1)
    expect(page.locator(".conversation")).to_have_count(2)


def test_an_emptied_question_is_not_asked(page: Page) -> None:
    ask(page, "what if i move?")
    edit_first(page, "  ")
    page.get_by_role("button", name="Ask in a branch").click()
    expect(page.locator(".turn form.editing")).to_be_visible()
    expect(page.locator(".conversation")).to_have_count(1)


def delete_first(page: Page) -> None:
    page.locator(".turn .others summary").first.click()
    page.get_by_role("button", name="Delete this question").click()
    page.get_by_role("button", name="Delete question and answer?").click()


def references(page: Page, question: str) -> list[str | None]:
    """Where the markers and source links of one turn point."""
    turn = page.locator(f'.turn:has(.said:text-is("{question}"))')
    expect(turn).to_be_visible()
    links = [link.get_attribute("href") for link in turn.locator(".sources a.open").all()]
    return [*turn.locator(".cite").all_text_contents(), *links]


def test_deleting_a_turn_shifts_no_reference_of_another(page: Page) -> None:
    ask(page, "what if i move?")
    ask(page, "is the line good?")
    expect(page.locator("#live .sources a.open")).to_have_count(3)
    before = references(page, "is the line good?")
    assert len(before) > 3
    delete_first(page)
    expect(page.locator(".said")).to_have_text(["is the line good?"])
    assert references(page, "is the line good?") == before
    page.reload()
    assert references(page, "is the line good?") == before
    page.locator(".cite").first.click()
    expect(page.locator("#panel .card.lit mark").first).to_have_text("A steady green light means the line is good.")


def test_with_its_last_turn_a_conversation_is_gone(page: Page) -> None:
    ask(page, "what if i move?")
    delete_first(page)
    expect(page.locator(".welcome")).to_be_visible()
    expect(page.locator(".conversation")).to_have_count(0)
    expect(page).not_to_have_url(re.compile("c="))
    ask(page, "is the line good?")
    expect(page.locator(".conversation")).to_have_count(1)


@pytest.fixture
def down(served: Served) -> Iterator[None]:
    served.assistant.store_down = True
    yield
    served.assistant.store_down = False


def test_what_was_not_stored_offers_nothing_that_needs_storage(page: Page, down: None) -> None:
    page.fill("#message", "is the line good?")
    page.press("#message", "Enter")
    page.wait_for_selector("#live .actions")
    assert page.locator("#live .actions button").all_inner_texts() == ["Copy", "Ask again"]


def test_on_a_phone_the_line_of_actions_fits(visit: Visit) -> None:
    page = visit(viewport=PHONE)
    ask(page, "what if i move?")
    page.locator(".others summary").click()
    expect(page.get_by_role("button", name="Delete this question")).to_be_in_viewport()
    page.get_by_role("button", name="Not a good answer").click()
    expect(page.locator(".turn form.reasons").get_by_text("Wrong source")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.locator("#scroll").evaluate("e => e.scrollWidth - e.clientWidth") <= 0
