"""``python -m tests.end_to_end.screenshots [DATA_DIR]``: makes the pictures of docs/images anew, from the real thing.

Every state is shown on a desktop and on a phone, as ``chat-STATE-WIDTH-LOOK.png``; the README shows
``answered-desktop-light.png``. Chinese is left out: it needs a font that not every machine has. ``DATA_DIR`` keeps the
ingested handbook for the next run.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from memory.embedded_server import EmbeddedRedis
from tests.end_to_end.browsing import DESKTOP, PHONE, Visits, ask, chromium
from tests.end_to_end.real_app import ROOT, RealApp

IMAGES = ROOT / "docs" / "images"
LARGEST_BYTES = 200_000
PATIENCE_MS = 120_000
MOVING = ("How much does it cost to move home in the UK?", "and in Ireland?")
LIGHTS = "What does a flashing red light on the Harbour Hub 3 mean?"
PRICE = "How much does Fibre 100 cost in the UK?"
TWO_READINGS = "What happens if I pay late?"
UNKNOWN = "Do you have a refer-a-friend reward?"
LEASE = (
    b"# Lease of 4 Quay Street\n\n## Deposit\n\nThe deposit is two months of rent, paid before you move in. It comes "
    b"back within 30 days after you leave.\n\n## Rent\n\nThe rent is 950 euros a month, due on the first day.\n"
)
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


def streaming(page: Page) -> None:
    """An answer on its way, with what is happening and Stop."""
    empty(page)
    page.fill("#message", LIGHTS)
    page.press("#message", "Enter")
    page.wait_for_selector("#live [data-state=working]")


def clarifying(page: Page) -> None:
    """A question back, with its options as buttons."""
    empty(page)
    ask(page, TWO_READINGS, until=".turn[data-state=clarifying] .choice")


def explained(page: Page) -> None:
    """Why an answer was given."""
    empty(page)
    ask(page, PRICE)
    page.locator("#live a.open.quiet").click()
    page.wait_for_selector("#viewer .effects")


def managed(page: Page) -> None:
    """An answer judged with a reason, and what can be done with a conversation."""
    empty(page)
    ask(page, PRICE)
    page.wait_for_selector("#live .follow-ups")
    page.locator("#live .verdict.down").click()
    page.wait_for_selector("#live .told")
    page.locator("#sidebar [data-more]").first.click()


def own_files(page: Page) -> None:
    """A file of one's own, asked about."""
    page.set_input_files("#file", {"name": "lease.md", "mimeType": "text/markdown", "buffer": LEASE})
    page.wait_for_selector(".files")
    ask(page, "When does the deposit come back?")


def my_data(page: Page) -> None:
    """What is kept of a person, and what deleting it would take."""
    page.evaluate("document.querySelector('[data-do=my-data]').click()")  # also in the drawer of a phone
    page.wait_for_selector("#my-data")
    page.locator('[data-do="ask-delete-data"]').click()


States = dict[str, Callable[[Page], None]]
EVERY_LOOK: States = {"empty": empty, "answered": answered, "abstained": abstained, "error": refused}
"""States with four pictures each: both sizes, both looks."""

TWO_LOOKS: States = {
    "streaming": streaming,
    "clarifying": clarifying,
    "managed": managed,
    "explained": explained,
    "own-files": own_files,
    "my-data": my_data,
}
"""States with two: large and light, small and dark."""


def shoot(page: Page, name: str) -> None:
    """One picture of what is on the screen: the newest turn in view, nothing in motion."""
    page.evaluate("document.querySelector('#scroll').scrollTop = 1e6")
    page.wait_for_timeout(400)
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path, animations="disabled")
    # A page has few colours: 256 of them look the same and take a third of the bytes.
    Image.open(path).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    assert size <= LARGEST_BYTES, f"{path.name} has {size} bytes; show less in it"


def look(page: Page, size: dict[str, int], mode: str) -> None:
    """Brings the page to a size and to light or dark."""
    page.set_viewport_size(size)  # type: ignore[arg-type]  # a plain dict of the two numbers it wants
    page.mouse.move(size["width"] / 2, size["height"] / 2)
    if page.evaluate("document.documentElement.dataset.mode") != mode:
        page.evaluate("document.querySelector('[data-do=dark]').click()")  # also behind an open dialog


def shoot_all(page: Page, state: str, looks: Sequence[tuple[dict[str, int], str]]) -> None:
    """A state in some looks; the page is left large and light."""
    for size, mode in looks:
        look(page, size, mode)
        shoot(page, f"chat-{state}-{size['width']}-{mode}")
    page.keyboard.press("Escape")
    look(page, DESKTOP, "light")


FOUR = [(size, mode) for size in (DESKTOP, PHONE) for mode in ("light", "dark")]
TWO = [(DESKTOP, "light"), (PHONE, "dark")]


def shoot_without_memory(browser: Browser, data_dir: Path) -> None:
    """The page while memory is down: the app's Redis is a server of its own here, which nobody starts again once it
    was killed."""
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedRedis(Path(folder)) as server,
        RealApp(data_dir, COLLOQUY_REDIS_URL=server.url) as app,
    ):
        visits = Visits(browser, PATIENCE_MS)
        page = visits.open(app.url, viewport=DESKTOP, color_scheme="light")
        ask(page, MOVING[0])
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        ask(page, MOVING[1])
        page.wait_for_selector("#live .note")
        shoot_all(page, "memory-down", TWO)
        visits.close()


def main(data_dir: Path) -> None:
    """Starts the app over ``data_dir`` and takes every picture."""
    with chromium(PATIENCE_MS) as browser:
        with RealApp(data_dir) as app:
            shoot_states(browser, app)
        shoot_without_memory(browser, data_dir)


def shoot_states(browser: Browser, app: RealApp) -> None:
    """Every state of an app that works."""
    visits = Visits(browser, PATIENCE_MS)
    page = visits.open(app.url, viewport=DESKTOP, color_scheme="light")
    for question in (PRICE, LIGHTS):  # so that the list of conversations is that of somebody who has been here
        empty(page)
        ask(page, question)
    for states, looks in ((EVERY_LOOK, FOUR), (TWO_LOOKS, TWO)):
        for state, reach in states.items():
            reach(page)
            if state == "answered":
                page.locator("#live .cite").first.hover()
                shoot(page, "answered-desktop-light")
            shoot_all(page, state, looks[:1] if state == "streaming" else looks)  # it is over soon
    visits.close()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(Path(folder) / "data")
