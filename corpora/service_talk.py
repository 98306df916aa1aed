"""Conversations about the handbook of an invented company, as customers have them.

What an answer depends on is named once and relied on from then on; a message may change one of those things alone;
other topics interrupt and are left again; some of what is asked the handbook does not say.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from corpora.service_kits import Attribute, FollowUp, Form, Handbook, Product, Region, Slot, Variant, filled
from domain.conversation import Gate

_TURNS = 9
_OPENINGS = ("ok ", "and ", "thanks. ", "right, ", "hm ", "so ", "cheers, ", "one more: ", "great. ", "oh and ")
_RETURNS = ("back to {p}: {typed}", "{p} again, {typed}", "about {p}, {typed}", "ok with {p}, {typed}")


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


def conversation(handbook: Handbook, rng: random.Random, turns: int = _TURNS) -> Iterator[KitTurn]:
    """The turns of one conversation about ``handbook``, the opening included."""
    talk = _Talk(handbook, rng)
    yield talk.opening()
    for _ in range(turns - 1):
        yield talk.next()


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
            told = self._told
            fact, value = self._book.fact(told.attribute, told.product, told.region, told.variant)
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


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text.lower()))
