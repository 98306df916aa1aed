"""True answers made wrong by rule: another number, another plan, a denial more or fewer, another country, a sentence
that is not in the evidence. Every rule checks that what it changed stands nowhere in the sentences behind the answer.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class ErrorKind(StrEnum):
    """What is wrong with an answer."""

    NUMBER = "number"
    PLAN = "plan"
    NEGATION = "negation"
    REGION = "region"
    INVENTED = "invented"


@dataclass(frozen=True, slots=True)
class Base:
    """A true answer. ``id`` and ``group`` (what must stay on one side of a split); ``gold``: the sentences it rests
    on; ``page``: everything on their pages; ``region``: the country the pages are about, "" for several; ``foreign``:
    sentences of other pages."""

    id: str
    group: str
    text: str
    gold: tuple[str, ...]
    page: str
    region: str
    foreign: tuple[str, ...]


_FAMILIES = (
    ("Fibre 50", "Fibre 100", "Fibre 300", "Fibre 500", "Fibre 900"),
    ("Harbour Hub 2", "Harbour Hub 3"),
    ("Lantern 8 Pro", "Lantern 8", "Osprey X2", "Kestrel Mini", "Tern Go"),
    ("SIM 5 GB", "SIM 20 GB", "SIM 60 GB", "SIM Unlimited"),
    ("4G Home 200", "4G Home Unlimited"),
    ("Zone A", "Zone B", "Zone C", "Zone D"),
    ("Harbour Basics", "Student Fibre 100"),
    ("Digital Voice", "4G Home", "Harbour Cover", "Harbour Disc"),
    ("PAC", "STAC"),
)
_NUMBER = re.compile(r"(?<![\w.,-])(?P<sign>[£€]?)(?P<n>\d+(?:\.\d+)?)(?P<unit>%|p\b|[- ]?[A-Za-z]+)?(?![\w-])")
_NAMED = re.compile(r"\b[A-Z][\w-]* $")  # the number of a product is no amount: it belongs to the plans
_AUXILIARY = re.compile(r"\b(?:is|are|can|will|must|has|have|was|were|may|should)\b(?! not\b| no\b)")
_REMOVABLE: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), instead)
    for pattern, instead in (
        (r"\b(is|are|was|were|can|will|must|has|have|do|does|did|should) not\b", r"\1"),
        (r"\bcannot\b", "can"),
        (r"\b(do|does|is|are|was|ca|wo)n['’]t\b", r"\1"),
        (r"\bNo (?=[A-Za-z])", "Every "),
        (r"\b(has|have|need|needs|is|are|used?|charges) no (?=[a-z])", r"\1 a "),
        (r"\bwithout\b", "with"),
        (r"\bnever\b", "always"),
    )
)
_VERB = re.compile(
    r"\b(cost|cover|include|work|receive|pay|take|mean|start|come|keep|add|need|charge|end|send|get|stay|show|last|"
    r"give|offer|provide|replace|refund|belong|remove|contain|use|sell|accept|arrive|bar|block)s\b"
)
_REGIONS = (("UK", "Ireland"), ("Ireland", "the UK"), ("Irish", "UK"))
_INVENTED = (
    "Customers who ask before noon are served by a dedicated adviser.",
    "The offer can be combined with a cinema voucher.",
    "A confirmation letter follows by registered post.",
    "An online tutorial explains every step with pictures.",
    "Orders of this kind are handled by a partner company in Leeds.",
    "You can track the progress on a map in the app.",
    "Loyal customers are put at the front of the queue.",
    "The team calls you back to check that you are satisfied.",
    "Gift cards are accepted as a means of payment.",
    "A spare charger is part of the delivery.",
    "The service is tested by an independent laboratory every spring.",
    "Pensioners and soldiers enjoy better conditions.",
    "Your neighbours can share the connection with you.",
    "A technician explains the settings in your own language.",
    "The rule was introduced after complaints from customers.",
    "Screens are polished by hand before they are sent out.",
)
_TOO_NEAR = 0.5  # of the words of a foreign sentence: the evidence may bear it out after all


def plant(kind: ErrorKind, base: Base, chance: random.Random) -> str | None:
    """``base`` with one error of ``kind``, or None where none of that kind can be put into it."""
    return _RULES[kind](base, chance)


def shortened(sentence: str, chance: random.Random) -> str | None:
    """A handbook sentence with a part left out that leaves it true, or None where there is no such part."""
    parts = [match for pattern in _DROPPED for match in pattern.finditer(sentence)]
    if not parts:
        return None
    dropped = chance.choice(parts)
    text = sentence[: dropped.start()] + sentence[dropped.end() :]
    return text[0].upper() + text[1:]


_DROPPED = tuple(
    re.compile(pattern)
    for pattern in (
        r" (?:from|since|until) \d{1,2} [A-Z]\w+ \d{4}(?=[ .])",
        r" in (?:the UK|Ireland)(?=[ .])(?! and| or)",
        r", because [^,]+(?=\.$)",
        r", and [^,]+(?=\.$)",
        r"^(?:In|On|For|Under|With) (?:[\w-]+ ){1,6}[\w-]+, ",
    )
)


def _number(base: Base, chance: random.Random) -> str | None:
    found = [m for m in _NUMBER.finditer(base.text) if not _NAMED.search(base.text[: m.start()])]
    chance.shuffle(found)
    known = set(re.findall(r"\d+(?:\.\d+)?", " ".join((*base.gold, base.text))))
    for match in found:
        same = [
            other["n"]
            for other in _NUMBER.finditer(base.page)
            if (other["sign"], other["unit"]) == (match["sign"], match["unit"]) and other["n"] not in known
        ]
        value = float(match["n"])
        made = [f"{value + step:g}" for step in (1, 2, 5, 10, value) if f"{value + step:g}" not in known]
        new = chance.choice(sorted(set(same)) or made)
        return base.text[: match.start("n")] + new + base.text[match.end("n") :]
    return None


def _plan(base: Base, chance: random.Random) -> str | None:
    told = " ".join((*base.gold, base.text))
    for family in _FAMILIES:
        for name in family:
            match = re.search(rf"\b{name}\b(?! Pro\b)", base.text)
            others = [other for other in family if not re.search(rf"\b{other}\b", told)]
            if match and others:
                return base.text[: match.start()] + chance.choice(others) + base.text[match.end() :]
    return None


def _negation(base: Base, _: random.Random) -> str | None:
    text = re.sub(r"^(?:Yes|No), (\w)", lambda m: m[1].upper(), base.text)
    for pattern, instead in _REMOVABLE:
        if pattern.search(text):
            return pattern.sub(instead, text, count=1)
    if re.search(r"\b(?:no|not|none|nothing|neither|nor)\b", text, re.I):
        return None  # a second denial might make it true again
    if match := _AUXILIARY.search(text):
        return f"{text[: match.end()]} not{text[match.end() :]}"
    if match := _VERB.search(text):
        return f"{text[: match.start()]}does not {match[1]}{text[match.end() :]}"
    return None


def _region(base: Base, _: random.Random) -> str | None:
    told = " ".join(base.gold)
    for name, other in _REGIONS:
        stands = re.search(rf"\b(?:the )?{name}\b(?!-)", base.text)
        rival = {"UK": r"Ireland|Irish", "Ireland": r"UK", "Irish": r"UK"}[name]
        if stands and not re.search(rf"\b(?:{rival})\b", told + base.text):
            return base.text[: stands.start()] + other + base.text[stands.end() :]
    if base.region and base.text.endswith(".") and not re.search(r"\b(?:UK|Ireland|Irish)\b", told + base.text):
        return f"{base.text[:-1]} in {'Ireland' if base.region == 'UK' else 'the UK'}."
    return None


def _invented(base: Base, chance: random.Random) -> str | None:
    if chance.random() < 0.5:
        return f"{base.text} {chance.choice(_INVENTED)}"
    words = set(re.findall(r"\w{3,}", base.page.lower()))
    fit = [one for one in base.foreign if _share(one, words) < _TOO_NEAR]
    return f"{base.text} {chance.choice(fit)}" if fit else None


def _share(sentence: str, words: set[str]) -> float:
    own = set(re.findall(r"\w{3,}", sentence.lower()))
    return len(own & words) / len(own) if own else 1.0


_RULES: Mapping[ErrorKind, Callable[[Base, random.Random], str | None]] = {
    ErrorKind.NUMBER: _number,
    ErrorKind.PLAN: _plan,
    ErrorKind.NEGATION: _negation,
    ErrorKind.REGION: _region,
    ErrorKind.INVENTED: _invented,
}


def mixed(items: Sequence[Base], chance: random.Random) -> list[Base]:
    """``items`` in an order of chance."""
    return chance.sample(list(items), len(items))
