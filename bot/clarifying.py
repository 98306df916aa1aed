"""Asking back: a question that reads in two ways gets a question in return, with the readings as its options.

The trigger is evidence, not style. The two likeliest answers are about equally likely, they say the same thing of two
different things (a region, a product, a model), and neither the question nor the person before named which. Or the
likeliest holds for one place, and the collection says the same of another place with other numbers (``bot/twins.py``).
What names a thing is learnt from the collection (``bot/telling_words.py``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.telling_words import Statement, TellingWords, plain_words, tokens
from domain.answer import Answer, AnswerKind, Candidate
from domain.passage import RetrievedPassage

_MOST_OPTIONS = 4  # more buttons than that are a form
_SAME_STATEMENT = 0.5  # of the shorter sentence's words that the other one has too
_HELD = 0.8  # of a draft's words are in the passage that it comes from
_PLACE = re.compile(r"\b(?:in|from|near|outside|of|around|to) (?:county |co )?([^\W\d_]{3,})", re.IGNORECASE)
_JOINED = " + "  # "quote 1 + 2"
_YEAR = re.compile(r"(?:19|20)\d\d")


@dataclass(frozen=True, slots=True)
class ClarifyingOptions:
    """``nearly_as_likely``: the second answer's share of the first one's likelihood (0..1) from which they count as
    equally likely. ``worth_asking``: confidence (0..1) of the best answer below which there is nothing to ask about.

    Set on the quality set's development half: 0.5 and 0.2 ask back about 12 of the 21 turns that read in two ways and 1
    of 121 answerable ones; 0.4 and 0.2 about 13 and 2. ``sure_enough``: an answer more confident than this is given.
    """

    nearly_as_likely: float = 0.5
    worth_asking: float = 0.2
    sure_enough: float = 1.0


class Counterparts(Protocol):
    """What ``bot.twins.Twins`` promises: the values of ``key`` for which the collection says a statement with other
    numbers, the statement's own first; [] where there is nothing to choose."""

    @property
    def key(self) -> str: ...

    def values(self, statement: Statement, asked: str) -> list[str]: ...


class Clarifier:
    """Decides whether to ask back, and words the question."""

    def __init__(
        self,
        telling: TellingWords,
        options: ClarifyingOptions = ClarifyingOptions(),
        twins: Counterparts | None = None,
    ) -> None:
        """``twins`` knows what the collection says of other places, beyond the passages that were found."""
        self._telling, self._options, self._twins = telling, options, twins

    def question(
        self, proposed: Answer, evidence: Sequence[RetrievedPassage], said: Sequence[str], asked: str
    ) -> Answer | None:
        """The question to ask back in the place of ``proposed``; None when one reading stands out.

        ``said``: what the person has said so far, ``asked`` the query that was searched. The weighing and the
        confidence of what was not said stay with the question.
        """
        if not self._options.worth_asking <= proposed.confidence <= self._options.sure_enough:
            return None
        statements = self._rivals(proposed, evidence)
        if not statements:
            return None
        words = " ".join((*said, asked))
        labels = self._readings(statements, words) or self._elsewhere(statements, words, asked)
        if len(labels) < 2:
            return None
        return Answer(
            _worded(labels),
            AnswerKind.CLARIFYING,
            confidence=proposed.confidence,
            weighting=proposed.weighting,
            options=tuple(labels[:_MOST_OPTIONS]),
        )

    def _rivals(self, proposed: Answer, evidence: Sequence[RetrievedPassage]) -> list[Statement]:
        """The likeliest candidate and those nearly as likely, likeliest first. Of joined answers, which say several
        things at once and lead for it, the single quotes are read that they are made of."""
        candidates = proposed.weighting.candidates if proposed.weighting else ()
        single = (candidate for candidate in candidates if _JOINED not in candidate.origin)
        found = [one for candidate in single if (one := _stated(candidate, evidence)) is not None]
        found.sort(key=lambda one: -one.likelihood)
        enough = found[0].likelihood * self._options.nearly_as_likely if found else 0.0
        return [one for one in found if one.likelihood >= enough]

    def _readings(self, statements: Sequence[Statement], said: str) -> list[str]:
        """The names of what the statements differ in; fewer than two when they do not, or when it was named."""
        first = statements[0]
        for other in statements[1:]:
            if not _alike(first.text, other.text):
                continue
            key = self._differing_key(first, other)
            if key is not None:
                return self._values(statements, key) if self._is_open(key, said) else []
            names = _differing_names(first, other)
            if names and _says_more(first.text, other.text, names) and not _is_named(said, names):
                return [*names]
        return []

    def _elsewhere(self, statements: Sequence[Statement], said: str, asked: str) -> list[str]:
        """The places that differ in the answer, by the sentences of the whole collection."""
        if self._twins is None or not self._is_open(self._twins.key, said):
            return []
        values = next((found for one in statements if (found := self._twins.values(one, asked))), [])
        return [self._telling.label(value, self._twins.key) for value in values]

    def _differing_key(self, one: Statement, other: Statement) -> str | None:
        """The only key of the metadata that tells the two apart; None for none or several."""
        telling = []
        for key in self._telling.keys:
            mine, others = self._telling.scope(one, key), self._telling.scope(other, key)
            if mine and others and mine.isdisjoint(others):
                telling.append(key)
        return telling[0] if len(telling) == 1 else None

    def _values(self, statements: Sequence[Statement], key: str) -> list[str]:
        first = statements[0]
        scopes = [self._telling.scope(one, key) for one in statements if one is first or _alike(first.text, one.text)]
        values = dict.fromkeys(next(iter(scope)) for scope in scopes if len(scope) == 1)
        return [self._telling.label(value, key) for value in values]

    def _is_open(self, key: str, said: str) -> bool:
        """Whether nothing that was said names a value of ``key``, nor a place that the documents do not know."""
        if self._telling.hinted(said, key):
            return False
        places = (word.lower() for word in _PLACE.findall(said))
        return all(word in self._telling.vocabulary for word in places)


