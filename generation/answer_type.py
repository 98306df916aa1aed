"""What form an answer must have: a question for a price is not answered by a sentence without one.

Expected answer types are the oldest device of question answering (Li & Roth 2002); three of them cover most of what
is asked of a service desk, and where none is recognised nothing is expected.
"""

from __future__ import annotations

import re
from enum import StrEnum


class AnswerType(StrEnum):
    """What a question asks for."""

    MEANING = "meaning"
    MONEY = "money"
    QUANTITY = "quantity"
    ANY = "any"


_MEANING = re.compile(r"\b(?:means?|stands? for)\b", re.I)
_MONEY = re.compile(
    r"\b(?:how much (?!notice|data|time)|costs?|prices?|fees?|charge[ds]?|pay for|compensation|cheap(?:est)?|worth)\b",
    re.I,
)
_QUANTITY = re.compile(
    r"\b(?:how (?:long|many|fast|much (?:notice|data|time))|notice|when|number|limit|deadline|suspended"
    r"|(?:what|which) (?:time|speed|code|address))\b",
    re.I,
)
_AMOUNT = re.compile(
    r"[£€$¥]\s?\d|\d\s?(?:pence|cents?|euro|pounds?|dollars?)\b|\bfree\b|\bno (?:fee|charge|cost)\b", re.I
)
_NUMBER = re.compile(r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty)\b", re.I)
_NAVIGATION = re.compile(r"^(?:this (?:page|section)|the lines below|read|see)\b|\bthis page\b", re.I)


def expected_type(question: str) -> AnswerType:
    """The form of answer that the words of ``question`` ask for."""
    if _MEANING.search(question):
        return AnswerType.MEANING
    if _MONEY.search(question):
        return AnswerType.MONEY
    if _QUANTITY.search(question):
        return AnswerType.QUANTITY
    return AnswerType.ANY


def has_type(sentence: str, wanted: AnswerType) -> float:
    """1 when ``sentence`` has the wanted form, 0 when it lacks it, one half when nothing is wanted."""
    if wanted is AnswerType.ANY:
        return 0.5
    pattern = {AnswerType.MEANING: _MEANING, AnswerType.MONEY: _AMOUNT, AnswerType.QUANTITY: _NUMBER}[wanted]
    return 1.0 if pattern.search(sentence) else 0.0


def is_navigation(sentence: str) -> bool:
    """True for a sentence about the page rather than the matter: "This page covers …"."""
    return _NAVIGATION.search(sentence) is not None
