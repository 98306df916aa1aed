"""Distractor passages: near the question, beside the right passage or in its place."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from training.answering_data import NO_ANSWER, AnswerRow, neighbours

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
    for row, near in zip(found, neighbours(found, _NEAR), strict=True):
        wanted = rng.randint(1, most)
        others = [passage for passage in near if row.reply.lower() not in passage[1].lower()]
        if row.reply == NO_ANSWER or not others:
            yield row
        elif rng.random() < _UNANSWERED_SHARE:
            yield replace(row, passages=tuple(rng.sample(others, min(wanted, len(others)))), reply=NO_ANSWER)
        else:
            added = rng.sample(others, min(max(0, wanted - len(row.passages)), len(others)))
            passages = [*row.passages, *added]
            yield replace(row, passages=tuple(rng.sample(passages, len(passages))))
