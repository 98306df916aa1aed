"""Tiny BARTs and T5s that were taught a few answers: what they write ends, and is mostly sure of itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from generation.hub_models import open_seq2seq
from tests.training.tiny_models import tiny_bart, tiny_t5

LESSONS = [
    ("what is the fee for a late bill", "nine pounds"),
    ("what is the lost card", "two days it costs you"),
    ("router light red", "fault we send new in two weeks"),
    ("shop opening hours", "closed sunday"),
]
STEPS = 40


def taught(folder: Path, family: str) -> Path:
    """A whole model in the hub's format: "bart", "t5", or "flan": T5 1.1, whose output is not scaled."""
    (tiny_bart if family == "bart" else tiny_t5)(folder)
    if family == "flan":
        _modernised(folder)
    model, tokenizer = open_seq2seq(folder)
    batch, labels = _batch(tokenizer)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(STEPS):
        loss = model(**batch, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.save_pretrained(folder)
    if family == "flan":
        _as_on_the_hub(folder)
    return folder


def _batch(tokenizer: Any) -> tuple[Any, Any]:
    sources, answers = ([lesson[i] for lesson in LESSONS] for i in (0, 1))
    labels = tokenizer(answers, return_tensors="pt", padding=True).input_ids
    batch = tokenizer(sources, return_tensors="pt", padding=True)
    return batch, labels.masked_fill(labels == tokenizer.pad_token_id, -100)


def _modernised(folder: Path) -> None:
    from transformers import T5Config, T5ForConditionalGeneration

    config: Any = T5Config.from_pretrained(folder)
    sizes = {
        name: getattr(config, name) for name in ("vocab_size", "d_model", "d_kv", "d_ff", "num_layers", "num_heads")
    }
    torch.manual_seed(1)
    newer = T5Config(
        **sizes, feed_forward_proj="gated-gelu", tie_word_embeddings=False, dropout_rate=0.0, decoder_start_token_id=0
    )
    T5ForConditionalGeneration(newer).save_pretrained(folder)


def _as_on_the_hub(folder: Path) -> None:
    """Output weights of its own, and the configuration as it was written when FLAN-T5 was."""
    state = load_file(folder / "model.safetensors")
    state["lm_head.weight"] = state["shared.weight"] * 1.1
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config.pop("scale_decoder_outputs")
    (folder / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": False}), "utf-8")
