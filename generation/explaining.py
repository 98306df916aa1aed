"""Why this answer: plain words from the trace, where the answer was taken from, and what it hangs on.

Made when somebody asks, from a stored turn alone: the turn holds its passages as they were, so the explanation of an
old answer stays true when the documents change. Nothing of this runs while an answer is being written.

What a passage did is measured by taking it away (leave one out; Ribeiro, Singh & Guestrin 2016 name the idea):

    lost_i = log p(y | x, z_1..z_N) − log p(y | x, z_1..z_N without z_i)        in nats, summed over the tokens of y

under the answerer, for the answer y that was given, whoever wrote it: a quote is scored as if the answerer had said
it. Where there is but one passage, an empty one is read in its place. Attention shows where the model looked; only
this shows what the answer would have lacked.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from domain.conversation import Turn
from domain.explanation import Attention, Column, Explanation, Part, PassageEffect
from domain.passage import Passage, RetrievedPassage
from domain.protocols import ANSWERED
from generation.attention import ForcedCopyBart, ForcedModel, ForcedReading, Target
from generation.plain_words import plain_words
from generation.surface import SourceText
from generation.tokenizing import WordPieces
from generation.weights import open_to_serve

Split = Callable[[str], tuple[tuple[int, int], ...]]
MOST_PASSAGES = 8  # read at most; a turn has five unless somebody asked for more
_NOTHING = Passage("", "", "", "", "", (0, 0))
_NOWHERE = -1


class Explainer:
    """Explains stored turns. Safe for several threads: it only reads the model."""

    def __init__(self, model: ForcedModel, split: Split) -> None:
        """``split`` gives the sentence spans of a text."""
        self._model, self._split = model, split

    def explain(self, turn: Turn) -> Explanation:
        """Why this turn ended as it did; with numbers where it answered from passages, otherwise in words alone."""
        why, evidence = plain_words(turn), _kept(turn)
        if turn.stopped or turn.answer.kind not in ANSWERED or not evidence or not turn.answer.text.strip():
            return Explanation(why)
        passages = [one.passage for one in evidence]
        source = self._model.source(turn.query.text, passages if len(passages) > 1 else [*passages, _NOTHING])
        target = self._model.target(turn.answer.text)
        reading = self._model.read(source, target, leaving_one_out(len(passages)))
        total, *without = reading.log_probabilities.double().sum(-1).tolist()
        columns = _columns(turn.query.text, evidence, self._split, source.text)
        return Explanation(
            why,
            total,
            tuple(_effect(turn, one, total - left) for one, left in zip(evidence, without, strict=True)),
            *_pictures(turn.answer.text, target, columns, reading),
        )


def open_explainer(folder: Path, minilm: Path, split: Split) -> Explainer:
    """An explainer on the weights of ``models/answerer``. Raises ``Misconfigured`` when they are missing or damaged."""
    return Explainer(ForcedCopyBart(open_to_serve(folder, minilm), WordPieces(minilm)), split)


def leaving_one_out(passages: int) -> Tensor:
    """Which sources each variant shows: (1 + N, N), all of them first, then all but the n-th. For a single passage
    (2, 2): the second source is the empty one that takes its place."""
    if passages == 1:
        return torch.eye(2, dtype=torch.bool)
    return torch.cat([torch.ones(1, passages, dtype=torch.bool), ~torch.eye(passages, dtype=torch.bool)])


def _kept(turn: Turn) -> list[RetrievedPassage]:
    """The evidence that is looked at: all of it, or the first and whatever the answer cites, in order."""
    cited = {citation.passage_id for citation in turn.answer.citations}
    ranked = sorted(turn.evidence, key=lambda one: (one.passage.id not in cited, one.rank))
    return sorted(ranked[:MOST_PASSAGES], key=lambda one: one.rank)


def _effect(turn: Turn, one: RetrievedPassage, lost_nats: float) -> PassageEffect:
    cited = any(citation.passage_id == one.passage.id for citation in turn.answer.citations)
    return PassageEffect(one.rank, one.passage.id, one.passage.heading, cited, lost_nats)


class _Columns:
    """The columns of a picture, and which of them each source position belongs to (S,), −1 where no word stands."""

    def __init__(self, columns: Sequence[Column], of_position: Tensor) -> None:
        self.columns, self.of_position = tuple(columns), of_position

    def shares(self, weights: Tensor) -> Tensor:
        """Weights of positions (T, S) added up by column, (T, C)."""
        known = self.of_position >= 0
        sums = torch.zeros(len(weights), len(self.columns), dtype=torch.float64)
        return sums.index_add_(1, self.of_position[known], weights[:, known].double())


def _columns(question: str, evidence: Sequence[RetrievedPassage], split: Split, text: SourceText) -> _Columns:
    """The question, then heading and sentences of each passage, in the order of the evidence."""
    columns = [Column(Part.QUESTION, text=question)]
    starts: list[list[int]] = [[0]]  # of each text: where its columns begin, in characters
    first = [0]  # of each text: its first column
    for one in evidence:
        passage = one.passage
        begins, spans = len(passage.searchable) - len(passage.text), split(passage.text)
        first.append(len(columns))
        starts.append(([0] if begins else []) + [begins + start for start, _ in spans])
        columns += [Column(Part.HEADING, one.rank, 0, passage.heading)] if begins else []
        columns += [
            Column(Part.SENTENCE, one.rank, number, passage.text[slice(*span)]) for number, span in enumerate(spans, 1)
        ]
    of_position = [
        _NOWHERE if place is None else first[place[0]] + max(0, bisect_right(starts[place[0]], place[1]) - 1)
        for place in text.places
    ]
    return _Columns(_marked_unread(columns, set(of_position)), torch.tensor(of_position))


def _marked_unread(columns: Sequence[Column], seen: set[int]) -> list[Column]:
    return [
        column if number in seen else Column(column.part, column.rank, column.sentence, column.text, read=False)
        for number, column in enumerate(columns)
    ]


def _pictures(
    answer: str, target: Target, columns: _Columns, reading: ForcedReading
) -> tuple[Attention, Attention | None]:
    """Where each word looked, and where it was taken from.

    What the decoder gives to separators, which hold no word and take what is not needed elsewhere (Clark et al. 2019),
    is left out of the first, and its rows add up to 1 without.
    """
    looked = columns.shares(reading.attended)
    attended = _by_word(answer, target, columns.columns, looked / looked.sum(1, keepdim=True).clamp(min=1e-12))
    if reading.copied is None or reading.written is None:
        return attended, None
    taken = torch.cat([columns.shares(reading.copied), reading.written.double()[:, None]], 1)
    known = (*columns.columns, Column(Part.VOCABULARY))
    return attended, _by_word(answer, target, known, taken / taken.sum(1, keepdim=True).clamp(min=1e-12))


def _by_word(answer: str, target: Target, columns: tuple[Column, ...], rows: Tensor) -> Attention:
    """Rows of tokens (T, C) as rows of words: the mean over a word's tokens. Words that the model was not given,
    at the end of a very long answer, have no row."""
    words = list(re.finditer(r"\S+", answer))
    starts = [word.start() for word in words]
    tokens: list[list[int]] = [[] for _ in words]
    for number, place in enumerate(target.places):
        if place is not None:
            tokens[max(0, bisect_right(starts, place[0]) - 1)].append(number)
    spoken = [(word.group(), rows[found].mean(0)) for word, found in zip(words, tokens, strict=True) if found]
    return Attention(tuple(word for word, _ in spoken), columns, tuple(tuple(row.tolist()) for _, row in spoken))
