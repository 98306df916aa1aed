"""The list of conversations on the chat page: finding, pinning, export, import, and links that lead into one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from tests.end_to_end.browsing import Visit, ask, needs_chromium
from tests.end_to_end.fake_page import Served

pytestmark = [pytest.mark.browser, needs_chromium]


@pytest.fixture
def page(visit: Visit) -> Page:
    """Two conversations, the second one open."""
    page = visit()
    ask(page, "is half price due?")
    page.locator('[data-do="new"]').click()
    expect(page.locator(".welcome")).to_be_visible()
    ask(page, "is the line good?")
    expect(page.locator(".conversation")).to_have_count(2)
    return page


def titles(page: Page) -> list[str]:
    return page.locator(".conversation:visible").all_inner_texts()


def menu(page: Page, title: str) -> None:
    page.locator(f'.conversation[title="{title}"]').hover()
    page.get_by_role("button", name=f"Rename or delete “{title}”").click()


def test_what_was_said_is_searched_not_only_titles(page: Page) -> None:
    page.get_by_role("searchbox", name="Search conversations").fill("remaining months")
    expect(page.locator(".conversation:visible")).to_have_count(1)
    assert titles(page) == ["is half price due?"]
    page.get_by_role("searchbox", name="Search conversations").fill("unicorn")
    expect(page.locator("#nothing-found")).to_have_text("No conversation holds these words.")
    assert titles(page) == []
    page.get_by_role("searchbox", name="Search conversations").fill("")
    expect(page.locator(".conversation:visible")).to_have_count(2)


def test_a_search_outlasts_a_redrawing_of_the_list(page: Page) -> None:
    page.get_by_role("searchbox", name="Search conversations").fill("line")
    expect(page.locator(".conversation:visible")).to_have_count(1)
    ask(page, "is it free?")
    expect(page.get_by_role("searchbox", name="Search conversations")).to_have_value("line")
    assert titles(page) == ["is the line good?"]


def test_a_pinned_conversation_stands_first_and_stays_there(page: Page) -> None:
    assert titles(page) == ["is the line good?", "is half price due?"]
    menu(page, "is half price due?")
    page.get_by_role("button", name="Pin", exact=True).locator("visible=true").click()
    expect(page.locator("#sidebar h2").first).to_have_text("Pinned")
    assert titles(page) == ["is half price due?", "is the line good?"]
    page.reload()
    expect(page.locator(".conversation")).to_have_count(2)
    assert titles(page) == ["is half price due?", "is the line good?"]
    menu(page, "is half price due?")
    page.get_by_role("button", name="Unpin", exact=True).click()
    expect(page.locator("#sidebar h2")).to_have_count(1)
    assert titles(page) == ["is the line good?", "is half price due?"]


def exported(page: Page, title: str, kind: str, folder: Path) -> Path:
    menu(page, title)
    with page.expect_download() as download:
        files = page.get_by_role("group", name="Export", exact=True)
        files.get_by_role("link", name=kind, exact=True).locator("visible=true").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    page.keyboard.press("Escape")
    return path


def test_a_conversation_is_exported_as_markdown_pdf_and_json(page: Page, tmp_path: Path) -> None:
    markdown = exported(page, "is half price due?", "Markdown", tmp_path)
    assert markdown.name == "is-half-price-due.md"
    text = markdown.read_text("utf-8")
    assert text.startswith("# is half price due?\n\n*Questions: 1. Exported on ")
    assert "You keep your contract if the new address is covered [1]." in text
    assert "1. Moving home › Notice period: “Tell us at least 14 days before you move.”" in text
    pdf = exported(page, "is half price due?", "PDF", tmp_path)
    shown = " ".join(PdfReader(pdf).pages[0].extract_text().split())
    assert "If it is not covered, you pay the remaining months at half price [1]." in shown
    archive = json.loads(exported(page, "is half price due?", "JSON", tmp_path).read_text("utf-8"))
    assert [turn["turn"]["question"] for turn in archive["turns"]] == ["is half price due?"]


def test_what_was_exported_is_imported_by_somebody_else_who_then_sees_every_source(
    page: Page, visit: Visit, tmp_path: Path
) -> None:
    archive = exported(page, "is half price due?", "JSON", tmp_path)
    other = visit()
    other.set_input_files("#import", archive)
    expect(other.locator("#transcript .said")).to_have_text("is half price due?")
    expect(other.locator("#toast")).to_have_text("Imported.")
    expect(other.locator(".conversation")).to_have_text("is half price due?")
    expect(other.locator("#panel .card").first).to_contain_text("Notice period")


def test_a_file_that_is_none_is_refused_in_a_sentence(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text('{"a": "<img src=x onerror=alert(1)>"}')
    page.set_input_files("#import", path)
    expect(page.locator("#toast.warning")).to_contain_text("not a conversation exported from Colloquy")
    expect(page.locator(".conversation")).to_have_count(2)


def test_nobody_exports_searches_or_imports_for_another(page: Page, served: Served) -> None:
    conversation = parse_qs(urlsplit(page.url).query)["c"][0]
    for kind in ("md", "json", "pdf"):
        reply = httpx.get(f"{served.url}export", params={"c": conversation, "kind": kind})
        assert (reply.status_code, "line" in reply.text) == (404, False)
    assert httpx.get(f"{served.url}found", params={"q": "line"}).json() == []
    assert httpx.post(f"{served.url}import", content=b"{}").status_code == 403


def test_a_link_leads_to_the_citation_and_lights_its_source(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(page, "what does a blinking red light mean?")
    ask(page, "is half price due?")
    page.locator(".turn:has(.said:text-is('is the line good?')) .cite").first.click()
    page.locator("#panel .card").first.get_by_role("button", name="Copy link").click()
    address = page.evaluate("navigator.clipboard.readText()")
    assert re.search(r"\?c=[0-9a-f]{32}&t=t\d+&m=1$", address)
    page.goto(address)
    expect(page.locator(".turn.linked .said")).to_have_text("is the line good?")
    expect(page.locator("#panel .card.lit")).to_contain_text("A steady green light")
    expect(page.locator(".turn.linked")).to_be_in_viewport()


def test_a_turn_has_a_link_of_its_own_and_a_dead_one_just_opens_the_conversation(page: Page) -> None:
    ask(page, "is half price due?")
    link = page.locator("#live [data-link]").get_attribute("data-link")
    page.goto(page.url.partition("?")[0] + str(link))
    expect(page.locator(".turn.linked .said")).to_have_text("is half price due?")
    page.goto(page.url.partition("&t=")[0] + "&t=gone&m=3")
    expect(page.locator("#transcript .said")).to_have_count(2)
    expect(page.locator(".turn.linked")).to_have_count(0)
