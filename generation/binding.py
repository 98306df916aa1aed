"""Which fact belongs to which, where the evidence tells two of a kind in one breath.

"The unit costs £55 in the UK and €65 in Ireland" holds all that "it costs £55 in Ireland" says, and does not bear it
out. Two things of a sentence are torn apart when they stand in different parts of the evidence and each part gives
the other a rival of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from generation.claims import FactKind, facts_of
from generation.numerals import plain_figures
from generation.polarity import POLES
from generation.words import stem

_SEGMENT = re.compile(r"[,;:|]\s|\b(?:and|but|while|whereas)\b|(?<!\d )\bor\b", re.I)  # but not "24 or 36 months"
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class _Anchor:
    """``group``: what it is a case of (amounts, regions, plans of one name, sides of one opposition); ``value``: which;
    ``segment``: the part of the text it stands in, from 0."""

    group: str
    value: str
    segment: int
    said: str


def misbound(sentence: str, evidence: str) -> str | None:
    """Which two things the sentence puts together that the evidence keeps apart, in words; None when it does not."""
    said, given = _anchors(sentence), _anchors(evidence)
    for i, one in enumerate(said):
        for other in said[i + 1 :]:
            if one.group != other.group and _together(one, other, said) and _apart(one, other, given):
                return f"in the evidence “{one.said}” does not belong to “{other.said}”"
    return None


@lru_cache(maxsize=1 << 14)
def _anchors(text: str) -> tuple[_Anchor, ...]:
    plain = plain_figures(text)
    facts = facts_of(text)
    cuts = [m.start() for m in _SEGMENT.finditer(plain) if not any(f.span[0] <= m.start() < f.span[1] for f in facts)]

    def segment(at: int) -> int:
        return sum(cut < at for cut in cuts)

    found = [
        _Anchor(f"{fact.kind} {fact.head or fact.value.split()[0] * (fact.kind is FactKind.LABEL)}", fact.value,
                segment(fact.span[0]), fact.said)
        for fact in facts
        if fact.kind is not FactKind.RATE
    ]  # fmt: skip
    for match in _WORD.finditer(plain):
        pole = POLES.get(stem(match.group().lower()))
        if pole is not None:
            found.append(_Anchor(f"opposition {pole[0]}", str(pole[1]), segment(match.start()), match.group()))
    return tuple(found)


def _together(one: _Anchor, other: _Anchor, said: Sequence[_Anchor]) -> bool:
    """Whether a sentence ties the two: in one part, or neither part has a rival of the other."""
    if one.segment == other.segment:
        return True
    return not any(
        (a.segment == one.segment and _rivals(a, other)) or (a.segment == other.segment and _rivals(a, one))
        for a in said
    )


def _apart(one: _Anchor, other: _Anchor, given: Sequence[_Anchor]) -> bool:
    ours = {a.segment for a in given if (a.group, a.value) == (one.group, one.value)}
    theirs = {a.segment for a in given if (a.group, a.value) == (other.group, other.value)}
    if not ours or not theirs or ours & theirs:
        return False
    return all(_holds_rival(given, at, other) for at in ours) and all(_holds_rival(given, at, one) for at in theirs)


def _holds_rival(given: Sequence[_Anchor], segment: int, of: _Anchor) -> bool:
    return any(a.segment == segment and _rivals(a, of) for a in given)


def _rivals(one: _Anchor, other: _Anchor) -> bool:
    return one.group == other.group and one.value != other.value
