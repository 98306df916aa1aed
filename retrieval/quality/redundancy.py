"""Passages that say the same: to the letter, or nearly, found by MinHash so that no two are compared in vain.

Resemblance is the Jaccard coefficient of word trigrams (Broder 1997); bands of minima (Indyk & Motwani 1998) propose
pairs, and each is then counted exactly.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from domain.passage import Passage
from retrieval.quality.findings import Finding, Kind, Place, ordered
from retrieval.quality.pages import Page, in_force
from retrieval.validity import superseded

NEAR = 0.6
"""Jaccard coefficient of trigrams from which two passages are near duplicates: three words in four are the same."""

_LEAST_WORDS = 12  # shorter ones repeat because the language does
_BANDS, _ROWS = 32, 3  # proposes 99.9 % of the pairs at a coefficient of 0.6, 3 % of those at 0.1
_PRIME = (1 << 61) - 1
_MOST_TOGETHER = 200  # a band shared by more passages than this is a template; its neighbours are compared in a row

Shingles = frozenset[int]
Pair = tuple[int, int]


def find_duplicates(pages: Sequence[Page], today: date) -> tuple[Finding, ...]:
    """Passages of different documents that hold today and say the same, exact duplicates first."""
    gone = superseded({page.document.id: page.document.metadata for page in pages}, today)
    found = [(page, one) for page in in_force(pages, gone) for one in page.passages]
    long = [(page, one) for page, one in found if len(one.text.split()) >= _LEAST_WORDS]
    exact, rest = _exact([(page, one, _normal(one.text)) for page, one in long])
    return ordered([*exact, *_near(rest)])


def similarity(one: Shingles, other: Shingles) -> float:
    """The Jaccard coefficient |A ∩ B| / |A ∪ B|, 0..1; 0 where both are empty."""
    return len(one & other) / max(1, len(one | other))


def shingles(text: str) -> Shingles:
    """Hashes of the word trigrams of ``text``, case and punctuation aside."""
    words = re.findall(r"\w+", text.casefold())
    return frozenset(zlib.crc32(" ".join(words[n : n + 3]).encode()) for n in range(max(1, len(words) - 2)))


def _exact(
    items: Iterable[tuple[Page, Passage, str]],
) -> tuple[list[Finding], list[tuple[Page, Passage]]]:
    """A finding for every text that several documents hold; and the passages left, one of each text."""
    groups: defaultdict[str, list[tuple[Page, Passage]]] = defaultdict(list)
    for page, passage, text in items:
        groups[text].append((page, passage))
    findings = [_same(group) for group in groups.values() if len({passage.document_id for _, passage in group}) > 1]
    return findings, [group[0] for group in groups.values()]


def _near(items: Sequence[tuple[Page, Passage]]) -> Iterator[Finding]:
    sets = [shingles(passage.text) for _, passage in items]
    for a, b in sorted(candidate_pairs(sets)):
        if items[a][1].document_id == items[b][1].document_id:
            continue
        score = similarity(sets[a], sets[b])
        if score >= NEAR:
            yield _alike(items[a], items[b], score)


def candidate_pairs(sets: Sequence[Shingles]) -> set[Pair]:
    """Pairs that agree on all minima of at least one band."""
    buckets: defaultdict[tuple[int, bytes], list[int]] = defaultdict(list)
    for number, signature in enumerate(_signatures(sets)):
        for band in range(_BANDS):
            buckets[band, signature[band * _ROWS : (band + 1) * _ROWS].tobytes()].append(number)
    return {pair for numbers in buckets.values() for pair in _pairs(numbers)}


def _pairs(numbers: Sequence[int]) -> Iterator[Pair]:
    if len(numbers) > _MOST_TOGETHER:
        yield from pairwise(numbers)
        return
    yield from ((a, b) for n, b in enumerate(numbers) for a in numbers[:n])


def _signatures(sets: Sequence[Shingles]) -> Iterator[npt.NDArray[np.uint64]]:
    """The minima (_BANDS · _ROWS,) of each set under random linear hashes."""
    random = np.random.default_rng(0)
    a = random.integers(1, 1 << 31, (_BANDS * _ROWS, 1), dtype=np.uint64)
    b = random.integers(0, 1 << 61, (_BANDS * _ROWS, 1), dtype=np.uint64)
    for one in sets:
        values = np.fromiter(one, dtype=np.uint64, count=len(one))
        yield np.asarray(((a * values + b) % np.uint64(_PRIME)).min(axis=1), dtype=np.uint64)


def _same(group: Sequence[tuple[Page, Passage]]) -> Finding:
    places = tuple(_place(page, passage) for page, passage in group)
    titles = len({place.document_id for place in places})
    return Finding(
        Kind.EXACT_DUPLICATE,
        f"{titles} documents hold the same passage word for word.",
        "Keep it in one document and link to it from the others, so that it is changed once.",
        places,
        float(titles),
        {"documents": titles},
    )


def _alike(one: tuple[Page, Passage], other: tuple[Page, Passage], score: float) -> Finding:
    first, second = _place(*one), _place(*other)
    return Finding(
        Kind.NEAR_DUPLICATE,
        f"“{first.title}” and “{second.title}” share a passage that is {score:.0%} the same.",
        "Say what is common once and link to it, or make plain in both what is different.",
        (first, second),
        round(score, 3),
        {"similarity": round(score, 3)},
    )


def _place(page: Page, passage: Passage) -> Place:
    return page.place(passage.span, passage)


def _normal(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
