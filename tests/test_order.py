from __future__ import annotations

import gc

from tests.conftest import LONGEST_FIRST, TESTS


def test_what_comes_first_is_there() -> None:
    assert [name for name in LONGEST_FIRST if not (TESTS / name).exists()] == []


def test_garbage_is_collected_while_tests_run() -> None:
    assert gc.isenabled()
