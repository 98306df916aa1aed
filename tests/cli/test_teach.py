"""``colloquy train`` with tiny hub models: options reach the trainers, and what they write opens again."""

from __future__ import annotations

import gzip
import inspect
import json
from pathlib import Path

import pytest
from sentence_transformers import CrossEncoder
from transformers import AutoModelForSeq2SeqLM, DPRContextEncoder, DPRQuestionEncoder

from cli.main import main
from cli.run_options import command_line
from tests.training.tiny_models import tiny_bart, tiny_bert
from tests.training.toy_data import write_toy_data

THINGS = ("bill", "card", "router", "light", "shop", "desk", "fault", "fee")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLOQUY_DATA_DIR", str(tmp_path / "home"))


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """DPR's own format, packed."""
    found = [
        {
            "question": f"what is the {thing}",
            "answers": [thing],
            "positive_ctxs": [{"title": thing, "text": f"the {thing} costs two pounds"}],
            "negative_ctxs": [],
            "hard_negative_ctxs": [{"title": other, "text": f"the {other} is new in weeks"}],
        }
        for thing, other in zip(THINGS, THINGS[1:] + THINGS[:1], strict=True)
    ]
    file = tmp_path / "biencoder-train.json.gz"
    with gzip.open(file, "wt", encoding="utf-8") as opened:
        json.dump(found, opened)
    return file


SHORT = ["--steps", "2", "--batch-size", "4", "--device", "cpu", "--warmup-steps", "0"]


def test_dpr_rows_train_towers_that_transformers_dpr_classes_open_and_that_mine(tmp_path: Path, rows: Path) -> None:
    start, made = tiny_bert(tmp_path / "start"), tmp_path / "made"
    command = ["train", "bi-encoder", "--train", str(rows), "--start", str(start), "--output", str(made), *SHORT]
    assert main([*command, "--towers", "separate", "--pooling", "cls", "--export-dpr", str(tmp_path / "dpr")]) == 0
    assert DPRQuestionEncoder.from_pretrained(tmp_path / "dpr" / "question_encoder").config.hidden_size == 32
    assert DPRContextEncoder.from_pretrained(tmp_path / "dpr" / "ctx_encoder").config.hidden_size == 32
    assert "biencoder-train.json.gz" in (made / "README.md").read_text("utf-8")
    mined = tmp_path / "mined.jsonl"
    asked = ["train", "mine-negatives", "--rows", str(rows), "--output", str(mined), "--model", str(made)]
    assert main([*asked, "--count", "2", "--skip-above", "1"]) == 0
    found = [json.loads(line) for line in mined.read_text("utf-8").splitlines()]
    assert len(found) == len(THINGS)
    assert all(row["positive"] not in row["negatives"] for row in found)


def test_a_cross_encoder_trained_from_mined_rows_opens_again_with_its_card(tmp_path: Path) -> None:
    file, made = tmp_path / "mined.jsonl", tmp_path / "made"
    lines = [
        {
            "query": f"what is the {thing} {n}",
            "positive": {"title": "", "text": f"the {thing} costs two pounds"},
            "negatives": [{"title": "", "text": f"the {other} is closed sunday"}],
        }
        for n in range(12)
        for thing, other in zip(THINGS, THINGS[3:] + THINGS[:3], strict=True)
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    start = tiny_bert(tmp_path / "start")
    words = ["train", "cross-encoder", "--train", str(file), "--start", str(start), "--output", str(made), *SHORT]
    assert main([*words, "--tokens", "32"]) == 0
    assert CrossEncoder(str(made)).predict([("what is the fee", "the fee costs two pounds")]).shape == (1,)
    assert "expected calibration error" in (made / "README.md").read_text("utf-8")


@pytest.mark.parametrize("fusion", ["fid", "concat"])
def test_an_answerer_from_a_hub_model_opens_again_as_one(tmp_path: Path, fusion: str) -> None:
    data, start, made = write_toy_data(tmp_path / "data"), tiny_bart(tmp_path / "start"), tmp_path / "made"
    words = ["train", "answerer", "--data", str(data), "--start", str(start), "--output", str(made), *SHORT]
    assert main([*words, "--limit", "8", "--fusion", fusion, "--window", "48"]) == 0
    assert AutoModelForSeq2SeqLM.from_pretrained(made).config.model_type == "bart"
    assert json.loads((made / "colloquy.json").read_text("utf-8"))["fusion"] == fusion


def test_the_command_line_on_a_card_names_what_differs_and_no_folder() -> None:
    def command(data: Path | None = None, steps: int = 10, resume: bool = True, loss: str = "nll") -> None: ...

    given = {"data": Path("/somewhere/secret/sets"), "steps": 20, "resume": False, "loss": "nll"}
    line = command_line("reader", given, inspect.signature(command).parameters)
    assert line == "colloquy train reader --data sets --steps 20 --no-resume"
