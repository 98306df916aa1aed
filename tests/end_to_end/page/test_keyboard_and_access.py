"""The chat page by keyboard, and what axe-core says of every state of it, light and dark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.end_to_end.browsing import PHONE, Visit, ask, needs_chromium
from tests.end_to_end.fake_page import Served

pytestmark = [pytest.mark.browser, needs_chromium]


def test_shortcuts_search_begin_anew_and_find_the_box(visit: Visit) -> None:
    page = visit()
    ask(page, "what if i move?")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("unicorn")
    expect(page.locator(".conversation:visible")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator(".conversation:visible")).to_have_count(1)
    page.keyboard.press("Shift+Escape")
    expect(page.locator("#message")).to_be_focused()
    page.keyboard.press("Control+Shift+O")
    expect(page.locator(".welcome")).to_be_visible()
    expect(page.locator("#message")).to_be_focused()


def test_help_opens_by_keys_but_not_while_typing(visit: Visit) -> None:
    page = visit()
    help_dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    page.keyboard.press("Control+/")
    expect(help_dialog).to_contain_text("Search conversations")
    page.keyboard.press("Escape")
    expect(help_dialog).to_be_hidden()
    page.locator("#message").press("?")
    expect(page.locator("#message")).to_have_value("?")
    page.locator('[data-do="dark"]').focus()
    page.keyboard.press("?")
    expect(help_dialog).to_be_visible()
    page.get_by_role("button", name="Close").last.click()
    expect(help_dialog).to_be_hidden()


def test_escape_stops_the_answer_and_does_not_when_it_closes_something(visit: Visit) -> None:
    page = visit()
    page.fill("#message", "slow, what if i move?")
    page.press("#message", "Enter")
    page.wait_for_selector("#live .draft")
    page.keyboard.press("Control+/")
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
    expect(page.locator("#live .draft")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#live .note")).to_have_text("You stopped this answer.")


def test_on_a_phone_the_search_key_opens_the_drawer(visit: Visit) -> None:
    page = visit(viewport=PHONE)
    ask(page, "what if i move?")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(page.locator("#sidebar")).to_be_in_viewport()


def test_every_stop_of_the_tab_key_can_be_seen(visit: Visit) -> None:
    page = visit()
    ask(page, "what if i move?")
    page.locator("#sidebar .new").focus()
    unseen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            "(() => { const e = document.activeElement; const box = e.closest('label, #composer') || e;"
            "const shown = (s) => (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0)"
            " || s.boxShadow !== 'none';"
            "return e === document.body || shown(getComputedStyle(e)) || shown(getComputedStyle(box)); })()"
        )
        if not seen:
            unseen.append(page.evaluate("document.activeElement.outerHTML.slice(0, 90)"))
    assert unseen == []


# ---- axe-core ------------------------------------------------------------------------------------------------------


def empty(page: Page) -> None:
    expect(page.locator(".welcome")).to_be_visible()


def answered(page: Page) -> None:
    ask(page, "what if i move, is half price due?")
    page.wait_for_selector(".follow-ups")
    page.get_by_role("button", name="Not a good answer").click()
    expect(page.locator(".told")).to_be_visible()
    page.locator("[data-more]").first.click()
    page.locator(".others summary").click()


def streaming(page: Page) -> None:
    page.fill("#message", "slow, what if i move?")
    page.press("#message", "Enter")
    page.wait_for_selector("#live .draft")


def clarifying(page: Page) -> None:
    ask(page, "which one?", until=".choice")


def abstained(page: Page) -> None:
    ask(page, "do you sell unicorns?", until=".abstained")


def failed(page: Page) -> None:
    ask(page, "boom", until=".failure")


def editing(page: Page) -> None:
    ask(page, "is the line good?")
    page.get_by_role("button", name="Edit", exact=True).click()


def document_open(page: Page) -> None:
    ask(page, "is the line good?")
    page.locator("#live .cite").first.click()
    page.locator("a.open:visible").last.click()
    expect(page.locator("#viewer mark")).to_be_visible()


def explained(page: Page) -> None:
    ask(page, "is the line good?")
    page.get_by_role("link", name="Why this answer").click()
    expect(page.locator("#viewer .why")).to_be_visible()


def help_open(page: Page) -> None:
    page.keyboard.press("Control+/")


STATES: dict[str, Callable[[Page], None]] = {
    "empty": empty,
    "streaming": streaming,
    "answered": answered,
    "clarifying": clarifying,
    "abstained": abstained,
    "error": failed,
    "editing": editing,
    "document": document_open,
    "explanation": explained,
    "help": help_open,
}


def violations(page: Page) -> list[str]:
    """Serious and critical findings of axe-core, each with the first element it is about."""
    found = Axe().run(page).response["violations"]
    severe = [one for one in found if one["impact"] in ("serious", "critical")]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:120]} | {one['nodes'][0]['failureSummary'][:200]}" for one in severe
    ]


@pytest.mark.parametrize("state", STATES)
def test_no_state_has_a_serious_barrier_in_light_or_dark(visit: Visit, state: str) -> None:
    page = visit(color_scheme="light")
    STATES[state](page)
    found = {"light": violations(page)}
    page.evaluate("document.documentElement.dataset.mode = 'dark'; document.body.classList.add('dark')")
    page.wait_for_timeout(200)
    found["dark"] = violations(page)
    assert found == {"light": [], "dark": []}


def test_no_barrier_while_memory_is_down(visit: Visit, served: Served) -> None:
    served.assistant.store_down = True
    try:
        page = visit()
        ask(page, "is the line good?")
        assert violations(page) == []
    finally:
        served.assistant.store_down = False


def test_no_barrier_on_a_phone_in_chinese_with_files(visit: Visit, tmp_path: Path) -> None:
    path = tmp_path / "lease.md"
    path.write_text("# Lease\n\nThe deposit is two months of rent.\n")
    page = visit(viewport=PHONE, locale="zh-CN")
    page.set_input_files("#file", path)
    expect(page.locator(".files li")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "zh"
    ask(page, "how large is the deposit?")
    page.get_by_role("button", name="回答不好").click()
    expect(page.locator(".turn form.reasons")).to_contain_text("答非所问")
    assert violations(page) == []
    page.locator('[data-do="menu"]').click()
    assert violations(page) == []
