"""Trains the answerer: question + passages -> reply, by fusion-in-decoder on a copy BART.

It starts from the rewriter, whose decoder has already learnt to copy and to phrase; only what a service reply sounds
like, and where in a passage it stands, is left to learn.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from generation.weights import open_copy_bart
from training import loop
from training.answering_data import AnswerRow, development_rows, training_rows
from training.batches import mean_loss, pad
from training.cards import Card
from training.development import Development
from training.export import export_copy_bart
from training.minilm import is_new, minilm_folder, minilm_tokenizer

SOURCE_TOKENS = 208  # question, heading and one passage of the product's chunk size
TARGET_TOKENS = 80

CARD = Card(
    model="answerer",
    what="question and passages to a reply, by fusion-in-decoder on a copy BART.",
    architecture="as the rewriter's, which it was started from.",
    sources=(
        "Doc2Dial",
        "DSTC11 track 5",
        "DSTC9 FAQs",
        "MedQuAD",
        "SQuAD 1.1",
        "PolicyQA",
        "QED (Natural Questions)",
        "Colloquy's service conversations (corpora/data)",
    ),
    command="",
    figures=(),
    limits=(
        "Some 35 % of the rows carry a BM25-near distractor, 8 % nothing but distractors (“no answer”). It copies well "
        "and composes badly, so a draft is a candidate only when its words stand, in order, in one sentence of the "
        "evidence (`generation/weighting.py`).",
    ),
)


def train_answerer(
    data: Path, settings: loop.LoopSettings, destination: Path, limit: int | None = None, start: Path | None = None
) -> loop.Trained:
    """Trains on ``data`` and writes fp16 weights, configuration and curve to ``destination``.

    ``start``: the folder of the copy BART to begin with (the shipped rewriter by default). ``limit`` keeps that many
    training rows (a rehearsal).
    """
    tokenizer = minilm_tokenizer()
    torch.manual_seed(settings.seed)
    model = open_copy_bart(start or Path("models/rewriter"), minilm_folder())
    model.model.shared.weight.requires_grad_(False)
    examples = [encode(tokenizer, row) for row in training_rows(data, settings.seed)[:limit]]
    held_out = [encode(tokenizer, row) for row in development_rows(data)[:limit]]
    development = Development(lambda: {"dev_loss": mean_loss(model, held_out, collate, 16)})
    trained = loop.train(model, examples, collate, settings, is_new, development)
    export_copy_bart(model, destination, settings.output)
    return trained


def encode(tokenizer: Any, row: AnswerRow) -> dict[str, Any]:
    """One row as token ids: a source ``[CLS] question [SEP] heading passage [SEP]`` per passage, and the reply."""
    sources = [
        tokenizer(
            row.question,
            f"{heading}\n{text}" if heading else text,
            truncation="longest_first",
            max_length=SOURCE_TOKENS,
        ).input_ids
        for heading, text in row.passages
    ]
    target = tokenizer(row.reply, truncation=True, max_length=TARGET_TOKENS).input_ids[1:]
    return {"input_ids": [token for source in sources for token in source], "sources": sources, "labels": target}


def collate(batch: list[dict[str, Any]]) -> dict[str, Tensor]:
    """Pads to the most passages and the longest: ``input_ids`` and ``attention_mask`` (B, N, L), ``labels`` (B, T).

    A missing passage is a row of padding whose first token alone may be attended to, since attention over nothing
    has no value; the decoder's mask hides it from everything but itself.
    """
    n = max(len(example["sources"]) for example in batch)
    flat = [source for example in batch for source in [*example["sources"], *[[]] * (n - len(example["sources"]))]]
    ids = pad(flat, 0)
    return {
        "input_ids": ids.reshape(len(batch), n, -1),
        "attention_mask": (ids != 0).long().reshape(len(batch), n, -1),
        "labels": pad([example["labels"] for example in batch], -100),
    }
