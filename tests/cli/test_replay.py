from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.batch_rows import BatchRow, Until
from cli.replay import BatchRun
from domain.answer import Answer, AnswerKind
from domain.conversation import Query, Turn
from domain.errors import Misconfigured, PartUnavailable, QuestionRejected


class Echo:
    """Answers every row with its question; raises what is planted for a question."""

    def __init__(self, planted: dict[str, Exception] | None = None) -> None:
        self.asked: list[str] = []
        self._planted = planted or {}

    def __call__(self, row: BatchRow) -> Turn:
        self.asked.append(row.question)
        if row.question in self._planted:
            raise self._planted[row.question]
        return Turn("t", row.question, Query(row.question, row.question), Answer(row.question, AnswerKind.QUOTED))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    path.write_text("".join(f'{{"id": "{name}", "question": "{name}?"}}\n' for name in "abc"))
    return path


def ids(target: Path) -> list[str]:
    return [json.loads(line)["id"] for line in target.read_text("utf-8").splitlines()]


def test_every_row_is_done_in_order(source: Path, tmp_path: Path) -> None:
    run = BatchRun(Echo(), Until.ANSWER)
    run.take(source, tmp_path / "out.jsonl")
    assert ids(tmp_path / "out.jsonl") == ["a", "b", "c"]
    assert (run.done, run.kept, run.left_out) == (3, 0, 0)


def test_rows_that_are_there_are_not_asked_again_and_a_torn_one_is(source: Path, tmp_path: Path) -> None:
    target, echo = tmp_path / "out.jsonl", Echo()
    target.write_text('{"id": "b", "query": "kept as it was"}\n{"id": "c", "qu')
    run = BatchRun(echo, Until.ANSWER)
    run.take(source, target)
    assert echo.asked == ["a?", "c?"]
    assert ids(target) == ["b", "a", "c"]
    assert "kept as it was" in target.read_text()
    assert (run.done, run.kept) == (2, 1)


def test_a_run_that_was_cut_off_anywhere_ends_up_the_same(source: Path, tmp_path: Path) -> None:
    BatchRun(Echo(), Until.ANSWER).take(source, tmp_path / "whole.jsonl")
    whole = (tmp_path / "whole.jsonl").read_bytes()
    for cut in range(0, len(whole), 7):
        target = tmp_path / "cut.jsonl"
        target.write_bytes(whole[:cut])
        BatchRun(Echo(), Until.ANSWER).take(source, target)
        assert target.read_bytes() == whole


def test_a_malformed_row_costs_nobody_else(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source.write_text(
        source.read_text() + 'nonsense\n{"id": "a", "question": "again"}\n{"id": "d", "question": "d?"}\n'
    )
    run = BatchRun(Echo(), Until.ANSWER)
    run.take(source, tmp_path / "out.jsonl")
    assert ids(tmp_path / "out.jsonl") == ["a", "b", "c", "d"]
    assert run.left_out == 2
    told = capsys.readouterr().err
    assert "Line 4 was left out: it is not JSON" in told
    assert "Line 5 was left out: its id 'a' came before" in told


@pytest.mark.parametrize("error", [QuestionRejected("too long"), RuntimeError("odd tensor")])
def test_a_row_that_fails_is_named_and_the_others_go_on(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    run = BatchRun(Echo({"b?": error}), Until.ANSWER)
    run.take(source, tmp_path / "out.jsonl")
    assert ids(tmp_path / "out.jsonl") == ["a", "c"]
    assert run.left_out == 1
    assert f"Line 2 was left out: {error}" in capsys.readouterr().err


def test_what_concerns_every_row_ends_the_run_and_keeps_what_is_done(source: Path, tmp_path: Path) -> None:
    with pytest.raises(PartUnavailable):
        BatchRun(Echo({"b?": PartUnavailable("busy")}), Until.ANSWER).take(source, tmp_path / "out.jsonl")
    assert ids(tmp_path / "out.jsonl") == ["a"]


def test_a_foreign_output_file_is_left_as_it_is(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "letter.txt"
    target.write_text("Dear Sir,\nyours\n")
    with pytest.raises(Misconfigured, match="no row of colloquy batch"):
        BatchRun(Echo(), Until.ANSWER).take(source, target)
    assert target.read_text() == "Dear Sir,\nyours\n"


def test_input_and_output_must_differ(source: Path) -> None:
    before = source.read_bytes()
    with pytest.raises(Misconfigured, match="both input and output"):
        BatchRun(Echo(), Until.ANSWER).take(source, source)
    assert source.read_bytes() == before


def test_paths_that_cannot_be_used_are_named(source: Path, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"absent\.jsonl"):
        BatchRun(Echo(), Until.ANSWER).take(tmp_path / "absent.jsonl", tmp_path / "out.jsonl")
    with pytest.raises(Misconfigured, match=r"no/folder/out\.jsonl"):
        BatchRun(Echo(), Until.ANSWER).take(source, tmp_path / "no/folder/out.jsonl")
