"""Models named by the operator, out of an offline cache made here, opened and run by every part that takes one."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from bot.hub import model_folder
from domain.errors import Misconfigured
from domain.passage import Passage
from generation.ctranslate_runtime import CTranslate2Runtime
from generation.hub_models import open_seq2seq, open_tokenizer
from generation.seq2seq import FusionMode, Seq2SeqRuntime, WritingRequest
from generation.torch_runtime import TorchSeq2SeqRuntime
from retrieval.hub_encoders import dpr_pair, sentence_transformer
from retrieval.hub_reader import CrossEncoderReader
from tests.bot.hub_cache import stored
from tests.retrieval.hub_models import save_cross_encoder, save_dpr, save_sentence_transformer
from tests.training.tiny_models import tiny_bart, tiny_t5

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def weighted(folder: Path, *files: str) -> Path:
    """A folder of files that are no more than their names."""
    for file in ("config.json", *files):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(file)
    return folder


def named(tmp_path: Path, name: str, folder: Path) -> Path:
    """``folder`` stored in a cache and then found by its name and commit."""
    commit = stored(tmp_path / "hub", name, folder)
    found = model_folder(name, commit, cache=tmp_path / "hub", offline=True)
    shutil.rmtree(folder)
    return found


def test_a_folder_needs_no_revision(tmp_path: Path) -> None:
    folder = weighted(tmp_path / "model", "model.safetensors")
    assert model_folder(str(folder)) == folder


@pytest.mark.parametrize("revision", [None, "main", "0123456", COMMIT.upper(), COMMIT + "0"])
def test_a_hub_name_needs_a_commit(revision: str | None, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"org/model.*40 hexadecimal digits\.$"):
        model_folder("org/model", revision, cache=tmp_path, offline=True)


def test_the_commit_is_taken_whatever_the_branch_has_become(tmp_path: Path) -> None:
    cache = tmp_path / "hub"
    first = stored(cache, "org/model", weighted(tmp_path / "a", "model.safetensors"))
    second = stored(cache, "org/model", weighted(tmp_path / "b", "model.safetensors", "vocab.txt"))
    found = model_folder("org/model", first, cache=cache, offline=True)
    assert first != second
    assert found == cache / "models--org--model" / "snapshots" / first
    assert sorted(file.name for file in found.iterdir()) == ["config.json", "model.safetensors"]


def test_what_is_not_cached_is_named_with_the_command_that_fetches_it(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=rf"offline cache.*hf download org/model --revision {COMMIT}$"):
        model_folder("org/model", COMMIT, cache=tmp_path, offline=True)


@pytest.mark.parametrize("name", ["/no/such/model", "./model", "~/model", "models/of/ours"])
def test_a_path_that_is_no_folder_is_not_looked_for_on_a_hub(name: str) -> None:
    with pytest.raises(Misconfigured, match="does not exist"):
        model_folder(name, COMMIT)


def test_a_name_no_hub_can_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="neither a folder nor a hub name"):
        model_folder("org/my model", COMMIT, cache=tmp_path, offline=True)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["pytorch_model.bin"], "only pickled weights, which"),
        (["model.safetensors", "2_Dense/pytorch_model.bin"], "only pickled weights in 2_Dense, which"),
        (["vocab.txt"], "no weights as safetensors"),
    ],
)
def test_weights_that_could_run_code_are_refused(files: list[str], said: str, tmp_path: Path) -> None:
    folder = weighted(tmp_path / "model", *files)
    with pytest.raises(Misconfigured, match=said):
        model_folder(str(folder))
    commit = stored(tmp_path / "hub", "org/model", folder)
    with pytest.raises(Misconfigured, match=f"org/model.*{said}"):
        model_folder("org/model", commit, cache=tmp_path / "hub", offline=True)


def test_pickles_beside_safetensors_do_no_harm(tmp_path: Path) -> None:
    files = ["model.safetensors", "pytorch_model.bin", "logs/training_args.bin"]
    folder = weighted(tmp_path / "model", *files)
    assert model_folder(str(folder)) == folder


@pytest.mark.parametrize("make", [tiny_bart, tiny_t5])
def test_a_bart_or_t5_by_name_writes_on_both_runtimes(make: type, tmp_path: Path) -> None:
    folder = named(tmp_path, "org/writer", make(tmp_path / "made"))
    source = tuple(open_tokenizer(folder)("what is the fee").input_ids)
    request = WritingRequest((source,), (0.0,), FusionMode.CONCAT, beams=2, max_tokens=5)
    runtimes: list[Seq2SeqRuntime] = [
        TorchSeq2SeqRuntime(*open_seq2seq(folder)),
        CTranslate2Runtime(folder, tmp_path / "converted"),
    ]
    for runtime in runtimes:
        *_, found = runtime.write(request)
        assert isinstance(found, tuple)
        assert 1 <= len(found) <= 2
        assert all(one.log_probability < 0 and one.token_count <= 5 for one in found)


def test_a_dpr_pair_by_name_encodes(tmp_path: Path) -> None:
    question = named(tmp_path, "org/question", save_dpr(tmp_path / "q", "Question", 1))
    context = named(tmp_path, "org/context", save_dpr(tmp_path / "c", "Context", 2))
    encoder = dpr_pair(str(question), str(context))
    queries, passages = encoder.encode_queries(["my router"]), encoder.encode_passages(["my router"])
    assert queries.shape == passages.shape == (1, 16)
    assert not np.allclose(queries, passages, atol=0.01)


def test_a_sentence_transformer_by_name_encodes(tmp_path: Path) -> None:
    folder = named(tmp_path, "org/encoder", save_sentence_transformer(tmp_path / "made", 4))
    vectors = sentence_transformer(str(folder)).encode_queries(["my router", "moon"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_cross_encoder_by_name_reads(tmp_path: Path) -> None:
    folder = named(tmp_path, "org/reader", save_cross_encoder(tmp_path / "made", 5))
    passage = Passage("p", "d", "", "unplug my router", "file.md", (0, 16))
    (evidence,) = CrossEncoderReader(folder).read("how do i restart it", [passage])
    assert 0 < evidence.relevance < 1
    assert torch.tensor(evidence.sentence_scores).shape == (1,)
