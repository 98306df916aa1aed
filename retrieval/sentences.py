"""Where sentences begin and end, for quoting and for cutting long paragraphs.

A sentence here is the smallest piece that can be quoted on its own: a sentence of running text or of a list item, one
table row, one line that ends with a colon. It never reaches from one list item, row or paragraph into the next.
"""

from __future__ import annotations

import re

_LIST_ITEM = re.compile(r"[ \t]*(?:[-*•–◦‣▪]|\(?(?:\d{1,3}|[a-zA-Z])[.)])[ \t]+\S")
# The look-behinds let a match begin only at the start of a run: without them hostile input costs quadratic time.
_NEWLINES = re.compile(r"(?<![ \t\r])[ \t\r]*+\n\s*+")
# Terminators with the quotes and brackets that close the sentence, then a space; East Asian ones need no space.
_TERMINATOR = re.compile(r"""(?<![.!?…])[.!?…]++["'”’»)\]]*+(?=\s)|[。！？]+[”’」』）]*""")
_WORD_BEFORE = re.compile(r"[^\s(\[\"“‘'/]+$")
_WORD_AFTER = re.compile(r"\s*[\"“‘'(\[]*([^\s.,;:!?)\]]*)")
_LIST_MARKER = re.compile(r"\(?(?:\d{1,3}|[a-zA-Z])\.?$")
_INITIALS = re.compile(r"(?:[A-Za-z]\.)*[A-Za-z]$")

_WRAPPED_LINE_CHARACTERS = 50
"""A line shorter than this was ended on purpose; only longer ones can have been wrapped by an editor."""


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


_NEVER_FINAL = _listed(
    "mr mrs ms mx dr prof rev hon messrs gen col capt lt sgt gov sen rep e.g i.e eg ie cf vs viz approx incl excl"
)
_BEFORE_NUMBERS = _listed("no nos nr fig figs sec art ch vol p pp par para ext tel ref app reg")
# These end a sentence only where the next word looks like the start of one.
_SOMETIMES_FINAL = _listed(
    """st mt ft ave rd blvd inc ltd co corp plc bros dept est etc jr sr ph.d a.m p.m u.s u.k jan feb mar apr jun jul
    aug sep sept oct nov dec mon tue wed thu fri sat sun min max hr hrs"""
)
_STARTERS = _listed(
    """a all an and any are as ask at before both but by call can check choose contact do does each every find for from
    get go has have he her here his how i if in is it its keep make many may most my no not now of on once one only or
    our please read see send she so some such that the their then there these they this those to under until use
    visit we what when where which while who why with yes you your"""
)


def sentence_spans(text: str) -> tuple[tuple[int, int], ...]:
    """The character spans (end exclusive) of the sentences of ``text``, in order.

    Spans are trimmed, do not overlap, and together hold every character that is not white space.
    """
    spans: list[tuple[int, int]] = []
    for start, end in _line_spans(text):
        spans.extend(_split_line(text, start, end))
    return tuple(spans)


def _line_spans(text: str) -> list[tuple[int, int]]:
    """Lines, with the lines of one hard-wrapped paragraph taken together; never blank."""
    spans: list[tuple[int, int]] = []
    start = line_start = 0
    for gap in _NEWLINES.finditer(text):
        if _is_wrapped(text, line_start, gap):
            line_start = gap.end()
            continue
        spans.append((start, gap.start()))
        start = line_start = gap.end()
    spans.append((start, len(text)))
    trimmed = (_trim(text, *span) for span in spans)
    return [span for span in trimmed if span[0] < span[1]]


def _is_wrapped(text: str, line_start: int, gap: re.Match[str]) -> bool:
    """Whether the line break is an editor's: a long unfinished line, and the next goes on in lower case."""
    end, after = gap.start(), gap.end()
    if gap.group().count("\n") != 1 or end - line_start < _WRAPPED_LINE_CHARACTERS or after >= len(text):
        return False
    if text[end - 1] in ".!?:;…" or not (text[after].islower() or text[after].isdigit()):
        return False
    return not _LIST_ITEM.match(text, after) and " | " not in text[line_start:end]


def _split_line(text: str, start: int, end: int) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    if " | " in text[start:end]:  # a table row is one unit, whatever its cells hold
        return [(start, end)]
    for match in _TERMINATOR.finditer(text, start, end):
        stop = match.end()
        if stop >= end or not _ends_sentence(text, start, match, end):
            continue
        spans.append((start, stop))
        start = _trim(text, stop, end)[0]
    spans.append(_trim(text, start, end))
    return [span for span in spans if span[0] < span[1]]


def _ends_sentence(text: str, start: int, match: re.Match[str], end: int) -> bool:
    after = _WORD_AFTER.match(text, match.end(), end)
    following = after.group(1) if after else ""
    if following[:1].islower():
        return False
    if not match.group().startswith(".") or match.group().startswith(".."):
        return True
    # The longest abbreviation is short: a bounded look back keeps long unbroken strings linear.
    before = _WORD_BEFORE.search(text, max(start, match.start() - 24), match.start())
    word = before.group() if before else ""
    if _LIST_MARKER.fullmatch(text, start, match.start()):  # “2. Restart the hub”
        return False
    return _abbreviation_allows(word, following)


def _abbreviation_allows(word: str, following: str) -> bool:
    """Whether a full stop after ``word`` may end the sentence, given the word that follows."""
    key = word.lower()
    if key in _NEVER_FINAL:
        return False
    if key in _BEFORE_NUMBERS and following[:1].isdigit():
        return False
    if key in _SOMETIMES_FINAL or (_INITIALS.fullmatch(word) and word[:1].isalpha()):
        return following.lower() in _STARTERS
    return True


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
