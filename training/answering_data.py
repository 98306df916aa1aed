"""Question, passages -> reply in whole sentences, the way a service desk answers.

Doc2Dial and DSTC11 give replies as people wrote them; question–answer lists give theirs; for reading sets the reply
is the sentence that holds the answer, so that the model learns to say it in full. Some examples carry a distractor
passage before or after the right one, since in service the right passage is not always first, and some carry nothing
but distractors, whose reply is ``NO_ANSWER``. Distractors are the passages BM25 ranks near the question.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import bm25s

from corpora.jsonl import OWN_DATA, rows
from corpora.splits import is_development
from retrieval.sentences import sentence_spans
from training import reading_data
from training.reading_data import ReadingRow

NO_ANSWER = "no answer"
"""The reply to a question that its passages do not answer."""

_DISTRACTED_SHARE = 0.35  # of the examples; each costs a second encoder pass
_UNANSWERED_SHARE = 0.08  # of the examples: enough to learn the two words, few enough not to prefer them
_NEAR = 8  # how many BM25 neighbours distractors are drawn from
_REPLY_WORDS = 60
_READING_ROWS = 5000  # of the reading sets together, so that service replies are not drowned
_SERVICE_TIMES = 3
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
    dialogues = list(doc2dial(data, rng, development=False))
    found = [
        *dialogues,
        *dialogues,  # twice: closest to the product
        *_dstc11(data / "train" / "conv_dstc11_val.jsonl.xz"),
        *_lists(data, rng),
        *[row for _ in range(_SERVICE_TIMES) for row in service(development=False)],
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


def service(*, development: bool) -> Iterator[AnswerRow]:
    """The help articles written for this project, with a reply in the voice of service to each question."""
    for path in sorted(OWN_DATA.glob("service_reading_*.jsonl")):
        for article in rows(path):
            if is_development(article["group"]) == development:
                for qa in article["qas"]:
                    yield AnswerRow(qa["q"], ((article["heading"], article["text"]),), qa["reply"])


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
    for row, others in zip(found, neighbours(found, _NEAR), strict=True):
        chance = rng.random()
        if not others or chance >= _DISTRACTED_SHARE + _UNANSWERED_SHARE:
            yield row
        elif chance >= _DISTRACTED_SHARE:
            yield replace(row, passages=tuple(rng.sample(others, min(2, len(others)))), reply=NO_ANSWER)
        else:
            both = [*row.passages, rng.choice(others)]
            yield replace(row, passages=tuple(both if rng.random() < 0.7 else reversed(both)))


def neighbours(found: Sequence[AnswerRow], most: int) -> Iterator[list[tuple[str, str]]]:
    """For each row those of the ``most`` passages nearest to its question, by BM25, that share no sentence with its
    own."""
    pool = sorted({passage for row in found for passage in row.passages})
    engine = bm25s.BM25()
    engine.index(bm25s.tokenize([f"{h} {t}" for h, t in pool], show_progress=False), show_progress=False)
    queries = bm25s.tokenize([row.question for row in found], show_progress=False)
    near, _ = engine.retrieve(queries, k=min(most, len(pool)), show_progress=False, n_threads=1)
    said = [frozenset(text[start:end] for start, end in sentence_spans(text)) for _, text in pool]
    for row, places in zip(found, near, strict=True):
        own = {text[start:end] for _, text in row.passages for start, end in sentence_spans(text)}
        yield [pool[i] for i in places if own.isdisjoint(said[i])]
