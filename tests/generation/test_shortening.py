from __future__ import annotations

import pytest

from domain.errors import Misconfigured
from generation.shortening import Readable, Shortened, shorten

TEXT = "The fee is nine pounds. We are open daily. Call us first!\nA card costs two."
SPANS = ((0, 23), (24, 42), (43, 57), (58, 76))


def words(heading: str, text: str) -> int:
    return len(heading.split()) + len(text.split())


def passage(*scores: float, heading: str = "Fees") -> Readable:
    return Readable(heading, TEXT, SPANS, scores)


def test_the_spans_of_these_tests_are_sentences() -> None:
    assert [TEXT[a:b] for a, b in SPANS] == [
        "The fee is nine pounds.",
        "We are open daily.",
        "Call us first!",
        "A card costs two.",
    ]


def test_what_fits_stays_as_it_is() -> None:
    shown = shorten(passage(0.1, 0.2, 0.3, 0.4), 17, words)
    assert shown == Shortened("Fees", TEXT)
    assert shown.is_whole


@pytest.mark.parametrize(
    ("scores", "tokens", "text", "left_out"),
    [
        ((0.9, 0.1, 0.2, 0.8), 10, "The fee is nine pounds. A card costs two.", 2),
        ((0.9, 0.1, 0.2, 0.8), 13, "The fee is nine pounds. Call us first!\nA card costs two.", 1),
        ((0.1, 0.2, 0.9, 0.8), 8, "Call us first!\nA card costs two.", 2),
        ((0.9, 0.8, 0.1, 0.1), 9, "The fee is nine pounds. Call us first!", 2),  # the second is too long
        ((0.5, 0.5, 0.5, 0.5), 6, "The fee is nine pounds.", 3),
        ((), 6, "The fee is nine pounds.", 3),
    ],
)  # fmt: skip
def test_the_best_sentences_that_fit_stay_in_order(
    scores: tuple[float, ...], tokens: int, text: str, left_out: int
) -> None:
    shown = shorten(passage(*scores), tokens, words)
    assert shown == Shortened("Fees", text, left_out)
    assert words(shown.heading, shown.text) <= tokens
    assert not shown.is_whole


def test_the_heading_gives_way_before_the_best_sentence_does() -> None:
    shown = shorten(passage(0.9, 0.1, 0.1, 0.1), 5, words)
    assert shown == Shortened("", "The fee is nine pounds.", 3, lost_heading=True)


def test_of_a_sentence_longer_than_the_room_the_beginning_stays() -> None:
    assert shorten(passage(0.9, 0.1, 0.1, 0.1), 4, words) == Shortened("Fees", "The fee is", 3, True)
    long = passage(0.9, 0.1, 0.1, 0.1, heading="Fees and bills")
    assert shorten(long, 4, words) == Shortened("", "The fee is nine", 3, True, True)


def test_a_text_without_sentences_is_one() -> None:
    assert shorten(Readable("", "one two three four"), 2, words) == Shortened("", "one two", 0, True)


def test_a_text_without_spaces_is_cut_by_characters() -> None:
    assert shorten(Readable("", "一二三四五"), 3, lambda _, text: len(text)).text == "一二三"


def test_a_word_is_not_cut_where_another_came_before_it() -> None:
    assert shorten(Readable("", "nine pounds"), 8, lambda _, text: len(text)).text == "nine"
    assert shorten(Readable("", "nine pounds"), 4, lambda _, text: len(text)).text == "nine"


@pytest.mark.parametrize(
    ("given", "tokens", "said"), [(passage(0.1), 9, "4 sentences and 1 scores"), (passage(), 0, "0 tokens")]
)
def test_what_cannot_be_shortened_is_refused(given: Readable, tokens: int, said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        shorten(given, tokens, words)
