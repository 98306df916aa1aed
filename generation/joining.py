"""Answers that put the best sentences of several quotes together, and which of them are told.

Joining hedges: the fact that was asked for is often the second likeliest sentence. All that are joined count in how
sure the answer is; a further one is told only where it may be what was asked for, since who asked one thing reads one
sentence rather than three. The limits were set on the quality set's development half, where what was told lost no key
fact by them; that a further part must hold as much of the question as the first, or a word more, lost some.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set

from domain.passage import RetrievedPassage
from domain.protocols import Evidence
from generation.answer_type import expected_type, has_type
from generation.claims import FactKind, facts_of
from generation.quoting import Quote, best_sentences
from generation.support import numbers_and_codes
from generation.words import content_words

_MOST_PARTS = 3
_JOINED_SHARE = 0.25  # of the best part's score: what is much less likely only makes the answer longer
_MOST_JOINED_WORDS = 90  # longer ones are passages; the passages themselves are beside the answer

_LIKELY = 0.3  # score of a first part from which a further one must be at least ``_TOLD_SHARE`` as likely
_TOLD_SHARE = 0.5
_SAID_AGAIN = 0.6  # of a part's words in an earlier one that has all its figures
_SAID_PLAINLY = 0.8  # of its words where it has no figures to tell by
_NAMING = (FactKind.REGION, FactKind.LABEL, FactKind.CODE, FactKind.NUMBER)

Names = Mapping[tuple[FactKind, str], Set[str]]


def together(
    evidence: Sequence[RetrievedPassage], readings: Sequence[Evidence], told: Sequence[Quote]
) -> list[tuple[Quote, ...]]:
    """The two and the three likeliest parts that say different things, the likeliest first. ``told``: the best quote of
    each passage."""
    pool = sorted([*told, *best_sentences(evidence, readings)], key=lambda one: (-one.score, len(one.text)))
    chosen: list[Quote] = []
    for part in pool:
        long = sum(len(one.text.split()) for one in (*chosen, part)) > _MOST_JOINED_WORDS
        weak = bool(chosen) and part.score < _JOINED_SHARE * chosen[0].score
        if not (long or weak or any(_overlap(part, one) for one in chosen)):
            chosen.append(part)
    return [tuple(chosen[:size]) for size in range(2, min(len(chosen), _MOST_PARTS) + 1)]


def worth_telling(question: str, parts: Sequence[Quote]) -> tuple[Quote, ...]:
    """The first of ``parts`` and those of the others that may be what ``question`` asks for."""
    kept = list(parts[:1])
    for part in parts[1:]:
        if not (_is_unlikely(question, part, parts[0]) or any(_says_again(part, one) for one in kept)):
            kept.append(part)
    return tuple(kept)


def _overlap(one: Quote, other: Quote) -> bool:
    """Whether they share a sentence, or one says nothing that the other does not."""
    ours, theirs = set(content_words(one.text)), set(content_words(other.text))
    same_place = one.source is other.source and not set(one.spans).isdisjoint(other.spans)
    return same_place or ours <= theirs or theirs <= ours


def _is_unlikely(question: str, part: Quote, first: Quote) -> bool:
    """Whether a further part is beside the point, by the side of the first."""
    wanted = expected_type(question)
    return (
        (first.score >= _LIKELY and part.score < _TOLD_SHARE * first.score)
        or has_type(part.text, wanted) < has_type(first.text, wanted)
        or _is_of_another(question, part, first)
    )


def _says_again(part: Quote, earlier: Quote) -> bool:
    """Whether ``part`` has no figure that ``earlier`` has not, and most of its words stand there."""
    figures, known = numbers_and_codes(part.text), numbers_and_codes(earlier.text)
    words = set(content_words(part.text))
    share = len(words & set(content_words(earlier.text))) / max(len(words), 1)
    return figures <= known and share >= (_SAID_AGAIN if figures else _SAID_PLAINLY)


def _is_of_another(question: str, part: Quote, first: Quote) -> bool:
    """Whether ``part`` is about another region, product or code than the question names, and ``first`` is not."""
    asked, mine, firsts = _names(question), _scope(part), _scope(first)

    def displaced(scope: Names) -> set[tuple[FactKind, str]]:
        return {sort for sort, values in asked.items() if sort in scope and scope[sort].isdisjoint(values)}

    return bool(displaced(mine) - displaced(firsts))


def _scope(part: Quote) -> Names:
    """The names that a part is about; of a sort the nearest level that has one decides."""
    found: dict[tuple[FactKind, str], Set[str]] = {}
    for level in _levels(part):
        for sort, values in _names(level).items():
            found.setdefault(sort, values)
    return found


def _levels(part: Quote) -> Iterator[str]:
    passage = part.source.passage
    yield part.text
    yield from reversed(passage.section)
    yield passage.title
    region = passage.metadata.get("region", "")
    yield "" if region == "all" else region


def _names(text: str) -> dict[tuple[FactKind, str], set[str]]:
    """The regions, codes, labels and numbered names of a text, by sort: ``(NUMBER, "fibre")`` -> ``{"100"}``."""
    found: dict[tuple[FactKind, str], set[str]] = {}
    for fact in facts_of(text):
        sort = fact.value.split()[0] if fact.kind is FactKind.LABEL else fact.head
        if fact.kind in _NAMING and (sort or fact.kind is not FactKind.NUMBER):
            found.setdefault((fact.kind, sort), set()).add(fact.value)
    return found
