"""Denoising goes over text as it stands, and what comes out is a start for answering."""

from __future__ import annotations

import csv
import json
import lzma
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from domain.errors import Misconfigured
from generation.weights import open_copy_bart
from tests.training.tiny_models import tiny_bart, tiny_t5
from training.denoising import DenoisingOptions, NoisedPieces, is_copy_bart, noise_for, pieces, texts, train_denoising
from training.loop import LoopSettings
from training.minilm import minilm_folder
from training.seq2seq import open_seq2seq

PAGE = "The late bill costs nine pounds. We send a new card in two days! The shop is closed on sunday."


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "sets" / "train"
    folder.mkdir(parents=True)
    pack(folder / "doc_pages.jsonl.xz", [{"p": f"{i}", "t": f"Page {i}", "x": PAGE} for i in range(30)])
    pack(folder / "dlg_one.jsonl.xz", [["U: what is the fee", "S: nine pounds"]])
    pack(folder / "dlg_two.jsonl.xz", [{"dom": ["shop"], "t": ["U: closed?", "S: no"]}])
    return folder.parent


def pack(path: Path, found: list[Any]) -> None:
    with lzma.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in found)


def test_pages_come_with_their_titles_and_dialogues_without_speakers(data: Path) -> None:
    found = list(texts(data))
    assert len(found) == 32
    assert found[0] == f"Page 0\n{PAGE}"
    assert found[-2:] == ["what is the fee\nnine pounds", "closed?\nno"]


def test_a_folder_without_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="doc_"):
        list(texts(tmp_path))


def test_pieces_hold_every_token_and_fit(tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_bart(tmp_path))
    text = PAGE * 5
    found = list(pieces(text, tokenizer, 17))
    tokens = [token for piece in found for sentence in piece for token in sentence]
    assert tokens == tokenizer(text, add_special_tokens=False).input_ids
    assert all(sum(map(len, piece)) <= 17 for piece in found)


def test_an_example_is_the_same_whenever_it_is_asked_for_and_another_each_round(tmp_path: Path) -> None:
    inner, tokenizer = open_seq2seq(str(tiny_bart(tmp_path)))
    found = list(pieces(PAGE, tokenizer, 50))
    examples = NoisedPieces(found, noise_for(inner, tokenizer, DenoisingOptions()), 40, seed=3)
    assert len(found) == 1
    assert examples[7] == examples[7]
    assert len({tuple(example["input_ids"]) for example in examples}) > 30
    assert len({tuple(example["labels"]) for example in examples}) == 1


def test_bart_writes_the_text_as_it_was(tmp_path: Path) -> None:
    inner, tokenizer = open_seq2seq(str(tiny_bart(tmp_path)))
    (piece,) = pieces(PAGE, tokenizer, 50)
    source, target = noise_for(inner, tokenizer, DenoisingOptions())(piece, random.Random(0))
    assert target == tokenizer(PAGE).input_ids
    assert tokenizer.mask_token_id in source
    assert (source[0], source[-1]) == (0, 2)


def test_t5_writes_what_the_sentinels_hide(tmp_path: Path) -> None:
    inner, tokenizer = open_seq2seq(str(tiny_t5(tmp_path)))
    (piece,) = pieces(PAGE, tokenizer, 60)
    source, target = noise_for(inner, tokenizer, DenoisingOptions(rate=0.3))(piece, random.Random(0))
    first = tokenizer.convert_tokens_to_ids("<extra_id_0>")
    assert source[-1] == target[-1] == tokenizer.eos_token_id
    assert [t for t in source if t > first - 20] == [t for t in target if t > first - 20][:-1]
    assert target[0] == first
    kept = [t for t in [*source, *target] if first - 20 < t <= first or t == tokenizer.eos_token_id]
    assert len(source) + len(target) - len(kept) == sum(map(len, piece))


@pytest.mark.parametrize("start", [tiny_bart, tiny_t5])
def test_hub_models_learn_from_noise(start: Callable[[Path], Path], data: Path, tmp_path: Path) -> None:
    settings = LoopSettings(
        tmp_path / "run", steps=24, batch_size=8, old_rate=1e-2, warmup_steps=0, device="cpu", evaluate_steps=12
    )
    options = DenoisingOptions(str(start(tmp_path / "start")), tokens=60)
    trained = train_denoising(data, settings, tmp_path / "made", options)
    open_seq2seq(str(tmp_path / "made"))  # refuses what lacks a tensor
    with (tmp_path / "made" / "curve.csv").open() as file:
        losses = [float(row["dev_loss"]) for row in csv.DictReader(file) if row["dev_loss"]]
    assert losses[-1] < losses[0]
    assert trained.best["dev_loss"] == min(losses)


@pytest.mark.models
def test_copy_bart_comes_out_as_it_ships(data: Path, tmp_path: Path) -> None:
    settings = LoopSettings(tmp_path / "run", steps=1, batch_size=2, device="cpu")
    train_denoising(data, settings, tmp_path / "made", DenoisingOptions(tokens=24, limit=4))
    assert is_copy_bart(tmp_path / "made")
    open_copy_bart(tmp_path / "made", minilm_folder())
