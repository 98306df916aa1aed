"""Passages that say the same become one, which still names every place that says it.

Passages that differ in one figure, name, date or "not" are near twins, and a handbook is full of them: the tariff for
100 and for 300, the page for the UK and for Ireland. So a passage goes only where one further up says the very same
words in the same order, under a heading that names nothing else, for the same product, region, audience and time.
What may differ is how it is set: case, spacing, punctuation, markup, contractions, thousands separators, articles.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from domain.conversation import Query
from domain.filters import values_of
from domain.passage import Passage, Place, RetrievedPassage
from domain.protocols import Retriever

SCOPE = ("product", "region", "language", "audience", "effective_from", "effective_until", "version")
"""Metadata that says what a passage holds for. Where two name different values they are not the same passage."""

_MOST_ROUNDS = 5  # each asks for twice as many: 16 copies of everything are seen through
_SPEAKS_ALONE_WORDS = 20  # "The fee is £5." means what its heading says: below this headings must be the same

_WORD = r"[^\W\d_]+(?:'[^\W\d_]+)*"
_NUMBER = r"(?:(?<![\w.])[-+][£€$¥]?)?\d+(?:[.,:/]\d+)*"  # with its sign: minus five is not five
_SYMBOL = r"[^\w\s]"
_TOKEN = re.compile(f"{_NUMBER}|{_WORD}|{_SYMBOL}")
_LETTERS, _FIGURES = re.compile(r"[^\W\d_]+"), re.compile(r"\d+")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_CONTRACTIONS = (
    *((r"\bcan(no|')t\b", "can not"), (r"\bwon't\b", "will not"), (r"\bshan't\b", "shall not"), (r"n't\b", " not")),
    *((r"'ll\b", " will"), (r"'re\b", " are"), (r"'ve\b", " have"), (r"'m\b", " am")),
)
_UNSAID = frozenset({"a", "an", "the", "please", "|", "`", "^"})
_MEANT = frozenset("%&@§/")  # punctuation to Unicode, but it says something
_NEGATIONS = frozenset({"no", "not", "never", "without", "except", "excluding", "unless", "non"})


class DistinctRetriever:
    """Another retriever's passages without those that a better one says already; it names them in ``also_in``.

    ``k`` passages come back where there are so many that differ. Scores, signals and order are the inner retriever's.
    """

    def __init__(self, inner: Retriever) -> None:
        self._inner = inner

    def retrieve(self, query: Query, k: int) -> Sequence[RetrievedPassage]:
        if k <= 0:
            return []
        found, wanted = self._inner.retrieve(query, k), k
        distinct = collapsed(found)
        for _ in range(_MOST_ROUNDS - 1):
            if len(distinct) >= k or len(found) < wanted:
                break
            wanted *= 2
            found = self._inner.retrieve(query, wanted)
            distinct = collapsed(found)
        return [replace(one, rank=rank) for rank, one in enumerate(distinct[:k], start=1)]


def collapsed(found: Sequence[RetrievedPassage]) -> list[RetrievedPassage]:
    """``found`` without passages that one further up says already; that one names them in ``also_in``.

    Ranks are as they were.
    """
    marks = [_mark(one.passage.text) for one in found]
    often = Counter(marks)
    ordinary = ordinary_words(one.passage for one in found) if len(often) < len(found) else frozenset()
    kept: dict[str, list[tuple[_Said, int]]] = {}
    places: dict[int, list[Place]] = {i: list(one.also_in) for i, one in enumerate(found)}
    for i, one in enumerate(found):
        if often[marks[i]] == 1:
            continue
        said = _said(one.passage, ordinary)
        alike = kept.setdefault(said.words, [])
        twin = next((j for other, j in alike if other.holds_for_as_much_as(said)), None)
        if twin is None:
            alike.append((said, i))
        else:
            places[twin] += [one.passage.place, *places.pop(i)]
    return [replace(found[i], also_in=tuple(also_in)) for i, also_in in places.items()]


def _mark(text: str) -> tuple[str, str]:
    """The figures and the longest word of a text: quickly read, and the same wherever ``words`` are the same, but for
    the rare text whose longest word is a contraction."""
    plain = unicodedata.normalize("NFKC", text)
    longest = max(_LETTERS.findall(plain), key=lambda word: (len(word), word.casefold()), default="")
    return "".join(_FIGURES.findall(plain)), longest.casefold()


@dataclass(frozen=True, slots=True)
class _Said:
    """What a passage says: its words, what its heading says that the words rest on, what it holds for."""

    words: str
    heading: frozenset[str]
    scope: tuple[frozenset[str], ...]

    def holds_for_as_much_as(self, other: _Said) -> bool:
        """Whether nothing that both tell differs; metadata that one of them lacks says nothing."""
        pairs = zip(self.scope, other.scope, strict=True)
        return self.heading == other.heading and all(not one or not two or one == two for one, two in pairs)


def _said(passage: Passage, ordinary: frozenset[str]) -> _Said:
    told, last = words(passage.text), passage.section[-1:]
    if len(told) < _SPEAKS_ALONE_WORDS:
        heading = words(passage.heading)
    else:
        heading = [*_named(passage.heading, ordinary), *words(" ".join(last))]
    scope = tuple(values_of(passage.metadata.get(key, "")) for key in SCOPE)
    return _Said(" ".join(told) or passage.text, frozenset(heading), scope)


def words(text: str) -> list[str]:
    """What a text says, word by word: small letters but in abbreviations ("us" is not "US"), without articles, plain
    punctuation and thousands separators; signs such as £, %, ≥ and ✓ are words."""
    plain = _plain(text)
    for short, long in _CONTRACTIONS:
        plain = re.sub(short, long, plain, flags=re.IGNORECASE)
    found = (word if _is_abbreviation(word) else word.casefold() for word in _TOKEN.findall(plain))
    return [word for word in found if word not in _UNSAID and not _is_plain_punctuation(word)]


def ordinary_words(passages: Iterable[Passage]) -> frozenset[str]:
    """Words that the text of any of ``passages`` writes small: in a heading, where every first word has a capital,
    they are no names."""
    parts = (part.strip(".,;:!?()\"'") for passage in passages for part in _plain(passage.text).split())
    return frozenset(part for part in parts if part.isalpha() and part.islower())


def _named(heading: str, ordinary: frozenset[str]) -> list[str]:
    """The figures, names, abbreviations and negations of a heading."""
    said = [word for word in _TOKEN.findall(_plain(heading)) if word[0].isalnum()]
    named = (w for w in said if not w.islower() and (_is_abbreviation(w) or w.casefold() not in ordinary | _UNSAID))
    return [word.casefold() for word in (*named, *(w for w in words(heading) if w in _NEGATIONS))]


def _plain(text: str) -> str:
    """One spelling for what looks alike: full-width forms, quotes, dashes, numbers with separators."""
    return _THOUSANDS.sub("", unicodedata.normalize("NFKC", text).replace("’", "'").replace("−", "-"))


def _is_abbreviation(word: str) -> bool:
    return len(word) > 1 and word.isupper()


def _is_plain_punctuation(word: str) -> bool:
    return len(word) == 1 and unicodedata.category(word)[0] == "P" and word not in _MEANT
