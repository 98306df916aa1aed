"""The chat page in Debian's Chromium over the fake assistant: what a person does, sees, and never sees."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.end_to_end.browsing import PHONE, Visit, ask, needs_chromium
from tests.end_to_end.fake_page import Served
from tests.web.fakes import FakeAssistant

pytestmark = [pytest.mark.browser, needs_chromium]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    served = Served(FakeAssistant(knowledge_bases_count=2))
    yield served
    served.close()


def test_the_first_visit_shows_what_is_known_and_an_example_can_be_asked(visit: Visit) -> None:
    page = visit()
    expect(page.locator(".welcome")).to_contain_text("84 documents, 412 passages")
    page.get_by_role("button", name="What does a blinking red light mean?").click()
    expect(page.locator("#live .answer")).to_contain_text("there is no connection")
    expect(page.locator(".welcome")).to_have_count(0)


def test_an_answer_streams_in_and_ends_with_markers_and_confidence(visit: Visit) -> None:
    page = visit()
    page.fill("#message", "what if i move, is half price due, slow")
    page.press("#message", "Enter")
    for stage in ("Searching", "Reading 3 passages", "Writing"):
        expect(page.locator("#live .progress")).to_have_text(stage)
        expect(page.locator("#stop")).to_be_visible()
    draft = page.locator("#live .draft").inner_text()
    page.wait_for_function("n => document.querySelector('#live .draft')?.textContent.length > n", arg=len(draft))
    page.locator("#stop").click()
    ask(page, "what if i move, is half price due?")
    assert page.locator("#live .cite").all_inner_texts() == ["[1]", "[1]", "[1]"]
    expect(page.locator("#live .measure")).to_contain_text(re.compile(r"●●●●○ sure · 0\.86 · from 1 source · \d\.\d s"))
    expect(page.locator("#stop")).to_be_hidden()


def test_a_follow_up_joins_the_conversation_and_shows_its_rewritten_query(visit: Visit) -> None:
    page = visit()
    ask(page, "what if i move?")
    ask(page, "is it free?")
    expect(page.locator("#transcript .said")).to_have_text("what if i move?")
    searched = page.locator("#live .searched")
    expect(searched).to_contain_text("is it free? (what if i move?)")
    searched.locator("summary").click()
    expect(searched.get_by_text("it leans on the question before")).to_be_visible()
    expect(page.locator(".conversation")).to_have_count(1)


def test_a_question_right_after_an_answer_is_not_taken_for_the_one_before(visit: Visit) -> None:
    page = visit()
    ask(page, "what if i move?")
    page.fill("#message", "slow, is half price due?")
    page.press("#message", "Enter")
    page.wait_for_timeout(1500)
    expect(page.locator("#live .turn")).to_have_attribute("data-state", "working", timeout=1)
    expect(page.locator("#message")).to_have_value("", timeout=1)
    page.locator("#stop").click()
    page.wait_for_selector("#live .note")


def test_a_marker_lights_its_sentence_and_shows_the_source(visit: Visit) -> None:
    page = visit(viewport={"width": 1440, "height": 900})
    ask(page, "what if i move, is half price due?")
    page.locator("#live .cite").nth(1).hover()
    expect(page.locator("#live .sentence.lit")).to_contain_text("You keep your contract")
    expect(page.locator("#panel mark.lit")).to_have_text("You keep your contract if the new address is covered.")
    page.locator("#live .cite").nth(1).click()
    expect(page.locator("#panel .card.lit")).to_contain_text("Moving home › Notice period")


def test_a_source_opens_its_document_at_the_cited_sentence(visit: Visit) -> None:
    page = visit(viewport={"width": 1440, "height": 900})
    ask(page, "what if i move, is half price due?")
    page.locator("#panel a.open").first.click()
    expect(page.locator("#viewer")).to_contain_text("What it costs")
    expect(page.locator("#viewer mark")).to_have_text("Tell us at least 14 days before you move.")
    expect(page.locator("#viewer mark")).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(page.locator("#viewer")).to_be_hidden()


def test_the_conversation_is_there_after_a_refresh_and_in_the_list(visit: Visit) -> None:
    page = visit()
    ask(page, "what if i move?")
    page.reload()
    expect(page.locator("#transcript .said")).to_have_text("what if i move?")
    page.locator('[data-do="new"]').click()
    expect(page.locator(".welcome")).to_be_visible()
    assert "c=" not in page.url
    page.locator(".conversation", has_text="what if i move?").click()
    expect(page.locator("#transcript .said")).to_have_text("what if i move?")
    page.go_back()
    expect(page.locator(".welcome")).to_be_visible()


def test_a_conversation_can_be_deleted_after_asking_once_more(visit: Visit) -> None:
    page = visit()
    ask(page, "what if i move?")
    page.locator(".conversation").hover()
    page.locator("[data-more]").click()
    page.locator(".remove").click()
    expect(page.locator(".remove")).to_have_text("Delete?")
    page.locator(".remove").click()
    expect(page.locator(".conversation")).to_have_count(0)
    expect(page.locator(".welcome")).to_be_visible()


def test_a_conversation_can_be_renamed_and_the_window_bears_its_name(visit: Visit) -> None:
    page = visit()
    ask(page, "what if i move?")
    expect(page).to_have_title("what if i move? · Colloquy")
    page.locator("[data-more]").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Rename", exact=True).click()
    expect(page.get_by_role("textbox", name="Rename")).to_have_value("what if i move?")
    page.keyboard.type("Moving <b>house</b>")
    page.keyboard.press("Enter")
    expect(page.locator(".conversation")).to_have_attribute("title", "Moving <b>house</b>")
    expect(page).to_have_title("Moving <b>house</b> · Colloquy")
    page.reload()
    expect(page.locator(".conversation")).to_have_text("Moving <b>house</b>")


def test_a_renaming_can_be_given_up(visit: Visit) -> None:
    page = visit()
    ask(page, "what if i move?")
    for key, typed in (("Escape", "other"), ("Enter", "  ")):
        page.locator(".conversation").hover()
        page.locator("[data-more]").click()
        page.locator(".rename").click()
        page.keyboard.type(typed)
        page.keyboard.press(key)
        expect(page.locator(".conversation")).to_have_text("what if i move?")
    page.locator("[data-more]").click()
    page.keyboard.press("Escape")
    expect(page.locator(".rename")).to_be_hidden()


def test_two_browsers_never_see_each_other_even_knowing_the_address(visit: Visit) -> None:
    mine = visit()
    ask(mine, "what if i move?")
    other = visit(address=mine.url)
    expect(other.locator(".welcome")).to_be_visible()
    expect(other.locator(".conversation")).to_have_count(0)
    ask(other, "is the line good?")
    mine.reload()
    expect(mine.locator("#transcript .said")).to_have_text("what if i move?")


def test_stop_keeps_what_was_written_and_closes_the_assistant(visit: Visit, served: Served) -> None:
    page, closed = visit(), served.assistant.closed
    page.fill("#message", "slow, what if i move?")
    page.press("#message", "Enter")
    page.wait_for_selector("#live .draft")
    page.keyboard.press("Escape")
    expect(page.locator("#live .note")).to_have_text("You stopped this answer.")
    expect(page.locator("#live .answer")).to_contain_text("Ask for")
    assert served.assistant.closed == closed + 1
    page.reload()
    expect(page.locator("#transcript .note")).to_have_text("You stopped this answer.")


def test_a_question_sent_while_stopping_is_asked_as_soon_as_the_stop_is_done(visit: Visit) -> None:
    page = visit()
    page.fill("#message", "slow, what if i move?")
    page.press("#message", "Enter")
    page.wait_for_selector("#live .draft")
    page.fill("#message", "is the line good?")
    page.press("#message", "Escape")
    page.press("#message", "Enter")
    expect(page.locator("#live .answer .cite").first).to_be_visible()
    assert page.locator(".said").all_inner_texts() == ["slow, what if i move?", "is the line good?"]


def test_closing_the_tab_stops_the_assistant(visit: Visit, served: Served) -> None:
    page, closed = visit(), served.assistant.closed
    page.fill("#message", "slow, what if i move?")
    page.press("#message", "Enter")
    page.wait_for_selector("#live .draft")
    page.close()
    until = time.monotonic() + 10
    while served.assistant.closed == closed and time.monotonic() < until:
        time.sleep(0.1)
    assert served.assistant.closed == closed + 1


def test_leaving_for_another_conversation_shows_no_foreign_answer(visit: Visit, served: Served) -> None:
    page, closed = visit(), served.assistant.closed
    page.fill("#message", "slow, what if i move?")
    page.press("#message", "Enter")
    page.wait_for_selector("#live .draft")
    page.locator('[data-do="new"]').click()
    expect(page.locator(".welcome")).to_be_visible()
    ask(page, "is the line good?")
    expect(page.locator(".turn:visible")).to_have_count(1)
    assert served.assistant.closed == closed + 1


def test_four_tabs_answer_at_the_same_time(visit: Visit, browser: Browser) -> None:
    context = browser.new_context()
    pages = [visit(context) for _ in range(4)]
    for page in pages:
        page.fill("#message", "slow and endless, what if i move, is half price due?")
        page.press("#message", "Enter")
    for page in pages:
        page.wait_for_selector("#live .draft")
    before = [len(page.locator("#live .draft").inner_text()) for page in pages]
    ask(visit(), "is the line good?")  # somebody else is not held up by them
    assert [page.locator('#live [data-state="working"]').count() for page in pages] == [1, 1, 1, 1]
    for page, length in zip(pages, before, strict=True):
        page.wait_for_function(f"document.querySelector('#live .draft').innerText.length > {length}")
    for page in pages:
        page.locator("#stop").click()
        page.wait_for_selector("#live .note")


ATTACK = "is the line good? <script>window.hacked=1</script><img src=x onerror='window.hacked=1'> {{value}} ${1+1}"


def test_markup_from_people_and_documents_stays_text(visit: Visit) -> None:
    page = visit()
    ask(page, ATTACK)
    page.locator(".cite").first.click()
    expect(page.locator("#live .said")).to_have_text(ATTACK)
    expect(page.locator("#panel-cards")).to_contain_text("<script>window.hacked = true</script>")
    page.reload()
    expect(page.locator(".conversation")).to_contain_text("<script>")
    page.locator("#panel a.open").first.click()
    expect(page.locator("#viewer")).to_contain_text("<script>")
    assert page.evaluate("window.hacked") is None


def test_an_abstained_answer_looks_different_and_names_the_closest(visit: Visit) -> None:
    page = visit()
    ask(page, "do you sell unicorns?", until=".abstained")
    expect(page.locator("#live .abstained")).to_contain_text("Not found in Harbourline help")
    expect(page.locator("#live .abstained a.open")).to_have_count(3)
    assert page.locator("#live .abstained").evaluate("e => getComputedStyle(e).borderStyle") == "dashed"


@pytest.mark.parametrize("message", ["boom", "crash"])
def test_a_failure_is_friendly_keeps_the_question_and_can_be_retried(
    visit: Visit, served: Served, message: str
) -> None:
    page, asked = visit(), served.assistant.asked
    ask(page, message, until=".failure")
    words = page.locator("#live .failure").inner_text()
    assert "Your question was kept" in words
    assert "Traceback" not in words
    assert "nobody planned" not in words
    page.get_by_role("button", name="Ask again").click()
    ask(page, "is the line good?")
    assert served.assistant.asked == asked + 3


def test_a_refused_message_says_why_and_goes_back_into_the_box(visit: Visit) -> None:
    page = visit()
    page.fill("#message", "x" * 100_000)
    page.press("#message", "Enter")
    expect(page.locator("#live .failure")).to_contain_text("please keep it under 4,000")
    expect(page.locator("#message")).to_have_value("x" * 100_000)


def test_an_unreachable_store_is_said_and_the_page_recovers(visit: Visit, served: Served) -> None:
    served.assistant.store_down = True
    try:
        page = visit()
        expect(page.locator(".failure")).to_contain_text("not answering at the moment")
    finally:
        served.assistant.store_down = False
    ask(page, "is the line good?")


def test_without_memory_answers_go_on_and_say_that_they_are_not_remembered(visit: Visit, served: Served) -> None:
    page = visit()
    ask(page, "what if i move?")
    served.assistant.store_down = True
    try:
        ask(page, "is the line good?")
        expect(page.locator("#live .note")).to_have_text("Not remembered: memory is down.")
        ask(page, "what does a blinking red light mean?")
        assert page.locator(".said").all_inner_texts() == [
            "what if i move?", "is the line good?", "what does a blinking red light mean?",
        ]  # fmt: skip
        page.locator(".conversation").hover()
        page.locator("[data-more]").click()
        for _ in range(2):
            page.locator(".remove").click()
        expect(page.locator("#sidebar")).to_contain_text("not answering at the moment")
        expect(page.locator("#live .cite").first).to_be_visible()
    finally:
        served.assistant.store_down = False
    page.reload()
    expect(page.locator(".said")).to_have_text("what if i move?")


def test_small_talk_claims_nothing_and_searches_nothing(visit: Visit) -> None:
    page = visit()
    ask(page, "hello", until=".actions")
    expect(page.locator("#live .turn")).to_have_attribute("data-state", "small_talk")
    for part in (".searched", ".measure", ".sources", ".cite"):
        expect(page.locator(f"#live {part}")).to_have_count(0)


def test_steps_are_a_list_whose_addresses_and_numbers_can_be_followed(visit: Visit) -> None:
    page = visit()
    ask(page, "what steps, if i move?")
    expect(page.locator("#live .answer ol li")).to_have_count(3)
    tops = [item.bounding_box() for item in page.locator("#live .answer ol li").all()]
    assert len({box["y"] for box in tops if box}) == 3
    link = page.locator("#live .answer a.link")
    expect(link).to_have_attribute("href", "http://192.168.1.254")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    expect(page.locator("#live .answer a.phone")).to_have_attribute("href", "tel:08005550199")


def test_enter_sends_shift_enter_does_not_and_blank_is_ignored(visit: Visit) -> None:
    page = visit()
    page.fill("#message", "   ")
    page.press("#message", "Enter")
    page.fill("#message", "is the line")
    page.press("#message", "Shift+Enter")
    page.keyboard.type("good?")
    expect(page.locator("#message")).to_have_value("is the line\ngood?")
    expect(page.locator(".turn")).to_have_count(0)
    page.press("#message", "Enter")
    expect(page.locator("#live .said")).to_have_text("is the line\ngood?")


def test_a_clarifying_question_is_answered_with_a_button(visit: Visit) -> None:
    page = visit()
    ask(page, "which one?", until=".choice")
    page.locator("#live .choice", has_text="4G Home").click()
    expect(page.locator("#live .said")).to_have_text("4G Home")


def test_a_phone_has_a_drawer_folded_sources_and_no_sideways_scrolling(visit: Visit) -> None:
    page = visit(viewport=PHONE)
    ask(page, "what does it cost to move, " + "w" * 120)
    expect(page.locator("#sidebar .new")).to_be_hidden()
    expect(page.locator("#panel-cards")).to_be_hidden()
    card = page.locator("#live .card").first
    expect(card).to_be_hidden()
    page.locator("#live .cite").first.click()
    expect(card).to_be_in_viewport()
    for holder in ("document.documentElement", "document.querySelector('#scroll')"):
        assert page.evaluate(f"{holder}.scrollWidth - {holder}.clientWidth") <= 0
    page.locator('[data-do="menu"]').click()
    expect(page.locator("#sidebar .new")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#sidebar .new")).to_be_hidden()


CONTRAST = """selector => {
  const shine = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map((v) => v / 255)
      .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (!/, 0\\)$|transparent/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const e = document.querySelector(selector);
  const [high, low] = [shine(getComputedStyle(e).color), shine(ground(e))].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}"""


LETTERS = (
    ".said", ".searched", ".cite", ".measure", ".actions button", ".card mark", ".card .facts", ".card a.open",
    ".conversation", ".kept", ".keys", "#send", ".weighing", "#sidebar h2",
)  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_stand_out_in_light_and_dark(visit: Visit, scheme: str) -> None:
    page = visit(color_scheme=scheme, viewport={"width": 1440, "height": 900})
    assert page.evaluate("document.documentElement.dataset.mode") == scheme
    ask(page, "what if i move, is half price due?")
    for selector in LETTERS:
        assert page.evaluate(CONTRAST, selector) >= 4.5, selector


def test_the_chosen_look_and_language_outlast_a_reload(visit: Visit) -> None:
    page = visit(color_scheme="light")
    page.locator('[data-do="dark"]').click()
    page.locator('[data-do="language"]').click()
    expect(page.locator("#sidebar .new")).to_contain_text("新对话")
    expect(page.locator("#message")).to_have_attribute("placeholder", "请输入问题…")
    page.reload()
    expect(page.locator("#sidebar .new")).to_contain_text("新对话")
    assert page.evaluate("[document.documentElement.dataset.mode, document.documentElement.lang]") == ["dark", "zh"]


def test_the_knowledge_base_can_be_chosen_and_is_kept_with_the_conversation(visit: Visit, served: Served) -> None:
    page = visit()
    page.select_option("#knowledge-base", "public-services")
    ask(page, "is the line good?")
    page.reload()
    expect(page.locator("#knowledge-base")).to_have_value("public-services")
    used = [turn.knowledge_base for kept in served.assistant.kept.values() for turn in kept.turns]
    assert "public-services" in used


def test_a_screen_reader_hears_the_answer_and_every_control_has_a_name(visit: Visit) -> None:
    page = visit()
    ask(page, "is the line good?")
    expect(page.locator("#announcer")).to_contain_text("the line is good")
    assert page.locator("#announcer").get_attribute("aria-live") == "polite"
    unnamed = page.evaluate(
        "[...document.querySelectorAll('button, textarea, select, input')]"
        ".filter(e => !(e.getAttribute('aria-label') || e.textContent.trim()"
        " || [...(e.labels || [])].some(l => l.textContent.trim()))).map(e => e.outerHTML)"
    )
    assert unnamed == []


def test_a_server_that_goes_away_is_said_and_the_question_is_kept(visit: Visit) -> None:
    served = Served(FakeAssistant(slow_seconds=2))
    page = visit(address=served.url)
    page.fill("#message", "slow, what if i move?")
    page.press("#message", "Enter")
    page.wait_for_selector("#live .draft")
    served.close()
    expect(page.locator("#live .progress")).to_have_text("The connection broke before the answer was complete.")
    expect(page.locator("#message")).to_have_value("slow, what if i move?")
    expect(page.locator("#stop")).to_be_hidden()


def test_nothing_of_gradio_itself_is_seen(visit: Visit) -> None:
    page = visit()
    expect(page.locator("footer:visible")).to_have_count(0)
    assert "gradio" not in page.locator("body").inner_text().lower()
    assert page.title() == "Colloquy"
