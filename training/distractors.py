"""Distractor passages: near the question, beside the right passage or in its place."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

import bm25s

from retrieval.sentences import sentence_spans
from training.answering_data import NO_ANSWER, AnswerRow

_NEAR = 12  # how many BM25 neighbours distractors are drawn from
_UNANSWERED_SHARE = 0.08  # of the answerable rows: as much as the rows' own share, at every number of passages


def distracted(found: Sequence[AnswerRow], most: int, rng: random.Random) -> Iterator[AnswerRow]:
    """Each answerable row with distractors added up to a number of passages drawn from 1 to ``most``, shuffled.

    Some get distractors alone and the reply ``NO_ANSWER``, so that the number of passages says nothing about whether
    there is an answer. Rows without an answer stay as they are: what else is near might answer them.
    """
    if most < 2 or not found:
        yield from found
        return
    for row, others in zip(found, _neighbours(found), strict=True):
        wanted = rng.randint(1, most)
        if row.reply == NO_ANSWER or not others:
            yield row
        elif rng.random() < _UNANSWERED_SHARE:
            yield replace(row, passages=tuple(rng.sample(others, min(wanted, len(others)))), reply=NO_ANSWER)
        else:
            added = rng.sample(others, min(max(0, wanted - len(row.passages)), len(others)))
            passages = [*row.passages, *added]
            yield replace(row, passages=tuple(rng.sample(passages, len(passages))))


def _neighbours(found: Sequence[AnswerRow]) -> Iterator[list[tuple[str, str]]]:
    """For each row the passages near its question that share no sentence with its own, nor hold its reply."""
    pool = sorted({passage for row in found for passage in row.passages})
    engine = bm25s.BM25()
    engine.index(bm25s.tokenize([f"{h} {t}" for h, t in pool], show_progress=False), show_progress=False)
    queries = bm25s.tokenize([row.question for row in found], show_progress=False)
    near, _ = engine.retrieve(queries, k=min(_NEAR, len(pool)), show_progress=False, n_threads=1)
    said = [frozenset(text[start:end] for start, end in sentence_spans(text)) for _, text in pool]
    for row, places in zip(found, near, strict=True):
        own = {text[start:end] for _, text in row.passages for start, end in sentence_spans(text)}
        yield [pool[i] for i in places if own.isdisjoint(said[i]) and row.reply.lower() not in pool[i][1].lower()]
