"""Several people ask where one turn is worked on at a time: each knows their place, moves up, and gets an answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from domain.events import TurnEvent
from tests.end_to_end.browsing import Visit, needs_chromium
from tests.end_to_end.fake_page import Served
from tests.web.fakes import FakeAssistant
from web.options import ServiceOptions

pytestmark = [pytest.mark.browser, needs_chromium]

_LONGEST_SECONDS = 60  # a test that broke off must not hold a thread for ever
_WAITING = "Waiting in line: number"


class HeldAssistant(FakeAssistant):
    """Begins no turn before it is let through."""

    def __init__(self) -> None:
        super().__init__()
        self._gate = threading.Semaphore(0)

    def let_one_through(self) -> None:
        self._gate.release()

    def stream_reply(
        self, owner: str, conversation_id: str, message: str, knowledge_base: str, replacing: str = ""
    ) -> Iterator[TurnEvent]:
        self._gate.acquire(timeout=_LONGEST_SECONDS)
        return super().stream_reply(owner, conversation_id, message, knowledge_base, replacing)


@pytest.fixture
def assistant() -> HeldAssistant:
    return HeldAssistant()


@pytest.fixture
def served(assistant: HeldAssistant) -> Iterator[Served]:
    served = Served(assistant, ServiceOptions(turn_limit=1))
    yield served
    served.close()


@pytest.fixture
def people(visit: Visit) -> list[Page]:
    """Three people who have asked one after another: one is being answered, two wait."""
    pages = [visit() for _ in range(3)]
    for page, place in zip(pages, ("Searching", f"{_WAITING} 1", f"{_WAITING} 2"), strict=True):
        page.fill("#message", "what does a blinking red light mean?")
        page.press("#message", "Enter")
        expect_place(page, place)
        expect(page.locator("#stop")).to_be_visible()
    return pages


def expect_place(page: Page, place: str) -> None:
    expect(page.locator("#live .progress")).to_have_text(place)


def expect_answer(page: Page) -> None:
    expect(page.locator("#live .measure")).to_be_visible()
    expect(page.locator("#live .answer")).to_contain_text("A blinking red light means there is no connection")


def test_the_place_in_the_line_is_shown_goes_down_and_the_answer_comes(
    people: list[Page], assistant: HeldAssistant
) -> None:
    first, second, third = people
    assistant.let_one_through()
    expect_answer(first)
    expect_place(second, "Searching")
    expect_place(third, f"{_WAITING} 1")
    for page in (second, third):
        assistant.let_one_through()
        expect_answer(page)


def test_whoever_stops_waiting_leaves_the_line_and_those_behind_move_up(
    people: list[Page], assistant: HeldAssistant
) -> None:
    first, second, third = people
    second.locator("#stop").click()
    expect_place(third, f"{_WAITING} 1")
    for page in (first, third):
        assistant.let_one_through()
        expect_answer(page)
    expect(second.locator("#live .progress")).to_have_count(0)
