"""Can the reader tell a passage that answers from one that merely looks like it?

Each question is put to its own passage and to the passage BM25 (bm25s) ranks nearest that does not hold the answer:
random passages would only measure whether the topic is recognised.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import bm25s

from corpora.reading import ReadingExample
from domain.passage import Passage
from domain.protocols import Evidence
from evaluation.figures import Line, Tell, table
from evaluation.metrics import best_threshold, bootstrap_statistic, calibration_error, f1_at
from evaluation.reports import Table
from evaluation.windows import windows
from evaluation.wording import normalised
from training.calibration import roc_auc

NEIGHBOURS = 50
"""How far down BM25's list a passage without the answer is looked for; a question that has none there is left out."""

BINS = 15
Read = Callable[[str, Sequence[Passage]], Sequence[Evidence]]
Pair = tuple[float, bool]


@dataclass(frozen=True, slots=True)
class AnswerabilityPair:
    """A question with the passage that answers it and one, as (title, text), that does not."""

    asked: ReadingExample
    negative: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Judged:
    """The relevance of both passages; of several windows the highest."""

    passage: str
    positive: float
    negative: float

    @property
    def pairs(self) -> list[Pair]:
        return [(self.positive, True), (self.negative, False)]


def with_negatives(asked: Sequence[ReadingExample], every: Sequence[ReadingExample]) -> list[AnswerabilityPair]:
    """Each question of ``asked`` with its nearest wrong passage among those of ``every``."""
    titles = {one.passage: one.title for one in every}
    texts = list(titles)
    logging.getLogger("bm25s").setLevel(logging.WARNING)  # it sets itself to tell everything
    index = bm25s.BM25()
    index.index(_tokens([f"{titles[text]}\n{text}" for text in texts]), show_progress=False)
    plain = [f" {normalised(text)} " for text in texts]
    found = []
    for one in asked:
        ranked, _ = index.retrieve(_tokens([one.question]), k=min(NEIGHBOURS, len(texts)), show_progress=False)
        near = next((int(at) for at in ranked[0] if _is_wrong(one, texts[int(at)], plain[int(at)])), None)
        if near is not None:
            found.append(AnswerabilityPair(one, (titles[texts[near]], texts[near])))
    return found


def judge(pairs: Sequence[AnswerabilityPair], read: Read, tell: Tell) -> list[Judged]:
    """The reader's relevance for both passages of each question."""
    found = []
    for done, pair in enumerate(pairs, start=1):
        question, (title, text) = pair.asked.question, pair.negative
        positive = max(one.relevance for one in read(question, windows(pair.asked.title, pair.asked.passage, "gold")))
        negative = max(one.relevance for one in read(question, windows(title, text, "near")))
        found.append(Judged(pair.asked.passage, positive, negative))
        tell(done, len(pairs))
    return found


def measure(judged: Sequence[Judged]) -> tuple[list[Line], float]:
    """AUROC and ECE over all passages, F1 on every other passage (odd) at the threshold that is best on the others
    (even), and that threshold."""
    numbers = {passage: n for n, passage in enumerate(dict.fromkeys(one.passage for one in judged))}
    even, odd = ([one for one in judged if numbers[one.passage] % 2 == side] for side in (0, 1))
    threshold = best_threshold([pair for one in even for pair in one.pairs])
    every = {
        "AUROC": bootstrap_statistic(_by_passage(judged), _auroc),
        f"ECE, {BINS} bins": bootstrap_statistic(_by_passage(judged), lambda pairs: calibration_error(pairs, BINS)),
    }
    half = {"F1": bootstrap_statistic(_by_passage(odd), lambda pairs: f1_at(pairs, threshold))}
    lines = [Line("all questions", len(judged), every), Line("odd passages", len(odd), half)]
    return lines, threshold


def report(lines: Sequence[Line], threshold: float, title: str, facts: Mapping[str, str]) -> Table:
    """The lines with what was measured."""
    told = {
        "intervals": "95 %, bootstrap over passages",
        "negatives": f"the nearest other passage by BM25 without the answer, among the first {NEIGHBOURS}",
        "threshold": f"{threshold:.3f}, where F1 is highest on the even passages; F1 is that of the odd ones",
    }
    return table(title, lines, {**told, **facts}, "data")


def _by_passage(judged: Sequence[Judged]) -> list[list[Pair]]:
    groups: dict[str, list[Pair]] = {}
    for one in judged:
        groups.setdefault(one.passage, []).extend(one.pairs)
    return list(groups.values())


def _auroc(pairs: Sequence[Pair]) -> float:
    return roc_auc([score for score, _ in pairs], [int(truth) for _, truth in pairs])


def _is_wrong(asked: ReadingExample, text: str, plain: str) -> bool:
    """Another passage that holds none of the answers, whole words compared after SQuAD's normalisation."""
    return text != asked.passage and not any(f" {normalised(answer)} " in plain for answer in asked.answers)


def _tokens(texts: list[str]) -> object:
    return bm25s.tokenize(texts, stopwords="en", show_progress=False)
