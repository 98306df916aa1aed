from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.bounds import LONGEST_TITLE, shortened_title


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("", ""),
        ("  How \n much?\t", "How much?"),
        ("x" * 60, "x" * 60),
        ("x" * 61, "x" * 59 + "…"),
        ("word " * 12 + "last", "word " * 11 + "word…"),
        ("a" * 58 + ", and then some more", "a" * 58 + "…"),
        ("a" * 59 + " b", "a" * 59 + "…"),
    ],
)
def test_a_title_is_one_line_cut_after_a_whole_word(text: str, title: str) -> None:
    assert shortened_title(text) == title


@given(st.text(max_size=200))
def test_a_title_fits_the_list_and_begins_as_the_text_does(text: str) -> None:
    title = shortened_title(text)
    assert len(title) <= LONGEST_TITLE
    assert "\n" not in title
    assert " ".join(text.split()).startswith(title.removesuffix("…"))
