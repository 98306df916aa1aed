"""Words that tell what a sentence or a question is about: a region, a product, a plan.

They are learnt from the collection: a word tells for a value of the metadata ("Irish", "Eircode" and "€" for region IE)
when it is a name or a sign, and much more frequent in the passages of that value than in those of the others.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from domain.filters import ANY, values_of
from domain.passage import Passage

TELLING_KEYS = ("region", "country", "product", "plan", "model", "edition")
"""Keys of the metadata that a person can be asked about. Dates are none: the page that holds today answers."""

_PLACE_KEYS = ("region", "country")
_TELLING_SHARE = 0.85  # of a word's frequency over all values: above, it tells for the one
_SPREAD = 0.1  # of the documents of the value hold the word, at least
_CAPITALISED = 0.9  # of a name's uses in mid-sentence; the rest are slips
_FEWEST_USES = 3
_CODE = 3  # letters of a value that is a code: "IE"
_TOKEN = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)*|[£€$%]")
_MID_SENTENCE = re.compile(r"(?<=[a-z,;:] )[^\W\d_]+")
_IN_PLACE = re.compile(r"\bin (the )?([A-Z][\w-]*)(?=[.,;]| (?:and|or|from|on|at|is|are|for|until)\b)")

CALENDAR = frozenset(
    "january february march april may june july august september october november december monday tuesday wednesday "
    "thursday friday saturday sunday".split()
)
"""Months and days: names that tell for nothing."""

_FILLERS = frozenset(
    "a an the in on at of for to from is are was be and or with my your our we you i it its this that these those do "
    "does can will not no by as per each any all if when than then there here have has had get so just".split()
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence and the passage it stands in; ``likelihood`` is exp of a candidate's utility."""

    text: str
    passage: Passage
    likelihood: float

    @property
    def levels(self) -> tuple[str, ...]:
        """The sentence, then what stands over it, nearest first."""
        return (self.text, *reversed(self.passage.section), self.passage.title)


class TellingWords:
    """Which words of a collection tell for which value of its metadata. Safe for many threads.

    ``aliases`` adds words that the documents do not hold, such as towns: key -> value -> words.
    """

    def __init__(
        self,
        passages: Iterable[Passage],
        keys: Sequence[str] = TELLING_KEYS,
        aliases: Mapping[str, Mapping[str, Iterable[str]]] | None = None,
    ) -> None:
        held = list(passages)
        self.vocabulary = frozenset(word for one in held for word in tokens(one.searchable))
        self._words = {key: _telling(held, key, _SPREAD) for key in keys}
        self._hints = {key: _telling(held, key, 0.0) for key in keys}
        places = {key: words for key, words in self._words.items() if key in _PLACE_KEYS}
        self._labels = {key: _labels(held, key, words) for key, words in places.items()}
        for key, values in (aliases or {}).items():
            for value, words in values.items():
                given = frozenset(word.casefold() for word in words)
                for known in (self._words, self._hints):
                    here = known.setdefault(key, {})
                    here[value.casefold()] = here.get(value.casefold(), frozenset()) | given

    @property
    def keys(self) -> Sequence[str]:
        """The keys of the metadata that were looked at."""
        return tuple(self._words)

    def named(self, text: str, key: str) -> frozenset[str]:
        """The values of ``key`` that ``text`` names, in small letters."""
        return _named(text, self._words[key])

    def hinted(self, text: str, key: str) -> frozenset[str]:
        """The values that ``text`` names or hints at, by words that stand in a single document too ("Bristol")."""
        return _named(text, self._hints[key])

    def scope(self, statement: Statement, key: str) -> frozenset[str]:
        """The value that the statement holds for: by its own words, the headings over it, or the metadata. A value that
        is nowhere said and is no place is how the documents are filed, and nothing to ask a person about."""
        for level in statement.levels:
            named = self.named(level, key)
            if len(named) == 1:
                return named
        values = values_of(statement.passage.metadata.get(key, ""))
        return values if key in _PLACE_KEYS and len(values) == 1 and not values & ANY else frozenset()

    def names_of(self, key: str) -> frozenset[str]:
        """All words that tell for some value of ``key``, and the values themselves."""
        return frozenset(self._words[key]).union(*self._words[key].values())

    def label(self, value: str, key: str) -> str:
        """How the documents say that something holds for ``value``: "In Ireland"; else the value itself."""
        plain = value.upper() if len(value) <= _CODE else value.replace("-", " ").capitalize()
        return self._labels.get(key, {}).get(value) or plain


