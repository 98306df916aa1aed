"""Why an answer was given, as values: what it looked at, what it hangs on, and that in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Part(StrEnum):
    """What a column of an attention picture stands for; a closed choice."""

    QUESTION = "question"
    HEADING = "heading"
    SENTENCE = "sentence"
    REST = "rest"  # the sentences of one passage that are not shown apart
    PASSAGE = "passage"  # a whole passage, heading and all
    VOCABULARY = "vocabulary"  # written by the model itself, copied from nowhere


@dataclass(frozen=True, slots=True)
class Column:
    """``rank`` is the passage's place in the evidence (from 1) and ``sentence`` the sentence's in the passage (from
    1), each 0 where there is none; ``text`` what stands there; ``read`` False where it was cut off unread."""

    part: Part
    rank: int = 0
    sentence: int = 0
    text: str = ""
    read: bool = True


@dataclass(frozen=True, slots=True)
class Attention:
    """A matrix (words of the answer, columns): each row holds shares (0..1) that sum to 1."""

    words: tuple[str, ...]
    columns: tuple[Column, ...]
    weights: tuple[tuple[float, ...], ...]

    def by_passage(self) -> Attention:
        """The same with one column a passage."""
        return self._merged([Column(Part.PASSAGE, c.rank) if c.rank else c for c in self.columns])

    def condensed(self, most: int) -> Attention:
        """The same with at most ``most`` sentences apart, those that the whole answer looked at most; the other
        sentences and the heading of each passage are one column."""
        totals = [sum(row[i] for row in self.weights) for i in range(len(self.columns))]
        sentences = [i for i, column in enumerate(self.columns) if column.part is Part.SENTENCE]
        kept = set(sorted(sentences, key=lambda i: (-totals[i], i))[:most])
        merged = [c if i in kept or not c.rank else Column(Part.REST, c.rank) for i, c in enumerate(self.columns)]
        return self._merged(merged)

    def _merged(self, columns: Sequence[Column]) -> Attention:
        """``columns`` in the place of its own, equal ones added up where the first of them stands."""
        places = {column: place for place, column in enumerate(dict.fromkeys(columns))}
        rows = []
        for row in self.weights:
            sums = [0.0] * len(places)
            for column, weight in zip(columns, row, strict=True):
                sums[places[column]] += weight
            rows.append(tuple(sums))
        return Attention(self.words, tuple(places), tuple(rows))


@dataclass(frozen=True, slots=True)
class PassageEffect:
    """What one passage did for the answer.

    ``lost_nats`` = log p(answer | question, all passages) − log p(answer | question, all but this one), natural
    logarithms summed over the answer's tokens: what the answer loses when the passage is taken away. Above 0 the
    passage speaks for the answer, near 0 it is not needed, below 0 it speaks for another. ``cited``: the answer
    points at it.
    """

    rank: int
    passage_id: str
    heading: str
    cited: bool
    lost_nats: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """``why``: in plain words, from the turn's trace alone. The rest is what the answerer makes of the answer, and
    is empty where nothing was answered: ``log_probability`` of the answer given all passages (nats), one effect a
    passage, where each word of the answer looked (``attended``), and for models that copy, where it was taken from
    (``copied``)."""

    why: str
    log_probability: float | None = None
    effects: tuple[PassageEffect, ...] = ()
    attended: Attention | None = None
    copied: Attention | None = None
