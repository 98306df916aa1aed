"""Does the evidence bear a sentence out? The check before any citation.

A sentence is supported by a stretch of evidence when the evidence holds its content words, and every number, date,
price, code, name and denial of it. The score is the share of content found (0..1); one fact that is missing, bound
the other way round or tied to another name makes it 0, however many words agree. Lexical on purpose: what passes can
be pointed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import mul

from domain.passage import Passage
from generation.binding import misbound
from generation.claims import Fact, FactKind, facts_of, matches, without_facts
from generation.numerals import plain_figures
from generation.polarity import Stance, contradicted, stance_of
from generation.words import asked_words, content_words, has_digit, meaning_words

SUPPORTED_AT = 0.6  # of the content; below it too much of the sentence stands nowhere in the evidence

_AROUND = 0.5  # how far a word is held that only the heading holds
_TOPICAL = 0.5  # the weight of a word that the heading holds: every sentence under it is about that
_CLEARLY = 0.15  # more of the sentence in what speaks against it than in what bears it out
_PARTICLE = re.compile(
    r"^(?:(?:yes|no|sure|of course|sorry|i'?m (?:sorry|afraid)|unfortunately|congratulations|good news|thanks?)"
    r"(?: not)?(?: to hear that)?\s*[,:;.!-]+\s+|(?:i'?m (?:sorry|afraid)|unfortunately|sorry,? but) )+",
    re.I,
)
_COURTESY = re.compile(
    r"(?:i'?m|we'?re|i am|we are)? ?(?:very |so )?(?:sorry(?: to hear (?:that|this|it))?|congratulations|"
    r"thank(?:s| you)(?: very much)?|of course|certainly|sure|you'?re welcome|i see|good luck)(?: (?:to you|for asking|"
    r"(?:for|on) (?:that|your \w+)))?[.!]*",
    re.I,
)
_FROM_HEADING = (FactKind.NUMBER, FactKind.LABEL, FactKind.REGION, FactKind.CODE)
_CLAUSES = re.compile(
    r"[;:]\s+(?:and\s+)?|,\s+(?:and|but|so|which|where|while|with|or|then)\s+|\s[-–]\s|\s+(?:and|but|because|while)\s+"
)
_FEWEST_WORDS = 2  # of content in a clause that is checked apart
_KIN = (
    "cost price charge fee pay amount worth",
    "get receive have obtain",
    "need require must",
    "phone call ring telephone",
    "begin start",
    "finish end stop",
    "allow permit can",
    "buy purchase order",
    "cancel terminate end leave",
    "pick choose select",
    "mend repair fix",
    "give provide supply offer",
    "money refund",
    "wifi wi-fi wireless",
    "mobile phone handset",
    "work function support",
    "extra additional further",
    "free gratis",
    "restart reboot",
    "client customer",
)


@dataclass(frozen=True, slots=True)
class Check:
    """``score``: the share of the sentence found, 0 when something speaks against it; ``why`` says what, in words;
    ``covered``: the share found all the same, which tells whether the evidence speaks of the same thing."""

    score: float
    why: str = ""
    covered: float = 0.0


@dataclass(frozen=True, slots=True)
class _Read:
    """A text taken apart once: facts, content words apart from facts, names, stance."""

    facts: tuple[Fact, ...]
    words: tuple[str, ...]
    all_words: frozenset[str]
    names: frozenset[str]
    stance: Stance


def names_in(text: str) -> set[str]:
    """The stems of words whose capitals no beginning of a sentence explains; none in a text all in capitals."""
    return {word for name in _capitalised(text) for word in content_words(name)}


def _capitalised(text: str) -> Iterator[str]:
    for match in re.finditer(r"\b[A-Z][\w-]*", "" if text.isupper() else text):
        opening = re.search(r"(?:^|[.!?:]\s)\W*$", text[: match.start()]) is not None
        if not opening or (len(match.group()) > 1 and match.group().isupper()):
            yield match.group()


def numbers_and_codes(text: str) -> set[str]:
    """Words with a digit in them: prices, dates, phone numbers, error codes, plan names' numbers."""
    return {word for word in content_words(text) if has_digit(word)}


