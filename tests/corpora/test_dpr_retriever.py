from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from corpora.dpr_retriever import FoundPassage, FoundQuestion, read_retriever_results
from domain.errors import Misconfigured

PASSAGE = {"id": "wiki:12", "title": "Ferry", "text": "It leaves at noon.", "score": "81.25", "has_answer": True}
ROW = {"question": "when does it leave", "answers": ["noon"], "ctxs": [PASSAGE, {**PASSAGE, "id": 7, "score": 80.5}]}
READ = FoundQuestion(
    "when does it leave",
    ("noon",),
    (
        FoundPassage("wiki:12", "Ferry", "It leaves at noon.", 81.25, True),
        FoundPassage("7", "Ferry", "It leaves at noon.", 80.5, True),
    ),
)


def test_questions_are_read_with_the_passages_found(tmp_path: Path) -> None:
    path = tmp_path / "nq-test.json"
    path.write_text(json.dumps([ROW, {**ROW, "ctxs": []}], indent=4))
    assert list(read_retriever_results(path)) == [READ, FoundQuestion("when does it leave", ("noon",), ())]


def test_a_packed_file_is_read_alike_and_one_row_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "nq-test.json.gz"
    path.write_bytes(gzip.compress(json.dumps([ROW, ROW])[:-30].encode()))
    stream = read_retriever_results(path)
    assert next(stream) == READ
    with pytest.raises(Misconfigured, match=r"nq-test\.json\.gz, after 1 values"):
        next(stream)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"score": "high"}, "'score' should be a number and is \"high\""),
        ({"score": None}, "'score' should be a number and is missing"),
        ({"has_answer": "yes"}, "'has_answer' should be true or false"),
        ({"text": None}, "'text' should be a string and is missing"),
        ({"id": [1]}, "'id' should be a string"),
    ],
)
def test_a_malformed_passage_is_named(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    path = tmp_path / "nq-test.json"
    path.write_text(json.dumps([ROW, {**ROW, "ctxs": [PASSAGE, {**PASSAGE, **change}]}]))
    with pytest.raises(Misconfigured, match=rf"nq-test\.json, row 2, ctxs 2: {named}"):
        list(read_retriever_results(path))


@pytest.mark.parametrize("text", ["", "[]", "[{}]", '{"0": 1}'])
def test_an_empty_or_another_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "nq-test.json").write_text(text)
    with pytest.raises(Misconfigured, match=r"nq-test\.json"):
        list(read_retriever_results(tmp_path / "nq-test.json"))
