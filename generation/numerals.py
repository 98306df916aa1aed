"""Figures in one plain spelling: number words as digits, thousands without commas, one kind of dash and quote."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

MONTHS = {
    name: f"{number:02d}"
    for number, names in enumerate(
        (
            "january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
            "september sept sep", "october oct", "november nov", "december dec",
        ),
        1,
    )
    for name in names.split()
}  # fmt: skip
"""Names of months, in small letters, as two digits."""

_TIDY = str.maketrans({**dict.fromkeys("‐‑‒–—−", "-"), **dict.fromkeys("‘’ʼ", "'"), **dict.fromkeys("“”", '"')})
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_SMALL = {
    word: number
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen".split()
    )
}
_TENS = {word: 10 * n for n, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)}
_ONES = "|".join(word for word, number in _SMALL.items() if 0 < number < 10)
_UNITS_AFTER_ONE = r"(?=[ -](?:second|minute|hour|day|week|month|year|working|business|per cent|pound|euro|[kmgt]b)\b)"
_COUNTED = "|".join([*(word for word in _SMALL if word not in ("one", "zero")), *_TENS])
_WORDS = re.compile(
    rf"\b(?:(?P<many>an?|{_COUNTED}|one) (?P<scale>hundred|thousand)"
    rf"(?: and (?P<more>(?:{'|'.join(_TENS)})(?:[ -](?:{_ONES}))?|{_COUNTED}|one))?"
    rf"|(?P<tens>{'|'.join(_TENS)})[ -](?P<ones>{_ONES})|(?P<one>one{_UNITS_AFTER_ONE})|(?P<small>{_COUNTED}))\b",
    re.I,
)
_FRACTIONS = (
    (re.compile(r"\bhalf an hour\b", re.I), "30 minutes"),
    (re.compile(r"\b(?:an hour and a half|one and a half hours)\b", re.I), "90 minutes"),
    (re.compile(r"\b(?:a|one) dozen\b", re.I), "12"),
    (re.compile(r"\ba fortnight\b", re.I), "2 weeks"),
    (  # "lasts a month", "within an hour": a span of time; "£9 a month" is a rate
        re.compile(
            r"\b(is|for|than|lasts?|within|takes?|after|least|about) an?(?= (?:day|week|month|year|hour|minute)\b)"
        ),
        r"\1 1",
    ),
    (re.compile(r"\btwice\b", re.I), "2 times"),
    (re.compile(r"\bdouble\b", re.I), "2 times"),
    (re.compile(r"\bhalf\b", re.I), "0.5"),
)


@lru_cache(maxsize=1 << 14)
def plain_figures(text: str) -> str:
    """``text`` with every figure in its plain spelling; other words and their case are kept.

    "One" stays a word unless a unit follows: "the new one" counts nothing.
    """
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).translate(_TIDY)
    for words, figure in _FRACTIONS:
        plain = words.sub(figure, plain)
    plain = _THOUSANDS.sub("", _WORDS.sub(_figure, plain))
    return re.sub(r"\bper ?cent\b", "%", re.sub(r"[ \t]+", " ", plain))


def _figure(match: re.Match[str]) -> str:
    if match["scale"]:
        scale = 100 if match["scale"].lower() == "hundred" else 1000
        return str(_value(match["many"]) * scale + sum(map(_value, re.split("[ -]", match["more"] or "zero"))))
    if match["tens"]:
        return str(_value(match["tens"]) + _value(match["ones"]))
    return str(_value(match["one"] or match["small"]))


def _value(word: str) -> int:
    return {**_SMALL, **_TENS, "a": 1, "an": 1}[word.lower()]
