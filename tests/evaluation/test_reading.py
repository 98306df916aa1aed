from __future__ import annotations

from collections.abc import Sequence

import pytest

from corpora.reading import ReadingExample
from domain.passage import Passage
from domain.protocols import Evidence
from evaluation.reading import best_span, measure, report, span_score
from evaluation.windows import STRIDE_WORDS, WINDOW_WORDS, windows


class FindsTheWord:
    """The span is the query's last word where it stands (relevance 1), else the first word (relevance 0.1)."""

    def __call__(self, query: str, passages: Sequence[Passage]) -> list[Evidence]:
        return [self._one(query.split()[-1], passage.text) for passage in passages]

    def _one(self, word: str, text: str) -> Evidence:
        at = text.find(word)
        span = (at, at + len(word)) if at >= 0 else (0, len(text.split()[0]))
        return Evidence(1.0 if at >= 0 else 0.1, ((0, len(text)),), (0.5,), span)


def asked(question: str, passage: str, *answers: str) -> ReadingExample:
    return ReadingExample("1", question, "Title", passage, answers, bool(answers))


def test_a_short_passage_is_one_window_and_stays_as_it_is() -> None:
    (only,) = windows("Title", " spaced   out ")
    assert (only.text, only.span, only.title) == (" spaced   out ", (0, 14), "Title")


@pytest.mark.parametrize("count", [WINDOW_WORDS, WINDOW_WORDS + 1, WINDOW_WORDS + STRIDE_WORDS, 200, 777])
def test_every_word_and_every_short_stretch_is_whole_in_a_window(count: int) -> None:
    text = "  ".join(f"w{n}" for n in range(count))
    pieces = windows("T", text)
    assert all(len(piece.text.split()) <= WINDOW_WORDS for piece in pieces)
    assert all(piece.text == text[slice(*piece.span)] for piece in pieces)
    for n in range(count - STRIDE_WORDS + 1):
        stretch = "  ".join(f"w{m}" for m in range(n, min(n + STRIDE_WORDS, count)))
        assert any(stretch in piece.text for piece in pieces)
    assert len({piece.id for piece in pieces}) == len(pieces)


def test_the_most_believed_window_gives_the_span() -> None:
    long = " ".join(["filler"] * 300 + ["gold"])
    assert best_span(asked("where is gold", long, "gold"), FindsTheWord()) == ("gold", 4)
    assert best_span(asked("x", "no span"), lambda query, passages: [Evidence(0.9)] * len(passages)) == ("", 1)


def test_a_span_is_believed_as_its_sentence_and_its_passage() -> None:
    reading = Evidence(0.5, ((0, 10), (10, 20)), (0.9, 0.2), (10, 12))
    assert span_score(reading) == pytest.approx(0.1)
    assert span_score(Evidence(0.5)) == 0.0


def test_short_and_long_passages_are_told_apart() -> None:
    long = " ".join(["filler"] * 300 + ["gold"])
    questions = [
        asked("where is gold", "here gold lies", "gold"),
        asked("where is silver", "here gold lies", "gold"),
        asked("where is gold", long, "the gold", "silver"),
    ]
    done: list[tuple[int, int]] = []
    lines = measure(questions, FindsTheWord(), lambda *at: done.append(at))
    found = {line.name: (line.count, line.measures["exact"].mean, line.measures["F1"].mean) for line in lines}
    assert found == {"all": (3, 2 / 3, 2 / 3), "one window": (2, 0.5, 0.5), "several windows": (1, 1.0, 1.0)}
    assert done == [(1, 3), (2, 3), (3, 3)]
    assert "several windows" in report(lines, "Reading", {"commit": "abc"}).as_markdown()
