"""Invented service companies as templates, and the handbooks and conversations filled from them.

``corpora/data/service_kits_*.jsonl`` holds one company a line: its regions, products and variants, what customers ask
(``attributes``: as typed in the middle of a conversation and as a question that stands alone), what the handbook says,
and other topics. Filled with values drawn by chance they give what few public sets have: near-identical facts that
differ in a region or a model, and customers who name those once and rely on it from then on.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from corpora.jsonl import OWN_DATA, rows
from corpora.splits import is_development
from domain.conversation import Gate
from domain.errors import Misconfigured

Slot = Literal["product", "region", "variant"]
_WITHHELD = 0.12  # of the attributes: the handbook does not say
_PAGE_WORDS = 90
_TURNS = 9
_OPENINGS = ("ok ", "and ", "thanks. ", "right, ", "hm ", "so ", "cheers, ", "one more: ", "great. ", "oh and ")
_RETURNS = ("back to {p}: {typed}", "{p} again, {typed}", "about {p}, {typed}", "ok with {p}, {typed}")


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


@dataclass(frozen=True, slots=True)
class KitTurn:
    """One message of a conversation.

    ``history``: exchanges before it, oldest first, as typed and answered; ``served``: the same with the messages made
    standalone; the reply is "" where the handbook had none. ``fact`` is the sentence that answers, with ``value`` in
    it; both "" when the handbook does not say.
    """

    history: tuple[tuple[str, str], ...]
    served: tuple[tuple[str, str], ...]
    message: str
    standalone: str
    gate: Gate
    completed: str = ""
    fact: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class _Told:
    """What the conversation is about: slots, and the words the person used for the region."""

    attribute: Attribute
    form: Form
    product: Product
    region: Region
    place: str
    variant: Variant
    typed_variant: str = ""  # how it was said, where its phrase was not


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

    def fact(self, told: _Told) -> tuple[str, str]:
        """(sentence, value); two empty strings when the handbook does not say."""
        return self._said.get(_key(told.attribute, told.product, told.region, told.variant), ("", ""))

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


def conversation(handbook: Handbook, rng: random.Random, turns: int = _TURNS) -> Iterator[KitTurn]:
    """The turns of one conversation about ``handbook``, the opening included."""
    talk = _Talk(handbook, rng)
    yield talk.opening()
    for _ in range(turns - 1):
        yield talk.next()


def filled(template: str, product: str = "", region: str = "", variant: str = "") -> str:
    """``template`` with {p}, {r} and {v} exchanged, a capital at its head and no gaps where one of them is empty."""
    text = template.replace("{p}", product).replace("{r}", region).replace("{v}", variant)
    text = re.sub(r"\s+([?.!,;])", r"\1", re.sub(r"\s+", " ", text)).strip()
    return text[:1].upper() + text[1:]


class _Talk:
    def __init__(self, handbook: Handbook, rng: random.Random) -> None:
        self._book, self._kit, self._rng = handbook, handbook.kit, rng
        self._history: list[tuple[str, str]] = []
        self._served: list[tuple[str, str]] = []
        self._topic: list[FollowUp] = []  # what can still be asked of the topic that interrupted
        self._interrupted = False
        attribute = rng.choice(self._kit.attributes)
        region = rng.choice(self._kit.regions)
        self._told = _Told(
            attribute=attribute,
            form=rng.choice(attribute.forms),
            product=rng.choice(self._kit.products),
            region=region,
            place=rng.choice((*region.short, *region.places, *region.places)),
            variant=rng.choice(self._kit.variants),
        )
        self._known: set[Slot] = set()

    def opening(self) -> KitTurn:
        """Everything the answer depends on is said."""
        told = self._told
        self._known = set(told.attribute.depends)
        typed = told.form.full
        by_place = "region" in self._known and self._rng.random() < 0.5
        text = filled(typed, self._called(told.product), "" if by_place else told.region.phrase, told.variant.phrase)
        if by_place:
            text = text.rstrip("?. ") + self._rng.choice((", {}?", "? ({})", "? im in {}", "? {}")).format(told.place)
        return self._answered(self._noisy(text), text, Gate.KEEP)

    def next(self) -> KitTurn:
        """One more message."""
        chance = self._rng.random()
        if self._topic and chance < 0.75:
            return self._follow()
        if chance < 0.12:
            return self._switch()
        if self._interrupted:
            return self._return()
        if chance < 0.42:
            return self._move()
        if chance < 0.56:
            return self._partly()
        if chance < 0.62:
            return self._whole()
        return self._ask()

    def _ask(self) -> KitTurn:
        """Another attribute; the rest as before."""
        self._turn_to(self._rng.choice(self._other_attributes()))
        return self._rewritten(self._told.form.typed)

    def _partly(self) -> KitTurn:
        """Another attribute of another product, or variant; the rest as before."""
        attribute = self._rng.choice(self._other_attributes())
        self._turn_to(attribute)
        name, variant = "", ""
        if "product" in attribute.depends:
            self._told = replace(self._told, product=self._rng.choice(self._kit.products))
            name = self._called(self._told.product)
        elif "variant" in attribute.depends:
            self._told = replace(self._told, variant=self._rng.choice(self._kit.variants), typed_variant="")
            variant = self._told.variant.phrase
        return self._rewritten(filled(self._told.form.full, name, "", variant) if name or variant else None)

    def _whole(self) -> KitTurn:
        """A question that says everything again."""
        self._turn_to(self._rng.choice(self._other_attributes()))
        told = self._told
        text = filled(told.form.full, told.product.name, told.region.phrase, told.variant.phrase)
        return self._answered(self._noisy(text), text, Gate.KEEP)

    def _return(self) -> KitTurn:
        """Back from another topic, by the product's name where there is one."""
        self._interrupted, self._topic = False, []
        named = [a for a in self._other_attributes() if "product" in a.depends]
        if not named:
            return self._whole()
        self._turn_to(self._rng.choice(named))
        self._told = replace(self._told, product=self._rng.choice(self._kit.products))
        called = self._called(self._told.product)
        return self._rewritten(self._rng.choice(_RETURNS).format(p=called, typed=self._told.form.typed))

    def _move(self) -> KitTurn:
        """The question before, about another product, region or variant."""
        told = self._told
        slot: Slot = self._rng.choice(sorted(told.attribute.depends))
        if slot == "product":
            others = [p for p in self._kit.products if p is not told.product]
            self._told = replace(told, product=self._rng.choice(others))
            message = self._rng.choice((*self._kit.moves.product, "{p}?", "and {p}")).replace(
                "{p}", self._called(self._told.product)
            )
        elif slot == "region":
            region = self._rng.choice([r for r in self._kit.regions if r is not told.region])
            place = self._rng.choice((*region.short, *region.places, *region.places))
            self._told = replace(told, region=region, place=place)
            message = self._rng.choice((*self._kit.moves.region, "{place}?")).replace("{place}", place)
        else:
            variant = self._rng.choice([v for v in self._kit.variants if v is not told.variant])
            typed = self._rng.choice(variant.typed)
            by_name = self._rng.random() < 0.5
            self._told = replace(told, variant=variant, typed_variant="" if by_name else typed)
            message = self._rng.choice(self._kit.moves.variant).replace("{v}", variant.short) if by_name else typed
        return replace(self._rewritten(message), completed="")  # the question is in the message before

    def _switch(self) -> KitTurn:
        topic = self._rng.choice(self._kit.general)
        self._topic, self._interrupted = list(topic.follow), True
        return self._answered(self._noisy(topic.question), topic.question, Gate.RESET, topic.fact)

    def _follow(self) -> KitTurn:
        follow = self._topic.pop(self._rng.randrange(len(self._topic)))
        return self._answered(self._noisy(follow.typed), follow.full, Gate.REWRITE, follow.fact)

    def _other_attributes(self) -> list[Attribute]:
        """Those that ask for nothing nobody has said."""
        other = [a for a in self._kit.attributes if a is not self._told.attribute and a.depends <= self._known]
        return other or [self._told.attribute]

    def _turn_to(self, attribute: Attribute) -> None:
        self._told = replace(self._told, attribute=attribute, form=self._rng.choice(attribute.forms))

    def _called(self, product: Product) -> str:
        return self._rng.choice((product.name, *product.short))

    def _rewritten(self, message: str | None) -> KitTurn:
        """``message`` (None: as the attribute is asked when all is known) with its standalone form."""
        told = self._told
        message = self._noisy(told.form.typed if message is None else message)
        said = _words(" ".join([message, *(f"{asked} {reply}" for asked, reply in self._served)]))
        phrase = told.region.phrase
        if not _words(phrase) - _words("in the on at of") <= said:
            phrase = f"in {told.place}" if phrase.startswith("in ") else phrase
        variant, after = told.variant.phrase, ""
        if told.typed_variant and not _words(variant) - _words("for on in the a an with at") <= said:
            variant, after = "", f" {told.typed_variant}"
        standalone = filled(told.form.full, told.product.name, phrase, variant) + after
        needs = told.attribute.depends
        left_out = [
            f"for {told.product.name}" if "product" in needs else "",
            phrase if "region" in needs else "",
            variant if "variant" in needs else "",
        ]
        missing = [part for part in left_out if not _words(part) - {"for", "the"} <= _words(message)]
        completed = filled(f"{message.rstrip('?. ')} {' '.join(missing)}{after}?")
        return self._answered(message, standalone, Gate.REWRITE, completed=completed)

    def _answered(
        self, message: str, standalone: str, gate: Gate, fact: str | None = None, completed: str = ""
    ) -> KitTurn:
        value = ""
        if fact is None:
            fact, value = self._book.fact(self._told)
        turn = KitTurn(tuple(self._history), tuple(self._served), message, standalone, gate, completed, fact, value)
        self._history.append((message, fact))
        self._served.append((standalone, fact))
        return turn

    def _noisy(self, text: str) -> str:
        """As it might be typed: small letters, no question mark, a word before it, a slip."""
        rng = self._rng
        if self._history and rng.random() < 0.2:
            text = rng.choice(_OPENINGS) + text[:1].lower() + text[1:]
        if rng.random() < 0.5:
            text = text.lower()
        if rng.random() < 0.5:
            text = text.rstrip("?.")
        return _slip(text, rng) if rng.random() < 0.12 else text


def _slip(text: str, rng: random.Random) -> str:
    """Two letters exchanged inside one of the longer words."""
    long = list(re.finditer(r"[a-z]{4,}", text))
    if not long:
        return text
    at = rng.choice(long).start() + rng.randrange(1, 3)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


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
    for sentence in sentences:
        if found[-1] and sum(len(s.split()) for s in found[-1]) + len(sentence.split()) > _PAGE_WORDS:
            found.append([])
        found[-1].append(sentence)
    return [tuple(chunk) for chunk in found if chunk]


def _title(text: str) -> str:
    bare = re.sub(r"^(?:the|a|an)\s+", "", text)
    return bare[:1].upper() + bare[1:]


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text.lower()))
