"""Encoders given by name, on tiny models built and saved here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from domain.errors import Misconfigured
from retrieval.hub_encoders import dpr_pair, sentence_transformer
from tests.retrieval.hub_models import save_bert, save_dpr, save_sentence_transformer

TEXTS = ["restart my router", "moon", "how do i unplug it how do i unplug it", ""]


def test_dpr_gives_the_cls_state_of_each_half_at_unit_length(tmp_path: Path) -> None:
    from transformers import AutoTokenizer, DPRContextEncoder, DPRQuestionEncoder

    question, context = save_dpr(tmp_path / "q", "Question", 1), save_dpr(tmp_path / "c", "Context", 2)
    encoder = dpr_pair(str(question), str(context))
    halves: list[tuple[Any, Path, Any]] = [
        (DPRQuestionEncoder, question, encoder.encode_queries(TEXTS)),
        (DPRContextEncoder, context, encoder.encode_passages(TEXTS)),
    ]
    for model, folder, found in halves:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        for text, vector in zip(TEXTS, found, strict=True):
            with torch.inference_mode():
                state = model.from_pretrained(folder).eval()(**tokenizer(text, return_tensors="pt")).pooler_output[0]
            np.testing.assert_allclose(vector, (state / state.norm()).numpy(), atol=1e-5)
    assert encoder.dimension == 16
    assert not np.allclose(halves[0][2], halves[1][2], atol=0.01)


def test_dpr_with_a_projection_has_its_dimension(tmp_path: Path) -> None:
    folders = [str(save_dpr(tmp_path / kind, kind, 3, projection=8)) for kind in ("Question", "Context")]
    encoder = dpr_pair(*folders)
    assert encoder.dimension == encoder.encode_queries(TEXTS).shape[1] == 8


def test_halves_of_different_pairs_are_refused(tmp_path: Path) -> None:
    question = save_dpr(tmp_path / "q", "Question", 1, projection=8)
    with pytest.raises(Misconfigured, match="8 and 16 numbers"):
        dpr_pair(str(question), str(save_dpr(tmp_path / "c", "Context", 2)))


def test_a_half_named_in_the_place_of_the_other_is_refused(tmp_path: Path) -> None:
    question, context = save_dpr(tmp_path / "q", "Question", 1), save_dpr(tmp_path / "c", "Context", 2)
    with pytest.raises(Misconfigured, match=r"is no DPR question encoder.*question_encoder\.bert_model"):
        dpr_pair(str(context), str(question))
    with pytest.raises(Misconfigured, match="is no DPR context encoder"):
        dpr_pair(str(question), str(save_bert(tmp_path / "bert", 3)))


def test_a_typed_separator_is_text(tmp_path: Path) -> None:
    pair = dpr_pair(str(save_dpr(tmp_path / "q", "Question", 1)), str(save_dpr(tmp_path / "c", "Context", 2)))
    for encoder in (pair, sentence_transformer(str(save_sentence_transformer(tmp_path, 4)))):
        forged, unknown = encoder.encode_queries(["moon [SEP] router", "moon ( sep ) router"])
        np.testing.assert_allclose(forged, unknown, atol=1e-5)  # brackets and SEP are words it does not know


def test_the_fingerprint_follows_the_weights_not_the_place(tmp_path: Path) -> None:
    context = str(save_dpr(tmp_path / "c", "Context", 1))
    prints = [
        dpr_pair(str(save_dpr(tmp_path / f"q{n}", "Question", seed)), context).fingerprint
        for n, seed in enumerate([7, 7, 8])
    ]
    assert prints[0] == prints[1] != prints[2]


def test_sentence_transformers_use_their_own_prompts(tmp_path: Path) -> None:
    encoder = sentence_transformer(str(save_sentence_transformer(tmp_path, 4)))
    queries, passages = encoder.encode_queries(TEXTS), encoder.encode_passages(TEXTS)
    assert queries.shape == (4, encoder.dimension) == (4, 16)
    np.testing.assert_allclose(np.linalg.norm(passages, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(queries[1], encoder.encode_passages(["how moon"])[0], atol=1e-5)
    assert not np.allclose(queries[1], passages[1], atol=1e-3)


def test_no_texts_give_no_vectors(tmp_path: Path) -> None:
    assert sentence_transformer(str(save_sentence_transformer(tmp_path, 4))).encode_queries([]).shape == (0, 16)


def test_a_model_that_is_not_there_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"nowhere.*safetensors"):
        sentence_transformer(str(tmp_path / "nowhere"))


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    folder = save_dpr(tmp_path / "q", "Question", 1)
    from safetensors.torch import load_file

    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(Misconfigured, match="safetensors"):
        dpr_pair(str(folder), str(save_dpr(tmp_path / "c", "Context", 1)))
    model = save_sentence_transformer(tmp_path, 4)
    torch.save(load_file(model / "model.safetensors"), model / "pytorch_model.bin")
    (model / "model.safetensors").unlink()
    with pytest.raises(Misconfigured, match="safetensors"):
        sentence_transformer(str(model))