def _is_named(said: str, names: Sequence[str]) -> bool:
    """Whether ``said`` holds what tells one of the names from the others."""
    words = set(tokens(said))
    split = [set(tokens(name)) for name in names]
    own = [mine.difference(*(other for other in split if other is not mine)) for mine in split]
    return any(telling and telling <= words for telling in own)


def _says_more(one: str, other: str, names: Sequence[str]) -> bool:
    """Whether two sentences differ in more than the names: what is the same for both needs no choice."""
    apart = {token for name in names for token in tokens(name)}
    return set(tokens(one)) - apart != set(tokens(other)) - apart


def _stated(candidate: Candidate, evidence: Sequence[RetrievedPassage]) -> Statement | None:
    """The candidate with the passage that holds most of its words; None when none holds nearly all of them."""
    named = re.fullmatch(r"quote (\d+)", candidate.origin)
    if named and 0 < int(named[1]) <= len(evidence):
        return Statement(candidate.text, evidence[int(named[1]) - 1].passage, math.exp(candidate.utility))
    words = set(tokens(candidate.text))
    held = [(len(words & set(tokens(one.passage.searchable))), -at) for at, one in enumerate(evidence)]
    count, at = max(held, default=(0, 0))
    if not held or count < _HELD * len(words):
        return None
    return Statement(candidate.text, evidence[-at].passage, math.exp(candidate.utility))


def _alike(one: str, other: str) -> bool:
    """Whether two sentences say something of the same sort, and not the same: their words, save names and numbers."""
    if tokens(one) == tokens(other):
        return False
    mine, others = plain_words(one), plain_words(other)
    fewer = min(len(mine), len(others))
    return fewer > 0 and len(mine & others) >= _SAME_STATEMENT * fewer


def _differing_names(one: Statement, other: Statement) -> tuple[str, ...]:
    """("Harbour Hub 2", "Harbour Hub 3") where titles or headings differ in one such name; () for none or several."""
    pairs = ((one.passage.title, other.passage.title), *zip(one.passage.section, other.passage.section, strict=False))
    slots = [slot for mine, others in pairs if mine != others and (slot := _slot(mine, others)) is not None]
    if not slots:
        return ()
    shortest = min(slots, key=lambda names: len(names[0]))
    agree = all(names[at].endswith(shortest[at]) for names in slots for at in (0, 1))
    return shortest if agree else ()


def _slot(one: str, other: str) -> tuple[str, str] | None:
    """The names in which two headings differ, with the capitalised words before them; None if they differ in more."""
    mine, others = one.split(), other.split()
    start = next((i for i, (a, b) in enumerate(zip(mine, others, strict=False)) if a != b), -1)
    end = next((i for i, (a, b) in enumerate(zip(mine[::-1], others[::-1], strict=False)) if a != b), -1)
    if start < 0 or end < 0:
        return None
    names = tuple(_named_at(words, start, len(words) - end) for words in (mine, others))
    short = all(0 < len(words) - end - start <= 2 for words in (mine, others))
    if not short or any(not name or _YEAR.search(name) for name in names):
        return None
    return names[0], names[1]


def _named_at(words: Sequence[str], start: int, end: int) -> str:
    """The words of the slot after the capitalised words before it; "" when they are no name."""
    if not all(word[0].isupper() or word[0].isdigit() for word in words[start:end]):
        return ""
    while start > 0 and words[start - 1][0].isupper():
        start -= 1
    return " ".join(words[start:end])


def _worded(labels: Sequence[str]) -> str:
    """``Do you mean in the UK or in Ireland?``"""
    told = [f"{one[0].lower()}{one[1:]}" if one.startswith("In ") else one for one in labels[:_MOST_OPTIONS]]
    return f"The answer depends on one thing: do you mean {', '.join(told[:-1])} or {told[-1]}?"
