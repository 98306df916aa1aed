"""The ingested handbook, read once a session: the slow part of every first start."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.assembly import assemble
from bot.shipped import ensure_shipped
from settings import Settings


@pytest.fixture(scope="session")
def harbourline_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which the shipped knowledge base is up to date. Copy it; do not write into it."""
    folder = tmp_path_factory.mktemp("harbourline") / "data"
    with assemble(Settings(data_dir=folder), memory=False) as colloquy:
        read = {name: report.passages for name, report in ensure_shipped(colloquy, folder)}
    assert read["harbourline"] > 500
    return folder
