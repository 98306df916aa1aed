"""What a conversation is about where documents differ: which region, product, audience.

Many documents say in their metadata what they hold for. From the words of the documents of each value (naive Bayes
over which words occur, McCallum & Nigam 1998) the words of a conversation tell which value it is about: "€", "Irish"
and "Cork" speak for region IE wherever those documents use them, and nobody has to list them.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from domain.passage import Passage
from generation.support import content_words

_LEAST_DOCUMENTS = 3  # with a value, for its words to mean anything
_MOST_VALUES = 12  # of a key; more tell documents apart rather than what they hold for
_NEUTRAL = frozenset({"", "all", "any", "both", "none", "null", "general"})  # holds for whatever is asked about
_STRONGEST = math.log(20)  # one word's odds at most: none decides alone against two others
_DECISIVE = 0.9  # probability at which older messages are not asked any more
_SIGN = re.compile(r"[£€$¥]")


@dataclass(frozen=True, slots=True)
class _Facet:
    """One metadata key: the log probability of a word given a value, and that of an unseen one."""

    key: str
    values: tuple[str, ...]
    words: Mapping[str, tuple[float, ...]]


class Scopes:
    """The metadata keys of one collection that split it, and how words tell their values apart."""

    def __init__(self, passages: Iterable[Passage]) -> None:
        documents: dict[str, tuple[Mapping[str, str], set[str]]] = {}
        for passage in passages:
            known = documents.setdefault(passage.document_id, (passage.metadata, set()))[1]
            known |= _words(passage.searchable)
        keys = {key for metadata, _ in documents.values() for key in metadata}
        found = (_facet(key, list(documents.values())) for key in sorted(keys))
        self._facets = [facet for facet in found if facet is not None]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that are told apart."""
        return tuple(facet.key for facet in self._facets)

    def agreement(self, messages: Sequence[str], metadata: Sequence[Mapping[str, str]]) -> list[float]:
        """For each of ``metadata`` how well it fits what ``messages`` (newest first) are about, −1..1 a key, added up.

        p(its value) − p(the likeliest other one); 0 where it names no value or one that holds for all. Older messages
        count only as far as newer ones leave it open.
        """
        total = [0.0] * len(metadata)
        for facet in self._facets:
            probabilities = _posterior(facet, messages)
            for i, each in enumerate(metadata):
                value = each.get(facet.key, "")
                if value in facet.values:
                    own = probabilities[facet.values.index(value)]
                    others = [p for p, v in zip(probabilities, facet.values, strict=True) if v != value]
                    total[i] += own - max(others)
        return total


def _facet(key: str, documents: Sequence[tuple[Mapping[str, str], set[str]]]) -> _Facet | None:
    """``key`` as a facet; None when it does not split the collection."""
    counts = Counter(metadata.get(key, "") for metadata, _ in documents)
    values = tuple(sorted(v for v, n in counts.items() if n >= _LEAST_DOCUMENTS and v.strip().lower() not in _NEUTRAL))
    if not 2 <= len(values) <= _MOST_VALUES:
        return None
    occurring = {value: Counter[str]() for value in values}
    for metadata, words in documents:
        if (value := metadata.get(key, "")) in occurring:
            occurring[value].update(words)
    shares = {
        word: [(occurring[value][word] + 0.5) / (counts[value] + 1) for value in values]
        for word in {word for counter in occurring.values() for word in counter}
    }
    return _Facet(key, values, {word: tuple(map(math.log, share)) for word, share in shares.items()})


def _posterior(facet: _Facet, messages: Sequence[str]) -> list[float]:
    """p(value | messages) for each value, all alike beforehand."""
    logs = [0.0] * len(facet.values)
    probabilities = _normalised(logs)
    for message in messages:
        for word in _words(message):
            given = facet.words.get(word)
            if given is not None:
                best = max(given)
                logs = [log + max(g - best, -_STRONGEST) for log, g in zip(logs, given, strict=True)]
        probabilities = _normalised(logs)
        if max(probabilities) >= _DECISIVE:
            break
    return probabilities


def _normalised(logs: Sequence[float]) -> list[float]:
    best = max(logs)
    odds = [math.exp(log - best) for log in logs]
    return [one / sum(odds) for one in odds]


def _words(text: str) -> set[str]:
    """Content words, and currency signs by themselves."""
    return {*content_words(text), *_SIGN.findall(text)}
