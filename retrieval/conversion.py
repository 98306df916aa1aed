"""Weights trained from MiniLM, put together with MiniLM's word embeddings and written in CTranslate2's format."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.errors import Misconfigured

Matrix = npt.NDArray[np.float32]
_WORDS = "embeddings.word_embeddings.weight"


def read_weights(file: Path) -> dict[str, Matrix]:
    """All tensors of a safetensors file. Raises ``Misconfigured`` when it is missing or damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if not file.is_file():
        raise Misconfigured(f"The weights {file} are missing. Restore them with: git checkout -- models")
    try:
        return load_file(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise Misconfigured(
            f"The weights {file} cannot be read ({error}). The file is damaged; restore it with: git checkout -- models"
        ) from error


def open_converted(target: Path, convert: Callable[[], None], **options: Any) -> Any:
    """CTranslate2's encoder in ``target``, which ``convert`` writes when it is not there or damaged."""
    import ctranslate2

    if target.is_dir():
        try:
            return ctranslate2.Encoder(str(target), **options)
        except (RuntimeError, ValueError):  # a damaged conversion is thrown away and made once more
            shutil.rmtree(target, ignore_errors=True)
    convert()
    return ctranslate2.Encoder(str(target), **options)


def convert_tuned(folder: Path, weights: Mapping[str, Matrix], minilm: Path, target: Path) -> None:
    """MiniLM with ``weights`` (named as ``transformers.BertModel`` names them) in the place of its own, as int8.

    ``target`` appears whole or not at all. Raises ``Misconfigured`` naming ``folder`` when the weights do not fit.
    """
    import torch
    from ctranslate2.converters import TransformersConverter
    from safetensors.torch import load_file
    from transformers import AutoTokenizer, BertModel

    state = {name: torch.from_numpy(value).float() for name, value in weights.items()}
    state[_WORDS] = load_file(minilm / "model.safetensors")[_WORDS]
    model = BertModel.from_pretrained(minilm)  # the pooler stays MiniLM's: the converter asks for one
    try:
        missing, unexpected = model.load_state_dict(state, strict=False)
    except RuntimeError as error:  # torch's word for a tensor of another shape
        raise unfit(folder, str(error)) from error
    if lost := [name for name in missing if not name.startswith("pooler.")] + list(unexpected):
        raise unfit(folder, f"{len(lost)} tensors missing or unknown, first {lost[0]}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        model.save_pretrained(Path(scratch) / "bert")
        AutoTokenizer.from_pretrained(minilm).save_pretrained(Path(scratch) / "bert")
        made = Path(scratch) / "model"
        TransformersConverter(str(Path(scratch) / "bert")).convert(str(made), quantization="int8")
        try:
            made.rename(target)
        except OSError:
            if not target.is_dir():  # another process finished the same conversion first
                raise


def unfit(folder: Path, what: str) -> Misconfigured:
    """The error for weights that are not what this version loads."""
    return Misconfigured(
        f"The weights in {folder} do not fit this version ({what}). Restore them with: git checkout -- models"
    )
