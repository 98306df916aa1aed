"""What DPR's retriever writes (Karpukhin et al. 2020): questions with the passages found, from which readers learn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from corpora.records import Record, records


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """A passage; ``score`` is the retriever's, comparable within one question; ``has_answer``: it holds an answer's
    words, whatever it says of them."""

    id: str
    title: str
    text: str
    score: float
    has_answer: bool


@dataclass(frozen=True, slots=True)
class FoundQuestion:
    """A question, its right answers, and the passages in the order of the file, which is best first."""

    question: str
    answers: tuple[str, ...]
    passages: tuple[FoundPassage, ...]


def read_retriever_results(path: Path) -> Iterator[FoundQuestion]:
    """The questions of a file of ``question``, ``answers``, ``ctxs`` ([{id, title, text, score, has_answer}]), one at
    a time: such files have gigabytes. Raises ``Misconfigured`` where the file turns out wrong."""
    return map(_question, records(path))


def _question(row: Record) -> FoundQuestion:
    passages = tuple(_passage(found) for found in row.records("ctxs"))
    return FoundQuestion(row.text("question"), row.texts("answers"), passages)


def _passage(row: Record) -> FoundPassage:
    return FoundPassage(
        row.name("id"), row.text("title", default=""), row.text("text"), row.number("score"), row.flag("has_answer")
    )
