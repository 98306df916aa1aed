"""The chat page over the real assistant in a process of its own: what is promised to people who use it."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.end_to_end.browsing import DESKTOP, Visits, ask, chromium, needs_chromium
from tests.end_to_end.real_app import RealApp
from tests.web.api.served import events_of

PATIENCE_MS = 120_000  # models, on a machine that may be busy
PRICE = "How much does Fibre 100 cost in the UK?"
MOVING = "How much does it cost to move home in the UK?"

pytestmark = [pytest.mark.browser, pytest.mark.models, needs_chromium]


@pytest.fixture(scope="module")
def app(harbourline_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealApp]:
    folder = tmp_path_factory.mktemp("page") / "data"
    shutil.copytree(harbourline_data, folder)
    with RealApp(folder) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(PATIENCE_MS) as browser:
        yield browser


@pytest.fixture
def visits(browser: Browser) -> Iterator[Visits]:
    visits = Visits(browser, PATIENCE_MS)
    yield visits
    visits.close()
    assert visits.complaints == []


def said(page: Page) -> list[str]:
    return page.locator(".said").all_inner_texts()


def test_a_price_is_answered_with_the_price_and_its_source(visits: Visits, app: RealApp) -> None:
    page = visits.open(app.url)
    ask(page, PRICE)
    assert "£29" in page.locator("#live .answer").inner_text()
    assert page.locator("#live .cite").first.inner_text() == "[1]"


def test_a_person_asks_follows_up_looks_it_up_and_finds_it_again_after_a_restart(visits: Visits, app: RealApp) -> None:
    page = visits.open(app.url, viewport=DESKTOP)
    expect(page.locator(".welcome")).to_contain_text("Harbourline")
    ask(page, MOVING)
    assert "£20" in page.locator("#live .answer").inner_text()
    assert page.locator("#live .cite").first.inner_text() == "[1]"
    follow_up = "and in Ireland?"
    ask(page, follow_up)
    assert "move home in Ireland" in page.locator("#live .searched").inner_text()
    assert "Ireland" in page.locator("#panel .card").first.inner_text()

    cited = page.locator("#panel .card mark").first.inner_text()
    page.locator("#panel a.open").first.click()
    expect(page.locator("#viewer mark").first).to_be_in_viewport()
    expect(page.locator("#viewer mark").first).to_have_text(cited)
    page.keyboard.press("Escape")

    shown = page.locator(".answer").all_inner_texts()
    page.reload()
    expect(page.locator("#transcript .said")).to_have_text([MOVING, follow_up])
    app.stop()
    app.start()
    page.reload()
    expect(page.locator("#transcript .said")).to_have_text([MOVING, follow_up])
    assert page.locator(".answer").all_inner_texts() == shown
    expect(page.locator(".conversation")).to_have_text(MOVING)
    visits.complaints[:] = [text for text in visits.complaints if "net::ERR_" not in text]  # while it was down


def test_another_browser_sees_nothing_of_it(visits: Visits, app: RealApp) -> None:
    mine = visits.open(app.url)
    ask(mine, PRICE)
    other = visits.open(mine.url)
    expect(other.locator(".welcome")).to_be_visible()
    expect(other.locator(".conversation")).to_have_count(0)
    assert said(other) == []


def test_what_the_handbook_does_not_know_is_not_answered_but_the_nearest_is_shown(visits: Visits, app: RealApp) -> None:
    page = visits.open(app.url)
    ask(page, "Do you have a refer-a-friend reward?", until=".abstained")
    expect(page.locator("#live .abstained")).to_contain_text("Closest")
    expect(page.locator("#live .abstained a.open").first).to_be_visible()
    expect(page.locator("#live .cite")).to_have_count(0)
    expect(page.locator("#live .sure")).to_have_count(0)


def test_thanks_are_small_talk(visits: Visits, app: RealApp) -> None:
    page = visits.open(app.url)
    ask(page, "thanks!", until='[data-state="small_talk"]')
    expect(page.locator("#live .answer")).to_contain_text(re.compile("welcome", re.IGNORECASE))
    expect(page.locator("#live .measure")).to_have_count(0)


def test_every_example_question_is_answered_with_a_source(visits: Visits, app: RealApp) -> None:
    page = visits.open(app.url)
    without_source = []
    for question in page.locator(".choice").all_inner_texts():
        page.locator('[data-do="new"]').click()
        expect(page.locator(".welcome")).to_be_visible()
        page.get_by_role("button", name=question, exact=True).click()
        page.wait_for_selector("#live .measure")
        assert page.locator("#live .said").inner_text() == question
        if page.locator("#live .cite").count() == 0:
            without_source.append(question)
    assert without_source == []


AT_ONCE = (
    MOVING,
    "What is the notice period for cancelling in Ireland?",
    "How long do engineer visits take in the UK?",
    "What does a steady red light on the Harbour Hub 2 mean?",
)


def test_four_conversations_of_one_person_are_answered_at_once_and_stream_interleaved(app: RealApp) -> None:
    heard: list[tuple[int, str]] = []  # (who, event) in the order of arrival
    together = threading.Barrier(len(AT_ONCE))

    def asks(number: int) -> str:
        address = f"/api/v1/conversations/at-once-{number}/turns"
        together.wait()
        with client.stream("POST", address, json={"message": AT_ONCE[number]}) as reply:
            for sent in events_of(reply.iter_lines()):
                heard.append((number, sent.event))
        return str(sent.data["turn"]["question"])

    one_person = {"cookie": "colloquy_owner=" + "f" * 43}
    with httpx.Client(base_url=app.url, headers=one_person, timeout=PATIENCE_MS / 1000) as client:
        with ThreadPoolExecutor(len(AT_ONCE)) as people:
            assert tuple(people.map(asks, range(len(AT_ONCE)))) == AT_ONCE
        kept = [client.get(f"/api/v1/conversations/at-once-{number}").json()["turns"] for number in range(len(AT_ONCE))]
    assert [[turn["question"] for turn in turns] for turns in kept] == [[question] for question in AT_ONCE]

    ends = {number: heard.index((number, "answer_finished")) for number in range(len(AT_ONCE))}
    first_words = {number: heard.index((number, "answer_delta")) for number, event in heard if event == "answer_delta"}
    assert first_words, heard
    for number in ends:  # one after the other, the last one would hear its first when all others have ended
        slowest_other = max(end for other, end in ends.items() if other != number)
        assert heard.index((number, "passages_retrieved")) < slowest_other, heard
        assert first_words.get(number, 0) < slowest_other, heard
