"""What a sentence denies, excepts or turns into its opposite, compared with what the evidence does.

A denial is judged by its scope: "receiving a call starts the charge, but receiving a text does not" denies nothing
of calls. Two denials of one thing cancel ("not included", "excluded"), so opposites and denials are weighed together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import lru_cache

from generation.numerals import plain_figures
from generation.words import meaning_words, stem

_SCOPE_SHARED = 0.6  # of a denial's words in a sentence: it speaks of the same thing
_CLAUSE_SHARED = 0.5  # where the very verb that is denied is said
_CUE = re.compile(
    r"\b(?:no longer|not|no|never|none|nobody|nothing|neither|nor|without|cannot|unable to|fail(?:s|ed)? to)\b|n't\b",
    re.I,
)
_HARMLESS = re.compile(  # bounds and turns of speech that deny nothing
    r"\b(?:(?:no|not|never) (?:more|less|fewer|later|earlier|longer|higher|lower|shorter) than|not only|"
    r"whether or not|no matter|not exceed(?:ing)?|no doubt|no problem)\b",
    re.I,
)
_EXCEPTING = re.compile(r"\b(?:except(?:ions?)?|unless|apart from|other than|but not|only if|aside from)\b", re.I)
_RESTRICTING = re.compile(r"\b(?:only|just|solely|exclusively|nothing but|alone|sole)\b", re.I)
_BREAK = re.compile(
    r"[,;:.!?()]|\b(?:but|because|if|when|while|unless|except|although|though|until|so|which|where|who)\b", re.I
)
_SCOPE_END = re.compile(r"[;:.!?()]|\b(?:but|because|if|when|while|unless|except|although|though|so)\b", re.I)
_AUXILIARY = re.compile(
    r"\b(?:do|does|did|is|are|was|were|can|could|will|would|must|should|may|have|has|had|need) ?$|can$", re.I
)
_GRATIS = re.compile(
    r"\b(?:free(?: of charge)?|(?:no|without)(?: any)?(?: extra| additional| further)? (?:charge|cost|fee)s?|"
    r"(?:costs?|pays?) nothing|nothing (?:extra|more|upfront|to pay)|[£€$]0)\b(?!-)|[£€$]0(?![.\d])",
    re.I,
)
_PAID = frozenset(meaning_words("charge cost price pay fee"))
_SWITCHED = re.compile(r"\b(switch|turn|stay|remain|leave|keep)(?:e?s|ed|ing)?(?: \w+){0,3}? (on|off)\b", re.I)
_DEFAULT = re.compile(r"\b(?:is|are|stays?|remains?) (on|off)\b", re.I)
_POLES = """
increase rise raise grow higher | decrease reduce lower fall cut drop
include including contain inclusive | exclude excluding exclusive
before | after
more longer | less fewer shorter
add added | remove removed removal
extend | shorten
allow permit accept approve | forbid prohibit refuse reject deny ban decline
open | close closed shut
start begin starting | end finish stop cease
always | never
send sending | receive receiving
upload | download
incoming | outgoing
minimum | average | maximum
morning | afternoon | evening
weekday weekdays | weekend weekends
business | residential household consumer
mobile | landline
strong | weak | fair
enable activate | disable deactivate
inside indoor | outside outdoor
early earlier | late later
required compulsory mandatory | optional voluntary
fixed | variable
first | last
oldest | newest
cheapest | dearest
national domestic | international abroad
red | green | blue | amber yellow orange | white | purple
new | existing
prepaid | postpaid
switchon turnon stayon ison | switchoff turnoff stayoff isoff
lock | unlock
buy | sell
fast faster | slow slower
temporary | permanent
public | private
right correct | wrong incorrect
smallest | largest
shortest | longest
highest | lowest
within | outside
"""


def _poles() -> dict[str, tuple[int, int]]:
    """Stem -> (which opposition, which side of it)."""
    return {
        stem(word): (row, side)
        for row, line in enumerate(_POLES.strip().splitlines())
        for side, words in enumerate(line.split("|"))
        for word in words.split()
    }


_SPELT = {stem(word): re.sub(r"(switch|turn|stay|is)(on|off)", r"\1 \2", word) for word in reversed(_POLES.split())}
POLES = _poles()
"""Stems that stand on one side of an opposition: (row, side); other sides of the row are its opposites."""


@dataclass(frozen=True, slots=True)
class Denial:
    """``cue`` as read; ``scope``: the stems denied; ``clause``: those of the whole clause; ``verb``: the stem right
    after an auxiliary with "not", "" for other denials; ``gratis``: it denies a charge."""

    cue: str
    scope: frozenset[str]
    clause: frozenset[str]
    verb: str
    gratis: bool


@dataclass(frozen=True, slots=True)
class Stance:
    """What one text denies (``denials``), excepts, restricts, gives for free, and on which side of oppositions it
    stands (``poles``: stems)."""

    words: frozenset[str]
    denials: tuple[Denial, ...]
    excepts: bool
    restricts: bool
    gratis: bool
    poles: frozenset[str]


@lru_cache(maxsize=1 << 14)
def stance_of(text: str) -> Stance:
    """The stance of a sentence or two."""
    plain = _HARMLESS.sub(lambda match: "~" * len(match.group()), plain_figures(text))
    joined = _DEFAULT.sub(r"is\1", _SWITCHED.sub(r"\1\2", plain))
    words = frozenset(stem(word) for word in re.findall(r"[^\W\d_]+", joined.lower()))
    return Stance(
        words=frozenset(meaning_words(plain)),
        denials=tuple(_denial(plain, match) for match in _CUE.finditer(plain)),
        excepts=_EXCEPTING.search(plain) is not None,
        restricts=_RESTRICTING.search(plain) is not None,
        gratis=_GRATIS.search(plain) is not None,
        poles=frozenset(word for word in words if word in POLES),
    )


def contradicted(said: Stance, given: Stance) -> str | None:
    """Why what is ``said`` cannot be borne out by what is ``given``, in words; None when nothing speaks against it."""
    if (why := _lost_exception(said, given)) is not None:
        return why
    denied, opposed = _denial_conflict(said, given), _opposition(said, given)
    if denied and opposed and len(said.denials) != len(given.denials):
        return None  # "not included" is "excluded"
    return denied or opposed


def _lost_exception(said: Stance, given: Stance) -> str | None:
    if given.excepts and not said.excepts and not said.denials and not said.restricts:
        return "the evidence makes an exception that the sentence leaves out"
    if said.excepts and not (given.excepts or given.denials or given.restricts):
        return "the sentence makes an exception that the evidence does not make"
    if said.restricts and not (given.restricts or given.excepts or given.denials):
        return "the sentence says “only” where the evidence does not"
    return None


def _denial_conflict(said: Stance, given: Stance) -> str | None:
    for denial in said.denials:
        if denial.gratis and given.gratis:
            continue
        if not any(_same_thing(denial, other) for other in given.denials):
            return f"the evidence does not deny what the sentence denies (“{denial.cue}”)"
    for denial in given.denials:
        if denial.gratis and said.gratis:
            continue
        if not any(_same_thing(other, denial) for other in said.denials) and _affirms(said, denial):
            return f"the sentence leaves out a denial of the evidence (“{denial.cue}”)"
    if given.gratis and not said.gratis and not _PAID.isdisjoint(said.words) and _PAID.isdisjoint(given.words):
        return "the evidence says that it is free"
    return None


def _opposition(said: Stance, given: Stance) -> str | None:
    for word in sorted(said.poles):
        row, side = POLES[word]
        theirs = {POLES[other][1] for other in given.poles if POLES[other][0] == row}
        ours = {POLES[other][1] for other in said.poles if POLES[other][0] == row}
        if theirs and side not in theirs and theirs.isdisjoint(ours):
            return f"the evidence says the opposite of “{_SPELT[word]}”"
    return None


def _denial(text: str, match: re.Match[str]) -> Denial:
    before, after = text[: match.start()], text[match.end() :]
    opening = max((m.end() for m in _BREAK.finditer(before)), default=0)
    ending, stop = _BREAK.search(after), _SCOPE_END.search(after)
    near = after[: ending.start()] if ending else after
    further = _CUE.search(after)  # what a second denial denies is its own
    reach = min(m.start() if m else len(after) for m in (stop, further))
    scope = meaning_words(after[:reach])
    clause = meaning_words(before[opening:]) + meaning_words(near)
    following = meaning_words(near)
    auxiliary = _AUXILIARY.search(before) is not None and match.group().lower() in ("not", "n't")
    return Denial(
        cue=match.group(),
        scope=frozenset(scope or clause),
        clause=frozenset(clause),
        verb=following[0] if following and (auxiliary or match.group().lower() == "cannot") else "",
        gratis=any(m.start() <= match.start() < m.end() for m in _GRATIS.finditer(text)),
    )


def _same_thing(one: Denial, other: Denial) -> bool:
    """Whether two denials deny the same: one's scope lies mostly in the clause or scope of the other."""
    theirs = other.scope | other.clause
    return _share(one.scope, theirs) >= _CLAUSE_SHARED


def _affirms(said: Stance, denial: Denial) -> bool:
    """Whether a sentence says what the evidence denies."""
    words = said.words
    if denial.verb:
        return denial.verb in words and _share(denial.clause, words) >= _CLAUSE_SHARED
    return _share(denial.scope, words) >= _SCOPE_SHARED


def _share(some: Set[str], of: Set[str] | Sequence[str]) -> float:
    return len(some & set(of)) / len(some) if some else 0.0
