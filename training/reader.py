"""Trains the reader: relevance (binary cross-entropy), answer span (Devlin et al. 2019), evidence tokens."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from generation.weights import read_weights
from retrieval.reader_model import Reader, reader_config
from training import loop
from training.batches import on_device_of, pad
from training.calibration import fit_platt, roc_auc
from training.cards import READING_SOURCES, Card
from training.development import Development
from training.export import write_weights
from training.minilm import minilm_tokenizer, minilm_weights
from training.reading_data import ReadingRow, development_rows, training_rows

TOKENS = 208  # a query and a passage of the product's chunk size; longer ones lose their tail
WORD_EMBEDDINGS = "encoder.embeddings.word_embeddings.weight"
_IGNORED = -100

CARD = Card(
    model="reader",
    what="a cross-encoder over query and passage: relevance (reranking, “nothing here answers this”), evidence tokens, "
    "answer span.",
    architecture="all-MiniLM-L6-v2 with three linear heads (`retrieval/reader_model.py`), served on CTranslate2 int8. "
    "fp16 safetensors without the word embeddings, which are MiniLM's own, frozen.",
    sources=READING_SOURCES,
    command="",
    figures=(),
    limits=(
        "As many BM25-near negatives as positives; near twins among the service articles. The calibration in "
        "`config.json` (Platt) was fitted on the held-out pairs that the development figures were measured on.",
    ),
)


@dataclass
class ObjectiveOutput:
    """What the trainer wants: the loss, in nats."""

    loss: Tensor


class ReadingObjective(nn.Module):
    """The reader with its three losses added up."""

    def __init__(self, reader: Reader) -> None:
        super().__init__()
        self.reader = reader

    def forward(self, relevant: Tensor, span: Tensor, evidence: Tensor, **tokens: Tensor) -> ObjectiveOutput:
        """``relevant`` (B,), ``span`` (B, 2) and ``evidence`` (B, L) with −100 where nothing is known."""
        said = self.reader(**tokens)
        loss = functional.binary_cross_entropy_with_logits(said.relevance, relevant.float())
        inside = tokens["token_type_ids"].bool()
        for side in (0, 1):
            if (span[:, side] >= 0).any():
                scores = said.span[..., side].masked_fill(~inside, -1e4)
                loss = loss + 0.5 * functional.cross_entropy(scores, span[:, side], ignore_index=_IGNORED)
        known = evidence >= 0
        if known.any():
            loss = loss + functional.binary_cross_entropy_with_logits(said.evidence[known], evidence[known].float())
        return ObjectiveOutput(loss)


def train_reader(
    data: Path, settings: loop.LoopSettings, destination: Path, limit: int | None = None, start: Path | None = None
) -> loop.Trained:
    """Trains on every question set under ``data`` and writes weights, calibration and curve to ``destination``.

    ``start``: the folder of the reader to go on from (MiniLM itself by default). ``limit`` keeps that many pairs
    to train on, and of each set to measure on (a rehearsal).
    """
    tokenizer = minilm_tokenizer()
    torch.manual_seed(settings.seed)
    reader = Reader(reader_config())
    reader.encoder.load_state_dict(minilm_weights(), strict=False)  # the pooler's weights are not ours
    if start is not None:
        weights = read_weights(start / "model.safetensors")
        reader.load_state_dict({name: value.float() for name, value in weights.items()}, strict=False)
    reader.encoder.embeddings.word_embeddings.weight.requires_grad_(False)  # shared with MiniLM, not shipped
    examples = [encode(tokenizer, row) for row in training_rows(data, settings.seed, limit)[:limit]]
    held_out = {name: [encode(tokenizer, row) for row in rows[:limit]] for name, rows in development_rows(data).items()}

    def figures() -> dict[str, float]:
        found = {f"{name}_auroc": _auroc(reader, rows) for name, rows in held_out.items()}
        return {"dev_auroc": sum(found.values()) / len(found), **found}

    trained = loop.train(
        ReadingObjective(reader),
        examples,
        collate,
        settings,
        lambda name: not name.startswith("reader.encoder."),
        Development(figures, "dev_auroc", "higher"),
    )
    _export(reader, [example for rows in held_out.values() for example in rows], settings.output, destination)
    return trained


def encode(tokenizer: Any, row: ReadingRow) -> dict[str, Any]:
    """One pair as token ids with its labels on tokens (−100: not known or not in the window)."""
    body = f"{row.heading}\n{row.text}" if row.heading else row.text
    shift = len(body) - len(row.text)
    tokens = tokenizer(row.query, body, truncation="longest_first", max_length=TOKENS, return_offsets_mapping=True)
    types, offsets = tokens.token_type_ids, tokens.offset_mapping
    own = [kind == 1 and end > start >= shift for kind, (start, end) in zip(types, offsets, strict=True)]
    where = [(start - shift, end - shift) for start, end in offsets]
    span = (_IGNORED, _IGNORED)
    if row.exact and row.answer:
        covered = [i for i, (s, e) in enumerate(where) if own[i] and s < row.answer[1] and e > row.answer[0]]
        span = (covered[0], covered[-1]) if covered else span
    marks = [_IGNORED] * len(types)
    if row.evidence or row.answer is None:  # where nothing answers, no sentence is evidence
        left, right = row.evidence or (0, 0)
        marks = [int(s < right and e > left) if own[i] else _IGNORED for i, (s, e) in enumerate(where)]
    return {
        "input_ids": tokens.input_ids,
        "types": types,
        "relevant": int(row.answer is not None),
        "span": span,
        "evidence": marks,
    }


def collate(batch: list[dict[str, Any]]) -> dict[str, Tensor]:
    """Pads to the longest; shapes as ``ReadingObjective.forward`` wants them."""
    ids = pad([example["input_ids"] for example in batch], 0)
    return {
        "input_ids": ids,
        "attention_mask": (ids != 0).long(),
        "token_type_ids": pad([example["types"] for example in batch], 0),
        "relevant": torch.tensor([example["relevant"] for example in batch]),
        "span": torch.tensor([example["span"] for example in batch]),
        "evidence": pad([example["evidence"] for example in batch], _IGNORED),
    }


@torch.no_grad()
def relevance_logits(reader: Reader, examples: list[dict[str, Any]], batch_size: int = 32) -> list[float]:
    """The relevance logit of each example, in their order."""
    logits: list[float] = []
    for i in range(0, len(examples), batch_size):
        batch = on_device_of(reader, collate(examples[i : i + batch_size]))
        tokens = {name: batch[name] for name in ("input_ids", "attention_mask", "token_type_ids")}
        logits += reader(**tokens).relevance.tolist()
    return logits


def _auroc(reader: Reader, examples: list[dict[str, Any]]) -> float:
    return roc_auc(relevance_logits(reader, examples), [example["relevant"] for example in examples])


def _export(reader: Reader, held_out: list[dict[str, Any]], run: Path, destination: Path) -> None:
    """Weights without MiniLM's word embeddings, and the calibration fitted on the held-out pairs."""
    state = {name: value for name, value in reader.state_dict().items() if name != WORD_EMBEDDINGS}
    write_weights(state, destination, run)
    reader.eval()
    scale, bias = fit_platt(relevance_logits(reader, held_out), [example["relevant"] for example in held_out])
    config = {**reader_config().to_diff_dict(), "relevance_scale": scale, "relevance_bias": bias, "tokens": TOKENS}
    (destination / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
