"""What Prometheus reads at ``/metrics``. A registry for each application; no label holds what a person wrote."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from domain.conversation import Turn
from domain.errors import PartUnavailable, QuestionRejected, UnknownKnowledgeBase
from domain.events import AnswerFinished, TurnEvent

MEDIA_TYPE = CONTENT_TYPE_LATEST
_STAGES = ("rewrite", "retrieve", "generate", "weigh", "total")
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # a turn takes about one on two cores
_TENTHS = tuple(n / 10 for n in range(1, 11))
_OTHER = "other"


class Metrics:
    """Counts turns; its ``watch`` is what ``RunningTurns`` tells of them, from any thread."""

    def __init__(self, knowledge_bases: Callable[[], Sequence[str]]) -> None:
        """``knowledge_bases``: the names that may become labels. Others, which anybody may make up, count as one."""
        self._names = knowledge_bases
        self._registry = registry = CollectorRegistry()
        self._turns = Counter(
            "colloquy_turns", "Turns that came to their end.", ["kind", "knowledge_base"], registry=registry
        )
        self._lost = Counter("colloquy_turns_not_stored", "Turns answered while memory was down.", registry=registry)
        self._stopped = Counter("colloquy_turns_stopped", "Turns stopped before their end.", registry=registry)
        self._failed = Counter("colloquy_turns_failed", "Turns that ended in an error.", ["error"], registry=registry)
        self._seconds = Histogram(
            "colloquy_stage_seconds", "Seconds of a turn's stages.", ["stage"], buckets=_SECONDS, registry=registry
        )
        self._confidence = Histogram(
            "colloquy_confidence", "Calibrated confidence of finished turns.", buckets=_TENTHS, registry=registry
        )
        self._feedback = Counter("colloquy_feedback", "Verdicts given over the API.", ["verdict"], registry=registry)
        self._working = Gauge("colloquy_turns_running", "Turns that are worked on now.", registry=registry)
        self._waiting = Gauge("colloquy_turns_waiting", "Turns that wait in line now.", registry=registry)
        self._memory = Gauge("colloquy_memory_up", "1 while memory answers, else 0.", registry=registry)

    def watch(self, item: TurnEvent | Exception | None) -> None:
        """One event, error or stop of a turn."""
        match item:
            case AnswerFinished(turn, stored):
                self._finished(turn, stored)
            case Exception():
                self._failed.labels(_family(item)).inc()
            case None:
                self._stopped.inc()

    def feedback(self, verdict: str) -> None:
        """Somebody gave a verdict."""
        self._feedback.labels(verdict).inc()

    def text(self, working: int, waiting: int, memory_up: bool) -> bytes:
        """Everything, in Prometheus' format, with how things stand now."""
        self._working.set(working)
        self._waiting.set(waiting)
        self._memory.set(memory_up)
        return generate_latest(self._registry)

    def _finished(self, turn: Turn, stored: bool) -> None:
        known = turn.knowledge_base in self._names()
        self._turns.labels(turn.answer.kind.value, turn.knowledge_base if known else _OTHER).inc()
        self._confidence.observe(turn.answer.confidence)
        for stage, seconds in turn.trace.seconds.items():
            self._seconds.labels(stage if stage in _STAGES else _OTHER).observe(seconds)
        if not stored:
            self._lost.inc()


def _family(error: Exception) -> str:
    match error:
        case QuestionRejected():
            return "rejected"
        case UnknownKnowledgeBase():
            return "unknown_knowledge_base"
        case PartUnavailable():
            return "unavailable"
    return "unexpected"
