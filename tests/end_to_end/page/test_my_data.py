"""What is kept of a person, on the page: had as a file, and deleted, after which the page is as at the first visit."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.end_to_end.browsing import PHONE, Visit, ask, needs_chromium
from tests.end_to_end.fake_page import Served
from tests.end_to_end.page.test_keyboard_and_access import violations

pytestmark = [pytest.mark.browser, needs_chromium]


@pytest.fixture
def page(visit: Visit, tmp_path: Path) -> Page:
    """A file of one's own, and a conversation about it."""
    path = tmp_path / "lease.md"
    path.write_text("# Lease\n\nThe deposit is two months of rent.\n")
    page = visit()
    page.set_input_files("#file", path)
    expect(page.locator(".files li")).to_be_visible()
    ask(page, "how large is the deposit?")
    return page


def my_data(page: Page) -> None:
    page.get_by_role("button", name="My data").click()
    expect(page.locator("#my-data")).to_be_visible()


def test_everything_that_is_kept_is_named_and_comes_as_a_file(page: Page, tmp_path: Path) -> None:
    my_data(page)
    assert page.get_by_role("dialog", name="My data").get_by_role("listitem").all_inner_texts() == [
        "Conversations: 1, with your ratings and comments",
        "Files you added: 1 (Lease)",
        "Questions of yours that were handed over to a person",
    ]
    with page.expect_download() as download:
        page.get_by_role("button", name="Download everything").click()
    assert download.value.suggested_filename == "colloquy-my-data.json"
    download.value.save_as(tmp_path / "mine.json")
    kept = json.loads((tmp_path / "mine.json").read_text("utf-8"))
    assert [turn["question"] for one in kept["conversations"] for turn in one["turns"]] == ["how large is the deposit?"]
    assert [one["title"] for one in kept["files"]] == ["Lease"]


def test_nothing_is_deleted_before_it_was_said_what_goes_and_agreed(page: Page) -> None:
    my_data(page)
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Delete everything…").press("Enter")
    expect(page.locator("#my-data .confirm")).to_contain_text("All of the above is deleted, for good")
    expect(page.locator("#my-data .confirm")).to_contain_text("What stays: your account")
    expect(page.get_by_role("button", name="Keep everything")).to_be_focused()
    assert violations(page) == []
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Delete everything…")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#viewer")).to_be_hidden()
    page.reload()
    expect(page.locator("#transcript .said")).to_have_text("how large is the deposit?")


def test_after_deleting_the_page_is_as_at_the_first_visit_and_others_keep_theirs(
    page: Page, visit: Visit, served: Served
) -> None:
    other = visit()
    ask(other, "is the line good?")
    page.fill("#message", "slow, how large is the deposit?")
    page.press("#message", "Enter")
    page.wait_for_selector("#live .draft")
    theirs = parse_qs(urlsplit(page.url).query)["c"][0]
    my_data(page)
    page.get_by_role("button", name="Delete everything…").click()
    page.get_by_role("button", name="Delete everything for good").click()
    expect(page.locator("#toast")).to_have_text("Everything that was kept of you is deleted.")
    expect(page.locator(".welcome")).to_contain_text("84 documents")
    expect(page.locator("h1#knowledge-base")).to_have_text("Harbourline help")
    expect(page.locator(".conversation")).to_have_count(0)
    expect(page.locator(".turn:visible")).to_have_count(0)
    assert "c=" not in page.url
    assert theirs not in {conversation for _, conversation in served.assistant.kept}
    ask(page, "is the line good?")  # a fresh conversation
    expect(page.locator(".conversation")).to_have_count(1)
    other.reload()
    expect(other.locator("#transcript .said")).to_have_text("is the line good?")


def test_while_memory_is_down_nothing_is_promised(page: Page, served: Served) -> None:
    my_data(page)
    page.get_by_role("button", name="Delete everything…").click()
    served.assistant.store_down = True
    try:
        for name in ("Delete everything for good", "Download everything"):
            page.get_by_role("button", name=name).click()
            expect(page.locator("#my-data [role=alert]")).to_contain_text("not answering at the moment")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="My data").click()
        expect(page.locator("#viewer .note")).to_contain_text("not answering at the moment")
    finally:
        served.assistant.store_down = False
    page.reload()
    expect(page.locator("#transcript .said")).to_have_text("how large is the deposit?")


def test_on_a_phone_in_chinese_it_fits_and_has_no_barrier(visit: Visit) -> None:
    page = visit(viewport=PHONE, locale="zh-CN", color_scheme="dark")
    page.locator('[data-do="menu"]').click()
    expect(page.locator('#sidebar a[href^="operator"]')).to_have_count(0)  # this assistant has no console
    page.get_by_role("button", name="我的数据").click()
    expect(page.locator("#my-data li").first).to_have_text("对话：0 个，包括您的评价和留言")
    page.get_by_role("button", name="删除全部…").click()
    expect(page.get_by_role("button", name="永久删除全部")).to_be_in_viewport()
    assert page.evaluate("document.querySelector('#viewer').scrollWidth - innerWidth") <= 0
    assert violations(page) == []