def is_courtesy(sentence: str) -> bool:
    """True for a sentence that claims nothing: "I'm sorry to hear that." It needs no evidence and no citation."""
    return _COURTESY.fullmatch(sentence.replace("’", "'").strip()) is not None


def support(sentence: str, evidence: str, context: str = "") -> float:
    """How far ``evidence`` (a sentence or two) bears ``sentence`` out, 0..1. See ``check``."""
    return check(sentence, evidence, context).score


def check(sentence: str, evidence: str, context: str = "") -> Check:
    """How far ``evidence`` bears ``sentence`` out, and what speaks against it.

    ``context`` (a line of heading first, then neighbouring text) may supply words, names and the numbers that belong
    to names; a region or product that the evidence itself names otherwise it cannot, nor any amount or denial.
    """
    said, given = _read(_claim(sentence)), _read(evidence)
    levels = (given, *(_read(line) for line in context.splitlines() if line.strip()))
    why = _missing_fact(said, levels) or _missing_name(said, levels)
    why = why or contradicted(said.stance, given.stance) or misbound(_claim(sentence), evidence)
    if not (said.words or said.facts):
        return Check(0.0, "the sentence says nothing that could be checked")
    covered = _covered(said, levels)
    return Check(0.0 if why else covered, why or "", covered)


def borne_out(sentence: str, pieces: Sequence[tuple[str, str]]) -> tuple[float, tuple[int, ...]]:
    """The best support of ``sentence`` by ``pieces``, pairs of evidence and context, and the indices of those that
    bear it out: one, or one a clause where the sentence puts together what several say. (0, ()) without pieces."""
    whole = _best(sentence, pieces)
    if whole[0] >= SUPPORTED_AT:
        return whole[0], (whole[1],)
    parts = clauses(sentence)
    if len(parts) < 2:
        return whole[0], (whole[1],) if pieces else ()
    each = [_best(part, pieces) for part in parts]
    weakest = min(score for score, _ in each)
    if weakest <= whole[0]:
        return whole[0], (whole[1],) if pieces else ()
    return weakest, tuple(dict.fromkeys(at for _, at in each))


def objection(sentence: str, pieces: Sequence[tuple[str, str]]) -> str:
    """Why ``pieces`` do not bear ``sentence`` out, in words, by the piece that speaks most of the same thing; "" where
    they do, or where it claims nothing."""
    if is_courtesy(sentence) or borne_out(sentence, pieces)[0] >= SUPPORTED_AT:
        return ""
    checks = [check(sentence, *piece) for piece in pieces]
    nearest = max(checks, key=lambda one: one.covered, default=Check(0.0, "there is no evidence"))
    return nearest.why or f"only {nearest.score:.0%} of it stands in the evidence"


def clauses(sentence: str) -> list[str]:
    """The parts of a sentence that can be true apart, each with enough words to be checked."""
    parts: list[str] = []
    for part in _CLAUSES.split(_claim(sentence)):
        if parts and (len(content_words(part)) < _FEWEST_WORDS or len(content_words(parts[-1])) < _FEWEST_WORDS):
            parts[-1] = f"{parts[-1]}, {part}"
        else:
            parts.append(part)
    return parts


def context_of(passage: Passage) -> str:
    """What stands over the sentences of a passage, a line each: heading, region, the columns of its table."""
    region = passage.metadata.get("region", "")
    lines = (passage.heading, "" if region == "all" else region, passage.metadata.get("table_header", ""))
    return "\n".join(line for line in lines if line)


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


def coverage(question: str, text: str) -> float:
    """The share of the question's words that ``text`` holds, 0..1; 1 when the question has none that count."""
    asked = asked_words(question)
    return len(asked & set(meaning_words(text))) / len(asked) if asked else 1.0


def missing_specifics(question: str, text: str) -> set[str]:
    """Numbers, codes and names the question insists on that ``text`` lacks.

    "How much is 5G home broadband" is not answered by the 4G page, however near it is.
    """
    return (numbers_and_codes(question) | names_in(question)) - set(content_words(text))


