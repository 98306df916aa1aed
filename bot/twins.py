"""Sentences that say the same of two places with other numbers: "£20 in the UK", "€30 in Ireland".

A search returns five passages, and often all of one country: that another one's page has another answer is then
nowhere in the evidence, though it is in the collection. So the sentences of places are compared with one another
once, by their words without the places' names, and a sentence finds its twins when it is about to be an answer.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bot.telling_words import CALENDAR, Statement, TellingWords, plain_words
from domain.passage import Passage

_ALIKE = 0.6  # of all the words of both: below, the two sentences are about different things
_FEWEST_WORDS = 2
_DATE = re.compile(r"\b\d{1,2} (?:[A-Z][a-z]+)(?: \d{4})?|\b[A-Z][a-z]+ \d{4}\b|\b(?:19|20)\d\d\b")
_MODEL = re.compile(r"\b([A-Z]\w+) (\d+)\b")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")

Split = Callable[[str], Sequence[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class _Sentence:
    words: frozenset[str]
    models: frozenset[str]
    numbers: frozenset[str]
    value: str


class Twins:
    """The sentences of a collection that hold for one value of ``key``. Safe for many threads.

    ``split`` gives the sentence spans of a text. Rows of tables are left out: a row says too little by itself.
    """

    def __init__(self, passages: Iterable[Passage], telling: TellingWords, split: Split, key: str = "region") -> None:
        self._key, self._telling = key, telling
        self._names = telling.names_of(key)
        self._held: list[_Sentence] = []
        self._at: defaultdict[str, list[int]] = defaultdict(list)
        for passage in passages:
            for start, end in split(passage.text):
                self._keep(Statement(passage.text[start:end], passage, 1.0))

    @property
    def key(self) -> str:
        """The key of the metadata whose values are compared."""
        return self._key

    def values(self, statement: Statement, asked: str) -> list[str]:
        """The value that the statement holds for, then those for which a twin has other numbers; [] without any.

        Of several sentences of one value the one nearest to statement and question counts: where that says the same
        numbers, there is nothing to choose.
        """
        mine = self._sentence(statement)
        if mine is None or not mine.numbers:
            return []
        wanted = mine.words | (plain_words(asked) - self._names)
        found: dict[str, tuple[float, _Sentence]] = {}
        for other in self._near(mine):
            nearness = len(other.words & wanted) / len(other.words | mine.words)
            if other.value != mine.value and nearness > found.get(other.value, (0.0, other))[0]:
                found[other.value] = (nearness, other)
        others = [value for value, (_, other) in found.items() if other.numbers and other.numbers != mine.numbers]
        return [mine.value, *sorted(others)] if others else []

    def _near(self, mine: _Sentence) -> Iterable[_Sentence]:
        shared: defaultdict[int, int] = defaultdict(int)
        for word in mine.words:
            for at in self._at[word]:
                shared[at] += 1
        for at, count in shared.items():
            other = self._held[at]
            if mine.models == other.models and count >= _ALIKE * (len(mine.words) + len(other.words) - count):
                yield other

    def _keep(self, statement: Statement) -> None:
        sentence = self._sentence(statement)
        if sentence is None:
            return
        for word in sentence.words:
            self._at[word].append(len(self._held))
        self._held.append(sentence)

    def _sentence(self, statement: Statement) -> _Sentence | None:
        scope = self._telling.scope(statement, self._key)
        if len(scope) != 1 or "|" in statement.text:
            return None
        models = {f"{name} {n}".lower() for name, n in _MODEL.findall(statement.text) if name.lower() not in CALENDAR}
        words = frozenset(plain_words(statement.text) - self._names)
        if len(words) < _FEWEST_WORDS:
            return None
        numbers = frozenset(_NUMBER.findall(_MODEL.sub(" ", _DATE.sub(" ", statement.text))))
        return _Sentence(words, frozenset(models), numbers, next(iter(scope)))
