"""Does the evidence bear a sentence out? The check before any citation.

A sentence is supported by a stretch of evidence when the evidence holds its content words, and every number, code,
name and negation of it. The score is the share of content words found (0..1); a missing number or name, or a negation
on one side only, makes it 0, however many other words agree. Lexical on purpose: what passes can be pointed at.
"""

from __future__ import annotations

import re

SUPPORTED_AT = 0.6  # of the content words; below it too much of the sentence stands nowhere in the evidence

# A number with the letters or the sign that hang on it (8am, 10GB, 3.9%), or a word.
_WORD = re.compile(r"[£$€]?\d(?:[\d.,:/-]*\d)?(?:%|[^\W\d_]+)?|[^\W_]+(?:['’][^\W_]+)?")
_APART = re.compile(r"(?<=\d)\s+(?=(?:am|pm|[gmk]b|[gmk]bps|[gmk]hz)\b)", re.IGNORECASE)  # "8 am" is "8am"
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_NUMBER_WORDS = {
    word: str(number)
    for number, word in enumerate("two three four five six seven eight nine ten eleven twelve".split(), 2)
} | {"twice": "2", "double": "2", "half": "0.5", "twenty": "20", "thirty": "30", "sixty": "60", "ninety": "90"}
_NEGATION = re.compile(r"\b(?:not|no|never|none|neither|nor|without|cannot|except|unless)\b|n['’]t\b", re.I)
_STOP = frozenset(
    "a an the this that these those it its they their them he his she her we our us you your i my me of to in on at "
    "for from with by as and or but if then than so is are was were be been being am do does did have has had can "
    "could will would should may might must shall there here what which who whom whose when where why how yes also "
    "about into over under up out just only very more most some any each all both other such same own too much "
    "many".split()
)
_SUFFIXES = ("ing", "ed", "es", "s", "ly")
_SHORTEST_STEM = 3


def content_words(text: str) -> list[str]:
    """The stems of the words that carry meaning, in order; numbers and codes as they are, without final stops."""
    plain = _THOUSANDS.sub("", _APART.sub("", text))
    found = [match.group().lower() for match in _WORD.finditer(plain)]
    return [stem(word) for word in found if word not in _STOP]


def stem(word: str) -> str:
    """A crude stem: enough to see "charge", "charges" and "charged" as one, too little to confuse different words."""
    if _has_digit(word):
        return word
    word = re.sub(r"['’]s$", "", word)
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            word = word.removesuffix(suffix)
            break
    if len(word) > _SHORTEST_STEM and word.endswith(("e", word[-2])):  # charg(e), cancel(l)
        word = word[:-1]
    return f"{word[:-1]}i" if len(word) > _SHORTEST_STEM and word.endswith("y") else word  # polici(es), policy


def _has_digit(word: str) -> bool:
    return any(character.isdigit() for character in word)


def numbers_and_codes(text: str) -> set[str]:
    """Words with a digit in them: prices, dates, phone numbers, error codes, plan names' numbers."""
    return {word for word in content_words(text) if _has_digit(word)}


def names_in(text: str) -> set[str]:
    """The stems of words whose capitals no beginning of a sentence explains; none in a text all in capitals."""
    if text.isupper():
        return set()
    found: set[str] = set()
    for match in re.finditer(r"\b[A-Z][\w-]*", text):
        opening = re.search(r"(?:^|[.!?:]\s)\W*$", text[: match.start()]) is not None
        if not opening or (len(match.group()) > 1 and match.group().isupper()):
            found.update(content_words(match.group()))
    return found


def is_negated(text: str) -> bool:
    """True when ``text`` denies or excepts something."""
    return _NEGATION.search(text) is not None


def support(sentence: str, evidence: str, context: str = "") -> float:
    """How far ``evidence`` (a sentence or two) bears ``sentence`` out, 0..1.

    ``context`` (heading, neighbouring text) may supply words, not numbers or negations.
    """
    claimed = content_words(sentence)
    if not claimed or is_negated(sentence) != is_negated(evidence):
        return 0.0
    if _figures(sentence) - _figures(evidence):
        return 0.0
    direct, around = set(content_words(evidence)), set(content_words(context))
    if names_in(sentence) - direct - around:
        return 0.0
    weights = [1.0 if word in direct else 0.5 if word in around else 0.0 for word in claimed]
    return sum(weights) / len(weights)


def aligned(sentence: str, source: str) -> float:
    """The share of the words of ``sentence`` that stand in ``source`` in the same order (longest common subsequence),
    0..1: 1 for a sentence that only leaves words out."""
    ours, theirs = (re.findall(r"\w+|›", text.lower()) for text in (sentence, source))
    row = [0] * (len(theirs) + 1)
    for word in ours:
        before = row
        row = [0]
        for j, other in enumerate(theirs):
            row.append(before[j] + 1 if word == other else max(row[j], before[j + 1]))
    return row[-1] / len(ours) if ours else 0.0


def _figures(text: str) -> set[str]:
    """Numbers and codes, with numbers in words as digits."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    return numbers_and_codes(text) | {_NUMBER_WORDS[word] for word in words if word in _NUMBER_WORDS}


def coverage(question: str, text: str) -> float:
    """The share of the question's content words that ``text`` holds, 0..1; 1 when the question has none."""
    asked = set(content_words(question))
    return len(asked & set(content_words(text))) / len(asked) if asked else 1.0


def missing_specifics(question: str, text: str) -> set[str]:
    """Numbers, codes and names the question insists on that ``text`` lacks.

    "How much is 5G home broadband" is not answered by the 4G page, however near it is.
    """
    return (numbers_and_codes(question) | names_in(question)) - set(content_words(text))
