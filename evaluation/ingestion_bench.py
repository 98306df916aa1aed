"""How fast documents go in beside plain ``SentenceTransformer.encode`` and FAISS, on the same passages in the same run.

Each measurement is a process of its own, so that its peak memory is its own; the systems take turns for several
rounds, so that what else the machine does meets all of them. Models are loaded and warm before the clock starts.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt

from domain.protocols import PassageEncoder
from evaluation.reports import Table
from retrieval.chunking import chunk
from retrieval.dense import FlatIndex
from retrieval.encoders import MiniLMEncoder, minilm_folder
from retrieval.hub_encoders import sentence_transformer
from retrieval.ingestion import ingest, visible_files
from retrieval.knowledge_base import KnowledgeBaseStore
from retrieval.readers import ParsedDocument, open_documents

Matrix = npt.NDArray[np.float32]
Maker = Callable[[], PassageEncoder]

OURS, ENCODING, PLAIN = "the whole ingestion", "our encoder alone", "SentenceTransformer.encode + IndexFlatIP"
_WARM = ["A sentence that is encoded before the clock starts."] * 8


@dataclass(frozen=True, slots=True)
class Measured:
    """One system once: seconds, passages, the process's peak memory, and that before the clock started."""

    system: str
    passages: int
    seconds: float
    peak_mebibytes: float
    idle_mebibytes: float

    @property
    def rate(self) -> float:
        """Passages a second."""
        return self.passages / self.seconds


@dataclass(frozen=True, slots=True)
class Closeness:
    """Cosines between the two encoders' vectors of the same passages."""

    mean: float
    least: float


def passages_of(root: Path, limit: int | None = None) -> list[str]:
    """What is encoded of the files under ``root``: the searchable texts, as ingestion cuts them."""
    texts: list[str] = []
    for path in visible_files(root)[0] if root.is_dir() else [root]:
        for item in open_documents(path, root):
            if isinstance(item, ParsedDocument):
                texts += [passage.searchable for passage in chunk(item)]
        if limit is not None and len(texts) >= limit:
            break
    return texts[:limit]


def measure(root: Path, make: Maker, rounds: int, tell: Callable[[int, int], object]) -> list[Measured]:
    """Every system ``rounds`` times, in turns, on the documents under ``root``. ``make`` makes our encoder in another
    process, so it must be picklable."""
    systems = (_ingesting, _encoding, _plainly)
    measured = []
    for number in range(rounds * len(systems)):
        run = systems[number % len(systems)]
        with ProcessPoolExecutor(1, get_context("spawn")) as alone:
            measured.append(alone.submit(run, root, make).result())
        tell(number + 1, rounds * len(systems))
    return measured


def closeness(texts: Sequence[str], ours: PassageEncoder, plain: PassageEncoder) -> Closeness:
    """``texts`` by both encoders."""
    one, other = (np.asarray(encoder.encode_passages(texts), dtype=np.float32) for encoder in (ours, plain))
    cosines = np.einsum("nd,nd->n", one, other)
    return Closeness(float(cosines.mean()), float(cosines.min()))


def int8(cache: Path) -> MiniLMEncoder:
    """MiniLM as our ingestion runs it."""
    return MiniLMEncoder(cache)


def plain_encoder() -> PassageEncoder:
    """The same weights as sentence-transformers runs them: PyTorch, float32."""
    return sentence_transformer(str(minilm_folder()))


def report(measured: Sequence[Measured], close: Closeness | None, facts: Mapping[str, str]) -> Table:
    """A line a system: medians over the rounds, and the rate as a multiple of the plain one's in the same round."""
    systems = list(dict.fromkeys(one.system for one in measured))
    runs = {system: [one for one in measured if one.system == system] for system in systems}
    ratios = {s: [a.rate / b.rate for a, b in zip(runs[s], runs[PLAIN], strict=True)] for s in systems}
    rows = tuple(_row(system, runs[system], ratios[system]) for system in systems)
    told = {"passages": str(measured[0].passages), "rounds": str(len(runs[PLAIN])), **facts}
    if close is not None:
        told["cosine to float32"] = f"mean {close.mean:.4f}, least {close.least:.4f}"
    data = {s: {"rates": [one.rate for one in runs[s]], "ratios": ratios[s]} for s in systems}
    columns = ("system", "passages/s", "× plain", "range of ×", "peak MiB", "of which before")
    return Table("Ingestion", columns, rows, told, data)


def _row(system: str, runs: Sequence[Measured], ratios: Sequence[float]) -> tuple[str, ...]:
    return (
        system,
        f"{median(one.rate for one in runs):.1f}",
        f"{median(ratios):.2f}",
        f"{min(ratios):.2f} – {max(ratios):.2f}",
        f"{max(one.peak_mebibytes for one in runs):.0f}",
        f"{median(one.idle_mebibytes for one in runs):.0f}",
    )


def _ingesting(root: Path, make: Maker) -> Measured:
    """Read, cut, encode, write, and make the index that is searched."""
    encoder = make()
    encoder.encode_passages(_WARM)
    with tempfile.TemporaryDirectory() as scratch:
        store = KnowledgeBaseStore(Path(scratch), encoder)
        base, idle, started = store.create("bench"), _peak(), time.perf_counter()
        ingest([root], base)
        store.compact("bench")
        with base.snapshot() as snapshot:
            count = len(snapshot)
        seconds = time.perf_counter() - started
        store.close()
    return Measured(OURS, count, seconds, _peak(), idle)


def _encoding(root: Path, make: Maker) -> Measured:
    encoder, texts = make(), passages_of(root)
    encoder.encode_passages(_WARM)
    idle, started = _peak(), time.perf_counter()
    for first in range(0, len(texts), 512):  # as many at once as ingestion gives it
        encoder.encode_passages(texts[first : first + 512])
    return Measured(ENCODING, len(texts), time.perf_counter() - started, _peak(), idle)


def _plainly(root: Path, make: Maker) -> Measured:
    """What one would write by hand, with every default of sentence-transformers."""
    del make
    from sentence_transformers import SentenceTransformer

    model, texts = SentenceTransformer(str(minilm_folder()), device="cpu"), passages_of(root)
    model.encode(_WARM, show_progress_bar=False)
    idle, started = _peak(), time.perf_counter()
    vectors = model.encode(texts, show_progress_bar=False)
    FlatIndex(vectors.shape[1], np.arange(len(texts)), vectors)
    return Measured(PLAIN, len(texts), time.perf_counter() - started, _peak(), idle)


def _peak() -> float:
    """The most this process has held in memory, in MiB."""
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
