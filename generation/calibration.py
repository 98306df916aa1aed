"""What development turns taught about weighing: four small logistic models and a curve, kept as one JSON file.

``retrieval`` and ``writing`` turn the figures of a candidate into p_r and p_g; ``balance`` the figures of a turn into
λ; ``confidence`` those of the chosen candidate into the probability that it is right, set straight by isotonic
regression or Platt scaling, whichever was better calibrated in cross-validation. The ``curve`` says what precision a
threshold came to, so that an operator can ask for a precision in the place of a threshold.

``evaluation.fit_answers`` fits all of it.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.errors import Misconfigured

_MOST_EXPONENT = 30.0  # beyond it σ is 0 or 1 in every figure that is shown
_PROBABILITY_FLOOR = 1e-3
_NORMAL_95 = 1.6449  # one-sided 95 % quantile of the standard normal
NEVER = 1.0
"""The threshold where no precision is reached: only what is certain is answered."""


@dataclass(frozen=True, slots=True)
class Logistic:
    """σ(w·x + b) over named figures."""

    weights: Mapping[str, float]
    bias: float

    def probability(self, figures: Mapping[str, float]) -> float:
        """The probability, strictly between 0 and 1. Raises ``KeyError`` for a figure that is not given."""
        return sigmoid(sum(weight * figures[name] for name, weight in self.weights.items()) + self.bias)


@dataclass(frozen=True, slots=True)
class Steps:
    """A rising curve through points (x, y), straight between them and level beyond: what isotonic regression
    (Zadrozny & Elkan 2002) leaves of a probability."""

    x: tuple[float, ...]
    y: tuple[float, ...]

    def at(self, probability: float) -> float:
        """The calibrated probability."""
        i = bisect_right(self.x, probability)
        if i == 0 or i == len(self.x):
            return self.y[max(i - 1, 0)]
        share = (probability - self.x[i - 1]) / (self.x[i] - self.x[i - 1])
        return self.y[i - 1] + share * (self.y[i] - self.y[i - 1])


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Of the development turns ``answered`` had at least ``confidence``; ``right`` of these were right."""

    confidence: float
    answered: int
    right: int


@dataclass(frozen=True, slots=True)
class AnswerWeights:
    """Everything that was fitted; ``straightened`` is None where Platt scaling is part of ``confidence`` already."""

    retrieval: Logistic
    writing: Logistic
    balance: Logistic
    confidence: Logistic
    straightened: Steps | None = None
    curve: tuple[CurvePoint, ...] = ()

    def sure(self, figures: Mapping[str, float]) -> float:
        """The calibrated probability that the chosen candidate is right."""
        raw = self.confidence.probability(figures)
        return raw if self.straightened is None else self.straightened.at(raw)


def threshold_for(curve: Sequence[CurvePoint], precision: float, *, cautious: bool = False) -> float:
    """The lowest confidence from which on at least ``precision`` (0..1) of the development turns were right;
    ``cautious`` asks it of the lower 95 % Wilson bound. ``NEVER`` when no threshold reaches it."""
    reached = (
        point.confidence
        for point in curve
        if (wilson_lower(point.right, point.answered) if cautious else point.right / point.answered) >= precision
    )
    return min(reached, default=NEVER)


def wilson_lower(right: int, answered: int) -> float:
    """The lower one-sided 95 % bound of a share (Wilson 1927); 0.0 without any."""
    if not answered:
        return 0.0
    z, n, p = _NORMAL_95, answered, right / answered
    middle, spread = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max((middle - spread) / (1 + z * z / n), 0.0)


def sigmoid(x: float) -> float:
    """1 / (1 + e⁻ˣ), held a little away from 0 and 1."""
    return 1 / (1 + math.exp(-min(max(x, -_MOST_EXPONENT), _MOST_EXPONENT)))


def logit(p: float) -> float:
    """log(p / (1 − p)), p kept a little away from 0 and 1."""
    p = min(max(p, _PROBABILITY_FLOOR), 1 - _PROBABILITY_FLOOR)
    return math.log(p / (1 - p))


def open_answer_weights(file: Path) -> AnswerWeights | None:
    """What is in ``file``; None when there is none, so that the rules of ``generation.weighting`` hold.

    Raises ``Misconfigured`` when the file is damaged or lacks a part.
    """
    if not file.is_file():
        return None
    try:
        return as_weights(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Misconfigured(
            f"The weights {file} are damaged ({error!r}). Restore them with: git checkout -- models"
        ) from error


def as_weights(told: Mapping[str, Any]) -> AnswerWeights:
    """The parsed file as a value. Raises ``KeyError``, ``TypeError`` or ``ValueError`` for another shape."""
    steps = told.get("straightened")
    return AnswerWeights(
        retrieval=_logistic(told["retrieval"]),
        writing=_logistic(told["writing"]),
        balance=_logistic(told["balance"]),
        confidence=_logistic(told["confidence"]),
        straightened=_steps(steps) if steps else None,
        curve=tuple(CurvePoint(float(t), int(n), int(right)) for t, n, right in told["curve"]),
    )


def as_json(weights: AnswerWeights) -> dict[str, Any]:
    """The other way: what ``as_weights`` reads, rounded to what matters."""
    steps = weights.straightened
    return {
        **{
            name: {"weights": {key: round(w, 4) for key, w in one.weights.items()}, "bias": round(one.bias, 4)}
            for name in ("retrieval", "writing", "balance", "confidence")
            for one in [getattr(weights, name)]
        },
        "straightened": steps and {"x": [round(x, 4) for x in steps.x], "y": [round(y, 4) for y in steps.y]},
        "curve": [[round(point.confidence, 4), point.answered, point.right] for point in weights.curve],
    }


def _logistic(told: Mapping[str, Any]) -> Logistic:
    return Logistic({str(name): float(weight) for name, weight in told["weights"].items()}, float(told["bias"]))


def _steps(told: Mapping[str, Any]) -> Steps:
    x, y = tuple(map(float, told["x"])), tuple(map(float, told["y"]))
    if not x or len(x) != len(y) or list(x) != sorted(set(x)) or list(y) != sorted(y):
        raise ValueError("the points of a rising curve do not rise")
    return Steps(x, y)
