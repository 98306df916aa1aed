"""Contradictions: two sentences about the same thing that state different values, or of which one denies the other.

Pairs come from the words they share, never from comparing everything with everything; each must survive the questions
a careful reader would ask: same region, audience and product? same thing named? is the value the same measure, and
does the other document say it elsewhere in agreement? What is left is ordered by how surely both speak of one thing.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date

from retrieval.quality.claims import Claim, Language, claims_of, language_of, same_scope
from retrieval.quality.findings import Finding, Kind, Place, ordered
from retrieval.quality.pages import Page, in_force
from retrieval.quality.values import Value, stated_values
from retrieval.quality.wording import stem
from retrieval.validity import superseded

LEAST_SCORE = 0.42
"""Where reading stops being worth it; a contradiction told in other words altogether lies below."""

_POSTINGS = 300  # a word in more claims than this says nothing of a subject and would make all pairs
_MOST_PAIRS = 3_000_000  # seconds, and some hundred megabytes
_LEAST_SHARED = 6.0  # weight of common words that both use: two telling ones
_LEAST_CONTEXT = 0.4  # where sentences lean on their headings, those must speak of the same
_BETTER = 1.3  # another sentence of the same document fits that much better
_AGREES = 0.9  # and one that agrees need fit only nearly as well
_CONTEXT_SHARE = 0.5
_FRAME_BEFORE, _FRAME_AFTER = 3, 5  # words around a value that say what it measures
_NEGATION = re.compile(r"\b(?:not|never|cannot|no longer|neither|without|\w+n[’']t)\b", re.IGNORECASE)
_MAKES_NEGATION = frozenset("not never cannot can neither without long do doe".split())
_CONDITION = re.compile(r"\b(?:if|unless|except|only|but|however|until|instead)\b", re.IGNORECASE)
_LEAST_DENIED = 14.0  # weight of what a sentence and its denial share: four or five telling words

Pair = tuple[int, int]


def find_conflicts(pages: Sequence[Page], today: date) -> tuple[Finding, ...]:
    """Contradictions between documents that hold on ``today``, the surest first; see the module."""
    gone = superseded({page.document.id: page.document.metadata for page in pages}, today)
    holding = [page for page in in_force(pages, gone) if not _ended(page, today)]
    language = language_of(holding)
    claims = [claim for page in holding for claim in claims_of(page, language)]
    valued = [claim for claim in claims if claim.values]
    return ordered(_merged([*_value_conflicts(valued, language), *_negations(claims, language)]))


def _ended(page: Page, today: date) -> bool:
    metadata = page.document.metadata
    until = metadata.get("effective_until", "")[:10]
    return bool(until and until < today.isoformat()) or metadata.get("effective_from", "")[:10] > today.isoformat()


# --- values -------------------------------------------------------------------------------------------------------


def _value_conflicts(claims: Sequence[Claim], language: Language) -> Iterator[Finding]:
    pairs = _candidates(claims)
    fits = _Fits(claims, pairs, language)
    for pair in sorted(pairs):
        one, other = claims[pair[0]], claims[pair[1]]
        differing = [] if one.document_id == other.document_id else _differing(one, other)
        if not differing or not _comparable(one, other, differing, language) or fits.better_than(pair, differing):
            continue
        frame, values = max(((_frame(one, a, other, b), (a, b)) for a, b in differing), key=lambda item: item[0])
        score = 0.7 * fits.alike(pair) + 0.15 * frame + 0.15 * _context(one, other, language)
        if score >= LEAST_SCORE:
            yield _conflict(one, other, values, score)


def _candidates(claims: Sequence[Claim]) -> set[Pair]:
    """Pairs of claims that share a word and a unit: those of the rarest words first, up to a bound."""
    postings: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for number, claim in enumerate(claims):
        for unit in {_measure(value) for value in claim.values}:
            for word in claim.about:
                postings[word, unit].append(number)
    found: set[Pair] = set()
    for numbers in sorted(postings.values(), key=lambda numbers: (len(numbers), numbers)):
        if len(found) >= _MOST_PAIRS or len(numbers) > _POSTINGS:
            break
        found.update((a, b) for n, b in enumerate(numbers) for a in numbers[:n])
    return found


def _measure(value: Value) -> str:
    return value.kind if value.kind == "money" else value.unit


def _differing(one: Claim, other: Claim) -> list[tuple[Value, Value]]:
    """Values of one measure that the other sentence does not have, on both sides."""
    left = [a for a in one.values if not any(_same(a, b) and a.agrees(b) for b in other.values)]
    right = [b for b in other.values if not any(_same(a, b) and a.agrees(b) for a in one.values)]
    pairs = [(a, b) for a in left for b in right if _same(a, b) and {a.bound, b.bound} != {"most", "least"}]
    if len(one.values) > 1 and len(other.values) > 1:  # “from 1 March” says since when, not what
        pairs = [pair for pair in pairs if pair[0].kind != "date"]
    many = max(sum(value.kind == "phone" for value in claim.values) for claim in (one, other))
    return [pair for pair in pairs if many == 1 or pair[0].kind != "phone"]  # a list of lines: one for each purpose


def _same(one: Value, other: Value) -> bool:
    if one.unit == other.unit:
        return True
    return one.kind == other.kind == "money" and "money any" in (one.unit, other.unit)


def _comparable(one: Claim, other: Claim, differing: Sequence[tuple[Value, Value]], language: Language) -> bool:
    counted = {stem(a.unit.removeprefix("count ")) for a, _ in differing if a.kind == "count"}
    common = ((one.about & other.about) - one.names - other.names) | counted
    wanted = _LEAST_SHARED * (2 if differing[0][0].kind == "phone" else 1)
    if language.words.total(common) < wanted or not same_scope(one, other):
        return False
    return not (one.leans or other.leans) or _context(one, other, language, least=True) >= _LEAST_CONTEXT


class _Fits:
    """How well pairs of claims fit, worked out when asked for."""

    def __init__(self, claims: Sequence[Claim], pairs: Iterable[Pair], language: Language) -> None:
        self._claims, self._language = claims, language
        self._covers: dict[Pair, float] = {}
        self._partners: defaultdict[tuple[int, str], list[int]] = defaultdict(list)
        for a, b in pairs:
            self._partners[a, claims[b].document_id].append(b)
            self._partners[b, claims[a].document_id].append(a)

    def alike(self, pair: Pair) -> float:
        """The weight of the words that both use against that of the words which only one does, 0..1: a sentence may
        say more than the other, but not each something else."""
        one, other = self._claims[pair[0]], self._claims[pair[1]]
        shared = self._language.words.total(one.about & other.about)
        here, there = _alone(one, other, self._language), _alone(other, one, self._language)
        return shared / (shared + 1.5 * min(here, there) + 0.25 * max(here, there) + 4)

    def better_than(self, pair: Pair, differing: Sequence[tuple[Value, Value]]) -> bool:
        """Whether another sentence of the other document is the one to compare with, or agrees."""
        cover = self._cover(*pair)
        sides = ((*pair, [a for a, _ in differing]), (pair[1], pair[0], [b for _, b in differing]))
        return any(self._beaten(number, against, values, cover) for number, against, values in sides)

    def _beaten(self, number: int, against: int, values: Sequence[Value], cover: float) -> bool:
        for rival in self._partners[number, self._claims[against].document_id]:
            fits = self._cover(number, rival) if rival != against else 0.0
            if fits > _BETTER * cover:
                return True
            told = self._claims[rival].values
            if fits >= _AGREES * cover and all(any(_same(a, b) and a.agrees(b) for b in told) for a in values):
                return True
        return False

    def _cover(self, a: int, b: int) -> float:
        """The geometric mean of the shares that each has of the other."""
        pair = (min(a, b), max(a, b))
        if pair not in self._covers:
            one, other = self._claims[a], self._claims[b]
            both = _covered(one, other, self._language) * _covered(other, one, self._language)
            self._covers[pair] = both**0.5
        return self._covers[pair]


def _alone(one: Claim, other: Claim, language: Language) -> float:
    """The weight of what ``one`` says and ``other`` does not; half where the other's headings do."""
    weight = language.words.weight
    return sum(weight(word) * (_CONTEXT_SHARE if word in other.context else 1) for word in one.about - other.about)


