from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.answer import Answer, AnswerKind
from domain.conversation import Query, Turn
from domain.errors import Misconfigured
from memory.window import HistoryWindow


def words(text: str) -> int:
    return len(text.split())


def turn(number: int, length: int) -> Turn:
    """A turn of ``length`` words: one in the question, the others in the answer."""
    question = f"Q{number}"
    return Turn(str(number), question, Query(question, question), Answer("w " * (length - 1), AnswerKind.QUOTED))


def kept(window: HistoryWindow, *lengths: int) -> list[int]:
    return [int(t.id) for t in window.fit([turn(number, length) for number, length in enumerate(lengths)])]


def test_everything_fits_a_roomy_window() -> None:
    assert kept(HistoryWindow(10, 100, words), 5, 5, 5) == [0, 1, 2]


def test_nothing_gives_nothing() -> None:
    assert HistoryWindow(10, 100, words).fit([]) == ()


def test_the_newest_are_kept_when_there_are_too_many() -> None:
    assert kept(HistoryWindow(2, 100, words), 5, 5, 5) == [1, 2]


def test_a_turn_is_in_whole_or_not_at_all() -> None:
    assert kept(HistoryWindow(10, 10, words), 5, 5, 5) == [1, 2]
    assert kept(HistoryWindow(10, 9, words), 5, 5, 5) == [2]


def test_an_old_short_turn_does_not_slip_past_a_long_one() -> None:
    assert kept(HistoryWindow(10, 10, words), 1, 50, 5) == [2]


def test_the_newest_is_kept_even_alone_over_the_budget() -> None:
    assert kept(HistoryWindow(10, 3, words), 1, 50) == [1]


@given(st.lists(st.integers(1, 30), max_size=12), st.integers(1, 12), st.integers(1, 60))
def test_the_window_is_the_longest_tail_within_both_bounds(lengths: list[int], turns: int, tokens: int) -> None:
    start = kept(HistoryWindow(turns, tokens, words), *lengths)
    fitting = [n for n in range(1, len(lengths) + 1) if n <= turns and sum(lengths[-n:]) <= tokens]
    size = max(fitting, default=min(1, len(lengths)))
    assert start == list(range(len(lengths) - size, len(lengths)))


def test_only_turns_in_the_window_are_counted() -> None:
    counted: list[str] = []

    def count(text: str) -> int:
        counted.append(text)
        return 1

    HistoryWindow(2, 100, count).fit([turn(number, 2) for number in range(50)])
    assert {text for text in counted if text.startswith("Q")} == {"Q48", "Q49"}


@pytest.mark.parametrize(("turns", "tokens", "name"), [(0, 5, "max_turns"), (5, 0, "max_tokens")])
def test_a_window_for_nothing_is_refused(turns: int, tokens: int, name: str) -> None:
    with pytest.raises(Misconfigured, match=f"{name} is 0"):
        HistoryWindow(turns, tokens, words)


def test_the_whole_turn_is_handed_on_as_it_is(make_turn: Callable[..., Turn]) -> None:
    only = make_turn(1)
    assert HistoryWindow(1, 1, words).fit([only])[0] is only
