"""Sentences that state values, with what they are about and for whom: what conflicts are looked for among."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.filters import ANY, values_of
from retrieval.quality.findings import Place
from retrieval.quality.pages import Page, sentences
from retrieval.quality.values import Value, stated_values
from retrieval.quality.wording import Vocabulary, stems, vocabulary

SCOPE_KEYS = ("region", "country", "language", "locale", "audience", "version", "edition")
"""Metadata that says for whom or where a document holds: two that share no value never contradict each other."""

SUBJECT_KEYS = ("product", "service", "plan", "model")
"""Metadata that says what a document is about: two that share no value must name the same thing to contradict."""

_EVERYWHERE = 0.7  # a name on this share of the pages (the company's own) tells no two subjects apart
_HISTORY = re.compile(r"\b(?:was|were|did|had been|used to|no longer)\b", re.IGNORECASE)
_MARKER = re.compile(r"\s*(?:[•*-]|\(?\d{1,3}[.)])\s+")
_LEANS = re.compile(r"(?:The|This|That|These|Those|It|They|Both|Such|Its|Their|He|She|If so|Then)\b")
_FEW_STEMS = 3  # a sentence with this few telling words says what it is about only together with its headings

Stems = frozenset[str]


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence with its values; ``about`` are its telling words, ``context`` those of its title and headings,
    ``names`` those of ``about`` that name something. ``leans``: its subject stands in the headings alone."""

    place: Place
    values: tuple[Value, ...]
    about: Stems
    context: Stems
    names: Stems
    metadata: Mapping[str, str]
    leans: bool

    @property
    def document_id(self) -> str:
        return self.place.document_id


@dataclass(frozen=True, slots=True)
class Language:
    """The words of a collection: their weights, and which of its names tell subjects apart."""

    words: Vocabulary
    common: Stems

    def tells_apart(self, stem: str) -> bool:
        return stem not in self.common and (stem in self.words.names or any(letter.isdigit() for letter in stem))


def language_of(pages: Sequence[Page]) -> Language:
    """Learnt from the sentences of ``pages``."""
    texts = [place.text for page in pages for place in sentences(page)]
    on_pages = Counter(stem for page in pages for stem in set(stems(page.text)))
    scopes = {stem for page in pages for key in SCOPE_KEYS for stem in stems(page.document.metadata.get(key, ""))}
    often = {stem for stem, n in on_pages.items() if len(pages) > 3 and n >= _EVERYWHERE * len(pages)}
    return Language(vocabulary(texts), frozenset(often - scopes))


def claims_of(page: Page, language: Language) -> tuple[Claim, ...]:
    """The sentences of ``page`` that hold today and are no rows of a table."""
    kept = (place for place in sentences(page) if " | " not in place.text and not _HISTORY.search(place.text))
    return tuple(_claim(place, page.document.metadata, language) for place in kept)


def same_scope(one: Claim, other: Claim) -> bool:
    """Whether both may hold for the same people: their metadata allows it, and they do not name different things."""
    if any(_apart(one.metadata, other.metadata, key) for key in SCOPE_KEYS):
        return False
    if any(_apart(one.metadata, other.metadata, key) for key in SUBJECT_KEYS) and not one.names & other.names:
        return False
    return not _rivals(one, other)


def _claim(place: Place, metadata: Mapping[str, str], language: Language) -> Claim:
    marker = _MARKER.match(place.text)
    start = marker.end() if marker else 0
    values = stated_values(place.text)
    about = frozenset(stems(place.text, [(0, start), *(value.span for value in values)]))
    context = frozenset(stems(" . ".join((place.title, *place.section))))
    names = frozenset(stem for stem in about if language.tells_apart(stem)) | _capitals(
        place.text, start, about, language
    )
    leans = not names and (bool(_LEANS.match(place.text, start)) or len(about) <= _FEW_STEMS)
    return Claim(place, values, about, context, names, metadata, leans)


def _capitals(text: str, start: int, about: Stems, language: Language) -> Stems:
    """Words written with a capital in the middle of this very sentence."""
    inside = re.findall(r"(?<=[a-z,] )[A-Z][\w’'-]*", text[start:])
    return frozenset(stem for word in inside for stem in stems(word) if stem in about and stem not in language.common)


def _apart(one: Mapping[str, str], other: Mapping[str, str], key: str) -> bool:
    first, second = values_of(one.get(key, "")), values_of(other.get(key, ""))
    return bool(first and second) and first.isdisjoint(second) and ANY.isdisjoint(first | second)


def _rivals(one: Claim, other: Claim) -> bool:
    """Whether each names something that the other does not know: another product, town or form."""
    if one.names - other.about - other.context and other.names - one.about - one.context:
        return True
    if one.names & other.names:
        return False
    here, there = _named(one), _named(other)
    return bool(here - there - other.about - other.context and there - here - one.about - one.context)


def _named(claim: Claim) -> Stems:
    """Its names and those of its headings: numbers, and names that the sentence itself would also count."""
    return claim.names | frozenset(stem for stem in claim.context if any(letter.isdigit() for letter in stem))
