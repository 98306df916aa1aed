from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.main import main
from domain.corrections import Correction, CorrectionKind, Excerpt
from memory.corrections_file import FILE_NAME, CorrectionFile

FEES = Excerpt("fees#1", "fees.md", "Fees › Moving", "Moving costs £20.")
VISITS = Excerpt("visits#0", "visits.md", "Visits", "A visit costs £60.")


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory with two corrections, of two knowledge bases."""
    monkeypatch.setenv("COLLOQUY_DATA_DIR", str(tmp_path))
    kept = CorrectionFile(tmp_path / FILE_NAME)
    asked = ("and moving?", "What does moving cost?")
    about = ("help", *asked, (), "£60", "Moving costs £20.", FEES, (VISITS,))
    kept.add(Correction("c1" * 8, 1_790_000_000.0, "Ann\x1b[31m", CorrectionKind.ANSWER, *about))
    kept.add(Correction("c2", 1_790_000_060.0, "Bob", CorrectionKind.WRONG_PASSAGE, "other", *asked, wrong=(VISITS,)))
    return tmp_path


def test_what_was_put_right_is_listed_without_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corrections", "list"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "c1c1c1c1  2026-09-21 14:13  answer  Ann[31m  What does moving cost?",
        "    right: Moving costs £20.",
        "    from:  Fees › Moving",
        "    not:   Visits",
        "c2  2026-09-21 14:14  wrong_passage  Bob  What does moving cost?",
        "    not:   Visits",
    ]


def test_the_list_is_also_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corrections", "list", "--json"]) == 0
    assert [row["kind"] for row in json.loads(capsys.readouterr().out)] == ["answer", "wrong_passage"]


@pytest.mark.parametrize(
    ("options", "count"),
    [([], 3), (["--as", "retrieval"], 1), (["--as", "quality"], 1), (["--kb", "other"], 1), (["--kb", "nope"], 0)],
    ids=["reading", "retrieval", "quality", "of one knowledge base", "of none"],
)
def test_rows_are_written_to_train_on(data: Path, options: list[str], count: int) -> None:
    assert main(["corrections", "export", str(data / "rows.jsonl"), *options]) == 0
    rows = [json.loads(line) for line in (data / "rows.jsonl").read_text("utf-8").splitlines()]
    assert len(rows) == count


def test_a_file_that_cannot_be_written_is_said(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corrections", "export", str(data / "nowhere" / "rows.jsonl")]) == 2
    assert "cannot be written" in capsys.readouterr().err
