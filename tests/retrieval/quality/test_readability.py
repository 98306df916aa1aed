from __future__ import annotations

import pytest

from retrieval.quality.findings import Kind
from retrieval.quality.readability import find_hard_passages, reading_ease, syllables
from tests.retrieval.quality.handbook import article

PLAIN = "The cat sat on the mat. " * 8
HARD = "Administrative reconsideration necessitates comprehensive documentation of extraordinary circumstances " * 5


@pytest.mark.parametrize(
    ("word", "count"), [("cat", 1), ("make", 1), ("table", 2), ("wanted", 2), ("asked", 1), ("reading", 2), ("see", 1)]
)
def test_syllables_of_common_words(word: str, count: int) -> None:
    assert syllables(word) == count


def test_flesch_by_hand() -> None:
    ease = reading_ease(PLAIN)
    assert ease is not None
    assert (ease.words, ease.sentences) == (48, 8)
    assert ease.flesch == pytest.approx(206.835 - 1.015 * 6 - 84.6 * 1)


def test_few_words_and_tables_have_no_figure() -> None:
    assert reading_ease("The cat sat on the mat.") is None
    assert reading_ease("\n".join(["a cat | a mat | a hat | a bat"] * 20)) is None


def test_the_hardest_passage_comes_first_and_plain_ones_are_left_out() -> None:
    harder = f"{HARD.strip()}."
    hard = " ".join(f"{HARD.strip()}".split()[:45]).replace(" necessitates", ". It needs") + "."
    found = find_hard_passages([article("plain", PLAIN), article("hard", hard), article("harder", harder)])
    assert [(one.kind, one.places[0].document_id) for one in found] == [
        (Kind.HARD_TO_READ, "harder"),
        (Kind.HARD_TO_READ, "hard"),
    ]
