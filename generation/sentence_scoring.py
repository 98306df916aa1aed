"""The probability that a sentence holds the answer: a logistic regression over what several parts say of it.

The reader's evidence score alone puts the right sentence of a handbook first too seldom (docs/design.md has the
figures); with the share of the question it repeats, its nearness in meaning, the form of answer it has and the rank
of its passage it does so in most cases, and the result is calibrated, so it is what is shown as confidence.
"""

from __future__ import annotations

import json
import math
from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any, cast

import numpy as np

from domain.conversation import Query
from domain.errors import Misconfigured
from domain.passage import RetrievedPassage
from domain.protocols import Evidence, PassageEncoder
from generation.answer_type import expected_type, has_type, is_navigation
from generation.calibration import logit, sigmoid
from generation.opposites import reversed_actions
from generation.quoting import said_alone
from generation.rivals import RivalNames
from generation.support import missing_specifics
from generation.words import asked_words, meaning_words

FEATURES = (
    *("evidence", "covered", "missing", "type", "navigation", "nearness", "rank", "relevance", "span", "context"),
    *("setting", "displaced"),
)

_KEPT_VECTORS = 8192  # sentences, 12 MiB at 384 dimensions: encoding them was four fifths of the time of weighing


class TermWeights:
    """How telling a word is in one collection: log(1 + N / (1 + df)), the inverse document frequency."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._counts: Counter[str] = Counter()
        self._total = 0
        for text in texts:
            self._counts.update(set(meaning_words(text)))
            self._total += 1

    def weight(self, word: str) -> float:
        """The weight of a stem; the highest for one that never occurs."""
        return math.log(1 + self._total / (1 + self._counts[word]))

    def covered(self, question: str, text: str) -> float:
        """The share of the question's weight that ``text`` repeats, 0..1; 1 when the question has none that count."""
        asked, present = asked_words(question), set(meaning_words(text))
        total = sum(self.weight(word) for word in asked)
        return sum(self.weight(word) for word in asked & present) / total if total else 1.0


@dataclass(frozen=True, slots=True)
class LogisticWeights:
    """One weight per feature of ``FEATURES``, and the bias."""

    weights: tuple[float, ...]
    bias: float

    def probability(self, features: Sequence[float]) -> float:
        """σ(w·x + b)."""
        return sigmoid(sum(w * x for w, x in zip(self.weights, features, strict=True)) + self.bias)


def open_weights(file: Path) -> LogisticWeights:
    """The fitted weights. Raises ``Misconfigured`` when the file is missing, damaged or for other features."""
    try:
        found: dict[str, Any] = json.loads(file.read_text("utf-8"))
        return LogisticWeights(tuple(float(found["weights"][name]) for name in FEATURES), float(found["bias"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Misconfigured(
            f"The weights {file} are missing or damaged ({error}). Restore them with: git checkout -- models"
        ) from error


class SentenceScorer:
    """Puts calibrated probabilities in the place of a reading's sentence scores. Safe for many threads."""

    def __init__(
        self, encoder: PassageEncoder, terms: TermWeights, weights: LogisticWeights, rivals: RivalNames
    ) -> None:
        self._encoder, self._terms, self._weights, self._rivals = encoder, terms, weights, rivals
        self._vectors: OrderedDict[str, np.ndarray[Any, Any]] = OrderedDict()
        self._lock = Lock()

    def scored(
        self, query: Query, evidence: Sequence[RetrievedPassage], readings: Sequence[Evidence], seen: int = 0
    ) -> list[Evidence]:
        """``readings`` with ``sentence_scores`` from the regression, everything else as it was. ``seen``: how many
        exchanges before the query the reader was given with it."""
        rows = self.features(query, evidence, readings, seen)
        return [
            replace(reading, sentence_scores=tuple(self._weights.probability(features) for features in found))
            for reading, found in zip(readings, rows, strict=True)
        ]

    def features(
        self, query: Query, evidence: Sequence[RetrievedPassage], readings: Sequence[Evidence], seen: int = 0
    ) -> list[list[tuple[float, ...]]]:
        """For each passage and each of its sentences the values of ``FEATURES``, in that order.

        ``relevance`` is the passage's, as a logit; ``span`` is 1 for the sentence that the reader's shortest answer
        begins in; ``context`` is the share of what was said before that heading and sentence repeat; ``setting``
        the nearness of the sentence to the question with what was said before it; ``displaced`` how many of the
        question's names it replaces by rivals, and of its actions by their opposites.
        """
        question, before = query.text, query.said_before(seen)
        told = [
            [said_alone(one.passage, span) for span in reading.sentences]
            for one, reading in zip(evidence, readings, strict=True)
        ]
        full = [f"{one.passage.heading}\n{text}" for one, texts in zip(evidence, told, strict=True) for text in texts]
        nearness = iter(self._nearness([question, query.in_context(seen)], full))
        wanted = expected_type(question)
        return [
            [
                (
                    logit(score),
                    self._terms.covered(question, f"{one.passage.heading} {text}"),
                    float(len(missing_specifics(question, f"{one.passage.heading} {text}"))),
                    has_type(text, wanted),
                    float(is_navigation(text)),
                    near[0],
                    math.log(one.rank),
                    logit(reading.relevance),
                    float(reading.best_span is not None and span[0] <= reading.best_span[0] < span[1]),
                    self._terms.covered(before, f"{one.passage.heading} {text}") if before else 0.0,
                    near[1],
                    self._displaced(question, [text, *reversed(one.passage.section), one.passage.title]),
                )
                for text, span, score, near in zip(
                    texts, reading.sentences, reading.sentence_scores, nearness, strict=False
                )
            ]
            for one, reading, texts in zip(evidence, readings, told, strict=True)
        ]

    def _displaced(self, question: str, levels: Sequence[str]) -> float:
        return float(self._rivals.displaced(question, levels) + reversed_actions(question, levels))

    def _nearness(self, questions: Sequence[str], texts: Sequence[str]) -> list[tuple[float, ...]]:
        """For each text its cosine with each of the questions."""
        if not texts:
            return []
        queries = cast("np.ndarray[Any, Any]", self._encoder.encode_queries(list(questions)))
        return [tuple(map(float, row)) for row in self._encoded(texts) @ queries.T]

    def _encoded(self, texts: Sequence[str]) -> np.ndarray[Any, Any]:
        """The vectors (n, dimension) of ``texts``, made only for those not among the latest ``_KEPT_VECTORS``."""
        with self._lock:
            known = {text: self._vectors[text] for text in texts if text in self._vectors}
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            made = cast("np.ndarray[Any, Any]", self._encoder.encode_passages(new))
            known.update(zip(new, made, strict=True))
        with self._lock:
            for text in texts:
                self._vectors[text] = known[text]
                self._vectors.move_to_end(text)
            while len(self._vectors) > _KEPT_VECTORS:
                self._vectors.popitem(last=False)
        return np.stack([known[text] for text in texts])
