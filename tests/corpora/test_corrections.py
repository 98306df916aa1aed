from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from corpora.corrections import Format, rows_from, stretch_of
from corpora.reading import read_reading
from domain.corrections import Correction, CorrectionKind, Excerpt
from evaluation.quality import QualityConversation, load_quality
from training.retrieval_rows import RetrievalRow, rows_of

FEES = Excerpt("fees#1", "plans/fees.md", "Fees › Moving", "Moving costs £20.\nIt is free once a year.")
VISITS = Excerpt("visits#0", "visits.md", "Visits", "A visit costs £60.")
CORRECTION = Correction(
    "c1", 0.0, "Ann", CorrectionKind.ANSWER, "help", "and moving?", "What does moving cost?",
    answer="moving  costs £20.", right=FEES, wrong=(VISITS,),
)  # fmt: skip
UNTOLD = replace(CORRECTION, id="c2", answer="Twenty pounds.")
WRONG = replace(CORRECTION, id="c3", kind=CorrectionKind.WRONG_PASSAGE, answer="", right=None)


def written(folder: Path, form: Format, *corrections: Correction, name: str = "rows.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows_from(corrections, form)), "utf-8")
    return path


def test_the_reader_learns_where_the_answer_stands_and_where_none_does(tmp_path: Path) -> None:
    found = list(read_reading(written(tmp_path, "reading", CORRECTION)))
    assert [(one.question, one.title, one.passage, one.answers, one.answerable) for one in found] == [
        ("What does moving cost?", "Fees › Moving", FEES.text, ("Moving costs £20.",), True),
        ("What does moving cost?", "Visits", VISITS.text, (), False),
    ]


def test_an_answer_that_stands_in_no_passage_teaches_the_reader_only_what_is_wrong(tmp_path: Path) -> None:
    found = list(read_reading(written(tmp_path, "reading", UNTOLD)))
    assert [one.passage for one in found] == [VISITS.text]


def test_the_bi_encoder_learns_the_right_passage_against_the_wrong_ones(tmp_path: Path) -> None:
    positive, negative = ("Fees › Moving", FEES.text), ("Visits", VISITS.text)
    assert list(rows_of(written(tmp_path, "retrieval", CORRECTION, UNTOLD, WRONG))) == [
        RetrievalRow("What does moving cost?", positive, (negative,), ("Moving costs £20.",)),
        RetrievalRow("What does moving cost?", positive, (negative,)),
    ]


def test_the_quality_set_asks_what_was_put_right(tmp_path: Path) -> None:
    written(tmp_path, "quality", CORRECTION, UNTOLD, WRONG, name="quality_corrected.jsonl")
    (conversation,) = load_quality("all", tmp_path)
    assert isinstance(conversation, QualityConversation)
    (turn,) = conversation.turns
    assert (conversation.id, turn.query, turn.facts) == (
        "corrected-c1",
        "What does moving cost?",
        (("Moving costs £20.",),),
    )
    assert [(gold.file, gold.sentence) for gold in turn.gold] == [("plans/fees.md", "Moving costs £20.")]


@pytest.mark.parametrize(
    ("answer", "stretch"),
    [
        ("Moving costs £20. It is free", "Moving costs £20.\nIt is free"),
        ("MOVING", "Moving"),
        ("costs £21", ""),
        ("", ""),
        ("  ", ""),
        ("year. And", ""),
    ],
)
def test_a_stretch_is_found_whatever_its_case_and_spacing(answer: str, stretch: str) -> None:
    assert stretch_of(answer, FEES.text) == stretch


def test_a_beginning_that_comes_twice_is_followed_from_each_place() -> None:
    assert stretch_of("is free", "It is not, it is free.") == "is free"


def test_nothing_comes_of_nothing() -> None:
    kinds: tuple[Any, ...] = ("reading", "retrieval", "quality")
    assert [list(rows_from([], kind)) for kind in kinds] == [[], [], []]
