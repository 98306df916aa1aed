"""What sentences state in numbers: amounts, shares, times, dates, counts and telephone numbers, made comparable."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from retrieval.validity import MONTHS

Bound = Literal["most", "least", "exact"]
Span = tuple[int, int]

_TOLERANCE = 0.02  # twelve months and a year, thirty days and a month say the same
_DAYS_A_YEAR = 365.0
_BEFORE_CHARACTERS = 32  # far enough back for "no later than" and "a maximum of"

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
)
_NUMBER_WORDS: dict[str, float] = {word: float(number) for number, word in enumerate(_SMALL.split())}
_NUMBER_WORDS |= {"seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50}
_NUMBER_WORDS |= {"sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100}
_SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "m": 1e6, "k": 1e3, "bn": 1e9}

_DIGITS = r"(?<![\w.,])(?<!\w-)(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_NUMBER = rf"(?:{_DIGITS}|\b(?:{'|'.join(_NUMBER_WORDS)})\b)"
_RANGE = rf"(?P<low>{_NUMBER})(?:\s?(?:-|–|to|and|or)\s?(?P<high>{_NUMBER}))?"
_CURRENCIES = {"£": "£", "€": "€", "$": "$", "¥": "¥", "pound": "£", "euro": "€", "dollar": "$", "yen": "¥"}
_DURATIONS: Mapping[str, float] = {
    "second": 1 / 86400,
    "minute": 1 / 1440,
    "hour": 1 / 24,
    "day": 1,
    "night": 1,
    "week": 7,
    "month": _DAYS_A_YEAR / 12,
    "quarter": _DAYS_A_YEAR / 4,
    "year": _DAYS_A_YEAR,
    "decade": 10 * _DAYS_A_YEAR,
}
_MEASURES = (
    "gbps mbps kbps gb mb kb tb ghz mhz km kilometre kilometer mile metre meter cm mm inch inche foot feet kg gram lb "
    "pound oz litre liter kwh kw watt volt amp degree point"
)
_MONTH = "|".join([*MONTHS, *(month[:3] for month in MONTHS), "sept"])

_PHONE = re.compile(r"(?<![\w.£€$])(?:\+|\(?0|1 ?-? ?[89]|\(?\d{3}\)? ?[- ])\d*(?:[ ().-]{1,3}\d+){1,6}(?!\w|[.,]\d)")
_DATE = re.compile(
    rf"\b(?:(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?\s+(?P<m1>{_MONTH})\.?(?:\s?,?\s+(?P<y1>(?:19|20)\d\d))?"
    rf"|(?P<m2>{_MONTH})\.?\s+(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\b(?:\s?,?\s+(?P<y2>(?:19|20)\d\d))?"
    rf"|(?P<y3>(?:19|20)\d\d)-(?P<m3>\d\d)-(?P<d3>\d\d)"
    rf"|(?P<m4>{_MONTH})\.?\s+(?P<y4>(?:19|20)\d\d))\b",
    re.IGNORECASE,
)
_MONEY = re.compile(
    rf"(?P<sign>[£€$¥])\s?(?P<low>[\d,]*\d(?:\.\d+)?)(?:\s?(?:-|–|to|and)\s?[£€$¥]?(?P<high>[\d,]*\d(?:\.\d+)?))?"
    rf"(?:\s?(?P<scale>million|billion|thousand|bn|m|k)\b)?"
    rf"|(?P<low2>{_NUMBER})\s+(?P<word>pound|euro|dollar|yen)s?\b",
    re.IGNORECASE,
)
_FREE = re.compile(
    r"\b(?:free of charge|for free|at no (?:extra |additional )?(?:cost|charge)|without (?:extra |any )?(?:cost|charge)"
    r"|(?:is|are|be|remains?) (?:always |completely |entirely )?free(?=\s*(?:[.,;:]|$|for\b|in\b|to\b|with\b))"
    r"|costs? (?:you )?nothing|no (?:fee|charge)s?\b(?![^.;]* (?:if|unless|when|for)\b))",
    re.IGNORECASE,
)
_PERCENT = re.compile(rf"{_RANGE}\s?(?:%|per ?cent\b)", re.IGNORECASE)
_DURATION = re.compile(
    rf"{_RANGE}\s+(?P<manner>working|business|week|school)?\s?\b(?P<unit>{'|'.join(_DURATIONS)})s?\b"
    rf"(?:\s+and\s+(?P<months>{_NUMBER})\s+months?\b)?(?P<age>(?:['’]s?)?\s+(?:old|of age(?!\s*\d)))?",
    re.IGNORECASE,
)
_CLOCK = re.compile(
    r"\b(?P<hour>\d{1,2})(?:[:.](?P<minute>\d\d))?\s?(?P<half>[ap])(?:\.m\.|m\b)|\b(?P<h24>[01]?\d|2[0-3]):(?P<m24>[0-5]\d)\b"
    r"|\b(?P<name>midnight|midday|noon)\b",
    re.IGNORECASE,
)
_MEASURE = re.compile(rf"{_RANGE}\s?(?P<unit>{'|'.join(_MEASURES.split())})s?\b", re.IGNORECASE)
_COUNT = re.compile(
    rf"{_RANGE}(?P<noun>(?:\s+(?:[A-Z][\w-]+|[a-z][a-z-]+)){{1,3}})",
)
_AGE = re.compile(rf"\b(?:age|aged)\s+(?:of\s+)?(?P<low>{_NUMBER})\b", re.IGNORECASE)

_ADDRESS = re.compile(r"\b(?:https?://|www\.)\S+|\S+@\S+\.\w+|\b\d{1,3}(?:\.\d{1,3}){3}\b")
_HINT = re.compile(
    rf"\d|\b(?:{'|'.join(_NUMBER_WORDS)}|free|nothing|midnight|midday|noon"
    r"|(?:no|without) (?:\w+ )?(?:fee|charge|cost)s?)\b",
    re.IGNORECASE,
)

_MOST = re.compile(
    r"\b(?:up to|at (?:the )?most|no (?:more|longer|later|greater) than|within(?: the (?:next|first|last))?|less than"
    r"|fewer than|under|below|maximum(?: (?:of|is))?|not exceed|in less than|until|by|before|for the first)"
    r"(?: \w+)?\s*[£€$¥(]?$",
    re.IGNORECASE,
)
_LEAST = re.compile(
    r"\b(?:at (?:the )?least|no (?:less|fewer|earlier|sooner) than|minimum(?: (?:of|is))?|more than|over|above|from"
    r"|after|since|starting|exceeds?)(?: \w+)?\s*[£€$¥(]?$",
    re.IGNORECASE,
)
_RATE = re.compile(r"\s?(?:a|an|per|each|every|/)\s?(?:single )?(\w+)", re.IGNORECASE)
_CHANGE = re.compile(
    r"\b(?:by|extra|additional|discount of|reduction of|increase of|adds?|off|saves?|further)\s(?:\w+ )?$", re.I
)
_CHANGED = re.compile(r"\s(?:extra|more|off|less|cheaper|discount)\b", re.IGNORECASE)
_OR_MORE = re.compile(r"\s*(?:or|and) (?:more|over|older|longer|later|above)\b", re.IGNORECASE)
_OR_LESS = re.compile(r"\s*(?:or|and) (?:less|fewer|under|younger|earlier|below)\b", re.IGNORECASE)
_NO_COUNT = frozenset(
    """of and or to in on at the a an is are was were in for with from by if then that this more other another such
    am pm than as it you we they which who when where but not per""".split()
)


@dataclass(frozen=True, slots=True)
class Value:
    """One stated value: ``low`` to ``high`` of ``unit`` (days, £, %, …), in its own words at ``span`` of the text.

    ``unit`` begins with the kind: ``money £``, ``time day``, ``count disc``, ``phone``. Dates count days (without
    a year, days of a leap year); telephone numbers are their digits. Of what is counted, ``span`` is the number alone.
    """

    unit: str
    low: float
    high: float
    bound: Bound
    span: Span
    text: str

    @property
    def kind(self) -> str:
        return self.unit.partition(" ")[0]

    def agrees(self, other: Value) -> bool:
        """Whether both may hold: the same, to within rounding of months and years, or one inside the other's range."""
        if self.kind == "phone":
            one, two = self.text.lstrip("+"), other.text.lstrip("+")
            return one.endswith(two) or two.endswith(one)  # with and without the country's code
        if _near(self.low, other.low) and _near(self.high, other.high):
            return True
        return (self.low < self.high and self._holds(other)) or (other.low < other.high and other._holds(self))

    def _holds(self, other: Value) -> bool:
        return self.low <= other.low and other.high <= self.high


