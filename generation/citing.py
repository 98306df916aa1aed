"""What of a draft may be said, and which sentence of the evidence bears each of its sentences out.

A draft is made fit to read first (``generation.refining``). A sentence of it stays when the evidence bears it out
(``generation.support``) and its words stand, in order, in one sentence of the evidence: these generators may shorten,
not yet recompose. What goes is told with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from domain.answer import Removal
from domain.passage import Passage
from domain.protocols import Draft
from generation.quoting import said_alone
from generation.refining import refined
from generation.support import SUPPORTED_AT, aligned, borne_out, context_of, objection
from generation.words import content_words

Span = tuple[int, int]
Split = Callable[[str], Sequence[Span]]

_FEWEST_WORDS = 4  # of a sentence; fewer are a fragment, like “The paper bill.”
_WORTH_CHECKING = 0.5  # of a sentence's content words: what holds fewer can neither bear it out nor speak against it


@dataclass(frozen=True, slots=True)
class Piece:
    """One sentence of the evidence: ``said`` as a quote would say it, under ``context``. ``at`` is the index of its
    passage, ``span`` its place in that one's text, ``score`` the probability that it is part of the answer."""

    at: int
    span: Span
    text: str
    said: str
    context: str
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Backed:
    """A sentence at ``span`` of a text, with the piece that bears it out and how far it does (0..1)."""

    span: Span
    piece: Piece
    support: float


@dataclass(frozen=True, slots=True)
class Fit:
    """What of a draft may be said, "" for nothing; each sentence with what bears it out; what was taken out."""

    text: str
    sentences: tuple[Backed, ...]
    removed: tuple[Removal, ...]


def pieces_of(at: int, passage: Passage, spans: Sequence[Span], scores: Iterable[float] = ()) -> list[Piece]:
    """The sentences of one passage, the ``at``-th of the evidence; without ``scores`` all have 0."""
    context, told = context_of(passage), [*scores] or [0.0] * len(spans)
    return [
        Piece(at, span, passage.text[slice(*span)], said_alone(passage, span), context, score)
        for span, score in zip(spans, told, strict=True)
    ]


class Citer:
    """Judges the sentences of one turn's drafts by its evidence; each distinct sentence once, since beams agree in
    most of what they say."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        """``pieces``: every sentence of the evidence. Of those that bear a sentence out alike the likeliest is cited,
        of equally likely ones that of the earlier passage."""
        self._pieces = sorted(pieces, key=lambda one: (-one.score, one.at, one.span))
        self._known: dict[str, tuple[Backed | None, str]] = {}

    def backing(self, sentence: str) -> Backed | None:
        """What bears ``sentence`` out, its span that of the whole; None where nothing does or it claims nothing."""
        return self._judged(sentence)[0]

    def objection(self, sentence: str) -> str:
        """Why ``sentence`` is not borne out, in words; "" where it is, or where it claims nothing."""
        return self._judged(sentence)[1]

    def fit(self, draft: Draft, texts: Sequence[str], split: Split) -> Fit:
        """``draft`` refined by ``texts`` of the evidence, with what may be cited; ``split`` gives sentence spans."""
        made = refined(draft.text, texts, split, lambda said: self._unfit(said, draft.text), finished=draft.finished)
        removed = tuple(replace(one, origin=draft.origin) for one in made.removals)
        spans = split(made.text)
        backed = [self.backing(made.text[slice(*span)]) for span in spans]
        found = tuple(replace(one, span=span) for one, span in zip(backed, spans, strict=True) if one is not None)
        if len(found) == len(spans):
            return Fit(made.text, found, removed)
        return Fit("", (), (*removed, Removal(made.text, "its sentences cannot be told apart", draft.origin)))

    def _unfit(self, sentence: str, draft: str) -> str:
        """Why a refined sentence of ``draft`` may not be said, in words."""
        if len(sentence.split()) < _FEWEST_WORDS or sentence.rstrip()[-1:] not in ".!?)":
            return "it is no whole sentence"
        backed, why = self._judged(sentence)
        if backed is None:
            return why or "it claims nothing"
        if aligned(sentence, backed.piece.text) < 1:  # one strange word in ten is “on the day of the wardrobe”
            return "its words do not stand in this order in one sentence of the evidence"
        # Where words were taken out of its middle the model had lost its way, and may have left words out too.
        mended = not _is_run(sentence, draft) and not _is_run(sentence, backed.piece.text)
        return "what is left without its repetition does not stand so in the evidence" if mended else ""

    def _judged(self, sentence: str) -> tuple[Backed | None, str]:
        known = self._known.get(sentence)
        if known is None:
            known = self._known[sentence] = self._judge(sentence)
        return known

    def _judge(self, sentence: str) -> tuple[Backed | None, str]:
        near = self._near(sentence)
        pairs = [(one.said, one.context) for one in near]
        support, at = borne_out(sentence, pairs)
        if support < SUPPORTED_AT:
            return None, objection(sentence, pairs)
        return Backed((0, len(sentence)), near[at[0]], support), ""

    def _near(self, sentence: str) -> list[Piece]:
        """The pieces that can matter to it."""
        claimed = _words(sentence)
        enough = _WORTH_CHECKING * len(claimed)
        return [one for one in self._pieces if len(claimed & (_words(one.said) | _words(one.context))) >= enough]


def _is_run(sentence: str, text: str) -> bool:
    """Whether the words of ``sentence`` stand in ``text`` one after the other."""
    some, words = (re.findall(r"\w+", one.lower()) for one in (sentence, text))
    return any(words[i : i + len(some)] == some for i in range(len(words) - len(some) + 1))


@lru_cache(maxsize=1 << 14)
def _words(text: str) -> frozenset[str]:
    return frozenset(content_words(text))