def _best(sentence: str, pieces: Sequence[tuple[str, str]]) -> tuple[float, int]:
    """The best score by one piece, and its index, of equals the first; (0, -1) without pieces.

    0 where a piece that is clearly nearer speaks against the sentence: what the evidence says of the very thing counts,
    not another sentence that happens to hold the words.
    """
    checks = [check(sentence, *piece) for piece in pieces]
    score, at = max(((one.score, -i) for i, one in enumerate(checks)), default=(0.0, 1))
    against = max((one.covered for one in checks if one.why), default=0.0)
    return (0.0 if against > score + _CLEARLY else score), -at


def _claim(sentence: str) -> str:
    """The sentence without "Yes," and the like at its beginning, which answer the question rather than claim."""
    return _PARTICLE.sub("", sentence.replace("’", "'").strip()) or sentence


@lru_cache(maxsize=1 << 14)
def _read(text: str) -> _Read:
    rest = without_facts(text)
    return _Read(
        facts=facts_of(text),
        words=tuple(meaning_words(rest)),
        all_words=frozenset(meaning_words(plain_figures(text))),
        names=frozenset(word for name in _capitalised(rest) for word in meaning_words(name)),
        stance=stance_of(text),
    )


def _missing_fact(said: _Read, levels: Sequence[_Read]) -> str | None:
    for fact in said.facts:
        if fact.kind is FactKind.RATE:
            rates = [other for other in levels[0].facts if other.kind is FactKind.RATE]
            if rates and not any(matches(fact, other) for other in rates):
                return f"the evidence says “{rates[0].said}”, not “{fact.said}”"
        elif (why := _not_given(fact, said.facts, levels)) is not None:
            return why
    return None


def _not_given(fact: Fact, claimed: Sequence[Fact], levels: Sequence[_Read]) -> str | None:
    """Why the fact does not stand; the first level that names the fact or a rival of it decides."""
    for level in (
        levels if fact.kind in _FROM_HEADING and (fact.head or fact.kind is not FactKind.NUMBER) else levels[:1]
    ):
        found = [other for other in level.facts if matches(fact, other)]
        if found:
            turned = all({fact.bound, other.bound} == {"most", "least"} for other in found)
            return f"the evidence has “{fact.said}” as the other bound" if turned else None
        rivals = [one for one in level.facts if _rivals(fact, one) and not any(matches(c, one) for c in claimed)]
        if rivals:
            return f"the evidence says “{rivals[0].said}”, not “{fact.said}”"
    return f"“{fact.said}” stands nowhere in the evidence"


def _rivals(fact: Fact, other: Fact) -> bool:
    if fact.kind is not other.kind:
        return False
    if fact.kind is FactKind.LABEL:
        return fact.value.split()[0] == other.value.split()[0]
    return fact.head == other.head


def _missing_name(said: _Read, levels: Sequence[_Read]) -> str | None:
    known = {word for level in levels for word in level.all_words}
    missing = sorted(said.names - known)
    return f"“{missing[0]}” stands nowhere in the evidence" if missing else None


def _covered(said: _Read, levels: Sequence[_Read]) -> float:
    """The share of the content that the evidence holds. What the heading says too tells less: it is the topic."""
    direct = _with_kin(levels[0].words) | levels[0].all_words
    if levels[0].stance.gratis:
        direct |= set(meaning_words("free"))
    around = {word for level in levels[1:] for word in level.all_words}
    weights = [_TOPICAL if word in around else 1.0 for word in said.words]
    held = [1.0 if word in direct else _AROUND if word in around else 0.0 for word in said.words]
    facts = [fact for fact in said.facts if fact.kind is not FactKind.RATE]
    stand = sum(any(matches(fact, other) for level in levels for other in level.facts) for fact in facts)
    total = sum(weights) + len(facts)
    return (sum(map(mul, weights, held)) + stand) / total if total else 1.0


def _with_kin(words: Iterable[str]) -> set[str]:
    found = set(words)
    return found.union(*(kin for word in found for kin in _KINSHIP.get(word, ())))


def _kinship() -> dict[str, list[frozenset[str]]]:
    table: dict[str, list[frozenset[str]]] = {}
    for line in _KIN:
        family = frozenset(meaning_words(line))
        for word in family:
            table.setdefault(word, []).append(family)
    return table


_KINSHIP = _kinship()
