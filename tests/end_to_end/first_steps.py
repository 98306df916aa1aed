"""``python -m tests.end_to_end.first_steps [REPOSITORY]``: what somebody who has never seen Colloquy waits for.

A fresh clone in a temporary folder, ``make run`` in it with nothing else around, then a person in Chromium: the first
cited answer from the handbook, a file of their own and an answer from it, and the trace of the first turn in the
operators' console. Every line is in seconds since ``git clone`` began; what a person would need to think and type is
not counted.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.end_to_end.browsing import DESKTOP, Visits, ask, chromium
from tests.end_to_end.real_app import ROOT

PORT = 7869  # not the usual one, which may be taken by what somebody is working with
PATIENCE_MS = 120_000
INSTALL_SECONDS = 1800
QUESTION = "How much does it cost to move home in the UK?"
OWN = "# Lease of 4 Quay Street\n\n## Deposit\n\nThe deposit is two months of rent, paid before you move in.\n"
OWN_QUESTION = "How large is the deposit?"
_NOT_INHERITED = ("COLLOQUY_", "PYTHON", "VIRTUAL_ENV", "HF_", "OMP_")


class Clock:
    """Says what is done, with the seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def say(self, what: str) -> None:
        """One line on standard output."""
        sys.stdout.write(f"{time.monotonic() - self._start:7.1f} s  {what}\n")
        sys.stdout.flush()


def clean_environment() -> Mapping[str, str]:
    """What a person's shell would have."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}


def wait_until(holds: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Returns when ``holds``; gives up when ``make run`` ends or takes too long."""
    deadline = time.monotonic() + INSTALL_SECONDS
    while not holds():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"make run did not come up:\n{log.read_text()[-2000:]}")
        time.sleep(0.2)


def answers(url: str) -> bool:
    """Whether the page is there."""
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except (urllib.error.URLError, OSError):
        return False
    return True


def walk(page: Page, url: str, own_file: Path, clock: Clock) -> None:
    """The first steps of a person on the page that has just been drawn."""
    ask(page, QUESTION)
    expect(page.locator("#live .cite").first).to_be_visible()
    clock.say("the first cited answer")
    page.set_input_files("#file", own_file)
    expect(page.locator("#knowledge-base option:checked")).to_have_text("Your files")
    clock.say("a file of one's own can be asked about")
    ask(page, OWN_QUESTION)
    expect(page.locator("#live .answer")).to_contain_text("two months of rent")
    clock.say("an answer from it")
    page.goto(f"{url}operator")
    page.locator(".turn-row", has_text=QUESTION).click()  # what stands in a person's own files is not shown there
    expect(page.locator(".turn-detail .chosen-row")).to_be_visible()
    clock.say("the trace of the first turn in the operators' console")


def main(repository: str) -> None:
    """Clones, installs, starts, walks, and stops what it started."""
    with tempfile.TemporaryDirectory() as folder:
        clone, log, own_file = Path(folder) / "clone", Path(folder) / "log", Path(folder) / "lease.md"
        own_file.write_text(OWN)
        clock = Clock()
        subprocess.run(["git", "clone", "--quiet", repository, str(clone)], check=True)
        clock.say("cloned")
        url = f"http://127.0.0.1:{PORT}/"
        environment = {**clean_environment(), "COLLOQUY_PORT": str(PORT)}
        with log.open("wb") as out:
            process = subprocess.Popen(
                ("make", "run"), cwd=clone, env=environment, stdout=out, stderr=out, start_new_session=True
            )
        try:
            wait_until((clone / ".venv" / ".installed").exists, process, log)
            clock.say("installed")
            wait_until(lambda: answers(url), process, log)
            clock.say("the page answers, the handbook has been read")
            with chromium(PATIENCE_MS) as browser:
                visits = Visits(browser, PATIENCE_MS)
                page = visits.open(url, viewport=DESKTOP)
                clock.say("the page is drawn")
                walk(page, url, own_file, clock)
                visits.close()
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else str(ROOT))
