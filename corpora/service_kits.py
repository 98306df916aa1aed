"""Invented service companies as templates, and the handbooks filled from them.

``corpora/data/service_kits_*.jsonl`` holds one company a line: its regions, products and variants, what customers ask
(``attributes``: as typed in the middle of a conversation and as a question that stands alone), what the handbook says,
and other topics. Filled with values drawn by chance they give what few public sets have: near-identical facts that
differ in a region or a model. ``corpora.service_talk`` makes the conversations about them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from corpora.jsonl import OWN_DATA, rows
from corpora.splits import is_development
from domain.errors import Misconfigured

Slot = Literal["product", "region", "variant"]
_WITHHELD = 0.12  # of the attributes: the handbook does not say
_PAGE_WORDS = 90
_GAP = re.compile(r" ([?.!,;])")
_ROWS_OF_A_CONVERSATION = 200  # with each company once, at least


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Region(_Model):
    """``phrase`` stands in sentences ("in Ireland"); ``places`` are words that mean it ("cork")."""

    phrase: str
    short: tuple[str, ...]
    places: tuple[str, ...]


class Product(_Model):
    """``short``: what customers call it."""

    name: str
    short: tuple[str, ...]


class Variant(_Model):
    """A third thing facts depend on; ``typed``: messages that change to it."""

    phrase: str
    short: str
    typed: tuple[str, ...]


class Form(_Model):
    """A question as typed when the rest was said before, and standing alone ({p}, {r}, {v} to be filled)."""

    typed: str
    full: str


class Attribute(_Model):
    """Something customers ask that has a value for each of the slots it depends on."""

    noun: str
    depends: frozenset[Slot]
    forms: tuple[Form, ...]
    facts: tuple[str, ...]
    values: tuple[str, ...]


class FollowUp(_Model):
    typed: str
    full: str
    fact: str


class Topic(_Model):
    """A question that needs no product, and what is asked after it."""

    question: str
    fact: str
    follow: tuple[FollowUp, ...]


class Moves(_Model):
    """Messages that only change one slot: {p}, {place} and {v} are filled with what customers call it."""

    product: tuple[str, ...]
    region: tuple[str, ...]
    variant: tuple[str, ...]


class Kit(_Model):
    """One company."""

    domain: str
    company: str
    regions: tuple[Region, ...]
    products: tuple[Product, ...]
    variants: tuple[Variant, ...]
    attributes: tuple[Attribute, ...]
    general: tuple[Topic, ...]
    moves: Moves


@dataclass(frozen=True, slots=True)
class Page:
    """A passage of a handbook: a heading and its sentences in order."""

    heading: str
    sentences: tuple[str, ...]


@dataclass
class Handbook:
    """A company's pages with values drawn by ``rng``; one in eight attributes is left out."""

    kit: Kit
    rng: random.Random
    pages: list[Page] = field(default_factory=list)
    withheld: list[str] = field(default_factory=list)  # nouns of the attributes that are left out
    _said: dict[tuple[str, str, str, str], tuple[str, str]] = field(default_factory=dict)
    _at: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for attribute in self.kit.attributes:
            if self.rng.random() < _WITHHELD:
                self.withheld.append(attribute.noun)
            else:
                self._tell(attribute)
        by_subject = self.rng.random() < 0.6
        groups: dict[str, list[str]] = {}
        for (noun, product, region, _), (sentence, _) in self._said.items():
            subject = f"{_title(product)} {region}".strip() if by_subject and product else _title(noun)
            groups.setdefault(subject, []).append(sentence)
        for topic in self.kit.general:
            told = [topic.fact, *(follow.fact for follow in topic.follow)]
            groups.setdefault(_title(topic.question.rstrip("?.!")), []).extend(told)
        for subject, sentences in groups.items():
            if by_subject:
                self.rng.shuffle(sentences)
            for chunk in _chunks(list(dict.fromkeys(sentences))):
                for sentence in chunk:
                    self._at.setdefault(sentence, len(self.pages))
                self.pages.append(Page(f"{self.kit.company} › {subject}", chunk))

    def fact(self, attribute: Attribute, product: Product, region: Region, variant: Variant) -> tuple[str, str]:
        """(sentence, value); two empty strings when the handbook does not say."""
        return self._said.get(_key(attribute, product, region, variant), ("", ""))

    def page(self, sentence: str) -> int:
        """The number of the page with ``sentence``."""
        return self._at[sentence]

    def _tell(self, attribute: Attribute) -> None:
        wording, values = self.rng.choice(attribute.facts), list(attribute.values)
        self.rng.shuffle(values)
        number = 0
        for product in self.kit.products:
            for region in self.kit.regions:
                for variant in self.kit.variants:
                    key = _key(attribute, product, region, variant)
                    if key not in self._said:
                        value = values[number % len(values)]
                        number += 1
                        sentence = filled(wording, product.name, region.phrase, variant.phrase)
                        self._said[key] = (sentence.replace("{value}", value), value)


def read_kits(*, development: bool | None = None, folder: Path = OWN_DATA) -> list[Kit]:
    """The companies; one in five, by name, is for development. Raises ``Misconfigured`` for a line that is no kit."""
    found = []
    for path in sorted(folder.glob("service_kits_*.jsonl")):
        for number, row in enumerate(rows(path), 1):
            try:
                found.append(Kit.model_validate(row))
            except ValidationError as error:
                raise Misconfigured(f"{path}, line {number} is no kit: {error}. Mend or remove it.") from error
    return [kit for kit in found if development is None or is_development(kit.company) == development]


def conversations_for(limit: int | None, whole: int) -> int:
    """How many conversations of each company give ``limit`` rows (a rehearsal); None: ``whole``, the most there are."""
    return whole if limit is None else min(whole, 1 + limit // _ROWS_OF_A_CONVERSATION)


def filled(template: str, product: str = "", region: str = "", variant: str = "") -> str:
    """``template`` with {p}, {r} and {v} exchanged, a capital at its head and no gaps where one of them is empty."""
    text = template.replace("{p}", product).replace("{r}", region).replace("{v}", variant)
    text = _GAP.sub(r"\1", " ".join(text.split()))
    return text[:1].upper() + text[1:]


def _key(attribute: Attribute, product: Product, region: Region, variant: Variant) -> tuple[str, str, str, str]:
    needs = attribute.depends
    return (
        attribute.noun,
        product.name if "product" in needs else "",
        region.phrase if "region" in needs else "",
        variant.phrase if "variant" in needs else "",
    )


def _chunks(sentences: Sequence[str]) -> list[tuple[str, ...]]:
    """Runs of sentences of at most ``_PAGE_WORDS`` words."""
    found: list[list[str]] = [[]]
    words = 0
    for sentence in sentences:
        more = len(sentence.split())
        if found[-1] and words + more > _PAGE_WORDS:
            found.append([])
            words = 0
        found[-1].append(sentence)
        words += more
    return [tuple(chunk) for chunk in found if chunk]


def _title(text: str) -> str:
    bare = re.sub(r"^(?:the|a|an)\s+", "", text)
    return bare[:1].upper() + bare[1:]
