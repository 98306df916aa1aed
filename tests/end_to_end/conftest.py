"""The ingested handbook, read once a run, by whichever worker needs it first: the slow part of every first start."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

import pytest

from bot.assembly import assemble
from bot.shipped import ensure_shipped
from settings import Settings


@pytest.fixture(scope="session")
def harbourline_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which the shipped knowledge base is up to date. Copy it; do not write into it."""
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
