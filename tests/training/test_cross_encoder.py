"""The cross-encoder learns, is calibrated in its own weights, and opens in every library with the same scores."""

from __future__ import annotations

import json
import random
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers import CrossEncoder
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from domain.errors import Misconfigured
from tests.training.tiny_models import tiny_bart, tiny_bert, tiny_roberta
from training.cross_encoder import (
    CrossEncoderOptions,
    Figures,
    fold_temperature,
    open_cross_encoder,
    train_cross_encoder,
)
from training.loop import LoopSettings, Trained
from training.pairs import Pair, halves, mined_pairs
from training.quantizing import QuantizedCrossEncoder, quantize

THINGS = ("router", "card", "bill", "shop", "desk")


def settings(folder: Path, steps: int, **more: Any) -> LoopSettings:
    return LoopSettings(
        folder, steps=steps, batch_size=16, new_rate=1e-2, old_rate=3e-3, warmup_steps=0, device="cpu", **more
    )


def mined_file(path: Path, count: int = 120) -> Path:
    """Passages that say what it "means" are right, those that say what it "costs" are wrong."""
    rng = random.Random(0)
    with path.open("w", encoding="utf-8") as file:
        for i in range(count):
            thing, days = rng.choice(THINGS), i % 10
            row = {
                "query": f"what is the {thing} {i}",
                "positive": {"title": thing, "text": f"the {thing} means {days} days"},
                "negatives": [{"title": thing, "text": f"the {thing} costs {days} pounds"}],
            }
            file.write(json.dumps(row) + "\n")
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trained, Figures]:
    folder = tmp_path_factory.mktemp("cross")
    options = CrossEncoderOptions(
        start=str(tiny_bert(folder / "start")),
        tokens=40,
        train=mined_file(folder / "mined.jsonl"),
        quantize="int8",
    )
    run = settings(folder / "run", 40, evaluate_steps=20)
    trained, figures = train_cross_encoder(None, run, folder / "made", options)
    return folder / "made", trained, figures


PAIRS = [("what is the card 3", "card\nthe card means 3 days"), ("what is the card", "card\nthe card costs 3 pounds")]


def test_training_teaches_it_which_passage_answers(made: tuple[Path, Trained, Figures]) -> None:
    _, trained, figures = made
    assert trained.steps == 40
    assert figures.auroc_after > 0.95
    assert trained.best["dev_loss"] < 0.6  # ln 2 = 0.69 knows nothing
    assert figures.pairs > 10


def test_the_temperature_is_in_the_configuration_and_the_figures(made: tuple[Path, Trained, Figures]) -> None:
    folder, _, figures = made
    assert json.loads((folder / "config.json").read_text())["calibration_temperature"] == figures.temperature
    assert json.loads((folder / "figures.json").read_text()) == {
        field.name: getattr(figures, field.name) for field in fields(figures)
    }


def test_every_library_gives_the_same_probability(made: tuple[Path, Trained, Figures]) -> None:
    folder = made[0]
    ours = CrossEncoder(str(folder), device="cpu").predict(PAIRS)
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    tokens = AutoTokenizer.from_pretrained(folder)(
        *map(list, zip(*PAIRS, strict=True)), padding=True, return_tensors="pt"
    )
    with torch.no_grad():
        theirs = model(**tokens).logits[:, 0].sigmoid()
    assert ours == pytest.approx(theirs.tolist(), abs=1e-5)


def test_the_card_of_the_library_that_quotes_training_rows_is_not_written(made: tuple[Path, Trained, Figures]) -> None:
    assert not (made[0] / "README.md").exists()
    assert (made[0] / "curve.csv").is_file()


def test_the_int8_conversion_scores_nearly_alike(made: tuple[Path, Trained, Figures]) -> None:
    plain = CrossEncoder(str(made[0]), device="cpu").predict(PAIRS)
    assert QuantizedCrossEncoder(made[0] / "int8", threads=1).predict(PAIRS) == pytest.approx(plain.tolist(), abs=0.05)


def test_a_roberta_is_converted_too(tmp_path: Path) -> None:
    model = open_cross_encoder(str(tiny_roberta(tmp_path / "start")), 40, "cpu")
    model.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    quantize(tmp_path / "saved", tmp_path / "int8")
    quantized = QuantizedCrossEncoder(tmp_path / "int8", threads=1).predict(PAIRS)
    assert quantized == pytest.approx(model.predict(PAIRS).tolist(), abs=0.02)


def test_an_encoder_without_a_converter_is_refused(tmp_path: Path) -> None:
    model = open_cross_encoder(str(tiny_bart(tmp_path / "start")), 40, "cpu")
    model.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    with pytest.raises(Misconfigured, match="--quantize"):
        quantize(tmp_path / "saved", tmp_path / "int8")


@pytest.mark.parametrize("start", [tiny_bert, tiny_roberta, tiny_bart])
def test_folding_divides_every_logit_by_the_temperature(start: Any, tmp_path: Path) -> None:
    model = open_cross_encoder(str(start(tmp_path)), 40, "cpu")
    before = model.predict(PAIRS, activation_fn=torch.nn.Identity())
    fold_temperature(model, 2.5, PAIRS)
    assert model.predict(PAIRS, activation_fn=torch.nn.Identity()) == pytest.approx(before / 2.5, abs=1e-5)


def test_a_start_that_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(Misconfigured, match="empty"):
        open_cross_encoder(str(tmp_path / "empty"), 40)


def test_nothing_to_train_on_is_said(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="--train"):
        train_cross_encoder(None, settings(tmp_path, 1), tmp_path / "made")


def test_no_query_is_both_learnt_and_measured(tmp_path: Path) -> None:
    pairs = mined_pairs(mined_file(tmp_path / "mined.jsonl"), 0)
    seen = [{pair.query for pair in part} for part in (pairs.train, pairs.choose, pairs.report)]
    assert sum(map(len, seen)) == 120 == len(set().union(*seen))
    assert all(seen)


def test_a_row_without_negatives_takes_a_near_passage_of_another(tmp_path: Path) -> None:
    file = tmp_path / "mined.jsonl"
    passages = ["the late fee is nine pounds", "the lost card fee is two pounds", "a red light means fault"]
    file.write_text("".join(json.dumps({"query": f"what is {p}", "positive": {"text": p}}) + "\n" for p in passages))
    found = mined_pairs(file, 0)
    pairs = [*found.train, *found.choose, *found.report]
    assert sorted(pair.label for pair in pairs) == [0, 0, 0, 1, 1, 1]
    assert {pair.passage for pair in pairs} == set(passages)


def test_halves_share_no_query() -> None:
    pairs = [Pair(f"query {i % 50}", "passage", 1) for i in range(100)]
    left, right = halves(pairs)
    assert len(left) + len(right) == 100
    assert {pair.query for pair in left}.isdisjoint(pair.query for pair in right)


def test_a_row_of_another_shape_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mined.jsonl"
    file.write_text('{"query": "q", "positive": {"text": "t"}}\n{"query": "q", "positive": "t"}\n')
    with pytest.raises(Misconfigured, match="row 2"):
        mined_pairs(file, 0)
