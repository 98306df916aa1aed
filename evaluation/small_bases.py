"""Small knowledge bases as people bring them: one article each, about which there are questions with and without an
answer.

Made of a reading set (JSON lines of ``title``, ``passage``, ``qas``: [{``q``, ``a``}]) that nothing was trained on. Of
each article some passages in a row become a base of its own and a quarter of them is left out: questions about those
are near misses, as long as their answer stands nowhere in what is left. A confidence that is fitted on one large
handbook alone promises too little about such bases.
"""

from __future__ import annotations

import json
import lzma
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.figures import Tell
from evaluation.weighting_turns import ARTICLES, Prepared, PreparedTurn, Wanted

_SIZES = (4, 8, 16, 30)  # passages: a leaflet to a small handbook
_LEFT_OUT = 4  # one passage of so many, but at least two
_ANSWERABLE, _UNANSWERABLE = 7, 4  # questions of a base at most


@dataclass(frozen=True, slots=True)
class SmallBase:
    """``passages`` make the base; ``questions`` are each with the wordings of its answer, none where there is none."""

    name: str
    title: str
    passages: tuple[str, ...]
    questions: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def page(self) -> bytes:
        """The base as one Markdown page with a section for each passage."""
        sections = [f"## Part {number}\n\n{text}" for number, text in enumerate(self.passages, 1)]
        return "\n\n".join([f"# {self.title}", *sections]).encode()


def small_bases(file: Path, seed: int = 7) -> list[SmallBase]:
    """A base for each article of ``file``; the same for the same ``seed``. Raises ``OSError``."""
    articles: dict[str, list[dict[str, Any]]] = {}
    with lzma.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            articles.setdefault(row["title"], []).append(row)
    rng = random.Random(seed)
    return [_base(number, title, articles[title], rng) for number, title in enumerate(sorted(articles))]


def _base(number: int, title: str, rows: Sequence[dict[str, Any]], rng: random.Random) -> SmallBase:
    size = _SIZES[number % len(_SIZES)]
    taken = size + max(2, size // (_LEFT_OUT - 1))
    start = rng.randrange(max(1, len(rows) - taken + 1))
    rows = rows[start : start + taken]
    out = set(rng.sample(range(len(rows)), max(1, len(rows) - size)))
    kept = [row for i, row in enumerate(rows) if i not in out]
    text = " ".join(row["passage"] for row in kept).casefold()
    there = [(one["q"], tuple(one["a"])) for row in kept for one in row["qas"]]
    missing = [
        (one["q"], ())
        for i in sorted(out)
        for one in rows[i]["qas"]
        if not any(answer.casefold() in text for answer in one["a"])
    ]
    asked = [*_some(there, _ANSWERABLE, rng), *_some(missing, _UNANSWERABLE, rng)]
    name = title.replace("_", " ")
    return SmallBase(f"article-{number}", name, tuple(row["passage"] for row in kept), tuple(asked))


def _some(
    questions: Sequence[tuple[str, tuple[str, ...]]], count: int, rng: random.Random
) -> list[tuple[str, tuple[str, ...]]]:
    return rng.sample(questions, min(count, len(questions)))


def small_turns(
    bases: Sequence[SmallBase],
    preparer: Callable[[SmallBase], Callable[[str, Sequence[tuple[str, str]]], Prepared]],
    tell: Tell,
) -> Iterator[PreparedTurn]:
    """The questions of all bases as conversations of one turn; ``preparer`` opens a base. An answer is right when it
    holds a wording of the answer."""
    total, done = sum(len(base.questions) for base in bases), 0
    for base in bases:
        prepare = preparer(base)
        for question, answers in base.questions:
            yield PreparedTurn(ARTICLES, base.name, prepare(question, ()), Wanted("", keys=answers))
            done += 1
            tell(done, total)
