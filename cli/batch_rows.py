"""The rows of ``colloquy batch``: what may come in, what goes out. Pure functions; the interface is kept stable.

In:  ``{"id", "history": [{"user", "assistant"}], "question", "passages"?: [{"id", "title", "text"}]}``
Out: ``{"id", "query", "gate", "passages": [{"id", "document", "title", "text", "score"}], "answer", "kind",
"confidence", "lambda", "citations": [{"sentence", "passage", "quote"}], "seconds": {stage: s}}``

Stages that ``--only`` leaves out are null, or empty where a list is expected; unknown keys of a row are ignored.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from domain.answer import Answer, Citation
from domain.conversation import Turn
from domain.errors import Misconfigured, QuestionRejected
from domain.passage import Passage, RetrievedPassage

RowId = str | int


class Until(StrEnum):
    """How far a row is taken."""

    REWRITE = "rewrite"
    RETRIEVE = "retrieve"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One question to replay. ``history`` pairs (user, assistant), oldest first; ``passages`` None: search for them."""

    id: RowId
    question: str
    history: tuple[tuple[str, str], ...] = ()
    passages: tuple[Passage, ...] | None = None


def parse_row(line: bytes, number: int) -> BatchRow:
    """The row in line ``number`` (from 1). Raises ``QuestionRejected`` that names the line and what is wrong."""
    row = _json_object(line, number)
    identifier = row.get("id")
    if not isinstance(identifier, str | int) or isinstance(identifier, bool) or identifier == "":
        raise _bad(number, f"“id” is {_shown(identifier)}; give a text or a whole number")
    question = _text(row, "question", number)
    if not question.strip():
        raise _bad(number, f"“question” is {_shown(question)}; give the message to answer")
    return BatchRow(
        _clean(identifier) if isinstance(identifier, str) else identifier,
        question,
        tuple(_exchange(item, number) for item in _list(row, "history", number) or []),
        _passages(_list(row, "passages", number), number),
    )


def output_row(row_id: RowId, turn: Turn, until: Until) -> dict[str, Any]:
    """What a replayed turn becomes in the output file."""
    answer = turn.answer if until is Until.ANSWER else None
    found = turn.evidence if until is not Until.REWRITE else ()
    return {
        "id": row_id,
        "query": turn.query.text,
        "gate": turn.query.gate.value,
        "passages": [_found(one) for one in found],
        "answer": answer.text if answer else None,
        "kind": answer.kind.value if answer else None,
        "confidence": _rounded(answer.confidence) if answer else None,
        "lambda": _rounded(answer.weighting.retrieval_weight) if answer and answer.weighting else None,
        "citations": [_cited(answer, citation) for citation in answer.citations] if answer else [],
        "seconds": {stage: _rounded(seconds) for stage, seconds in turn.trace.seconds.items()},
    }


def encoded(row: Mapping[str, Any]) -> bytes:
    """``row`` as one line of JSON in UTF-8, line end included."""
    return (json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8", "replace")


def whole_rows(data: bytes) -> tuple[set[RowId], int]:
    """The ids in an output file, and how many of its bytes are whole rows; a torn last line is not.

    Raises ``Misconfigured`` when anything before the last line is no row of ours: the file is somebody else's.
    """
    end = data.rfind(b"\n") + 1
    lines = data[:end].split(b"\n")[:-1]
    done: set[RowId] = set()
    for number, line in enumerate(lines, start=1):
        identifier = _output_id(line)
        if identifier is None and number == len(lines):
            return done, end - len(line) - 1
        if identifier is None:
            raise Misconfigured(
                f"Line {number} of the output file is no row of colloquy batch ({line[:60]!r}); "
                "name another output file, or move this one away."
            )
        done.add(identifier)
    return done, end


def numbered_lines(lines: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines that hold something, with their numbers from 1; a byte order mark is taken off."""
    for number, line in enumerate(lines, start=1):
        content = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if content.strip():
            yield number, content


def _json_object(line: bytes, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _bad(number, f"it is not UTF-8 ({error.reason} at byte {error.start}); save the file as UTF-8") from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise _bad(number, f"it is not JSON ({error}); write one object a line") from error
    if not isinstance(row, dict):
        raise _bad(number, f"it is {_shown(row)}; write one object a line")
    return row


def _text(row: Mapping[str, Any], key: str, number: int, default: str | None = None) -> str:
    value = row.get(key)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise _bad(number, f"“{key}” is {_shown(value)}; give a text")
    return _clean(value)


def _list(row: Mapping[str, Any], key: str, number: int) -> list[Any] | None:
    value = row.get(key)
    if value is not None and not isinstance(value, list):
        raise _bad(number, f"“{key}” is {_shown(value)}; give a list")
    return value


def _exchange(item: Any, number: int) -> tuple[str, str]:
    if not isinstance(item, dict):
        raise _bad(number, f'“history” holds {_shown(item)}; give {{"user": …, "assistant": …}}')
    return _text(item, "user", number), _text(item, "assistant", number, default="")


def _passages(items: list[Any] | None, number: int) -> tuple[Passage, ...] | None:
    if items is None:
        return None
    passages = tuple(_passage(item, number) for item in items)
    ids = [passage.id for passage in passages]
    twice = next((one for one in ids if ids.count(one) > 1), None)
    if twice is not None:
        raise _bad(number, f"“passages” holds the id {twice!r} twice; give each its own")
    return passages


def _passage(item: Any, number: int) -> Passage:
    if not isinstance(item, dict):
        raise _bad(number, f'“passages” holds {_shown(item)}; give {{"id": …, "title": …, "text": …}}')
    identifier = item.get("id")
    name = str(identifier) if isinstance(identifier, int) and not isinstance(identifier, bool) else None
    name = name or _text(item, "id", number)
    text, title = _text(item, "text", number), _text(item, "title", number, default="")
    return Passage(id=name, document_id=name, title=title, text=text, source=name, span=(0, len(text)))


def _found(one: RetrievedPassage) -> dict[str, Any]:
    passage = one.passage
    return {
        "id": passage.id,
        "document": passage.document_id,
        "title": passage.title,
        "text": passage.text,
        "score": _rounded(one.score),
    }


def _cited(answer: Answer, citation: Citation) -> dict[str, str]:
    start, end = citation.sentence
    return {"sentence": answer.text[start:end], "passage": citation.passage_id, "quote": citation.quote}


def _output_id(line: bytes) -> RowId | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    identifier = row.get("id") if isinstance(row, dict) and "query" in row else None
    return identifier if isinstance(identifier, str | int) else None


def _clean(text: str) -> str:
    """Half a surrogate pair is valid JSON and no text: it could be neither encoded nor written."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _rounded(number: float) -> float:
    return round(float(number), 6)


def _shown(value: Any) -> str:
    if value is None:
        return "missing"
    shown = json.dumps(value, ensure_ascii=True)
    return shown if len(shown) <= 60 else f"{shown[:57]}…"


def _bad(number: int, what: str) -> QuestionRejected:
    return QuestionRejected(f"Line {number} was left out: {what}.")