def plain_words(text: str) -> set[str]:
    """The words of ``text`` in small letters, without numbers and the commonest ones."""
    return {word for word in tokens(text) if word.isalpha() and word not in _FILLERS}


def tokens(text: str) -> list[str]:
    """Words in small letters, numbers and signs of money, in order."""
    return [token.lower() for token in _TOKEN.findall(text)]


def _named(text: str, telling: Mapping[str, frozenset[str]]) -> frozenset[str]:
    words = set(tokens(text))
    return frozenset(value for value, own in telling.items() if value in words or not own.isdisjoint(words))


def _telling(passages: Sequence[Passage], key: str, least_spread: float) -> dict[str, frozenset[str]]:
    """For each value of ``key`` the names and signs that are in this share of its documents, and nearly only there."""
    parts: defaultdict[str, list[Passage]] = defaultdict(list)
    for passage in passages:
        values = values_of(passage.metadata.get(key, ""))
        if len(values) == 1 and not values & ANY:
            parts[next(iter(values))].append(passage)
    names = _names(passages)
    rates = {value: _rates(found, names) for value, found in parts.items()}
    total: defaultdict[str, float] = defaultdict(float)
    for rate in rates.values():
        for word, (often, _) in rate.items():
            total[word] += often
    return {
        value: frozenset(
            word
            for word, (often, spread) in rate.items()
            if spread >= least_spread and often >= _TELLING_SHARE * total[word]
        )
        for value, rate in rates.items()
        if len(rates) > 1
    }


def _rates(passages: Sequence[Passage], names: frozenset[str]) -> dict[str, tuple[float, float]]:
    """For each name the shares of the passages, and of their documents, that hold it."""
    holding: defaultdict[str, list[str]] = defaultdict(list)
    for passage in passages:
        for word in names.intersection(tokens(passage.searchable)):
            holding[word].append(passage.document_id)
    documents = len({passage.document_id for passage in passages})
    return {word: (len(where) / len(passages), len(set(where)) / documents) for word, where in holding.items()}


def _names(passages: Sequence[Passage]) -> frozenset[str]:
    """Signs of money, and words that are nearly always capitalised in the middle of a sentence; in small letters."""
    uses: Counter[str] = Counter()
    capitals: Counter[str] = Counter()
    for passage in passages:
        for word in _MID_SENTENCE.findall(passage.text):
            uses[word.lower()] += 1
            capitals[word.lower()] += word[0].isupper()
    names = (word for word, n in uses.items() if n >= _FEWEST_USES and capitals[word] >= _CAPITALISED * n)
    return frozenset(word for word in names if len(word) > 1 and word not in CALENDAR) | frozenset("£€$")


def _labels(passages: Sequence[Passage], key: str, words: Mapping[str, frozenset[str]]) -> dict[str, str]:
    """For each value the commonest "in the UK" of its passages whose name tells for it."""
    labels = {}
    for value, telling in words.items():
        places: Counter[str] = Counter()
        for passage in passages:
            if values_of(passage.metadata.get(key, "")) == {value}:
                places.update(
                    f"In {the}{name}"
                    for the, name in _IN_PLACE.findall(passage.text)
                    if name.lower() in telling | {value}
                )
        if places:
            labels[value] = places.most_common(1)[0][0]
    return labels
