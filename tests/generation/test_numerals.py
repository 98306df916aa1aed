from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.numerals import plain_figures


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        ("twenty-four months", "24 months"),
        ("twenty four months", "24 months"),
        ("a hundred and fifty pounds", "150 pounds"),
        ("two hundred", "200"),
        ("one thousand users", "1000 users"),
        ("one month", "1 month"),
        ("the new one", "the new one"),
        ("£1,200 and 1,5", "£1200 and 1,5"),
        ("5 per cent", "5 %"),
        ("5 percent", "5 %"),
        ("half an hour", "30 minutes"),
        ("twice a year", "2 times a year"),
        ("lasts a month", "lasts 1 month"),
        ("within an hour", "within 1 hour"),
        ("£9 a month", "£9 a month"),
        ("10–20\u00a0GB", "10-20 GB"),
        ("don’t", "don't"),
        ("soft\u00adly", "softly"),
    ],
)
def test_figures_have_one_spelling(said: str, plain: str) -> None:
    assert plain_figures(said) == plain


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_a_plain_text_stays_as_it_is(text: str) -> None:
    once = plain_figures(plain_figures(plain_figures(text)))
    assert plain_figures(once) == once
