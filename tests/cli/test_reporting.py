from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.main import main
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


@pytest.mark.models
def test_a_report_is_a_page_and_json_about_the_documents_that_were_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLLOQUY_DATA_DIR", str(tmp_path / "data"))
    docs = tmp_path / "docs"
    docs.mkdir()
    fee = "# {title}\n\nThe late payment fee for a broadband bill is {fee} for each overdue bill.\n"
    (docs / "fees.md").write_text(fee.format(title="Late payment fees", fee="£9"), "utf-8")
    (docs / "bills.md").write_text(fee.format(title="Overdue bills and late payment fees", fee="£12"), "utf-8")
    asked = written(tmp_path, '{"question": "can i pay by cheque?", "answered": false, "confidence": 0.1}\n')
    page, told = tmp_path / "report.html", tmp_path / "report.json"
    assert main(["ingest", str(docs), "--kb", "help"]) == 0
    assert main(["kb", "report", "help", "--questions", str(asked), "--output", str(page), "--output", str(told)]) == 0
    found = json.loads(told.read_text("utf-8"))
    assert (found["documents"], found["passages"]) == (2, 2)
    assert "can i pay by cheque?" in page.read_text("utf-8")
    assert "2 documents" in capsys.readouterr().out
