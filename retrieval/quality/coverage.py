"""What people asked and did not get answered, put together by subject, the most frequent first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.passage import Passage
from retrieval.quality.findings import Finding, Kind, Place, ordered

DOUBTFUL_BELOW = 0.5
"""An answer given with less confidence counts as none."""

ALIKE = 0.6
"""Cosine from which two questions are about the same thing, by the encoder that comes along."""

_EXAMPLES = 5
_BLOCK = 1024  # rows compared at a time: 20,000 questions need 80 MB, not 1.6 GB

Matrix = npt.NDArray[np.float32]
Nearest = Callable[[Matrix], Passage | None]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question that was asked, whether an answer was given, and with what confidence (0..1)."""

    question: str
    answered: bool
    confidence: float


def unanswered(asked: Sequence[Asked], doubtful_below: float = DOUBTFUL_BELOW) -> tuple[Asked, ...]:
    """Those without an answer, or with a doubtful one."""
    return tuple(one for one in asked if not one.answered or one.confidence < doubtful_below)


def find_gaps(
    questions: Sequence[Asked], vectors: Matrix, nearest: Nearest, alike: float = ALIKE
) -> tuple[Finding, ...]:
    """A finding a subject, the most asked first.

    ``vectors`` (Q, D) are the unit vectors of ``questions``; ``nearest`` gives the passage that comes nearest to a
    vector (D,), which is where an answer might be added.
    """
    return ordered(
        [_gap([questions[n] for n in group], nearest(_centre(vectors[group]))) for group in clusters(vectors, alike)]
    )


def clusters(vectors: Matrix, alike: float = ALIKE) -> list[list[int]]:
    """Rows of ``vectors`` (Q, D) in groups around the row with most neighbours at a cosine of ``alike`` or more:
    greedy leaders, each row in one group, the leader first, the largest group first."""
    if not len(vectors):
        return []
    counts = np.concatenate([(block >= alike).sum(axis=1) for block in _cosines(vectors)])
    free = np.ones(len(vectors), dtype=bool)
    groups = []
    for leader in np.argsort(-counts, kind="stable").tolist():
        if free[leader]:
            members = np.flatnonzero(free & (vectors @ vectors[leader] >= alike)).tolist()
            members = [leader, *(row for row in members if row != leader)]
            free[members] = False
            groups.append(members)
    return sorted(groups, key=lambda group: (-len(group), group))


def _cosines(vectors: Matrix) -> Iterator[Matrix]:
    for start in range(0, len(vectors), _BLOCK):
        yield vectors[start : start + _BLOCK] @ vectors.T


def _centre(vectors: Matrix) -> Matrix:
    mean = vectors.mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), dtype=np.float32)


def _gap(group: Sequence[Asked], nearest: Passage | None) -> Finding:
    examples = list(dict.fromkeys(one.question for one in group))
    count = len(group)
    times = "once" if count == 1 else f"{count} times"
    without = sum(not one.answered for one in group)
    places = () if nearest is None else (_place(nearest),)
    where = f"; the nearest page is “{nearest.title}”" if nearest else ""
    return Finding(
        Kind.UNANSWERED,
        f"Asked {times} and not answered well: “{examples[0]}”",
        f"Write the answer{where}.",
        places,
        float(count),
        {"times": count, "without answer": without}
        | {f"example {n}": question for n, question in enumerate(examples[:_EXAMPLES], 1)},
    )


def _place(passage: Passage) -> Place:
    return Place(
        passage.document_id, passage.title, passage.source, passage.id, passage.span, passage.section, passage.text
    )
