"""Names learnt from a collection: which words they are, which stand for one another, and when one is displaced."""

from __future__ import annotations

import pytest

from generation.rivals import RivalNames

TEXTS = [
    f"{what} in {country} on every contract."
    for what in ("The fee is charged", "Moving takes a week", "Ask the team")
    for country in ("the UK", "Ireland")
] + ["The Kestrel phone is sold by shops.", "Return the Kestrel phone by post.", "A new Kestrel phone costs more."]
NAMES = RivalNames(TEXTS)


def test_names_are_words_that_are_capitalised_in_the_middle_of_sentences() -> None:
    assert NAMES.names == {"uk", "ireland", "kestrel"}


def test_a_word_that_is_often_small_is_no_name() -> None:
    assert RivalNames([*TEXTS, *["see the kestrel fly"] * 3]).names == {"uk", "ireland"}


def test_a_word_used_less_than_three_times_is_no_name() -> None:
    assert "wales" not in RivalNames([*TEXTS, "We serve Wales.", "Call from Wales."]).names


def test_names_among_the_same_words_are_rivals_both_ways() -> None:
    assert NAMES.of("uk") == {"ireland"}
    assert NAMES.of("ireland") == {"uk"}
    assert NAMES.of("kestrel") == frozenset()
    assert NAMES.of("fee") == frozenset()


@pytest.mark.parametrize(
    ("question", "text", "displaced"),
    [
        ("What is the fee in the UK?", "The fee in Ireland is €6.", 1),
        ("what is the fee in the uk", "The fee in Ireland is €6.", 1),
        ("What is the fee in the UK?", "The fee in the UK is £5, in Ireland €6.", 0),
        ("What is the fee in the UK?", "The fee is £5.", 0),
        ("What is the fee?", "The fee in Ireland is €6.", 0),
        ("Is the fee the same in the UK and Ireland?", "The fee in Ireland is €6.", 0),
        ("What is the fee in the UK?", "The Kestrel has a fee.", 0),
        ("", "", 0),
    ],
)
def test_a_name_is_displaced_where_only_its_rival_stands(question: str, text: str, displaced: int) -> None:
    assert NAMES.displaced(question, [text]) == displaced


@pytest.mark.parametrize(
    ("levels", "displaced"),
    [
        (["The fee is €6.", "Fee in Ireland", "Fees in the UK"], 1),
        (["The fee is £5.", "Fee in the UK", "Fees in Ireland"], 0),
        (["The fee in the UK is £5.", "Fee in Ireland"], 0),
        (["The fee is £5.", "Amounts", "Fees in Ireland"], 1),
        (["The fee is £5."], 0),
    ],
)
def test_the_nearest_heading_that_names_one_decides(levels: list[str], displaced: int) -> None:
    assert NAMES.displaced("What is the fee in the UK?", levels) == displaced


def test_an_empty_collection_has_no_names() -> None:
    assert RivalNames([]).displaced("in the UK", ["in Ireland"]) == 0
