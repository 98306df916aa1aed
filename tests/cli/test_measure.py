from __future__ import annotations

import json
import lzma
from pathlib import Path

import pytest

from cli.main import main


@pytest.mark.parametrize(
    "command",
    (
        "retrieval,retrieval-variants,rewriting,reading,answerability,support,answering,end-to-end,quality,planted,weighting"
    ).split(","),
)
def test_every_evaluation_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", command, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: colloquy evaluate {command} ")


@pytest.mark.parametrize("typed", [[], ["--data", "a", "--beir", "b"]])
def test_retrieval_wants_one_data_set(typed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "retrieval", *typed]) == 2
    assert "Give either --data" in capsys.readouterr().err


def test_a_missing_file_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "support", "--data", str(tmp_path / "absent.jsonl")]) == 2
    assert "absent.jsonl" in capsys.readouterr().err


def test_a_run_prints_its_table_and_writes_its_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        ["f", "m", "wow", "The fee is £20 in the UK.", "hi", "The fee is £20.", "Fully attributable"],
        ["f", "m", "wow", "The fee is £20 in the UK.", "hi", "The fee is £30.", "Not fully attributable"],
    ]
    with lzma.open(tmp_path / "begin.jsonl.xz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    report = tmp_path / "report.json"
    assert main(["evaluate", "support", "--data", str(tmp_path / "begin.jsonl.xz"), "--output", str(report)]) == 0
    assert "weakest sentence" in capsys.readouterr().out
    told = json.loads(report.read_text("utf-8"))
    assert told["results"][0]["AUROC"]["mean"] == 1.0
    assert told["facts"]["data"] == "begin.jsonl.xz"
    assert {"commit", "weights", "settings"} <= set(told["facts"])