def stated_values(text: str) -> tuple[Value, ...]:
    """The values that ``text`` states, in order; no character is part of two."""
    if not _HINT.search(text):
        return ()
    taken = [False] * (len(text) + 1)
    for match in _ADDRESS.finditer(text):  # its numbers state nothing
        taken[slice(*match.span())] = [True] * len(match.group())
    found: list[Value] = []
    for pattern, read in _READERS:
        for match in pattern.finditer(text):
            value = None if any(taken[match.start() : match.end()]) else read(text, match)
            if value is not None:
                taken[slice(*value.span)] = [True] * (value.span[1] - value.span[0])
                found.append(value)
    return tuple(sorted(found, key=lambda value: value.span))


def day_of(match: re.Match[str]) -> date | None:
    """The day that a match of ``DATE`` names, its month's first where it names none; None without a year."""
    told = match.groupdict()
    year = told["y1"] or told["y2"] or told["y3"] or told["y4"]
    day = told["d1"] or told["d2"] or told["d3"] or "1"
    try:
        return date(int(year), _month(told), int(day)) if year else None
    except ValueError:
        return None


DATE = _DATE
"""A day or a month of a year in words or as an ISO date; ``day_of`` reads it."""


def _month(told: Mapping[str, str | None]) -> int:
    if told["m3"]:
        return int(told["m3"])
    name = (told["m1"] or told["m2"] or told["m4"] or "").lower()[:3]
    return next(number for number, month in enumerate(MONTHS, 1) if month.startswith(name))


