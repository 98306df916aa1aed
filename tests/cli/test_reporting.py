from __future__ import annotations

from pathlib import Path

import pytest

from cli.reporting import read_questions
from domain.errors import Misconfigured
from retrieval.quality.coverage import Asked


def written(folder: Path, text: str) -> Path:
    path = folder / "questions.jsonl"
    path.write_text(text, "utf-8")
    return path


def test_questions_are_read_a_line_each_and_empty_lines_passed_over(tmp_path: Path) -> None:
    text = '{"question": "how much?", "answered": false, "confidence": 0.25, "more": 1}\n\n'
    text += '{"question": "when?", "answered": true, "confidence": 1}\n'
    assert read_questions(written(tmp_path, text)) == (Asked("how much?", False, 0.25), Asked("when?", True, 1.0))


@pytest.mark.parametrize(
    "line",
    [
        "how much?",
        "[]",
        '{"question": "how much?"}',
        '{"question": "  ", "answered": true, "confidence": 1}',
        '{"question": "a", "answered": "yes", "confidence": 1}',
        '{"question": "a", "answered": true, "confidence": "1"}',
    ],
)
def test_a_line_that_is_no_question_is_named(tmp_path: Path, line: str) -> None:
    good = '{"question": "when?", "answered": true, "confidence": 1}'
    with pytest.raises(Misconfigured, match=r"Line 2 of .* is no question"):
        read_questions(written(tmp_path, f"{good}\n{line}\n"))


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        read_questions(tmp_path / "gone.jsonl")
