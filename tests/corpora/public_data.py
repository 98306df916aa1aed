"""Where the public data sets lie when they are here: beside the repository, never in it."""

from __future__ import annotations

from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def public(name: str) -> Path:
    """The file or folder ``name`` of the public data sets; the test that asks skips without it."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the public data sets are not here: {name}")
    return path
