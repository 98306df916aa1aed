"""Does the evidence bear a sentence out? The check before any citation.

A sentence is supported by a stretch of evidence when the evidence holds its content words, and every number, code,
name and negation of it. The score is the share of content words found (0..1); a missing number or a negation on one
side only makes it 0, however many other words agree. Lexical on purpose: what passes can be pointed at.
"""

from __future__ import annotations

import re

SUPPORTED_AT = 0.6  # of the content words; below it too much of the sentence stands nowhere in the evidence

_WORD = re.compile(r"[£$€]?\d[\d.,:/-]*%?|[^\W_]+(?:['’][^\W_]+)?")
_NEGATION = re.compile(r"\b(?:not|no|never|none|neither|nor|without|cannot|except|unless)\b|n['’]t\b", re.I)
_STOP = frozenset(
    "a an the this that these those it its they their them he his she her we our us you your i my me of to in on at "
    "for from with by as and or but if then than so is are was were be been being am do does did have has had can "
    "could will would should may might must shall there here what which who whom whose when where why how yes also "
    "about into over under up out just only very more most some any each all both other such same own too".split()
)
_SUFFIXES = ("ing", "ed", "es", "s", "ly")


def content_words(text: str) -> list[str]:
    """The stems of the words that carry meaning, in order; numbers and codes as they are, without final stops."""
    found = [match.group().lower().rstrip(".,:/-") for match in _WORD.finditer(text)]
    return [stem(word) for word in found if word and word not in _STOP]


def stem(word: str) -> str:
    """A crude stem: enough to see "charges" and "charged" as one, too little to confuse different words."""
    if any(character.isdigit() for character in word):
        return word
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)]
    return word


def numbers_and_codes(text: str) -> set[str]:
    """Words with a digit in them: prices, dates, phone numbers, error codes, plan names' numbers."""
    return {word for word in content_words(text) if any(character.isdigit() for character in word)}


def is_negated(text: str) -> bool:
    """True when ``text`` denies or excepts something."""
    return _NEGATION.search(text) is not None


def support(sentence: str, evidence: str, context: str = "") -> float:
    """How far ``evidence`` (a sentence or two) bears ``sentence`` out, 0..1.

    ``context`` (heading, neighbouring text) may supply words, not numbers or negations.
    """
    claimed = content_words(sentence)
    if not claimed:
        return 0.0
    if numbers_and_codes(sentence) - numbers_and_codes(evidence):
        return 0.0
    if is_negated(sentence) != is_negated(evidence):
        return 0.0
    direct, around = set(content_words(evidence)), set(content_words(context))
    weights = [1.0 if word in direct else 0.5 if word in around else 0.0 for word in claimed]
    return sum(weights) / len(weights)


def coverage(question: str, text: str) -> float:
    """The share of the question's content words that ``text`` holds, 0..1; 1 when the question has none."""
    asked = set(content_words(question))
    return len(asked & set(content_words(text))) / len(asked) if asked else 1.0


def missing_specifics(question: str, text: str) -> set[str]:
    """Numbers, codes and names the question insists on that ``text`` lacks.

    "How much is 5G home broadband" is not answered by the 4G page, however near it is.
    """
    names = {stem(m.group().lower()) for m in re.finditer(r"(?<=[a-z,] )[A-Z][\w-]+|\b[A-Z]{2,}\b", question)}
    return (numbers_and_codes(question) | names - _STOP) - set(content_words(text))
