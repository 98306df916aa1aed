"""Questions about a passage: SQuAD 1.1 and 2.0 (Rajpurkar et al. 2016, 2018), and passages packed in its likeness."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpora.records import Record, records


@dataclass(frozen=True, slots=True)
class ReadingExample:
    """A question and the passage to answer it from.

    ``answers`` are distinct stretches of the passage, each of them right, in the order of the file; () exactly when
    not ``answerable``. ``id`` is SQuAD's own; where there is none it is the file's name, the row, the question in it.
    """

    id: str
    question: str
    title: str
    passage: str
    answers: tuple[str, ...]
    answerable: bool


def read_reading(path: Path) -> Iterator[ReadingExample]:
    """The questions of SQuAD's official JSON, or of JSON Lines with ``passage`` and either ``qas`` ([{q, a}]) or ``q``
    and ``a`` (``a``: strings, or lists of {string} for answers of several stretches, each of which counts).

    Which of them it is shows in the fields. Streamed; ``Misconfigured`` comes where the file turns out wrong.
    """
    stem = path.name.partition(".")[0]
    for number, row in enumerate(records(path, member="data"), 1):
        yield from _examples(row, f"{stem}#{number}")


def _examples(row: Record, name: str) -> Iterator[ReadingExample]:
    if "paragraphs" in row.fields:
        return (example for paragraph in row.records("paragraphs") for example in _squad(paragraph, row.text("title")))
    if "qas" in row.fields:
        questions = enumerate(row.records("qas"), 1)
        return (_packed(row, question, f"{name}.{number}") for number, question in questions)
    if "q" in row.fields:
        return iter([_packed(row, row, name)])
    raise row.wrong("it is neither an article of SQuAD (title, paragraphs) nor a packed passage (passage, qas or q)")


def _squad(paragraph: Record, title: str) -> Iterator[ReadingExample]:
    passage = paragraph.text("context")
    for question in paragraph.records("qas"):
        answerable = question.fields.get("is_impossible") is not True
        answers = _distinct([answer.text("text") for answer in question.records("answers")]) if answerable else ()
        if answerable and not answers:
            raise question.wrong("'answers' is empty and the question is not marked 'is_impossible'")
        yield ReadingExample(question.text("id"), question.text("question"), title, passage, answers, answerable)


def _packed(row: Record, question: Record, name: str) -> ReadingExample:
    answers = _distinct([text for answer in question.items("a") for text in _stretches(answer, question)])
    return ReadingExample(
        name, question.text("q"), row.text("title", default=""), row.text("passage"), answers, bool(answers)
    )


def _stretches(answer: Any, question: Record) -> Iterator[str]:
    if isinstance(answer, str):
        yield answer
        return
    for stretch in Record(question.where, {"a": answer}).records("a"):
        yield stretch.text("string")


def _distinct(texts: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