def _covered(one: Claim, other: Claim, language: Language) -> float:
    """The share of ``one``'s words and headings (at less weight) that ``other`` has too."""
    weight, known = language.words.weight, other.about | other.context
    said = sum(weight(w) * (1.0 if w in other.about else 0.6 * (w in other.context)) for w in one.about)
    above = sum(0.4 * weight(w) * (w in known) for w in one.context - one.about)
    whole = sum(map(weight, one.about)) + sum(0.4 * weight(w) for w in one.context - one.about)
    return (said + above) / whole if whole else 0.0


def _context(one: Claim, other: Claim, language: Language, least: bool = False) -> float:
    """How much of each one's headings the other has: the mean, or the lesser."""
    total = language.words.total
    shares = [
        total(a.context & (b.about | b.context)) / max(total(a.context), 1e-9) for a, b in ((one, other), (other, one))
    ]
    return min(shares) if least else sum(shares) / 2


def _frame(one: Claim, a: Value, other: Claim, b: Value) -> float:
    """How alike the words right before and after both values are, 0..1."""
    (before, after), (before_other, after_other) = _around(one.place.text, a), _around(other.place.text, b)
    return 0.4 * _dice(before, before_other) + 0.6 * _dice(after, after_other)


def _around(text: str, value: Value) -> tuple[Counter[str], Counter[str]]:
    before = re.findall(r"\w+", text[: value.span[0]])[-_FRAME_BEFORE:]
    after = re.findall(r"\w+", text[value.span[1] :])[:_FRAME_AFTER]
    return Counter(map(stem, before)), Counter(map(stem, after))