def _phone(_: str, match: re.Match[str]) -> Value | None:
    digits = re.sub(r"\D", "", match.group())
    if not 7 <= len(digits) <= 15:
        return None
    return Value("phone", 0, 0, "exact", match.span(), digits)


def _day(text: str, match: re.Match[str]) -> Value | None:
    told = match.groupdict()
    named = day_of(match)
    if told["y1"] or told["y2"] or told["y3"] or told["y4"]:
        return None if named is None else _value("date day", named.toordinal(), None, text, match.span())
    day = int(told["d1"] or told["d2"] or 1)
    try:
        number = date(2024, _month(told), day).timetuple().tm_yday
    except ValueError:
        return None
    return _value("date yearly", number, None, text, match.span())


def _money(text: str, match: re.Match[str]) -> Value | None:
    told = match.groupdict()
    unit = f"money {_CURRENCIES[(told['sign'] or told['word']).lower()]}"
    scale = _SCALES.get((told["scale"] or "").lower(), 1.0)
    low = _number(told["low"] or told["low2"]) * scale
    high = _number(told["high"]) * scale if told["high"] else None
    after = _RATE.match(text, match.end())
    rate = f"/{after[1].lower()}" if after else ""
    before = text[max(0, match.start() - _BEFORE_CHARACTERS) : match.start()]
    change = "±" if _CHANGE.search(before) or _CHANGED.match(text, match.end()) else ""
    value = _value(f"{unit}{rate}{change}", low, high, text, match.span())
    return replace(value, bound="exact") if change else value  # “by £2” is no “by Friday”


def _free(_: str, match: re.Match[str]) -> Value:
    return Value("money any", 0, 0, "exact", match.span(), match.group())


def _percent(text: str, match: re.Match[str]) -> Value:
    return _ranged("share %", 1.0, text, match)


def _duration(text: str, match: re.Match[str]) -> Value | None:
    unit, manner = match["unit"].lower(), (match["manner"] or "").lower()
    more = _number(match["months"]) * _DURATIONS["month"] if match["months"] else 0.0
    if match["age"]:
        return _later(_ranged("age year", _DURATIONS[unit] / _DAYS_A_YEAR, text, match), more / _DAYS_A_YEAR)
    name = "time working day" if manner in ("working", "business") else "time day"
    return _later(_ranged(name, _DURATIONS[unit], text, match), more)


