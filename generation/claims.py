"""The facts of a sentence, typed and in one spelling: what must agree before anything is cited.

"£1,200", "1200 pounds" and "GBP 1200" are one amount; "1 March 2026", "March 1st, 2026" and "2026-03-01" one day; "two
weeks" and "14 days" one span of time. A fact also knows its bound ("up to", "at least", "until", "from"), for a
sentence that turns a bound round says something else with the same number.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Literal

from generation.numerals import MONTHS, plain_figures
from generation.places import REGIONS

Bound = Literal["", "most", "least"]


class FactKind(StrEnum):
    """What a fact is about; facts of different kinds never match."""

    ADDRESS = "address"
    DATE = "date"
    TIME = "time"
    MONEY = "money"
    PERCENT = "per cent"
    PHONE = "phone number"
    QUANTITY = "quantity"
    RATE = "rate"
    DAY = "day of the week"
    REGION = "region"
    CODE = "code"
    ORDINAL = "ordinal"
    LABEL = "label"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Fact:
    """``value`` is the one spelling (``gbp 1200``, ``2026-03-01``, ``14 days``; missing parts of a date are ``*``);
    ``said`` the words as read; ``span`` its characters in the plain text; ``head`` the name that a number belongs to
    ("fibre" of Fibre 300), which is no name for sure where ``opening`` says that it opens a sentence ("Call 1260");
    ``counts``: the things it counts follow ("2 claims")."""

    kind: FactKind
    value: str
    said: str
    span: tuple[int, int]
    bound: Bound = ""
    head: str = ""
    opening: bool = False
    counts: bool = False


_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_DAY_OF_MONTH = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_AMOUNT = r"(?P<n>\d+(?:\.\d+)?)"
_CURRENCIES = {
    **dict.fromkeys(("£", "gbp", "pound", "pounds", "sterling"), "gbp"),
    **dict.fromkeys(("€", "eur", "euro", "euros"), "eur"),
    **dict.fromkeys(("$", "usd", "dollar", "dollars"), "usd"),
}
_HUNDREDTHS = {"p": "gbp", "pence": "gbp", "penny": "gbp", "c": "eur", "cent": "eur", "cents": "eur"}
_UNITS: dict[str, tuple[str, int]] = {  # unit -> (base unit, how many of it)
    "second": ("seconds", 1),
    "sec": ("seconds", 1),
    "minute": ("seconds", 60),
    "min": ("seconds", 60),
    "hour": ("seconds", 3600),
    "hr": ("seconds", 3600),
    "working day": ("working days", 1),
    "business day": ("working days", 1),
    "day": ("seconds", 86400),
    "week": ("seconds", 604800),
    "fortnight": ("seconds", 1209600),
    "month": ("months", 1),
    "year": ("months", 12),
    **{f"{prefix}{base}": (base, factor) for prefix, factor in (("k", 1), ("m", 1000), ("g", 10**6), ("t", 10**9))
       for base in ("b", "bps", "bit/s", "hz")},
    "metre": ("mm", 1000),
    "meter": ("mm", 1000),
    "cm": ("mm", 10),
    "centimetre": ("mm", 10),
    "mm": ("mm", 1),
    "millimetre": ("mm", 1),
    "km": ("mm", 10**6),
    "kilometre": ("mm", 10**6),
    "mile": ("miles", 1),
    "kg": ("g", 1000),
    "gram": ("g", 1),
    **dict.fromkeys(("watt", "w"), ("w", 1)),
    **dict.fromkeys(("volt", "v"), ("v", 1)),
    **dict.fromkeys(("amp", "ampere", "a"), ("a", 1)),
    "degree": ("degrees", 1),
}  # fmt: skip
_UNIT = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True) if len(unit) > 1)
_PER = r"second|minute|hour|day|week|month|year|annum|[kmg]b|visit|call|text|move"
_ADVERBS = {
    **dict.fromkeys(("hourly",), "hour"),
    **dict.fromkeys(("daily",), "day"),
    **dict.fromkeys(("weekly",), "week"),
    **dict.fromkeys(("monthly",), "month"),
    **dict.fromkeys(("yearly", "annual", "annually"), "year"),
}
_ORDINALS = {word: str(n) for n, word in enumerate(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split(), 1)}  # fmt: skip
_VARIANT = "pro|plus|max|mini|lite|ultra|unlimited"

_MOST_BEFORE = re.compile(
    r"\b(?:up to|at (?:the )?most|(?:no|not|never) (?:more|longer|later|higher) than|not exceed(?:ing)?|"
    r"max(?:imum)?(?: of)?|(?<!no )(?<!not )(?<!never )(?:less|fewer) than|under|below|within|until|till|before|by|"
    r"end(?:s|ed)?(?: on)?)"
    r"(?: the| a| only)? $",
    re.I,
)
_LEAST_BEFORE = re.compile(
    r"\b(?:at least|(?:no|not|never) (?:less|fewer|shorter|earlier|lower) than|min(?:imum)?(?: of)?|more than|over|"
    r"above|longer than|from|after|since|as of|starting(?: on| from)?|begins?(?: on)?|exceed(?:s|ing)?)(?: the| a)? $",
    re.I,
)
_MOST_AFTER = re.compile(
    r" ?(?:or (?:less|fewer|under|below|earlier|sooner|younger)|at (?:the )?(?:most|latest))\b", re.I
)
_LEAST_AFTER = re.compile(r" ?(?:(?:or|and) (?:more|over|above|later|older|longer)|at (?:the )?least|onwards?)\b", re.I)
_MOVABLE = (FactKind.DATE, FactKind.TIME, FactKind.MONEY, FactKind.PERCENT, FactKind.QUANTITY, FactKind.NUMBER)

_Reading = tuple[str, str] | None  # (value, head), or None where the match is no such fact


@lru_cache(maxsize=1 << 14)
def facts_of(text: str) -> tuple[Fact, ...]:
    """The facts of ``text`` in the order in which they stand; ``span`` is in ``plain_figures(text)``."""
    plain, found = plain_figures(text), []
    rest = plain
    for kind, pattern, read in _PATTERNS:
        for match in pattern.finditer(rest):
            reading = read(match)
            if reading is not None:
                found.append(_fact(kind, reading, match.span(), plain))
                rest = rest[: match.start()] + " " * len(match.group()) + rest[match.end() :]
    return tuple(sorted(found, key=lambda fact: fact.span))


def without_facts(text: str) -> str:
    """``text`` in its plain spelling, with white space where its facts stand."""
    plain = plain_figures(text)
    for fact in facts_of(text):
        start, end = fact.span
        plain = plain[:start] + " " * (end - start) + plain[end:]
    return plain


def matches(claimed: Fact, given: Fact) -> bool:
    """Whether ``given`` of the evidence is the fact that ``claimed`` states; bounds aside."""
    if claimed.kind is FactKind.DATE and given.kind is FactKind.DATE:
        pairs = zip(claimed.value.split("-"), given.value.split("-"), strict=True)
        return all(ours in ("*", theirs) for ours, theirs in pairs)
    if {claimed.kind, given.kind} == {FactKind.NUMBER, FactKind.QUANTITY}:  # "the 300"; a table's cell without a unit
        bare, full = (claimed, given) if claimed.kind is FactKind.NUMBER else (given, claimed)
        figure = re.match(r"[\d.]+", full.said)
        return not bare.head and not bare.counts and figure is not None and _number(figure.group()) == bare.value
    if claimed.kind is not given.kind or claimed.value != given.value:
        return False
    sure = claimed.head and given.head and not claimed.opening and not given.opening
    return not sure or claimed.head == given.head


def _fact(kind: FactKind, reading: tuple[str, str], span: tuple[int, int], plain: str) -> Fact:
    value, head = reading
    bound = _bound(plain[max(0, span[0] - 30) : span[0]], plain[span[1] : span[1] + 16]) if kind in _MOVABLE else ""
    opening = bool(head) and re.search(r"(?:^|[.!?:|,]\s*)$", plain[: span[0]]) is not None
    counts = kind is FactKind.NUMBER and re.match(r" [a-z]{3,}", plain[span[1] :]) is not None
    return Fact(kind, value, plain[slice(*span)].strip(), span, bound, head, opening, counts)


def _bound(before: str, after: str) -> Bound:
    if _MOST_BEFORE.search(before) or _MOST_AFTER.match(after):
        return "most"
    return "least" if _LEAST_BEFORE.search(before) or _LEAST_AFTER.match(after) else ""


def _number(text: str) -> str:
    return f"{Decimal(text).normalize():f}"


def _address(match: re.Match[str]) -> _Reading:
    return match.group().lower().rstrip(".,;:!?)/"), ""


def _date(match: re.Match[str]) -> _Reading:
    parts = match.groupdict()
    month = parts.get("month") or "*"
    if month != "*" and not month.isdigit():
        if month == "may" and not (parts.get("day") or parts.get("year")):
            return None
        month = MONTHS[month.lower()]
    day, year = parts.get("day") or "*", parts.get("year") or "*"
    pieces = (part if part == "*" else f"{int(part):0{width}d}" for part, width in ((year, 4), (month, 2), (day, 2)))
    return "-".join(pieces), ""


def _lone_year(match: re.Match[str]) -> _Reading:
    return f"{match['year']}-*-*", ""


def _time(match: re.Match[str]) -> _Reading:
    named = {"noon": "12:00", "midday": "12:00", "midnight": "00:00"}.get(match.group().lower())
    if named:
        return named, ""
    hour, minute = int(match["hour"]), int(match["minute"] or 0)
    half = (match["half"] or "").replace(".", "").lower()
    if hour > 24 or minute > 59:
        return None
    return f"{(hour % 12 + 12 if half == 'pm' else hour % 12 if half == 'am' else hour):02d}:{minute:02d}", ""


def _money(match: re.Match[str]) -> _Reading:
    sign = (match["sign"] or match["word"]).lower()
    value = Decimal(match["n"] or match["m"])
    if sign in _HUNDREDTHS:
        return f"{_HUNDREDTHS[sign]} {_number(str(value / 100))}", ""
    return f"{_CURRENCIES[sign]} {_number(str(value))}", ""


def _percent(match: re.Match[str]) -> _Reading:
    return _number(match["n"]), ""


def _phone(match: re.Match[str]) -> _Reading:
    digits = re.sub(r"\D", "", match.group())
    grouped = match.group()[0] in "+0" or " " in match.group().strip()
    return (digits, "") if len(digits) >= 6 and grouped else None


def _quantity(match: re.Match[str]) -> _Reading:
    base, factor = _UNITS[re.sub(r"[\s-]+", " ", match["unit"].lower())]
    return f"{_number(str(Decimal(match['n']) * factor))} {base}", ""


def _rate(match: re.Match[str]) -> _Reading:
    word = (match["unit"] or match["adverb"]).lower()
    return _ADVERBS.get(word, "year" if word == "annum" else word), ""


def _day(match: re.Match[str]) -> _Reading:
    return match.group().lower()[:3], ""


def _region(match: re.Match[str]) -> _Reading:
    name = re.sub(r"\s+", " ", match.group().replace(".", "").lower())
    return REGIONS[name], ""


def _code(match: re.Match[str]) -> _Reading:
    return match.group().replace("-", "").lower(), ""


def _ordinal(match: re.Match[str]) -> _Reading:
    return match["n"] or _ORDINALS[match["word"].lower()], ""


def _label(match: re.Match[str]) -> _Reading:
    return f"{match['head'].lower()} {match['letter'].lower()}", ""


def _bare(match: re.Match[str]) -> _Reading:
    value = " ".join([_number(match["n"]), *(match["variant"] or "").lower().split()])
    return value, (match["head"] or "").lower()


_ABBREVIATED = {name for name in REGIONS if len(name) < 3}
_WHOLE = "|".join(sorted({*REGIONS} - _ABBREVIATED, key=len, reverse=True))
_REGION = "|".join([*map(str.upper, sorted(_ABBREVIATED)), r"U\.K\.", r"U\.S\.(?:A\.)?", f"(?i:{_WHOLE})"])
# In this order: what one pattern has read the later ones no longer see.
_PATTERNS: tuple[tuple[FactKind, re.Pattern[str], Callable[[re.Match[str]], _Reading]], ...] = (
    (FactKind.ADDRESS, re.compile(r"(?:https?://|www\.)\S+|\S+@\S+\.\w+"), _address),
    (FactKind.DATE, re.compile(r"\b(?P<year>(?:19|20)\d\d)-(?P<month>\d\d)-(?P<day>\d\d)\b"), _date),
    (FactKind.DATE, re.compile(r"\b(?P<day>\d{1,2})[/.](?P<month>\d{1,2})[/.](?P<year>(?:19|20)\d\d)\b"), _date),
    (
        FactKind.DATE,
        re.compile(rf"\b{_DAY_OF_MONTH}(?: of)? (?P<month>{_MONTH})\b\.?,?(?: (?P<year>(?:19|20)\d\d)\b)?", re.I),
        _date,
    ),
    (
        FactKind.DATE,
        re.compile(rf"\b(?P<month>{_MONTH})\b\.? {_DAY_OF_MONTH}\b(?!:)(?:,? (?P<year>(?:19|20)\d\d)\b)?", re.I),
        _date,
    ),
    (FactKind.DATE, re.compile(rf"\b(?P<month>{_MONTH}),? (?P<year>(?:19|20)\d\d)\b", re.I), _date),
    (FactKind.DATE, re.compile(rf"(?<=[a-z] )(?P<month>(?!Mar\b|Sat\b){_MONTH.title()})\b"), _date),
    (FactKind.TIME, re.compile(r"\b(?P<hour>\d{1,2})(?:[:.](?P<minute>\d\d))? ?(?P<half>[ap]\.?m\b\.?)", re.I), _time),
    (FactKind.TIME, re.compile(r"\b(?P<hour>\d{1,2}):(?P<minute>\d\d)\b(?P<half>)"), _time),
    (FactKind.TIME, re.compile(r"\b(?:noon|midday|midnight)\b", re.I), _time),
    (
        FactKind.MONEY,
        re.compile(
            rf"(?P<sign>[£€$]|\b(?:GBP|EUR|USD)\b) ?{_AMOUNT}|\b(?P<m>\d+(?:\.\d+)?)[ -]?"
            r"(?P<word>pounds?|euros?|dollars?|gbp|eur|usd|pence|penny|cents?|p|c|£|€)(?!\w)",
            re.I,
        ),
        _money,
    ),
    (FactKind.PERCENT, re.compile(rf"{_AMOUNT} ?%"), _percent),
    (FactKind.PHONE, re.compile(r"(?<![\w.])\+?\d(?:[ -]?\d){5,}\b"), _phone),
    (
        FactKind.QUANTITY,
        re.compile(rf"(?<![\w.]){_AMOUNT}[ -]?(?P<unit>{_UNIT}|(?-i:[VAW]))(?:e?s)?\b", re.I),
        _quantity,
    ),
    (FactKind.RATE, re.compile(rf"(?:\b(?:an?|per|each|every) |(?<=\w)/)(?P<unit>{_PER})\b(?P<adverb>)", re.I), _rate),
    (FactKind.RATE, re.compile(rf"\b(?P<adverb>{'|'.join(_ADVERBS)})\b(?P<unit>)", re.I), _rate),
    (FactKind.DAY, re.compile(r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b", re.I), _day),
    (FactKind.REGION, re.compile(rf"\b(?:{_REGION})(?!\w)"), _region),
    (
        FactKind.CODE,
        re.compile(r"\b(?=\w*[A-Za-z])(?=[\w-]*\d)[A-Za-z\d]+(?:-[A-Z\d]+)*\b(?<![a-z]-)(?![ -]?\d?st\b)"),
        _code,
    ),
    (
        FactKind.ORDINAL,
        re.compile(rf"\b(?:(?P<n>\d+)(?:st|nd|rd|th)|(?P<word>{'|'.join(_ORDINALS)}))\b(?! of all)", re.I),
        _ordinal,
    ),
    (FactKind.LABEL, re.compile(r"\b(?P<head>[A-Za-z]{3,}) (?P<letter>[A-HJ-Z])(?![\w'-])"), _label),
    (
        FactKind.NUMBER,
        re.compile(
            rf"(?:\b(?P<head>[A-Z][A-Za-z-]*) )?(?<![\w.]){_AMOUNT}(?![\w])(?: (?P<variant>(?i:{_VARIANT}))\b)?"
        ),
        _bare,
    ),
)
