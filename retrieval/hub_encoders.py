"""Encoders named by the operator: any sentence-transformers model, and DPR's pair of question and context encoder.

A name is a local folder or a hub name; the hub's offline cache is respected. Weights are read from safetensors
files alone, because a pickled checkpoint can run code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from domain.errors import Misconfigured
from retrieval.encoders import TOKENS_PER_BATCH, Matrix, batches_by_length, unit

Encode = Callable[[Sequence[str]], Matrix]


class HubEncoder:
    """A ``PassageEncoder`` made of one function for queries and one for passages, both scaled to unit length."""

    def __init__(self, queries: Encode, passages: Encode, *, dimension: int, fingerprint: str) -> None:
        self._queries, self._passages = queries, passages
        self._dimension, self._fingerprint = dimension, fingerprint

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """Unit vectors (n, dimension) of questions, in their order."""
        return self._checked(self._queries, texts)

    def encode_passages(self, texts: Sequence[str]) -> Matrix:
        """Unit vectors (n, dimension) of passages, in their order."""
        return self._checked(self._passages, texts)

    def _checked(self, encode: Encode, texts: Sequence[str]) -> Matrix:
        if not texts:
            return np.zeros((0, self._dimension), dtype=np.float32)
        return unit(encode(list(texts)))


def sentence_transformer(name: str, *, device: str = "cpu", max_tokens: int | None = None) -> HubEncoder:
    """The sentence-transformers model ``name``; its own query and passage prompts are applied where it has them.

    Raises ``Misconfigured`` when it cannot be loaded from safetensors.
    """
    from sentence_transformers import SentenceTransformer

    model = _loaded(name, lambda: SentenceTransformer(name, device=device, model_kwargs={"use_safetensors": True}))
    literal(model.tokenizer)
    if max_tokens is not None:
        model.max_seq_length = max_tokens
    dimension = int(model.get_embedding_dimension() or 0)
    return HubEncoder(
        lambda texts: np.asarray(model.encode_query(texts, show_progress_bar=False)),
        lambda texts: np.asarray(model.encode_document(texts, show_progress_bar=False)),
        dimension=dimension,
        fingerprint=f"sentence-transformers/{_short(name)}/{weights_digest(model)}/{model.max_seq_length}",
    )


def dpr_pair(query_name: str, passage_name: str, *, device: str = "cpu", max_tokens: int = 256) -> HubEncoder:
    """DPR's question encoder and context encoder (Karpukhin et al. 2020): the projected [CLS] state of each.

    Raises ``Misconfigured`` when one cannot be loaded, is the other half or no half, or their dimensions differ.
    """
    from transformers import DPRContextEncoder, DPRQuestionEncoder

    question = _dpr(DPRQuestionEncoder, query_name, "question encoder")
    context = _dpr(DPRContextEncoder, passage_name, "context encoder")
    dimensions = [int(m.config.projection_dim or m.config.hidden_size) for m in (question, context)]
    if dimensions[0] != dimensions[1]:
        raise Misconfigured(
            f"The encoders {query_name!r} and {passage_name!r} give {dimensions[0]} and {dimensions[1]} numbers a "
            "text; name the two halves of one DPR pair."
        )
    return HubEncoder(
        _cls_encode(question, query_name, device, max_tokens),
        _cls_encode(context, passage_name, device, max_tokens),
        dimension=dimensions[0],
        fingerprint=f"dpr/{weights_digest(question)}+{weights_digest(context)}/{max_tokens}",
    )


def literal(tokenizer: Any) -> None:
    """Makes a typed "[SEP]" text to ``tokenizer``: it must not forge the layout of what is read."""
    tokenizer.split_special_tokens = True


def weights_digest(model: Any) -> str:
    """Twelve hexadecimal digits that change with any weight of a torch ``model``: names, shapes and exact sums.

    Sums rather than bytes, so that gigabytes cost a moment; two different trainings never agree in all of them.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        flat = tensor.detach().double().flatten()
        parts = (name, tuple(tensor.shape), flat.sum().item(), flat[:1].sum().item(), flat.square().sum().item())
        digest.update(repr(parts).encode())
    return digest.hexdigest()[:12]


def _dpr(kind: Any, name: str, half: str) -> Any:
    """One half of a pair. transformers fills what a checkpoint lacks with noise, and two halves named in each other's
    place lack everything."""
    model, report = _loaded(
        name,
        lambda: kind.from_pretrained(name, use_safetensors=True, output_loading_info=True, trust_remote_code=False),
    )
    lost = sorted(key for key in report["missing_keys"] if "pooler" not in key)
    if lost:
        raise Misconfigured(
            f"The model {name!r} is no DPR {half}: it lacks {len(lost)} tensors of one, first {lost[0]}; name the "
            f"pair's {half} here."
        )
    return model


def _cls_encode(model: Any, name: str, device: str, max_tokens: int) -> Encode:
    import torch
    from transformers import AutoTokenizer

    tokenizer: Any = _loaded(name, lambda: AutoTokenizer.from_pretrained(name))
    literal(tokenizer)
    max_tokens = min(max_tokens, int(model.config.max_position_embeddings))
    model = model.to(device).eval()

    def encode(texts: Sequence[str]) -> Matrix:
        tokens = tokenizer(list(texts), truncation=True, max_length=max_tokens)["input_ids"]
        vectors: list[Any] = [None] * len(tokens)
        for rows in batches_by_length([len(ids) for ids in tokens], TOKENS_PER_BATCH):
            batch = tokenizer.pad({"input_ids": [tokens[row] for row in rows]}, return_tensors="pt").to(device)
            with torch.inference_mode():
                output = model(**batch).pooler_output.float().cpu().numpy()  # (B, D)
            for row, vector in zip(rows, output, strict=True):
                vectors[row] = vector
        return np.stack(vectors)

    return encode


def _loaded(name: str, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).strip().splitlines() or ["unreadable"]
        raise Misconfigured(
            f"The encoder {name!r} cannot be loaded from safetensors ({reason[0]}); give a local folder or a hub "
            "name whose weights are stored as safetensors."
        ) from error


def _short(name: str) -> str:
    return Path(name).name if Path(name).exists() else name
