"""Opens the weights that ship under ``models/``: fp16 safetensors whose word embeddings are MiniLM's own."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from transformers import BartConfig

from domain.errors import Misconfigured
from generation.copy_bart import CopyBart

_EMBEDDINGS = "embeddings.word_embeddings.weight"


def open_copy_bart(folder: Path, minilm: Path) -> CopyBart:
    """The model of ``folder`` (``config.json``, ``model.safetensors``), ready to run in float32.

    ``minilm`` is the folder of all-MiniLM-L6-v2, whose word embeddings the model shares. Raises ``Misconfigured``
    when a file is missing, truncated, or made for another architecture.
    """
    config_file = folder / "config.json"
    if not config_file.is_file():
        raise Misconfigured(f"The model folder {folder} has no config.json. Restore it with: git checkout -- models")
    state = read_weights(folder / "model.safetensors")
    state["model.shared.weight"] = read_weights(minilm / "model.safetensors")[_EMBEDDINGS]
    model = CopyBart(BartConfig(**json.loads(config_file.read_text("utf-8"))))
    missing, unexpected = model.load_state_dict({name: value.float() for name, value in state.items()}, strict=False)
    model.tie_weights()
    lost = [name for name in missing if "embed_tokens" not in name and name != "lm_head.weight"]
    if lost or unexpected:
        raise Misconfigured(
            f"The weights in {folder} do not fit this version: {len(lost)} missing, {len(unexpected)} unexpected "
            f"(first: {(lost + list(unexpected))[0]}). Restore them with: git checkout -- models"
        )
    model.eval()
    return model


def read_weights(file: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file. Raises ``Misconfigured`` when it is missing or truncated."""
    if not file.is_file():
        raise Misconfigured(f"The weights {file} are missing. Restore them with: git checkout -- models")
    try:
        return load_file(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise Misconfigured(
            f"The weights {file} cannot be read ({error}). The file is damaged; restore it with: git checkout -- models"
        ) from error
