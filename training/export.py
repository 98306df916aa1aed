"""Writes trained weights the way they ship: fp16 safetensors beside their configuration and learning curve."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor, nn

from generation.copy_bart import CopyBart

SHARED = frozenset(
    {"model.shared.weight", "model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight", "lm_head.weight"}
)
"""The word embeddings stay as MiniLM has them (frozen in training), so the weights do without 23 MB of them."""


def export_copy_bart(model: CopyBart, destination: Path, run: Path) -> None:
    """Writes ``model.safetensors`` (fp16, word embeddings left out), ``config.json`` and the curves of ``run``."""
    state = {name: value for name, value in model.state_dict().items() if name not in SHARED}
    write_weights(state, destination, run)
    (destination / "config.json").write_text(json.dumps(model.config.to_diff_dict(), indent=2) + "\n", "utf-8")


def write_weights(state: dict[str, Tensor], destination: Path, run: Path) -> None:
    """``state`` as fp16 in ``destination/model.safetensors``; beside it the curves from the run's folder."""
    destination.mkdir(parents=True, exist_ok=True)
    half = {name: value.detach().half().contiguous() for name, value in state.items()}
    save_file(half, destination / "model.safetensors", metadata={"format": "pt"})
    for curve in (run / "curve.csv", run / "curve.png"):
        if curve.is_file():
            shutil.copyfile(curve, destination / curve.name)


def trainable_count(model: nn.Module) -> int:
    """How many parameters learn."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
