"""What makes the whole suite quick: the order of its files, and no search for garbage in what was only imported."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

LONGEST_FIRST = (
    "end_to_end/test_page_with_assistant.py",
    "end_to_end/test_bad_input.py",
    "training/test_commands.py",
    "end_to_end/test_kill_nine.py",
    "end_to_end/test_page_with_fake.py",
    "end_to_end/page",
    "memory",
    "contracts",
    "evaluation/test_fault_injection.py",
    "training/test_bi_encoder.py",
    "evaluation/test_ingestion_bench.py",
    "retrieval/test_dense_trained.py",
    "retrieval/test_encoders.py",
)
"""Files and folders of ``tests/`` that take longest, roughly by how long; the others follow as they are found.

``make test`` keeps this order: two workers end together when no long file comes last.
"""


def pytest_configure() -> None:
    gc.disable()  # while modules are imported nothing becomes garbage; to look for it takes a fifth of the time


def pytest_collection_finish() -> None:
    gc.enable()
    gc.freeze()  # and what was imported stays to the end


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _rank(item.path.relative_to(TESTS)))  # the sort is stable


def _rank(file: Path) -> int:
    parts = {file.as_posix(), *(parent.as_posix() for parent in file.parents)}
    return next((i for i, name in enumerate(LONGEST_FIRST) if name in parts), len(LONGEST_FIRST))
