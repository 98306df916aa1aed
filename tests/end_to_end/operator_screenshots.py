"""``python -m tests.end_to_end.operator_screenshots DATA_DIR``: makes docs/images/operator-*.png anew.

The real assistant answers questions about the handbook that lies ingested in ``DATA_DIR``; the turns are spread over
a week, so that the dashboards have something to draw. Pictures are ``operator-PAGE-WIDTH-LOOK.png``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import uvicorn
from playwright.sync_api import Browser, Page

from bot.assembly import Colloquy
from bot.assembly_memory import limits_of
from domain.answer import AnswerKind
from domain.events import AnswerFinished
from domain.feedback import Feedback
from domain.turn_log import TurnFilter
from memory.in_memory_store import InMemoryConversationStore
from settings import Settings
from tests.end_to_end.browsing import PHONE, chromium
from tests.end_to_end.real_app import ROOT
from web.server import build_app, listen

IMAGES, LARGEST_BYTES, PATIENCE_MS = ROOT / "docs" / "images", 200_000, 120_000
DAY = 86_400.0
DESKTOP = {"width": 1440, "height": 760}  # lower than a screen: text makes large pictures
QUESTION = "How much does it cost to move home in the UK?"
ASKED = (
    (QUESTION, "up"),
    ("and in Ireland?", "up"),
    ("What does a flashing red light on the Harbour Hub 3 mean?", "up"),
    ("Do you have a refer-a-friend reward?", None),
    ("How much does Fibre 100 cost in the UK?", "down"),
    ("Can I get a discount if I refer a friend?", None),
    ("How long is the cooling-off period?", "up"),
    ("do you price match ex-staff deals", None),
    ("How much is a Lantern 8 Pro screen repair in the UK?", "up"),
    ("hello", None),
    ("What happens if I leave before my contract ends?", "down"),
    ("I want to talk to a person", None),
)


class Clock:
    """Unix seconds, as many days back as is set."""

    days_ago = 0.0

    def __call__(self) -> float:
        return time.time() - self.days_ago * DAY


def ask_all(colloquy: Colloquy, clock: Clock) -> None:
    """Everything is asked, some of it on each of the last days."""
    for days_ago in (6, 5, 4, 3, 2, 1, 0):
        clock.days_ago = days_ago
        for question, verdict in ASKED if days_ago == 0 else ASKED[days_ago % 3 : 5 + (days_ago * 3) % 7]:
            events = colloquy.stream_reply(f"owner {days_ago}", f"c{days_ago}", question, "harbourline")
            finished = [event for event in events if isinstance(event, AnswerFinished)]
            if verdict and finished[0].turn.answer.citations:
                given = Feedback("up" if verdict == "up" else "down", "" if verdict == "up" else "wrong", "", clock())
                colloquy.feedback.give(f"owner {days_ago}", f"c{days_ago}", finished[0].turn.id, given)


@contextmanager
def served(colloquy: Colloquy) -> Iterator[str]:
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(
        uvicorn.Config(build_app(colloquy, default_knowledge_base="harbourline"), log_level="error")
    )
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/operator"
    server.should_exit = True
    thread.join(10)


def places(colloquy: Colloquy) -> dict[str, str]:
    """Name of the picture -> address below the console's."""
    kinds = frozenset({AnswerKind.GENERATED, AnswerKind.QUOTED})
    turns = colloquy.turn_log.recent(50, where=TurnFilter(kinds=kinds))
    shown = next(one.reference for one in turns if one.question == QUESTION)
    return {
        "turn": f"?turn={shown}&explain=1",
        "queue": "/queue",
        "knowledge": "/knowledge/harbourline",
        "playground": "/playground?kb=harbourline&question=what+do+I+pay+if+I+move+early",
        "dashboards": "/dashboards",
        "settings": "/settings",
    }


def shoot(page: Page, name: str) -> None:
    path = IMAGES / f"operator-{name}.png"
    page.screenshot(path=path, animations="disabled")
    assert path.stat().st_size <= LARGEST_BYTES, f"{path.name} has {path.stat().st_size} bytes; show less in it"


def shoot_all(browser: Browser, url: str, pages: dict[str, str]) -> None:
    """Every page large and light; turn and dashboards also dark and on a phone; one in 中文."""
    for size, look in ((DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light"), (PHONE, "dark")):
        context = browser.new_context(viewport=size, color_scheme=look)  # type: ignore[arg-type]
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        for name, place in pages.items():
            if (size, look) == (DESKTOP, "light") or name in ("turn", "dashboards"):
                page.goto(f"{url}{place}")
                shoot(page, f"{name}-{size['width']}-{look}")
        context.close()


def main(data_dir: Path) -> None:
    """Answers, serves, takes every picture."""
    settings, clock = Settings(data_dir=data_dir), Clock()
    with Colloquy(settings, InMemoryConversationStore(limits_of(settings), clock)) as colloquy:
        ask_all(colloquy, clock)
        with served(colloquy) as url, chromium(PATIENCE_MS) as browser:
            shoot_all(browser, url, places(colloquy))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
