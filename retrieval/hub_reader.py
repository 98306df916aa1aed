"""Any cross-encoder as the reader: how likely a passage answers, and how much each of its sentences does by itself.

The shipped reader tells both in one pass. A cross-encoder has one number for a pair of texts, so its sentences are read
one by one, each under the heading of its passage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.errors import Misconfigured
from domain.passage import Passage
from domain.protocols import Evidence
from retrieval.encoders import batches_by_length
from retrieval.hub_encoders import literal
from retrieval.sentences import sentence_spans

TOKENS_PER_BATCH = 4096  # padding included: a few long passages or many sentences, in some hundred MB at most
_MOST_LABELS = 2  # "relevant", or "irrelevant" and "relevant"; three are a model of entailment


class CrossEncoderReader:
    """``domain.protocols.PassageReader`` on a model for classifying pairs of texts. Safe to call from several threads.

    Relevance is the sigmoid of the only logit, or the softmax of the second of two: what the model was trained to say,
    not calibrated on anything of ours. There is no shortest answer.
    """

    def __init__(self, folder: Path, *, device: str = "cpu", max_tokens: int = 512) -> None:
        """Raises ``Misconfigured`` when the folder holds no such model in safetensors."""
        self._model, self._tokenizer = _opened(folder, device)
        self._device = device
        self._max_tokens = min(max_tokens, int(self._tokenizer.model_max_length), _places(self._model))

    def read(self, query: str, passages: Sequence[Passage]) -> list[Evidence]:
        """One ``Evidence`` per passage, in their order. What does not fit the model's window is not seen."""
        spans = [sentence_spans(passage.text) for passage in passages]
        texts = [passage.searchable for passage in passages]
        texts += [
            f"{passage.heading}\n{passage.text[start:end]}"
            for passage, found in zip(passages, spans, strict=True)
            for start, end in found
        ]
        scores = self._scores(query, texts)
        sentences = iter(scores[len(passages) :])
        return [
            Evidence(relevance, found, tuple(next(sentences) for _ in found))
            for relevance, found in zip(scores, spans, strict=False)
        ]

    def _scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """Probabilities (0..1) that each text answers."""
        if not texts:
            return []
        pairs = self._tokenizer(
            [query] * len(texts), list(texts), truncation="longest_first", max_length=self._max_tokens
        )
        lengths = [len(ids) for ids in pairs["input_ids"]]
        scores = np.zeros(len(texts))
        for rows in batches_by_length(lengths, TOKENS_PER_BATCH):
            batch = {name: [values[row] for row in rows] for name, values in pairs.items()}
            scores[rows] = self._batch(batch)
        return [float(score) for score in scores]

    def _batch(self, batch: dict[str, list[list[int]]]) -> npt.NDArray[np.float64]:
        import torch

        padded = self._tokenizer.pad(batch, return_tensors="pt").to(self._device)
        with torch.inference_mode():
            logits = self._model(**padded).logits.double().cpu()  # (B, 1 or 2)
        probabilities = logits[:, 0].sigmoid() if logits.shape[1] == 1 else logits.softmax(-1)[:, 1]
        return np.asarray(probabilities.numpy(), dtype=np.float64)


def _opened(folder: Path, device: str) -> tuple[Any, Any]:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    load = AutoModelForSequenceClassification.from_pretrained
    model, report = _loaded(folder, lambda: load(folder, use_safetensors=True, output_loading_info=True, **options))
    tokenizer = _loaded(folder, lambda: AutoTokenizer.from_pretrained(folder, **options))
    if lost := sorted(report["missing_keys"]):
        raise Misconfigured(
            f"The model {str(folder)!r} is no cross-encoder: it was stored without {lost[0]}; give one that was "
            "trained to score pairs of texts."
        )
    if model.config.num_labels > _MOST_LABELS:
        raise Misconfigured(
            f"The model {str(folder)!r} tells {model.config.num_labels} classes apart; give a cross-encoder with one "
            "score, or with two classes of which the second is “relevant”."
        )
    literal(tokenizer)
    return model.to(device).eval(), tokenizer


def _loaded(folder: Path, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except Exception as error:  # transformers, safetensors and tokenizers raise what they like for a damaged file
        reason = (str(error).strip().splitlines() or ["unreadable"])[0]
        raise Misconfigured(
            f"The cross-encoder {str(folder)!r} cannot be loaded from safetensors ({reason}); give another folder, "
            "or a revision with safetensors."
        ) from error


def _places(model: Any) -> int:
    """How many tokens the model has positions for."""
    places = int(getattr(model.config, "max_position_embeddings", 0) or 1 << 30)
    return places - 2 if model.config.model_type in ("roberta", "xlm-roberta", "camembert") else places  # two are spare
