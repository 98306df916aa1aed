"""Sentences as bags of weighted words: what they are about, apart from the values they state."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from retrieval.lexical import STOP_WORDS

_WORD = re.compile(r"[^\W_]+(?:[’'-][^\W_]+)*")
_BOUNDS = frozenset(
    """up least most within more less than no maximum minimum under over below above until before after only also each
    every monday tuesday wednesday thursday friday saturday sunday must may might need please still always usually
    normally about around once per any all during""".split()
)
_SKIPPED = STOP_WORDS | _BOUNDS
_NAME_SHARE = 0.5  # a word that begins with a capital this often inside sentences is a name


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a collection of sentences says of its words: how rare each is, and which are names."""

    weights: Mapping[str, float]
    names: frozenset[str]
    rarest: float

    def weight(self, stem: str) -> float:
        """The inverse document frequency over sentences; an unknown word is as rare as any."""
        return self.weights.get(stem, self.rarest)

    def total(self, stems: Iterable[str]) -> float:
        return sum(self.weight(stem) for stem in stems)


def vocabulary(texts: Sequence[str]) -> Vocabulary:
    """Learnt from sentences: ln(1 + n/df), and the words that are written with a capital away from the beginning."""
    seen: Counter[str] = Counter()
    capital: Counter[str] = Counter()
    inside: Counter[str] = Counter()
    for text in texts:
        seen.update(set(stems(text)))
        for match in _WORD.finditer(text):
            if text[: match.start()].rstrip(" “\"'(")[-1:] not in ("", ".", "!", "?", ":", "|", "\n", "•"):
                word = stem(match.group())
                inside[word] += 1
                capital[word] += match.group()[0].isupper()
    count = max(len(texts), 1)
    names = frozenset(word for word, n in capital.items() if n >= _NAME_SHARE * inside[word])
    return Vocabulary({word: math.log1p(count / n) for word, n in seen.items()}, names, math.log1p(count))


def stems(text: str, without: Sequence[tuple[int, int]] = ()) -> tuple[str, ...]:
    """The stems of the telling words of ``text``, in order; words inside the spans ``without`` are left out."""
    return tuple(
        stem(match.group())
        for match in _WORD.finditer(text)
        if match.group().lower() not in _SKIPPED and not any(a < match.end() and match.start() < b for a, b in without)
    )


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """A word without its usual English endings: enough to meet “moving” with “move”."""
    word = word.lower().replace("’", "'").removesuffix("'s").rstrip("'")
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if any(letter.isdigit() for letter in word):
        return word  # “1000” is not “100”
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word.removesuffix(ending)
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls" else word
