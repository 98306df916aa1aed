"""What form an answer must have: a question for a price is not answered by a sentence without one.

Expected answer types are the oldest device of question answering (Li & Roth 2002); five of them cover most of what
is asked of a service desk, and where none is recognised nothing is expected.
"""

from __future__ import annotations

import re
from enum import StrEnum


class AnswerType(StrEnum):
    """What a question asks for."""

    MEANING = "meaning"
    SPEED = "speed"
    DURATION = "duration"
    MONEY = "money"
    QUANTITY = "quantity"
    ANY = "any"


_MEANING = re.compile(r"\b(?:means?|stands? for)\b", re.I)
_SPEED = re.compile(r"\b(?:how (?:fast|slow)|speeds?)\b", re.I)
_DURATION = re.compile(r"\b(?:how long|how much (?:notice|time)|notice)\b", re.I)
_MONEY = re.compile(
    r"\b(?:how much (?!notice|data|time)|costs?|prices?|fees?|charge[ds]?|pay for|compensation|cheap(?:est)?|worth)\b",
    re.I,
)
_QUANTITY = re.compile(
    r"\b(?:how (?:many|much data|large|big|high|tall|deep|wide|far|heavy|old|often)|when|number|limit|deadline"
    r"|suspended|(?:what|which) (?:time|code|address))\b",
    re.I,
)
_AMOUNT = re.compile(
    r"[£€$¥]\s?\d|\d\s?(?:pence|cents?|euros?|pounds?|dollars?)\b|\bfree\b|\bno (?:fee|charge|cost)\b", re.I
)
_RATE = re.compile(r"\d\s?[MG]bps\b", re.I)
_SPAN = re.compile(r"\b(?:seconds?|minutes?|hours?|(?:working )?days?|weeks?|months?|years?)\b", re.I)
_NUMBER = re.compile(r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty)\b", re.I)
_FORMS = (  # type, what asks for it, what has it; the first that asks counts
    (AnswerType.MEANING, _MEANING, _MEANING),
    (AnswerType.SPEED, _SPEED, _RATE),
    (AnswerType.MONEY, _MONEY, _AMOUNT),
    (AnswerType.DURATION, _DURATION, _SPAN),
    (AnswerType.QUANTITY, _QUANTITY, _NUMBER),
)
_NAVIGATION = re.compile(r"^(?:this (?:page|section)|the lines below|read|see)\b|\bthis page\b", re.I)


def expected_type(question: str) -> AnswerType:
    """The form of answer that the words of ``question`` ask for."""
    return next((wanted for wanted, asked, _ in _FORMS if asked.search(question)), AnswerType.ANY)


def has_type(sentence: str, wanted: AnswerType) -> float:
    """1 when ``sentence`` has the wanted form, 0 when it lacks it, one half when nothing is wanted."""
    if wanted is AnswerType.ANY:
        return 0.5
    return float(any(form is wanted and said.search(sentence) is not None for form, _, said in _FORMS))


def is_navigation(sentence: str) -> bool:
    """True for a sentence about the page rather than the matter: "This page covers …"."""
    return _NAVIGATION.search(sentence) is not None