def _later(value: Value, more: float) -> Value:
    return replace(value, low=value.low + more, high=value.high + more)


def _clock(text: str, match: re.Match[str]) -> Value:
    told = match.groupdict()
    if told["name"]:
        hour = 0.0 if told["name"].lower() == "midnight" else 12.0
    elif told["h24"]:
        hour = int(told["h24"]) + int(told["m24"]) / 60
    else:
        hour = int(told["hour"]) % 12 + (12 if told["half"].lower() == "p" else 0) + int(told["minute"] or 0) / 60
    return _value("clock hour", hour, None, text, match.span())


def _measure(text: str, match: re.Match[str]) -> Value:
    return _ranged(f"measure {match['unit'].lower()}", 1.0, text, match)


def _age(text: str, match: re.Match[str]) -> Value:
    return _value("age year", _number(match["low"]), None, text, match.span())


def _count(text: str, match: re.Match[str]) -> Value | None:
    """Things counted: the number needs a noun in the plural soon after it, and must not be part of a name."""
    low = match["low"].lower()
    before = re.search(r"([\w-]+)[ \t]+$", text[: match.start()])
    is_name = before is not None and before[1][:1].isupper() and low[0].isdigit()
    if low in ("one", "1") or is_name or re.fullmatch(r"(?:19|20)\d\d", low):
        return None
    words = list(itertools.takewhile(lambda word: word[0] not in _NO_COUNT, _words(match["noun"], match.start("noun"))))
    plural = [word for word in words if word[0].endswith("s") and singular(word[0]) != word[0]]
    if not plural:
        return None
    noun, end = plural[0]
    stated = _ranged(f"count {singular(noun.lower())}", 1.0, text, match)
    number = match.end("high") if match["high"] else match.end("low")
    return replace(stated, span=(match.start(), number), text=text[match.start() : end])


def _words(text: str, start: int) -> list[tuple[str, int]]:
    """The words of ``text`` with where they end, counted from ``start``."""
    return [(word.group(), start + word.end()) for word in re.finditer(r"\S+", text)]


def singular(word: str) -> str:
    """A noun without its plural ending, roughly."""
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _ranged(unit: str, scale: float, text: str, match: re.Match[str], span: Span | None = None) -> Value:
    low = _number(match["low"]) * scale
    high = _number(match["high"]) * scale if match["high"] else None
    return _value(unit, low, high, text, span or match.span())


def _value(unit: str, low: float, high: float | None, text: str, span: Span) -> Value:
    bound: Bound = "exact" if high is not None else _bound(text, span)
    return Value(unit, low, low if high is None else high, bound, span, text[slice(*span)])


def _bound(text: str, span: Span) -> Bound:
    before = text[max(0, span[0] - _BEFORE_CHARACTERS) : span[0]]
    if _OR_MORE.match(text, span[1]) or _LEAST.search(before):
        return "least"
    return "most" if _OR_LESS.match(text, span[1]) or _MOST.search(before) else "exact"


def _number(text: str) -> float:
    word = text.lower().strip()
    return _NUMBER_WORDS[word] if word in _NUMBER_WORDS else float(word.replace(",", ""))


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= _TOLERANCE * max(abs(one), abs(other))


_Read = Callable[[str, re.Match[str]], Value | None]
_READERS: tuple[tuple[re.Pattern[str], _Read], ...] = (
    (_DATE, _day),
    (_MONEY, _money),
    (_PERCENT, _percent),
    (_PHONE, _phone),
    (_CLOCK, _clock),
    (_DURATION, _duration),
    (_MEASURE, _measure),
    (_FREE, _free),
    (_AGE, _age),
    (_COUNT, _count),
)


def dates_in(text: str) -> Iterator[tuple[Span, date]]:
    """The days with a year that ``text`` names, each with its place."""
    for match in _DATE.finditer(text):
        day = day_of(match)
        if day is not None:
            yield match.span(), day
