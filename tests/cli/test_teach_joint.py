"""``colloquy train joint`` from a file of passages and questions, with tiny models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from sentence_transformers import SentenceTransformer
from transformers import AutoModelForSeq2SeqLM

from cli.teach_joint import joint
from domain.errors import Misconfigured
from tests.training.joint_toys import PASSAGES, THINGS, VALUES
from tests.training.tiny_models import tiny_bart, tiny_bert


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLOQUY_DATA_DIR", str(tmp_path / "home"))


def run(*words: str) -> None:
    app = typer.Typer()
    app.command()(joint)
    app(args=list(words), standalone_mode=False)


def questions(path: Path) -> Path:
    rows = (
        {"passage": text, "qas": [{"q": f"what is the {thing} {n}", "a": [value]} for n in range(10)]}
        for (_, text), thing, value in zip(PASSAGES, THINGS, VALUES, strict=True)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


SHORT = ["--steps", "2", "--batch-size", "4", "--device", "cpu", "--warmup-steps", "0", "--evaluate-steps", "2"]
SMALL = ["--k", "2", "--window", "48", "--answer-tokens", "4", "--measured", "4"]


def test_towers_and_answerer_are_written_with_a_card_that_has_the_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, made = questions(tmp_path / "things.jsonl"), tmp_path / "made"
    towers, start = str(tiny_bert(tmp_path / "bert")), str(tiny_bart(tmp_path / "bart"))
    words = ["--train", str(file), "--towers", towers, "--start", start, "--output", str(made), *SHORT, *SMALL]
    run(*words, "--mode", "rag-token", "--reinforce", "0.1", "--baseline", "mean")
    assert SentenceTransformer(str(made / "towers"), device="cpu").encode_query(["what"]).shape == (1, 32)
    assert AutoModelForSeq2SeqLM.from_pretrained(made / "generator").config.model_type == "bart"
    card = (made / "README.md").read_text("utf-8")
    assert "things.jsonl" in card
    assert "REINFORCE with weight 0.1" in card
    assert "--mode rag-token" in card
    assert str(tmp_path) not in card
    for name in ("R@1", "R@5", "answer F1"):
        assert f"**Measured**: {name} " in card
    assert "gain" in capsys.readouterr().err


def test_an_answerer_that_is_not_there_is_named_before_anything_runs(tmp_path: Path) -> None:
    file = questions(tmp_path / "things.jsonl")
    with pytest.raises(Misconfigured, match="nowhere"):
        run("--train", str(file), "--start", str(tmp_path / "nowhere"), *SHORT, *SMALL)
    assert not (tmp_path / "home" / "training" / "joint" / "best.json").exists()
