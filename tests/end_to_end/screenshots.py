"""``python -m tests.end_to_end.screenshots [DATA_DIR]``: makes the pictures of docs/images anew, from the real thing.

Every state is shown on a desktop and on a phone, light and dark, as ``chat-STATE-WIDTH-LOOK.png``; the README shows
``answered-desktop-light.png``. ``DATA_DIR`` keeps the ingested handbook for the next run.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page

from tests.end_to_end.browsing import DESKTOP, PHONE, Visits, ask, chromium
from tests.end_to_end.real_app import ROOT, RealApp

IMAGES = ROOT / "docs" / "images"
LARGEST_BYTES = 200_000
PATIENCE_MS = 120_000
MOVING = ("How much does it cost to move home in the UK?", "and in Ireland?")
LIGHTS = "What does a flashing red light on the Harbour Hub 3 mean?"
PRICE = "How much does Fibre 100 cost in the UK?"
UNKNOWN = "Do you have a refer-a-friend reward?"
LETTER = "My broadband has been slow since last Tuesday and I would like to tell you everything about it. " * 45


def empty(page: Page) -> None:
    """The first visit, with nothing asked in this conversation."""
    page.locator('[data-do="new"]').click()
    page.wait_for_selector(".welcome")


def answered(page: Page) -> None:
    """A question and its follow-up."""
    empty(page)
    for question in MOVING:
        ask(page, question)


def abstained(page: Page) -> None:
    """A question that the handbook does not answer."""
    empty(page)
    ask(page, UNKNOWN, until=".abstained")


def refused(page: Page) -> None:
    """A message that is too long."""
    empty(page)
    page.fill("#message", LETTER)
    page.press("#message", "Enter")
    page.wait_for_selector("#live .failure")


STATES: dict[str, Callable[[Page], None]] = {
    "empty": empty,
    "answered": answered,
    "abstained": abstained,
    "error": refused,
}


def shoot(page: Page, name: str) -> None:
    """One picture of what is on the screen: the newest turn in view, nothing in motion."""
    page.evaluate("document.querySelector('#scroll').scrollTop = 1e6")
    page.wait_for_timeout(400)
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path, animations="disabled")
    size = path.stat().st_size
    assert size <= LARGEST_BYTES, f"{path.name} has {size} bytes; show less in it"


def shoot_all(page: Page, state: str) -> None:
    """A state in both sizes and both looks; the page is left large and light."""
    for size in (DESKTOP, PHONE):
        page.set_viewport_size(size)  # type: ignore[arg-type]  # a plain dict of the two numbers it wants
        for look in ("light", "dark"):
            page.mouse.move(size["width"] / 2, size["height"] / 2)
            shoot(page, f"chat-{state}-{size['width']}-{look}")
            page.locator('[data-do="dark"]').click()
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]


def main(data_dir: Path) -> None:
    """Starts the app over ``data_dir`` and takes every picture."""
    with RealApp(data_dir) as app, chromium(PATIENCE_MS) as browser:
        visits = Visits(browser, PATIENCE_MS)
        page = visits.open(app.url, viewport=DESKTOP, color_scheme="light")
        for question in (PRICE, LIGHTS):  # so that the list of conversations is that of somebody who has been here
            empty(page)
            ask(page, question)
        for state, reach in STATES.items():
            reach(page)
            if state == "answered":
                page.locator("#live .cite").first.hover()
                shoot(page, "answered-desktop-light")
            shoot_all(page, state)
        visits.close()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(Path(folder) / "data")
