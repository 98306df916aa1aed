"""Trains a full-size answerer: BART or T5, question + history + passages -> answer or "no answer".

From a folder in the hub's format, safetensors only; a hub name becomes one by its commit (``cli.starts``).
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForSeq2SeqLM, AutoTokenizer

from domain.errors import Misconfigured
from generation.fusing import Fusion, Layout
from generation.torch_fid import FusionInDecoder
from training import loop
from training.answering_data import AnswerRow, development_rows, training_rows
from training.batches import mean_loss, pad
from training.development import Development
from training.distractors import distracted
from training.starts import start_folder

FAMILIES = ("bart", "t5", "mt5", "umt5")
"""The model types known to read and write as this module expects; FLAN-T5 is a "t5"."""

_T5_PREFIX = "answer the question from the context: "
_IGNORED = -100


@dataclass(frozen=True, slots=True)
class Seq2SeqOptions:
    """``start``: a folder in the hub's format. ``prefix``: None gives T5 a task prefix and BART none. ``window`` and
    ``reply`` are in tokens. ``passages``: the most that a training row is given, distractors among them. ``limit``
    keeps that many training rows (a rehearsal)."""

    start: str
    fusion: Fusion = "fid"
    prefix: str | None = None
    window: int = 256
    reply: int = 96
    passages: int = 3
    limit: int | None = None


def train_seq2seq(data: Path, settings: loop.LoopSettings, destination: Path, options: Seq2SeqOptions) -> loop.Trained:
    """Trains on the rows of ``training.answering_data``; ``destination`` becomes a folder in hub format.

    Beside weights and tokenizer lie ``colloquy.json`` (the layout) and the curve. All weights are pretrained, so all
    learn at ``settings.old_rate``. Raises ``Misconfigured`` when the start cannot be opened or its window is smaller.
    """
    torch.manual_seed(settings.seed)
    inner, tokenizer = open_seq2seq(options.start)
    layout = layout_for(inner, options)
    rng = random.Random(settings.seed)
    rows = list(distracted(training_rows(data, settings.seed)[: options.limit], options.passages, rng))
    held_out = list(distracted(development_rows(data), options.passages, random.Random(1)))
    return fit(FusionInDecoder(inner), tokenizer, layout, (rows, held_out), settings, destination)


def fit(
    model: FusionInDecoder,
    tokenizer: Any,
    layout: Layout,
    rows: tuple[Sequence[AnswerRow], Sequence[AnswerRow]],
    settings: loop.LoopSettings,
    destination: Path,
) -> loop.Trained:
    """Trains on the first of ``rows`` and watches the loss on the second; writes the folder."""
    learnt, held_out = ([encode(tokenizer, layout, row) for row in part] for part in rows)
    collate = Collator(tokenizer.pad_token_id)
    development = Development(lambda: {"dev_loss": mean_loss(model, held_out, collate)}) if held_out else None
    trained = loop.train(model, learnt, collate, settings, lambda _: False, development)
    export(model.inner, tokenizer, destination, settings.output)
    layout.write(destination)
    return trained


def open_seq2seq(name: str) -> tuple[Any, Any]:
    """Model (float32) and tokenizer of the folder ``name``. Raises ``Misconfigured`` for what is no folder, and when
    they are of another family, cannot be opened, or lack weights."""
    folder = start_folder(name)
    config = _opened(name, lambda: AutoConfig.from_pretrained(folder))
    if config.model_type not in FAMILIES:
        raise Misconfigured(f"The model {name!r} is a {config.model_type!r}; give one of: {', '.join(FAMILIES)}.")
    model, report = _opened(
        name,
        lambda: AutoModelForSeq2SeqLM.from_pretrained(
            folder, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        ),
    )
    if lost := sorted(report["missing_keys"]):
        raise Misconfigured(
            f"The weights of {name!r} lack {len(lost)} tensors, first {lost[0]}; give the folder of a whole model."
        )
    return model, _opened(name, lambda: AutoTokenizer.from_pretrained(folder))


def _opened(name: str, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = (str(error).strip().splitlines() or ["unreadable"])[0]
        raise Misconfigured(
            f"The model {name!r} cannot be opened from safetensors ({reason}); give the folder of a BART or T5 model."
        ) from error


def layout_for(model: Any, options: Seq2SeqOptions) -> Layout:
    """The layout that ``options`` ask for. Raises ``Misconfigured`` when the model has fewer positions."""
    places = getattr(model.config, "max_position_embeddings", None)  # T5's are relative: no bound
    longest = max(options.window, options.reply)
    if places is not None and longest > places:
        raise Misconfigured(f"A window of {longest} tokens is more than the model's {places}; lower --window.")
    default = "" if model.config.model_type == "bart" else _T5_PREFIX
    prefix = default if options.prefix is None else options.prefix
    return Layout(options.fusion, prefix, options.window, options.reply)


def encode(tokenizer: Any, layout: Layout, row: AnswerRow) -> dict[str, Any]:
    """One row as token ids; ``input_ids`` is all sources in a row, for batching like with like."""
    sources = layout.sources(tokenizer, row.question, row.passages)
    return {
        "input_ids": [token for source in sources for token in source],
        "sources": sources,
        "labels": layout.labels(tokenizer, row.reply),
    }


@dataclass(frozen=True, slots=True)
class Collator:
    """Pads to the most sources and the longest: ``input_ids``, ``attention_mask`` (B, N, L), ``labels`` (B, T)."""

    pad_id: int

    def __call__(self, batch: list[dict[str, Any]]) -> dict[str, Tensor]:
        n = max(len(example["sources"]) for example in batch)
        flat = [source for example in batch for source in [*example["sources"], *[[]] * (n - len(example["sources"]))]]
        lengths = torch.tensor([len(source) for source in flat])
        ids = pad(flat, self.pad_id)
        mask = torch.arange(ids.shape[1])[None, :] < lengths[:, None]  # (B·N, L)
        return {
            "input_ids": ids.long().reshape(len(batch), n, -1),
            "attention_mask": mask.long().reshape(len(batch), n, -1),
            "labels": pad([example["labels"] for example in batch], _IGNORED),
        }


def export(model: Any, tokenizer: Any, destination: Path, run: Path) -> None:
    """Writes model and tokenizer in hub format, and the curves of ``run``."""
    model.save_pretrained(destination)
    tokenizer.save_pretrained(destination)
    for name in ("curve.csv", "curve.png"):
        shutil.copyfile(run / name, destination / name)
