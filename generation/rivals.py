"""Names that stand for one another in a collection: where the UK's fee is written, Ireland's could be.

An answer about the wrong country, product or plan repeats nearly every word of the question, so that neither meaning
nor words tell it apart. What does is learnt from the collection itself: names are words that are nearly always
capitalised in the middle of a sentence, and two names are rivals when the words around them are alike (Harris 1954,
"Distributional structure"): "in the UK", "in Ireland".
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set

_CAPITALISED = 0.9  # of its uses in mid-sentence; the rest are slips and titles
_OFTEN = 3  # uses at least: below, the words around a name are chance
_ALIKE = 0.6  # cosine of the words around; 0.5 to 0.8 put the right sentence first in 91, 91, 90 and 90 of 213
_AFTER_A_WORD = re.compile(r"(?<=[a-z,;:] )[^\W\d_]+")
_TOKEN = re.compile(r"[^\W\d_]+|[^\s\w]|\d+")
_WORD = re.compile(r"[^\W\d_]+")


class RivalNames:
    """The names of a collection, and which of them could stand in one another's place. Safe for many threads."""

    def __init__(self, texts: Iterable[str]) -> None:
        kept = list(dict.fromkeys(texts))
        names = _names(kept)
        self._around = {name: words for name, words in _surroundings(kept, names).items() if words}
        self._lengths = {name: math.sqrt(sum(n * n for n in words.values())) for name, words in self._around.items()}
        self._rivals: dict[str, frozenset[str]] = {}

    @property
    def names(self) -> frozenset[str]:
        """All names, in small letters."""
        return frozenset(self._around)

    def of(self, name: str) -> frozenset[str]:
        """The rivals of ``name`` (in small letters); none for a word that is no name of the collection."""
        if name not in self._around:
            return frozenset()
        if name not in self._rivals:
            self._rivals[name] = frozenset(
                other for other in self._around if other != name and self._likeness(name, other) >= _ALIKE
            )
        return self._rivals[name]

    def displaced(self, question: str, levels: Sequence[str]) -> int:
        """How many names of ``question`` a sentence replaces by a rival that the question does not name.

        ``levels``: the sentence, then what stands over it, nearest first (section, title). The first that holds the
        name or a rival of it decides: a section on Ireland in a page on the UK is about Ireland.
        """
        asked, told = self._named(question), [self._named(level) for level in levels]
        return sum(self._is_displaced(name, asked, told) for name in asked)

    def _is_displaced(self, name: str, asked: Set[str], told: Sequence[Set[str]]) -> bool:
        rivals = self.of(name) - asked
        for level in told:
            if name in level:
                return False
            if not rivals.isdisjoint(level):
                return True
        return False

    def _named(self, text: str) -> set[str]:
        return {word for word in map(str.lower, _WORD.findall(text)) if word in self._around}

    def _likeness(self, a: str, b: str) -> float:
        shared = sum(count * self._around[b][word] for word, count in self._around[a].items())
        return shared / (self._lengths[a] * self._lengths[b])


def _names(texts: Iterable[str]) -> frozenset[str]:
    """Words of mid-sentence that are nearly always capitalised, in small letters."""
    uses: Counter[str] = Counter()
    capitals: Counter[str] = Counter()
    for text in texts:
        for word in _AFTER_A_WORD.findall(text):
            uses[word.lower()] += 1
            capitals[word.lower()] += word[0].isupper()
    return frozenset(word for word, n in uses.items() if n >= _OFTEN and capitals[word] >= _CAPITALISED * n)


def _surroundings(texts: Iterable[str], names: frozenset[str]) -> Mapping[str, Counter[str]]:
    """For each name the words before it ("the" passed over) and after it, with their counts."""
    around: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for text in texts:
        words = [token.lower() for token in _TOKEN.findall(text)]
        for i, word in enumerate(words):
            if word in names:
                before = words[max(0, i - 2) : i]
                if before and before[-1] == "the":
                    before.pop()
                near = {"before": before[-1:], "after": words[i + 1 : i + 2]}
                # Commas and brackets stand beside names of every kind and would make rivals of all of them.
                around[word].update(f"{side} {w}" for side, found in near.items() for w in found if w[0].isalnum())
    return around
