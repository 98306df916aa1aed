"""Towers are built, frozen, interpolated and written so that every library reads the same vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer

from domain.errors import Misconfigured
from retrieval.encoders import MiniLMEncoder
from retrieval.hub_encoders import dpr_pair
from tests.training.tiny_models import tiny_bert, tiny_roberta
from training.minilm import minilm_folder
from training.mining import open_encoder
from training.tower_export import export_dpr, export_sentence_transformers, export_towers
from training.towers import WORD_EMBEDDINGS, TowerOptions, Towers, build_towers, encoders, interpolated, snapshot

TEXTS = ["what is the fee for a lost card", "the router light is red"]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_bert(tmp_path_factory.mktemp("bert")))


def stirred(model: SentenceTransformer, seed: int = 0) -> SentenceTransformer:
    """As if trained: every weight that may move has moved, each tower its own way."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return model.eval()


@pytest.mark.parametrize("towers", ["shared", "separate"])
def test_towers_share_their_weights_only_where_they_should(start: str, towers: Towers) -> None:
    model = build_towers(TowerOptions(start, towers))
    pair = encoders(model)
    assert (pair["query"] is pair["document"]) == (towers == "shared")
    assert np.allclose(model.encode_query(TEXTS), model.encode_document(TEXTS), atol=1e-6)  # one start for both
    if towers == "separate":
        stirred(model)
        assert not np.allclose(model.encode_query(TEXTS), model.encode_document(TEXTS), atol=1e-2)


def test_the_start_serves_as_the_product_serves_it(tmp_path: Path) -> None:
    model = build_towers(TowerOptions())
    served = MiniLMEncoder(tmp_path, compute_type="float32")
    texts = [*TEXTS, "long " * 400, ""]
    assert np.allclose(model.encode_query(texts), served.encode_queries(texts), atol=2e-4)


@pytest.mark.parametrize(("freeze", "learns"), [(None, True), (True, False), (False, True)])
def test_word_embeddings_stay_still_when_told_to(start: str, freeze: bool | None, learns: bool) -> None:
    for towers in ("shared", "separate"):
        model = build_towers(TowerOptions(start, towers, freeze_words=freeze))
        for encoder in encoders(model).values():
            assert encoder.get_input_embeddings().weight.requires_grad == learns


def test_minilms_word_embeddings_stay_still_unless_told_otherwise() -> None:
    assert TowerOptions().words_frozen
    assert TowerOptions().is_lean
    assert not TowerOptions(freeze_words=False).is_lean
    assert not TowerOptions(towers="separate").is_lean


def test_interpolation_runs_from_the_start_to_the_tuned_weights(start: str) -> None:
    model = build_towers(TowerOptions(start))
    before = snapshot(model)
    after = snapshot(stirred(model))
    assert all(torch.equal(value, before[name]) for name, value in interpolated(after, before, 0.0).items())
    assert all(torch.equal(value, after[name]) for name, value in interpolated(after, before, 1.0).items())
    between = interpolated(after, before, 0.7)
    for name, value in between.items():
        assert torch.allclose(value, 0.7 * after[name] + 0.3 * before[name], atol=1e-6)
    model.load_state_dict(between)


@pytest.mark.parametrize("towers", ["shared", "separate"])
def test_sentence_transformers_reads_the_same_vectors(start: str, towers: Towers, tmp_path: Path) -> None:
    model = stirred(build_towers(TowerOptions(start, towers)))
    export_sentence_transformers(model, tmp_path / "out")
    again = SentenceTransformer(str(tmp_path / "out"), device="cpu")
    assert np.allclose(again.encode_query(TEXTS), model.encode_query(TEXTS), atol=1e-6)
    assert np.allclose(again.encode_document(TEXTS), model.encode_document(TEXTS), atol=1e-6)
    mining = open_encoder(str(tmp_path / "out"))
    assert np.allclose(np.asarray(mining.encode_queries(TEXTS)), model.encode_query(TEXTS), atol=1e-5)


@pytest.mark.parametrize("towers", ["shared", "separate"])
def test_dprs_classes_read_the_same_vectors(start: str, towers: Towers, tmp_path: Path) -> None:
    model = stirred(build_towers(TowerOptions(start, towers, similarity="dot", pooling="cls")))
    export_dpr(model, tmp_path)
    pair = dpr_pair(str(tmp_path / "question_encoder"), str(tmp_path / "ctx_encoder"))
    q, p = model.encode_query(TEXTS, normalize_embeddings=True), model.encode_document(TEXTS, normalize_embeddings=True)
    assert np.allclose(pair.encode_queries(TEXTS), q, atol=1e-5)
    assert np.allclose(pair.encode_passages(TEXTS), p, atol=1e-5)
    assert np.allclose(np.asarray(open_encoder(str(tmp_path)).encode_passages(TEXTS)), p, atol=1e-5)


def test_only_berts_are_written_for_dprs_classes(tmp_path: Path) -> None:
    model = build_towers(TowerOptions(str(tiny_roberta(tmp_path / "roberta"))))
    with pytest.raises(Misconfigured, match="roberta"):
        export_dpr(model, tmp_path / "out")


def test_a_tower_from_minilm_travels_without_its_words_and_comes_back_whole(tmp_path: Path) -> None:
    model = stirred(build_towers(TowerOptions()))
    export_towers(model, TowerOptions(), tmp_path / "out", tmp_path / "no-run")
    state = load_file(tmp_path / "out" / "model.safetensors")
    names = set(load_file(minilm_folder() / "model.safetensors"))
    assert WORD_EMBEDDINGS not in state
    assert set(state) <= names
    assert {value.dtype for value in state.values() if value.is_floating_point()} == {torch.float16}
    again = np.asarray(open_encoder(str(tmp_path / "out")).encode_queries(TEXTS))
    assert np.allclose(again, model.encode_query(TEXTS), atol=5e-3)  # what fp16 costs
    assert not np.allclose(again, build_towers(TowerOptions()).encode_query(TEXTS), atol=5e-2)


def test_another_start_is_written_whole(start: str, tmp_path: Path) -> None:
    options = TowerOptions(start)
    model = stirred(build_towers(options))
    export_towers(model, options, tmp_path / "out", tmp_path / "no-run")
    again = SentenceTransformer(str(tmp_path / "out"), device="cpu")
    assert np.allclose(again.encode_query(TEXTS), model.encode_query(TEXTS), atol=1e-6)


def test_a_start_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="nowhere"):
        build_towers(TowerOptions(str(tmp_path / "nowhere")))
