from __future__ import annotations

from collections.abc import Iterator, Sequence

from domain.conversation import Turn
from domain.passage import RetrievedPassage
from domain.protocols import Draft
from evaluation.fusion import FusionQuestion, measure, report, written
from generation.seq2seq import FusionMode
from tests.generation.evidence import passage


class Echo:
    """Writes the mode's name before the text of the first passage."""

    def __init__(self, mode: FusionMode) -> None:
        self.mode = mode

    def stream(
        self, question: str, history: Sequence[Turn], evidence: Sequence[RetrievedPassage]
    ) -> Iterator[str | tuple[Draft, ...]]:
        text = evidence[0].passage.text if self.mode is FusionMode.FID else "nothing of it"
        yield text[:4]
        yield (Draft(text, -1.0, 3, "beam 1"),)


FOUND = (passage(1, "The fee is nine pounds."),)
ASKED = [FusionQuestion("What is the fee?", FOUND, "The fee is nine pounds.")]


def test_every_mode_is_measured_on_the_same_questions() -> None:
    lines = measure(ASKED * 2, Echo, lambda: 12.0, lambda done, total: None)
    assert [line.mode for line in lines] == list(FusionMode)
    assert {line.mode: line.f1 for line in lines} == {
        FusionMode.CONCAT: (0.0, 0.0),
        FusionMode.FID: (1.0, 1.0),
        FusionMode.RAG_SEQUENCE: (0.0, 0.0),
        FusionMode.RAG_TOKEN: (0.0, 0.0),
    }
    table = report(lines, {})
    assert [row[:2] for row in table.rows][1] == ("fid", "100.0 [100.0–100.0]")
    assert [row[5] for row in table.rows] == ["12"] * 4


def test_the_first_text_comes_before_the_end() -> None:
    text, first, whole = written(Echo(FusionMode.FID), ASKED[0])
    assert text == "The fee is nine pounds."
    assert 0 < first <= whole
