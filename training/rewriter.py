"""Trains the rewriter: message + history -> standalone question, and the gate (keep, rewrite, reset)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from domain.conversation import Gate
from generation.sources import history_text
from generation.weights import open_copy_bart
from training import loop
from training.batches import mean_loss, on_device_of, pad
from training.cards import Card
from training.development import Development
from training.export import export_copy_bart
from training.minilm import copy_bart_from_minilm, is_new, minilm_folder, minilm_tokenizer
from training.rewriting_data import RewriteRow, development_rows, kit_rows, service_rows, training_rows

SOURCE_TOKENS = 160
TARGET_TOKENS = 48
_HELD_OUT_TALKS = 5  # conversations of each company held out, to measure on
_GATES = list(Gate)

CARD = Card(
    model="rewriter",
    what="makes a follow-up standalone, and says keep, rewrite or reset (a linear gate on the first encoder state).",
    architecture="BART (6 + 3 layers, width 384) started from all-MiniLM-L6-v2, with a copy head "
    "(`generation/copy_bart.py`). fp16 safetensors; the word embeddings are MiniLM's own, frozen, not repeated here.",
    sources=("CANARD", "GECOR CamRest676", "Alexa CQR", "Colloquy's service conversations (corpora/data)"),
    command="",
    figures=(),
    limits=(
        "English. Of CANARD only turns whose rewrite uses words of question and history, or whose missing words are a "
        "name, which is then given as an oldest exchange. Topic switches and standalone questions are made from CANARD "
        "(15 % of its turns each). Rules in `generation/rewriting.py` overrule the gate for pronouns and fragments.",
    ),
)


def train_rewriter(
    data: Path, settings: loop.LoopSettings, destination: Path, limit: int | None = None, start: Path | None = None
) -> loop.Trained:
    """Trains on ``data/train`` and writes fp16 weights, configuration and curve to ``destination``.

    ``start``: the folder of the rewriter to go on from (MiniLM itself by default). ``limit`` keeps that many
    rows to train on and to measure on (a rehearsal). Raises ``Misconfigured`` when the data is not there.
    """
    tokenizer = minilm_tokenizer()
    torch.manual_seed(settings.seed)
    model = copy_bart_from_minilm() if start is None else open_copy_bart(start, minilm_folder())
    model.model.shared.weight.requires_grad_(False)
    examples = [encode(tokenizer, row) for row in training_rows(data, settings.seed, limit)[:limit]]
    canard = development_rows(data / "dev" / "rewrite_canard_dev_a.jsonl.xz")[::8]  # even rows; odd ones are reported
    held_out = [encode(tokenizer, row) for row in canard[:limit]]
    service = [encode(tokenizer, row) for row in service_rows(development=True)[:limit]]
    kits = [encode(tokenizer, row) for row in kit_rows(development=True, conversations=_HELD_OUT_TALKS)[:limit]]

    def figures() -> dict[str, float]:
        losses = {"canard_loss": mean_loss(model, held_out, collate)}
        if service:
            losses["service_loss"] = mean_loss(model, service, collate)
            losses["service_gate"] = gate_accuracy(model, service)
        if kits:
            losses["kits_loss"] = mean_loss(model, kits, collate)
            losses["kits_gate"] = gate_accuracy(model, kits)
        return {"dev_loss": sum(v for k, v in losses.items() if k.endswith("loss")), **losses}

    trained = loop.train(model, examples, collate, settings, is_new, Development(figures))
    export_copy_bart(model, destination, settings.output)
    return trained


def encode(tokenizer: Any, row: RewriteRow) -> dict[str, Any]:
    """One row as token ids: source ``[CLS] message [SEP] history [SEP]``, target ``rewrite [SEP]``, gate class."""
    source = tokenizer(
        row.question, history_text(row.history), truncation="longest_first", max_length=SOURCE_TOKENS
    ).input_ids
    target = tokenizer(row.rewrite, truncation=True, max_length=TARGET_TOKENS).input_ids[1:]
    return {"input_ids": source, "labels": target, "gate": _GATES.index(row.gate)}


def collate(batch: list[dict[str, Any]]) -> dict[str, Tensor]:
    """Pads to the longest: ``input_ids`` and ``attention_mask`` (B, 1, L), ``labels`` (B, T), ``gate_labels`` (B,)."""
    ids = pad([example["input_ids"] for example in batch], 0)
    return {
        "input_ids": ids[:, None],
        "attention_mask": (ids != 0).long()[:, None],
        "labels": pad([example["labels"] for example in batch], -100),
        "gate_labels": torch.tensor([example["gate"] for example in batch]),
    }


@torch.no_grad()
def gate_accuracy(model: Any, examples: list[dict[str, Any]], batch_size: int = 32) -> float:
    """How often the gate's likeliest class is the right one (0..1)."""
    right = 0
    for i in range(0, len(examples), batch_size):
        batch = on_device_of(model, collate(examples[i : i + batch_size]))
        _, logits = model.encode(batch["input_ids"], batch["attention_mask"])
        right += int((logits.argmax(-1) == batch["gate_labels"]).sum())
    return right / len(examples)
