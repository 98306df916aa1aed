from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from domain.errors import Misconfigured
from retrieval.encoders import MiniLMEncoder, batches_by_length, mean_pool, minilm_folder, unit

SENTENCES = ["How do I restart my router?", "Unplug it for ten seconds.", "The moon is a lake of milk.", "a", ""]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("converted")


@pytest.fixture(scope="module")
def encoder(cache: Path) -> MiniLMEncoder:
    return MiniLMEncoder(cache, compute_type="float32")


@pytest.mark.parametrize(
    ("lengths", "wanted"),
    [([], []), ([5], [[0]]), ([9, 1, 4], [[1, 2], [0]]), ([3, 3, 3], [[0, 1, 2]]), ([50, 60], [[0], [1]])],
)
def test_batches_are_by_length_within_the_budget(lengths: list[int], wanted: list[list[int]]) -> None:
    assert list(batches_by_length(lengths, 9)) == wanted


def test_pooling_looks_at_no_padding() -> None:
    hidden = np.array([[[3, 0], [0, 3], [9, 9]], [[0, 2], [7, 7], [7, 7]]], dtype=np.float32)
    np.testing.assert_allclose(mean_pool(hidden, [2, 1]), [[0.5**0.5, 0.5**0.5], [0, 1]], atol=1e-6)


def test_a_zero_vector_stays_zero_at_unit_length() -> None:
    assert unit([[0, 0], [0, -2]]).tolist() == [[0, 0], [0, -1]]


@pytest.mark.models
def test_vectors_are_float32_of_unit_length(encoder: MiniLMEncoder) -> None:
    vectors = encoder.encode_passages(SENTENCES)
    assert vectors.shape == (5, 384)
    assert vectors.dtype == np.dtype("float32")
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert encoder.encode_queries([]).shape == (0, 384)


@pytest.mark.models
def test_vectors_equal_those_of_sentence_transformers(encoder: MiniLMEncoder) -> None:
    from sentence_transformers import SentenceTransformer

    texts = [*SENTENCES, "long " * 400]
    model = SentenceTransformer(str(minilm_folder()), device="cpu")
    model.max_seq_length = 256
    reference = np.asarray(model.encode(texts, normalize_embeddings=True))
    np.testing.assert_allclose(encoder.encode_passages(texts), reference, atol=1e-4)


@pytest.mark.models
def test_int8_points_the_same_way(encoder: MiniLMEncoder, cache: Path) -> None:
    cosines = (MiniLMEncoder(cache, compute_type="int8").encode_passages(SENTENCES[:3])) * (
        encoder.encode_passages(SENTENCES[:3])
    )
    assert cosines.sum(axis=1).min() > 0.98


@pytest.mark.models
def test_a_vector_does_not_depend_on_its_company(encoder: MiniLMEncoder) -> None:
    together = encoder.encode_queries([*SENTENCES, "long " * 300])
    alone = np.concatenate([encoder.encode_queries([text]) for text in SENTENCES])
    np.testing.assert_allclose(together[: len(SENTENCES)], alone, atol=1e-5)


@pytest.mark.models
def test_batches_side_by_side_give_the_vectors_of_one_after_the_other(cache: Path) -> None:
    texts = [f"{'long ' * (7 * n % 150)}sentence number {n}" for n in range(41)]
    alone, many = (MiniLMEncoder(cache, compute_type="float32", threads=threads) for threads in (1, 3))
    np.testing.assert_allclose(many.encode_passages(texts), alone.encode_passages(texts), atol=1e-5)


@pytest.mark.models
def test_a_damaged_conversion_is_made_again(encoder: MiniLMEncoder, tmp_path: Path) -> None:
    first = MiniLMEncoder(tmp_path)
    [converted] = tmp_path.iterdir()
    (converted / "model.bin").write_bytes((converted / "model.bin").read_bytes()[:1000])
    again = MiniLMEncoder(tmp_path)
    assert np.array_equal(again.encode_queries(SENTENCES), first.encode_queries(SENTENCES))
    assert [path.name for path in tmp_path.iterdir()] == [converted.name]


@pytest.mark.models
def test_serving_needs_no_torch(encoder: MiniLMEncoder, cache: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from retrieval.encoders import MiniLMEncoder;"
        f"MiniLMEncoder(Path({str(cache)!r}), compute_type='float32').encode_queries(['x']);"
        "sys.exit(sum(m in sys.modules for m in ('torch', 'transformers', 'sentence_transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0


def copy_of_weights(folder: Path) -> Path:
    """The real model's folder, whose weights are a link that a test may replace."""
    copied = folder / "model"
    copied.mkdir()
    for path in minilm_folder().glob("*.*"):
        if path.suffix == ".safetensors":
            (copied / path.name).symlink_to(path)
        else:
            shutil.copy(path, copied)
    return copied


def test_altered_weights_are_refused_and_nothing_is_converted(tmp_path: Path) -> None:
    weights = copy_of_weights(tmp_path)
    real = (weights / "model.safetensors").read_bytes()
    (weights / "model.safetensors").unlink()
    (weights / "model.safetensors").write_bytes(real[:-1] + bytes([real[-1] ^ 1]))
    with pytest.raises(Misconfigured, match=r"altered \(SHA-256 .*53aa51172d14.*reinstall"):
        MiniLMEncoder(tmp_path / "cache", weights=weights)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("gone", ["model.safetensors", "tokenizer.json"])
def test_missing_files_are_named(tmp_path: Path, gone: str) -> None:
    weights = copy_of_weights(tmp_path)
    (weights / gone).unlink()
    with pytest.raises(Misconfigured, match=rf"{gone} is missing or altered"):
        MiniLMEncoder(tmp_path / "cache", weights=weights)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MiniLM's own weights as `colloquy train bi-encoder` writes them: fp16, without word embeddings and pooler."""
    weights = {
        name: value.astype(np.float16)
        for name, value in load_file(minilm_folder() / "model.safetensors").items()
        if not name.startswith(("pooler.", "embeddings.word_embeddings", "embeddings.position_ids"))
    }
    folder = tmp_path_factory.mktemp("bi-encoder")
    save_file(weights, folder / "model.safetensors")
    return folder


@pytest.mark.models
def test_a_tuned_encoder_puts_its_weights_in_the_place_of_minilms(cache: Path, tuned: Path) -> None:
    own, same = MiniLMEncoder(cache), MiniLMEncoder(cache, tuned=tuned)
    assert (own.encode_passages(SENTENCES) * same.encode_passages(SENTENCES)).sum(1).min() > 0.97  # int8 rounds twice
    assert same.fingerprint != own.fingerprint
    assert same.dimension == 384


@pytest.mark.models
def test_a_tuned_encoder_without_its_weights_is_refused(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="missing"):
        MiniLMEncoder(cache, tuned=tmp_path)
    save_file({"embeddings.LayerNorm.weight": np.ones(384, np.float16)}, tmp_path / "model.safetensors")
    with pytest.raises(Misconfigured, match="do not fit"):
        MiniLMEncoder(cache, tuned=tmp_path)
