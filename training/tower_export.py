"""Writes trained towers: for the product, for sentence-transformers, and for transformers' DPR classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sentence_transformers import SentenceTransformer
from transformers import DPRConfig, DPRContextEncoder, DPRQuestionEncoder

from domain.errors import Misconfigured
from training.export import write_weights
from training.towers import WORD_EMBEDDINGS, TowerOptions, encoders, tokenizer_of

DPR_FOLDERS = {"query": ("question_encoder", DPRQuestionEncoder), "document": ("ctx_encoder", DPRContextEncoder)}


def export_towers(model: SentenceTransformer, options: TowerOptions, destination: Path, run: Path) -> None:
    """Writes what the product loads, with the curves of ``run``.

    One tower started from MiniLM: ``model.safetensors`` (fp16, without the word embeddings, named as
    ``transformers.BertModel`` names them) and ``config.json``. Anything else: a sentence-transformers folder.
    """
    if not options.is_lean:
        export_sentence_transformers(model, destination)
        return
    encoder = encoders(model)["query"]
    state = {
        name: value
        for name, value in encoder.state_dict().items()
        if name != WORD_EMBEDDINGS and not name.startswith("pooler.")  # no pooling of ours looks at BERT's pooler
    }
    write_weights(state, destination, run)
    own = {"pooling": options.pooling, "max_tokens": options.max_tokens, "similarity": options.similarity}
    config = {**encoder.config.to_diff_dict(), **own}
    (destination / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")


def export_sentence_transformers(model: SentenceTransformer, folder: Path) -> None:
    """Writes a folder that ``SentenceTransformer(folder)`` loads, with the weights as they are (float32)."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(str(folder), create_model_card=False)


def export_dpr(model: SentenceTransformer, folder: Path) -> None:
    """Writes ``question_encoder/`` and ``ctx_encoder/`` for ``DPRQuestionEncoder`` and ``DPRContextEncoder``.

    Those take the state of the first token and score by inner product, so vectors are the towers' own where these
    were trained with ``pooling="cls"`` and without the cosine's scaling to length 1. Raises ``Misconfigured`` as
    ``check_dpr`` does.
    """
    check_dpr(model)
    for task, (name, kind) in DPR_FOLDERS.items():
        encoder = encoders(model)[task]
        made = kind(_dpr_config(encoder.config))
        weights = {key: value for key, value in encoder.state_dict().items() if not key.startswith("pooler.")}
        getattr(made, made.base_model_prefix).bert_model.load_state_dict(weights)
        made.save_pretrained(folder / name)
        tokenizer_of(model, task).save_pretrained(folder / name)


def check_dpr(model: SentenceTransformer) -> None:
    """Raises ``Misconfigured`` unless the towers are BERTs, which is all that DPR's classes hold."""
    kinds = {encoder.config.model_type for encoder in encoders(model).values()}
    if kinds != {"bert"}:
        raise Misconfigured(
            f"DPR's encoders are BERT models and this one is {', '.join(sorted(kinds))}; leave --export-dpr out, or "
            "start from a BERT."
        )


def _dpr_config(config: Any) -> DPRConfig:
    """The same BERT as DPR's configuration has it, without a projection."""
    left_out = {"model_type", "architectures", "transformers_version", "dtype", "torch_dtype"}
    return DPRConfig(
        projection_dim=0, **{key: value for key, value in config.to_diff_dict().items() if key not in left_out}
    )