def _dice(one: Counter[str], other: Counter[str]) -> float:
    return 2 * (one & other).total() / max(1, one.total() + other.total())


def _conflict(one: Claim, other: Claim, values: tuple[Value, Value], score: float) -> Finding:
    a, b = values
    first, second = one.place, other.place
    left, right = _said(first, a), _said(second, b)
    return Finding(
        Kind.VALUE_CONFLICT,
        f"“{first.title}” says {left} where “{second.title}” says {right}.",
        "Find out which holds, correct the other document, or say in both for whom or when each holds.",
        (_marked(first, a.span), _marked(second, b.span)),
        round(score, 3),
        {"unit": a.unit, "left": left, "right": right},
    )


def _said(place: Place, value: Value) -> str:
    """The value as the sentence has it; a telephone number's text is its digits."""
    return place.text[slice(*value.span)] if value.kind == "phone" else value.text.rstrip(".")


def _merged(findings: Iterable[Finding]) -> list[Finding]:
    """One finding where the same two sentences, but for their values, stand in several documents."""
    groups: defaultdict[tuple[Kind, frozenset[str]], list[Finding]] = defaultdict(list)
    for finding in findings:
        groups[finding.kind, frozenset(map(_bare, finding.places))].append(finding)
    return [_one_of(group) for group in groups.values()]


def _one_of(group: Sequence[Finding]) -> Finding:
    best = max(group, key=lambda finding: finding.score)
    places = dict.fromkeys([*best.places, *(place for finding in group for place in finding.places)])
    return replace(best, places=tuple(places))


def _bare(place: Place) -> str:
    """A sentence without its values, case, spaces and apostrophes."""
    text = place.text
    for start, end in sorted((value.span for value in stated_values(text)), reverse=True):
        text = f"{text[:start]}#{text[end:]}"
    return re.sub(r"[\W_]+", "", text.replace("#", "0")).casefold()


def _marked(place: Place, *spans: tuple[int, int]) -> Place:
    return replace(place, marks=tuple(spans))


# --- yes and no ---------------------------------------------------------------------------------------------------


def _negations(claims: Sequence[Claim], language: Language) -> Iterator[Finding]:
    """Sentences that say the same but for a “not”."""
    postings: defaultdict[frozenset[str], list[int]] = defaultdict(list)
    for number, claim in enumerate(claims):
        bare = claim.about - _MAKES_NEGATION
        if language.words.total(bare) >= _LEAST_DENIED:
            rarest = sorted(bare, key=lambda word: (-language.words.weight(word), word))[:2]
            postings[frozenset(rarest)].append(number)
    for numbers in postings.values():
        for n, b in enumerate(numbers[:_POSTINGS]):
            for a in numbers[:n]:
                one, other = claims[a], claims[b]
                if one.document_id != other.document_id and _denies(one, other, language):
                    yield _denial(one, other)


def _denies(one: Claim, other: Claim, language: Language) -> bool:
    if bool(_NEGATION.search(one.place.text)) == bool(_NEGATION.search(other.place.text)):
        return False
    if any(_CONDITION.search(claim.place.text) for claim in (one, other)) or not same_scope(one, other):
        return False
    left, right = one.about - _MAKES_NEGATION, other.about - _MAKES_NEGATION
    total = language.words.total
    if total(left & right) < max(_LEAST_DENIED, 0.9 * max(total(left), total(right))):
        return False
    return not (one.leans or other.leans) or _context(one, other, language, least=True) >= _LEAST_CONTEXT


def _denial(one: Claim, other: Claim) -> Finding:
    places = [_marked(claim.place, *(m.span() for m in _NEGATION.finditer(claim.place.text))) for claim in (one, other)]
    return Finding(
        Kind.NEGATION_CONFLICT,
        f"“{one.place.title}” and “{other.place.title}” say the opposite of each other.",
        "Find out which holds and correct the other, or say in both for whom or when each holds.",
        tuple(places),
        0.5,
    )
