"""Full-size answerers learn end to end, and their folders open in transformers."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from domain.errors import Misconfigured
from generation.fusing import Fusion, Layout, read_layout
from generation.torch_fid import FusionInDecoder
from tests.training.tiny_models import tiny_bart, tiny_bert, tiny_t5
from training.answering_data import NO_ANSWER, AnswerRow
from training.batches import mean_loss
from training.distractors import distracted
from training.loop import LoopSettings
from training.seq2seq import Collator, Seq2SeqOptions, encode, fit, layout_for, open_seq2seq

COLOURS = ("red", "blue", "green")


def rows(count: int, seed: int) -> list[AnswerRow]:
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        passages = tuple(("light", f"{colour} means {rng.choice(('fault', 'closed', 'new'))}") for colour in COLOURS)
        i = rng.randrange(4)
        reply = passages[i][1] if i < 3 else NO_ANSWER
        made.append(
            AnswerRow(f"what is {COLOURS[i] if i < 3 else 'card'}", passages[: rng.randint(max(1, i), 3)], reply)
        )
    return made


@pytest.mark.parametrize("fusion", ["fid", "concat"])
@pytest.mark.parametrize("start", [tiny_bart, tiny_t5])
def test_each_model_learns_with_each_fusion(start: Callable[[Path], Path], fusion: Fusion, tmp_path: Path) -> None:
    inner, tokenizer = open_seq2seq(str(start(tmp_path / "start")))
    model, layout = FusionInDecoder(inner), Layout(fusion, window=60, reply=12)
    held_out = rows(12, 1)
    settings = LoopSettings(
        tmp_path / "run", steps=24, batch_size=8, old_rate=1e-2, warmup_steps=0, device="cpu", save_steps=12,
        evaluate_steps=12,
    )  # fmt: skip
    examples = [encode(tokenizer, layout, row) for row in held_out]
    before = mean_loss(model.eval(), examples, Collator(tokenizer.pad_token_id))
    fit(model.train(), tokenizer, layout, (rows(64, 0), held_out), settings, tmp_path / "made")
    after = mean_loss(model.eval(), examples, Collator(tokenizer.pad_token_id))
    assert after < before - 1
    check_folder(tmp_path / "made", FusionInDecoder(inner.eval()), layout, examples)


def check_folder(folder: Path, model: FusionInDecoder, layout: Layout, examples: list[dict[str, object]]) -> None:
    """It opens in transformers and gives the logits of the model that was trained."""
    again = FusionInDecoder(AutoModelForSeq2SeqLM.from_pretrained(folder, use_safetensors=True).eval())
    tokenizer = AutoTokenizer.from_pretrained(folder)
    batch = Collator(tokenizer.pad_token_id)(examples)
    with torch.no_grad():
        assert torch.allclose(again(**batch).logits, model(**batch).logits, atol=1e-5)
    assert read_layout(folder) == layout
    assert [encode(tokenizer, layout, row) for row in rows(12, 1)] == examples
    with (folder / "curve.csv").open() as file:
        assert [row["dev_loss"] for row in csv.DictReader(file) if row["dev_loss"]]


def test_a_loss_weighs_every_token_alike(tmp_path: Path) -> None:
    inner, tokenizer = open_seq2seq(str(tiny_bart(tmp_path)))
    model, layout = FusionInDecoder(inner.eval()), Layout(window=60)
    examples = [encode(tokenizer, layout, row) for row in rows(7, 3)]
    collate = Collator(tokenizer.pad_token_id)
    assert mean_loss(model, examples, collate, 3) == pytest.approx(mean_loss(model, examples, collate, 100), abs=1e-5)


def test_only_t5_is_told_its_task(tmp_path: Path) -> None:
    bart, t5 = open_seq2seq(str(tiny_bart(tmp_path / "b")))[0], open_seq2seq(str(tiny_t5(tmp_path / "t")))[0]
    options = Seq2SeqOptions("x", window=100)
    assert layout_for(bart, options).prefix == ""
    assert layout_for(t5, options).prefix.endswith(": ")
    assert layout_for(t5, Seq2SeqOptions("x", prefix="", window=100)).prefix == ""


def test_a_window_beyond_the_positions_is_refused(tmp_path: Path) -> None:
    bart, t5 = open_seq2seq(str(tiny_bart(tmp_path / "b")))[0], open_seq2seq(str(tiny_t5(tmp_path / "t")))[0]
    with pytest.raises(Misconfigured, match="128"):
        layout_for(bart, Seq2SeqOptions("x", window=129))
    assert layout_for(t5, Seq2SeqOptions("x", window=4096)).window == 4096


def test_a_pickled_checkpoint_is_refused(tmp_path: Path) -> None:
    folder = tiny_bart(tmp_path)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(Misconfigured, match="safetensors"):
        open_seq2seq(str(folder))


def test_weights_with_a_hole_are_refused(tmp_path: Path) -> None:
    folder = tiny_bart(tmp_path)
    state = load_file(folder / "model.safetensors")
    del state["model.decoder.layers.1.fc1.weight"]
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(Misconfigured, match=r"layers\.1\.fc1"):
        open_seq2seq(str(folder))


def test_a_model_that_does_not_write_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="'bert'"):
        open_seq2seq(str(tiny_bert(tmp_path)))


def test_another_family_is_refused(tmp_path: Path) -> None:
    folder = tiny_bart(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "pegasus", "architectures": ["PegasusForConditionalGeneration"]}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(Misconfigured, match="pegasus"):
        open_seq2seq(str(folder))


def test_distractors_stand_beside_the_right_passage_or_in_its_place() -> None:
    found = [
        AnswerRow(
            f"what is the fee of thing{i}", (("", f"The fee of thing{i} is {i} pounds."),), f"It is {i} pounds, sir."
        )
        for i in range(200)
    ]
    made = list(distracted(found, 3, random.Random(0)))
    places = set()
    for before, after in zip(found, made, strict=True):
        assert 1 <= len(set(after.passages)) == len(after.passages) <= 3
        assert (before.passages[0] in after.passages) == (after.reply != NO_ANSWER)
        if after.reply != NO_ANSWER:
            places.add((len(after.passages), after.passages.index(before.passages[0])))
    assert places == {(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)}
    assert 4 <= sum(row.reply == NO_ANSWER for row in made) <= 30
    assert {len(row.passages) for row in made if row.reply == NO_ANSWER} == {1, 2, 3}


def test_a_row_without_an_answer_gets_no_passage_that_might_hold_one() -> None:
    found = [AnswerRow("what fee", (("", f"The fee is {i}."),), NO_ANSWER) for i in range(9)]
    assert list(distracted(found, 3, random.Random(0))) == found
