"""Completes a fragment ("and in Ireland?", "what about Fibre 500?") from the question before it, by rule.

Where the fragment has a counterpart in that question (the same preposition, the same name with another number) it
takes its place; otherwise it follows the question. Either way every word of the result was said by the person.
"""

from __future__ import annotations

import re

_OPENING = re.compile(
    r"(?:(?:ok(?:ay)?|and|but|or|so|also|then|well)\b[\s,]*)*(?:(?:what|how)\s+about\b\s*)?", re.IGNORECASE
)
_PREPOSITIONS = "in|on|at|for|from|with|without|by|to|after|before|during|under|outside|inside|abroad in|as"
_PREPOSITIONAL = re.compile(rf"(?:{_PREPOSITIONS})\b", re.IGNORECASE)
# What makes a message a sentence of its own.
_CLAUSE = re.compile(
    r"\b(?:is|are|was|were|am|be|do|does|did|can|could|will|would|should|must|may|might|has|have|had|how|what|when"
    r"|where|which|who|whose|why|i|you|we|they|he|she|it|please|tell|show|give|explain|thanks?|no|yes|not|that|this)\b"
    r"|n['’]t\b",
    re.IGNORECASE,
)
_BARE_QUESTIONS = re.compile(
    r"(?:and\s+|but\s+)?(?:why(?:\s+not)?|how(?:\s+(?:much|many|long|so|come|often|soon|fast))?|when|where|since when"
    r"|until when|which(?:\s+ones?)?)\W*",
    re.IGNORECASE,
)
_NUMBERED_NAME = re.compile(r"\b([^\W\d_]+)[\s-]+(\d[\w.,]*)\b")
_MAX_WORDS = 6  # longer messages without a verb are lists of search words, which stand alone
_MAX_SUPPLEMENT_WORDS = 2  # "uk, sheffield" says what was left out; "roaming charges Turkey" is a search


def is_fragment(message: str) -> bool:
    """True for a message that is no sentence and says that it goes on: by its opening, by being a bare "why?", or by
    being a few words that ask nothing ("uk, sheffield")."""
    if _BARE_QUESTIONS.fullmatch(message.strip()):
        return True
    opening, rest = _parted(message)
    if not re.search(r"\w", rest) or len(rest.split()) > _MAX_WORDS or _CLAUSE.search(rest):
        return False
    return bool(opening) or _PREPOSITIONAL.match(rest) is not None or _is_supplement(rest)


def _is_supplement(words: str) -> bool:
    return "?" not in words and len(words.split()) <= _MAX_SUPPLEMENT_WORDS


def completed(fragment: str, previous: str) -> str:
    """The question that ``fragment`` asks after ``previous``, a standalone question."""
    _, rest = _parted(fragment)
    slot = rest.rstrip(" .!?")
    replaced = _with_phrase(slot, previous) or _with_number(slot, previous)
    if replaced:
        return replaced
    first = re.match(r"[^?]*\?", previous)  # of an earlier joining, the question itself
    asked = (first.group() if first else previous).strip()
    stop = "" if asked[-1:] in ".!?" else "?"
    return f"{asked}{stop} {fragment[:1].upper()}{fragment[1:]}"


def _parted(message: str) -> tuple[str, str]:
    """The words that tie a fragment to what was said, and the rest."""
    opening = _OPENING.match(message.strip())
    end = opening.end() if opening else 0
    return message.strip()[:end], message.strip()[end:]


def _with_phrase(slot: str, previous: str) -> str:
    """``previous`` with its last phrase of the slot's preposition exchanged, or "" when it has none."""
    preposition = _PREPOSITIONAL.match(slot)
    if preposition is None:
        return ""
    phrase = rf"\b{preposition.group()}\s+(?:(?!\b(?:{_PREPOSITIONS}|and|or|if|when|that)\b)[^?.,;])+"
    found = list(re.finditer(phrase, previous, re.IGNORECASE))
    if not found or len(found[-1].group().split()) > _MAX_WORDS:
        return ""
    start, end = found[-1].start(), found[-1].start() + len(found[-1].group().rstrip())
    return previous[:start] + slot + previous[end:]


def _with_number(slot: str, previous: str) -> str:
    """``previous`` with "Fibre 100" exchanged for "Fibre 500", or "" when it names no such thing."""
    name = _NUMBERED_NAME.fullmatch(slot)
    if name is None:
        return ""
    for known in _NUMBERED_NAME.finditer(previous):
        if known.group(1).lower() == name.group(1).lower():
            return previous[: known.start()] + f"{known.group(1)} {name.group(2)}" + previous[known.end() :]
    return ""
