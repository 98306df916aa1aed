"""How long a turn takes, stage by stage, and how fast documents go in. Measures; never asserts."""

from __future__ import annotations

import json
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.events import AnswerDelta, AnswerFinished
from domain.protocols import Assistant, PassageEncoder
from evaluation.metrics import percentile
from evaluation.reports import Table
from retrieval.encoders import minilm_folder
from retrieval.ingestion import ingest
from retrieval.knowledge_base import KnowledgeBaseStore

QUESTIONS = Path(__file__).parent / "data" / "harbourline_bench.jsonl"
OWNER = "bench"
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class BenchQuestion:
    """One message; those of one ``conversation`` follow one another."""

    conversation: str
    question: str


@dataclass(frozen=True, slots=True)
class TimedTurn:
    """Seconds from the message to the first words, to the finished answer, and in each stage as the trace has them."""

    first_token: float
    total: float
    stages: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class IngestionSpeed:
    """Passages a second: the whole ingestion of a folder, and ``SentenceTransformer.encode`` of the same passages."""

    passages: int
    ours: float
    plain: float


def load_questions(path: Path = QUESTIONS) -> list[BenchQuestion]:
    """The questions of the bench, in order."""
    return [BenchQuestion(**json.loads(line)) for line in path.read_text("utf-8").splitlines() if line.strip()]


def time_turns(
    assistant: Assistant, knowledge_base: str, questions: Sequence[BenchQuestion], tell: Callable[[], None]
) -> list[TimedTurn]:
    """Each question as one whole turn, stored like any other; the conversations are deleted afterwards.

    The first question is asked once more beforehand: what is loaded at first use is not the matter here.
    """
    run = uuid.uuid4().hex
    names = {question.conversation: f"{run}-{question.conversation}" for question in questions}
    with ExitStack() as afterwards:
        for name in [*names.values(), run]:
            afterwards.callback(assistant.delete_conversation, OWNER, name)
        for question in questions[:1]:
            time_turn(assistant, run, question.question, knowledge_base)
        timed = []
        for question in questions:
            timed.append(time_turn(assistant, names[question.conversation], question.question, knowledge_base))
            tell()
    return timed


def time_turn(assistant: Assistant, conversation: str, message: str, knowledge_base: str) -> TimedTurn:
    """One turn from the message to the end of its events."""
    started, first, stages = time.perf_counter(), 0.0, {}
    for event in assistant.stream_reply(OWNER, conversation, message, knowledge_base):
        if isinstance(event, AnswerDelta | AnswerFinished) and not first:
            first = time.perf_counter() - started
        if isinstance(event, AnswerFinished):
            stages = dict(event.turn.trace.seconds)
    return TimedTurn(first, time.perf_counter() - started, stages)


def ingestion_speed(folder: Path, encoder: PassageEncoder) -> IngestionSpeed:
    """``folder`` into a knowledge base that is thrown away, then the same passages through sentence-transformers,
    both on the processor, both warm."""
    encoder.encode_passages(["warm"])
    with tempfile.TemporaryDirectory() as scratch:
        store = KnowledgeBaseStore(Path(scratch), encoder)
        base = store.create("bench")
        started = time.perf_counter()
        ingest([folder], base)
        ours = time.perf_counter() - started
        with base.snapshot() as snapshot:
            texts = [passage.searchable for passage in snapshot.passages(snapshot.rows()).values()]
        store.close()
    return IngestionSpeed(len(texts), len(texts) / ours, len(texts) / plain_encoding_seconds(texts))


def plain_encoding_seconds(texts: Sequence[str]) -> float:
    """How long ``SentenceTransformer.encode`` takes, with its own defaults, model loaded and warm."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(minilm_folder()), device="cpu")
    model.encode(["warm"])
    started = time.perf_counter()
    model.encode(list(texts), show_progress_bar=False)
    return time.perf_counter() - started


def resident_mebibytes() -> float:
    """What this process holds in memory now."""
    import psutil

    return float(psutil.Process().memory_info().rss) / _MIB


def report(turns: Sequence[TimedTurn], speed: IngestionSpeed | None, memory: float, facts: Mapping[str, str]) -> Table:
    """p50 and p95 of each stage in milliseconds, and the rest as facts."""
    columns = dict(_columns(turns))
    rows = tuple(
        (name, f"{1000 * percentile(values, 0.5):.0f}", f"{1000 * percentile(values, 0.95):.0f}", str(len(values)))
        for name, values in columns.items()
    )
    figures = {"resident memory": f"{memory:.0f} MiB after the turns"}
    if speed is not None:
        figures["ingestion"] = (
            f"{speed.ours:.0f} passages/s (CTranslate2 int8; {speed.passages} passages, reading, cutting and storing "
            f"included); SentenceTransformer.encode alone {speed.plain:.0f}/s (PyTorch float32); "
            f"ratio {speed.ours / speed.plain:.2f}, each measured once"
        )
    return Table("Turns", ("stage", "p50 ms", "p95 ms", "n"), rows, {**figures, **facts}, _data(columns, speed, memory))


def _columns(turns: Sequence[TimedTurn]) -> Iterator[tuple[str, list[float]]]:
    stages = list(dict.fromkeys(stage for turn in turns for stage in turn.stages if stage != "total"))
    yield from ((stage, [turn.stages[stage] for turn in turns if stage in turn.stages]) for stage in stages)
    yield "time to first token", [turn.first_token for turn in turns]
    yield "whole turn", [turn.total for turn in turns]


def _data(columns: Mapping[str, Sequence[float]], speed: IngestionSpeed | None, memory: float) -> dict[str, Any]:
    stages = {
        name: {"p50": percentile(values, 0.5), "p95": percentile(values, 0.95), "n": len(values)}
        for name, values in columns.items()
    }
    rates = {"passages": speed.passages, "passages_per_second": speed.ours, "plain": speed.plain} if speed else None
    return {"seconds": stages, "ingestion": rates, "resident_mebibytes": memory}
