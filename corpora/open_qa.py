"""Questions with short answers and no passage: NQ-open (Lee et al. 2019), TriviaQA (Joshi et al. 2017), WebQuestions
(Berant et al. 2013), and the lists of questions and answers that DPR (Karpukhin et al. 2020) is evaluated on."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from corpora.json_stream import REMEDY
from corpora.records import Record, lines, records
from domain.errors import Misconfigured

TABLES = (".csv", ".tsv")
LIST, ITEM, END = "(list", "(description ", ")"


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question and its right answers, distinct, in the order of the file, the main one first.

    ``id`` is the data set's own; where the file has none it is the file's name and the row (from 1).
    """

    id: str
    question: str
    answers: tuple[str, ...]


def read_open_qa(path: Path) -> Iterator[OpenQuestion]:
    """The questions of NQ-open's JSON Lines (``question``, ``answer``), of TriviaQA's official JSON (``Data``), of
    WebQuestions (``utterance``, ``targetValue``; ``qText``, ``answers``; ``question``, ``answers``), or, by the
    suffix ``.csv`` or ``.tsv``, of DPR's tables (question, tab, list of answers as Python writes it).

    TriviaQA's answers are the value, its aliases and what people answered, as its own evaluation has them. Streamed;
    ``Misconfigured`` comes where the file turns out wrong.
    """
    stem = path.name.partition(".")[0]
    if set(TABLES) & set(path.suffixes):
        return _table(path, stem)
    return (_question(row, f"{stem}#{number}") for number, row in enumerate(records(path, member="Data"), 1))


def _question(row: Record, name: str) -> OpenQuestion:
    if "QuestionId" in row.fields:
        return OpenQuestion(row.text("QuestionId"), row.text("Question"), _aliases(row.record("Answer")))
    if "utterance" in row.fields:
        return OpenQuestion(name, row.text("utterance"), _distinct(_described(row)))
    if "qText" in row.fields:
        return OpenQuestion(row.text("qId", default=name), row.text("qText"), _distinct(row.texts("answers")))
    if "question" in row.fields:
        answers = row.texts("answer" if "answer" in row.fields else "answers")
        return OpenQuestion(name, row.text("question"), _distinct(answers))
    raise row.wrong("it is a question of no set known here: NQ-open, TriviaQA, WebQuestions")


def _aliases(answer: Record) -> tuple[str, ...]:
    people = answer.texts("HumanAnswers") if "HumanAnswers" in answer.fields else ()
    return _distinct((answer.text("Value"), *answer.texts("Aliases"), *people))


def _described(row: Record) -> tuple[str, ...]:
    """``(list (description "a b") (description c))`` -> "a b", "c"; only names with spaces are quoted."""
    value = row.text("targetValue").strip()
    inner = value[len(LIST) : -len(END)].strip()
    if not (value.startswith(LIST) and value.endswith(END) and (not inner or inner.startswith(ITEM))):
        raise row.wrong(f"'targetValue' should read (list (description …) …) and is {value[:60]!r}")
    items = inner.removeprefix(ITEM).removesuffix(END).split(f"{END} {ITEM}") if inner else []
    return tuple(_unquoted(item) for item in items)


def _unquoted(item: str) -> str:
    if len(item) > 1 and item[0] == item[-1] == '"':
        return item[1:-1].replace('\\"', '"')
    return item


def _table(path: Path, stem: str) -> Iterator[OpenQuestion]:
    number = 0
    for number, (line, (question, answers)) in enumerate(lines(path, columns=2, quoted=True), 1):
        yield OpenQuestion(f"{stem}#{number}", question, _literal(answers, f"{path}, line {line}"))
    if not number:
        raise Misconfigured(f"{path} is empty. {REMEDY}")


def _literal(text: str, where: str) -> tuple[str, ...]:
    """A list of strings as Python writes it; nothing in it is ever run."""
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise Misconfigured(f"{where}: {text[:60]!r} is not a list of strings as Python writes it. Mend or remove it.")
    return _distinct(tuple(found))


def _distinct(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))
