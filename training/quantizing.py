"""A trained cross-encoder on CTranslate2 int8: the encoder converted, its small head kept in float32.

The families whose head is ``out(f(dense(h)))`` of the first token's last state h:

    BERT        f = tanh   dense: the pooler
    RoBERTa     f = tanh   dense: the classifier's own
    DistilBERT  f = relu   dense: the pre-classifier
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.errors import Misconfigured
from retrieval.encoders import batches_by_length

TOKENS_PER_BATCH = 2048  # as in the reader: larger batches fall out of the processor's cache


@dataclass(frozen=True, slots=True)
class _Family:
    """Where a ``…ForSequenceClassification`` keeps its parts, by attribute path."""

    encoder: str
    dense: str
    out: str
    relu: bool = False


_FAMILIES = {
    "bert": _Family("bert", "bert.pooler.dense", "classifier"),
    "roberta": _Family("roberta", "classifier.dense", "classifier.out_proj"),
    "distilbert": _Family("distilbert", "pre_classifier", "classifier", relu=True),
}


def quantize(folder: Path, target: Path) -> None:
    """Converts the cross-encoder of ``folder`` into ``target``: whole or not at all, in place of an older one.

    Raises ``Misconfigured`` for an encoder that CTranslate2 has no converter for.
    """
    from safetensors.torch import save_file
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model: Any = AutoModelForSequenceClassification.from_pretrained(folder, use_safetensors=True).float()
    family = _family(model.config.model_type, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        made = Path(scratch) / "int8"
        _convert(model.get_submodule(family.encoder), tokenizer, Path(scratch) / "encoder", made)
        head = {
            f"{name}.{part}": getattr(model.get_submodule(path), part).detach().contiguous().clone()
            for name, path in (("dense", family.dense), ("out", family.out))
            for part in ("weight", "bias")
        }
        save_file(head, made / "head.safetensors")
        tokenizer.save_pretrained(made / "tokenizer")
        (made / "head.json").write_text(json.dumps(_head_settings(model, family, tokenizer), indent=2) + "\n", "utf-8")
        if target.exists():
            target.rename(Path(scratch) / "older")
        made.rename(target)


class QuantizedCrossEncoder:
    """What ``quantize`` wrote, at work on the processor. The oracle for it is the model it was made from."""

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        import ctranslate2
        from safetensors.numpy import load_file
        from transformers import AutoTokenizer

        self._head = load_file(folder / "head.safetensors")
        self._settings = json.loads((folder / "head.json").read_text("utf-8"))
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder / "tokenizer")
        self._model = ctranslate2.Encoder(str(folder), device="cpu", compute_type="int8", intra_threads=threads)

    def predict(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """The calibrated probability of each (query, passage), in order."""
        if not pairs:
            return []
        queries, passages = zip(*pairs, strict=True)
        tokens = self._tokenizer(
            list(queries), list(passages), truncation="longest_first", max_length=self._settings["tokens"]
        )
        found = np.zeros(len(pairs))
        for rows in batches_by_length([len(ids) for ids in tokens["input_ids"]], TOKENS_PER_BATCH):
            found[rows] = self._probabilities(tokens, rows)
        return [float(probability) for probability in found]

    def _probabilities(self, tokens: Any, rows: Sequence[int]) -> npt.NDArray[np.float64]:
        ids = [tokens["input_ids"][row] for row in rows]
        types = None
        if self._settings["types"]:
            longest = max(map(len, ids))
            types = [kinds + [0] * (longest - len(kinds)) for kinds in (tokens["token_type_ids"][row] for row in rows)]
        states = np.asarray(self._model.forward_batch(ids, token_type_ids=types).last_hidden_state)[:, 0]  # (B, D)
        hidden = states @ self._head["dense.weight"].T + self._head["dense.bias"]
        hidden = np.maximum(hidden, 0) if self._settings["relu"] else np.tanh(hidden)
        logits = hidden @ self._head["out.weight"].T + self._head["out.bias"]
        return np.asarray(1 / (1 + np.exp(-np.clip(logits[:, 0].astype(float), -30, 30))))


def _family(model_type: str, folder: Path) -> _Family:
    if model_type not in _FAMILIES:
        raise Misconfigured(
            f"The cross-encoder in {folder} is a {model_type!r}, which is not converted to int8 (only "
            f"{', '.join(_FAMILIES)} are); leave --quantize out."
        )
    return _FAMILIES[model_type]


def _convert(encoder: Any, tokenizer: Any, source: Path, made: Path) -> None:
    from ctranslate2.converters import TransformersConverter

    encoder.config.position_embedding_type = "absolute"  # the only kind there still is; the converter asks for it
    encoder.save_pretrained(source)
    tokenizer.save_pretrained(source)
    TransformersConverter(str(source)).convert(str(made), quantization="int8")


def _head_settings(model: Any, family: _Family, tokenizer: Any) -> dict[str, Any]:
    return {
        "tokens": min(tokenizer.model_max_length, getattr(model.config, "max_position_embeddings", 512)),
        "types": "token_type_ids" in tokenizer.model_input_names,
        "relu": family.relu,
        "calibration_temperature": getattr(model.config, "calibration_temperature", 1.0),
    }
