"""The ingested handbook, read once a run by whichever worker needs it first, and a browser for each module."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from bot.assembly import assemble
from bot.shipped import ensure_shipped
from settings import Settings
from tests.end_to_end.browsing import Visit, Visits, chromium
from tests.end_to_end.fake_page import SHORT_MS, Served


@pytest.fixture(scope="session")
def harbourline_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which the shipped knowledge base is up to date, which is the slow part of every first start.
    Copy it; do not write into it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "harbourline"  # workers share the parent
    folder.mkdir(exist_ok=True)
    data, whole = folder / "data", folder / "whole"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            shutil.rmtree(data, ignore_errors=True)  # of a worker that died over it
            _read_handbook(data)
            whole.touch()
    return data


def _read_handbook(data: Path) -> None:
    with assemble(Settings(data_dir=data), memory=False) as colloquy:
        read = {name: report.passages for name, report in ensure_shipped(colloquy, data)}
    assert read["harbourline"] > 500


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, whose expectations wait long enough for a busy machine."""
    with chromium(SHORT_MS) as browser:
        yield browser


@pytest.fixture
def visit(browser: Browser, served: Served) -> Iterator[Visit]:
    """Opens the page that the module's ``served`` serves; afterwards asserts that no page asked another host for
    anything or raised an error."""
    visits = Visits(browser, SHORT_MS)

    def open_page(context: BrowserContext | None = None, address: str = "", **settings: object) -> Page:
        return visits.open(address or served.url, context, **settings)

    yield open_page
    visits.close()
