from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from corpora.reading import ReadingExample, read_reading
from domain.errors import Misconfigured
from tests.corpora.public_data import public

TEXT = "The ferry leaves at noon. Dogs may come aboard."


def squad(*questions: dict[str, Any]) -> dict[str, Any]:
    return {"version": "v2.0", "data": [{"title": "Ferries", "paragraphs": [{"context": TEXT, "qas": questions}]}]}


def asked(**changes: Any) -> dict[str, Any]:
    answers = [{"text": text, "answer_start": TEXT.index(text)} for text in ("noon", "at noon", "noon")]
    return {"id": "5a", "question": "When does it leave?", "answers": answers, **changes}


UNANSWERABLE = asked(
    id="5b", question="What does it cost?", is_impossible=True, answers=[], plausible_answers=[{"text": "noon"}]
)
FIRST = ReadingExample("5a", "When does it leave?", "Ferries", TEXT, ("noon", "at noon"), True)


def file(at: Path, *values: Any, indent: int | None = None) -> Path:
    path = at / "dev-v2.0.json"
    path.write_text("\n".join(json.dumps(value, indent=indent) for value in values), encoding="utf-8")
    return path


@pytest.mark.parametrize("indent", [None, 2])
def test_squad_1_is_read(tmp_path: Path, indent: int | None) -> None:
    assert list(read_reading(file(tmp_path, squad(asked()), indent=indent))) == [FIRST]


def test_squad_2_has_questions_without_an_answer(tmp_path: Path) -> None:
    assert list(read_reading(file(tmp_path, squad(asked(is_impossible=False), UNANSWERABLE)))) == [
        FIRST,
        ReadingExample("5b", "What does it cost?", "Ferries", TEXT, (), False),
    ]


def test_a_packed_squad_is_read(tmp_path: Path) -> None:
    path = tmp_path / "dev.json.gz"
    path.write_bytes(gzip.compress(json.dumps(squad(asked())).encode()))
    assert list(read_reading(path)) == [FIRST]


def test_packed_passages_with_their_questions_are_read(tmp_path: Path) -> None:
    row = {"title": "Ferries", "passage": TEXT, "qas": [{"q": "When?", "a": ["noon"]}, {"q": "Cost?", "a": []}]}
    assert list(read_reading(file(tmp_path, {**row, "qas": []}, row))) == [
        ReadingExample("dev-v2#2.1", "When?", "Ferries", TEXT, ("noon",), True),
        ReadingExample("dev-v2#2.2", "Cost?", "Ferries", TEXT, (), False),
    ]


def test_a_passage_for_each_question_is_read_with_every_stretch_of_its_answers(tmp_path: Path) -> None:
    row = {"q": "When?", "passage": TEXT, "type": "single", "a": ["noon", "at noon"]}
    spans = [[{"start": 20, "end": 24, "string": "noon"}, {"string": "Dogs"}], [{"string": "noon"}]]
    assert list(read_reading(file(tmp_path, row, {**row, "title": "Ferries", "a": spans}))) == [
        ReadingExample("dev-v2#1", "When?", "", TEXT, ("noon", "at noon"), True),
        ReadingExample("dev-v2#2", "When?", "Ferries", TEXT, ("noon", "Dogs"), True),
    ]


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (squad(asked(answers=[])), "row 1, paragraphs 1, qas 1: 'answers' is empty"),
        (squad(asked(answers=[{}])), "qas 1, answers 1: 'text' should be a string"),
        (squad(asked(id=7)), "'id' should be a string and is 7"),
        ({"data": [{"paragraphs": [{"context": "", "qas": [asked()]}]}]}, "'title' should be a string"),
        ({"data": [{"title": "", "paragraphs": {}}]}, "'paragraphs' should be a list"),
        ({"q": "When?", "passage": TEXT, "a": "noon"}, "'a' should be a list"),
        ({"q": "When?", "passage": TEXT, "a": [3]}, "'a' should be a list and is 3"),
        ({"question": "When?"}, "neither an article of SQuAD"),
        ({"data": []}, "the list is empty"),
    ],
)
def test_what_is_malformed_is_named(tmp_path: Path, value: Any, named: str) -> None:
    with pytest.raises(Misconfigured, match=rf"dev-v2\.0\.json.*{named}"):
        list(read_reading(file(tmp_path, value)))


@pytest.mark.parametrize("length", [0, 1, 40, -1])
def test_an_empty_or_broken_file_is_refused(tmp_path: Path, length: int) -> None:
    path = tmp_path / "train.json"
    path.write_text(json.dumps(squad(asked()))[:length])
    with pytest.raises(Misconfigured, match=r"train\.json"):
        list(read_reading(path))


@pytest.mark.parametrize(
    ("name", "questions", "passages"),
    [
        ("train/qa_squad1_trainpart", 11_877, 2_430),
        ("train/qa_squad1_dev_nosq2", 7_595, 1_414),
        ("train/qa_policyqa_dev", 3_809, 574),
        ("train/qa_qed_train", 7_167, None),
        ("dev/qa_qed_dev", 1_355, None),
    ],
)
def test_the_packed_sets_are_read(name: str, questions: int, passages: int | None) -> None:
    found = list(read_reading(public(f"{name}.jsonl.xz")))
    assert len(found) == len({row.id for row in found}) == questions
    assert passages is None or len({row.id.partition(".")[0] for row in found}) == passages
    assert all(row.answerable and row.answers for row in found)
