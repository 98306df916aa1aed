"""Question, passages -> reply in whole sentences, the way a service desk answers.

Doc2Dial and DSTC11 give replies as people wrote them; question–answer lists give theirs; for reading sets the reply
is the sentence that holds the answer, so that the model learns to say it in full. Some examples carry a distractor
passage before or after the right one: in service the right passage is not always first.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from training import reading_data
from training.jsonl import rows
from training.reading_data import ReadingRow
from training.splits import is_development

_DISTRACTED_SHARE = 0.35  # of the examples; each costs a second encoder pass
_REPLY_WORDS = 60
_READING_ROWS = 5000  # of the reading sets together, so that service replies are not drowned
_QUESTION_BACK = re.compile(r"[^.!?]*\?\s*$")


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """``passages`` are (heading, text), in the order the model reads them."""

    question: str
    passages: tuple[tuple[str, str], ...]
    reply: str


def training_rows(data: Path, seed: int = 0) -> list[AnswerRow]:
    """Every source under ``data``, shuffled by ``seed``; Doc2Dial's development documents are left out."""
    rng = random.Random(seed)
    read = [*reading_data.squad(data / "train" / "qa_squad1_trainpart.jsonl.xz")]
    read += reading_data.squad(data / "train" / "qa_policyqa_dev.jsonl.xz")
    read += reading_data.qed(data / "train" / "qa_qed_train.jsonl.xz")
    service = list(doc2dial(data, rng, development=False))
    found = [
        *service,
        *service,  # twice: closest to the product
        *_dstc11(data / "train" / "conv_dstc11_val.jsonl.xz"),
        *_lists(data, rng),
        *_sentences(rng.sample(read, min(_READING_ROWS, len(read)))),
    ]
    rng.shuffle(found)
    return list(_distracted(found, rng))


def development_rows(data: Path, seed: int = 1, limit: int = 200) -> list[AnswerRow]:
    """Doc2Dial replies about documents that training never saw."""
    rng = random.Random(seed)
    held_out = list(doc2dial(data, rng, development=True))
    return rng.sample(held_out, min(limit, len(held_out)))


def doc2dial(data: Path, rng: random.Random, *, development: bool) -> Iterator[AnswerRow]:
    """The user's message with what was said just before, a window around the grounding, the agent's reply."""
    texts = {row["doc_id"]: row for row in rows(data / "doc2dial" / "documents_index.jsonl.xz")}
    for row in rows(data / "doc2dial" / "turns_open.jsonl.xz"):
        reply = _QUESTION_BACK.sub("", row.get("response") or "").strip()
        if is_development(row["doc_id"]) != development or len(reply.split()) < 4:
            continue
        document = texts[row["doc_id"]]
        span = (row["start"], row["start"] + len(row["grounding"].rstrip()))
        before = [turn.partition(": ")[2] for turn in row["history"][-1:]] if rng.random() < 0.5 else []
        question = " ".join([row["user"], *before])
        for window in reading_data.windowed(question, document["title"], document["text"], span, False):
            yield AnswerRow(question, ((window.heading, window.text),), reply)


def _dstc11(path: Path) -> Iterator[AnswerRow]:
    for row in rows(path):
        reply = _QUESTION_BACK.sub("", row["response"] or "").strip()
        if row["target"] and row["knowledge"] and reply:
            name = row["knowledge"][0].partition(":")[0]
            text = " ".join(piece.partition(": ")[2] for piece in row["knowledge"])
            yield AnswerRow(row["history"][-1].partition(": ")[2], ((name.title(), text),), reply)


def _lists(data: Path, rng: random.Random) -> Iterator[AnswerRow]:
    for name in ("faq_dstc9", "faq_medquad"):
        for row in reading_data.faq(data / "train" / f"{name}.jsonl.xz", rng):
            yield AnswerRow(row.query, ((row.heading, row.text),), _first_sentences(row.text))


def _first_sentences(text: str, count: int = 2) -> str:
    return " ".join(text[start:end] for start, end in reading_data.sentences(text)[:count])


def _sentences(found: Iterable[ReadingRow]) -> Iterator[AnswerRow]:
    """The sentence that holds the answer is the reply; a fragment or a whole paragraph is not one."""
    for row in found:
        reply = row.text[slice(*row.evidence)] if row.evidence else ""
        if 4 <= len(reply.split()) <= _REPLY_WORDS:
            yield AnswerRow(row.query, ((row.heading, row.text),), reply)


def _distracted(found: Sequence[AnswerRow], rng: random.Random) -> Iterator[AnswerRow]:
    for row in found:
        if rng.random() < _DISTRACTED_SHARE:
            other = rng.choice(found).passages[0]
            both = [*row.passages, other] if rng.random() < 0.7 else [other, *row.passages]
            yield replace(row, passages=tuple(both))
        else:
            yield row
