"""Fits ``generation.calibration.AnswerWeights`` on prepared turns: the two probabilities, λ, the confidence.

Everything is judged on turns that it was not fitted on: five folds by conversation. In each the sentence regression,
then p_r and p_g, then λ, then the confidence are fitted on the other folds, and the fold's turns answered. What comes
of that chooses how the confidence is set straight and draws the curve of precision against threshold; what ships is
fitted on all turns.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import torch

from domain.answer import Answer, AnswerKind
from domain.protocols import Evidence
from evaluation.fit_weighting import Question, Rows
from evaluation.fit_weighting import fit as fit_sentences
from evaluation.metrics import calibration_error
from evaluation.weighting_turns import ARTICLES, CONVERSED, OPENED, PreparedTurn
from generation.calibration import AnswerWeights, CurvePoint, Logistic, Steps, logit, sigmoid
from generation.candidates import RETRIEVAL, WRITING, Found, Proposal, found, proposals
from generation.quoting import said_alone
from generation.weighting import BALANCE, CONFIDENCE, WeightingOptions, calibrated, chosen, turn_figures
from retrieval.sentences import sentence_spans
from training.calibration import fit_platt

FOLDS = 5
RIDGE = 0.1  # of standardised weights: cross-validated, 0.02, 0.1 and 0.5 gave ECE 0.063, 0.029 and 0.032
BALANCE_RIDGE = 0.02  # holds λ near one half: where the two sides agree it decides nothing, so few turns teach it
FREE = ("answered",)  # it says nearly all; what else is known may only shade it
ONLY_BELIEVED = frozenset({OPENED, ARTICLES})
"""Sources that teach the confidence alone. What a sentence and a candidate are worth they would teach worse: small
bases have no near twins, and who says everything at once needs no rewriter."""
_OUT_OF_THE_QUESTION = -1e6  # of a logarithm of a probability
BINS = 10  # of the calibration error that chooses; few turns are confident
PREDICTED = WeightingOptions()
"""λ predicted."""

Straight = Literal["none", "platt", "isotonic"]
Pair = tuple[float, bool]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Example:
    """A turn with its candidates, and which of them are right."""

    turn: PreparedTurn
    found: Found
    made: tuple[Proposal, ...]
    right: tuple[bool, ...]

    def verdict(self, answer: Answer) -> bool:
        """Whether ``answer``, one of the candidates, is right."""
        return self.turn.wanted.is_met_by(answer.text, [one.passage_id for one in answer.citations])


@dataclass(frozen=True, slots=True)
class System:
    """A way to weigh: λ, and which candidates take part."""

    name: str
    options: WeightingOptions = PREDICTED
    kinds: frozenset[AnswerKind] = frozenset({AnswerKind.QUOTED, AnswerKind.GENERATED})

    def candidates(self, example: Example) -> Example:
        """The example with those candidates only."""
        kept = [i for i, one in enumerate(example.made) if one.kind in self.kinds]
        return replace(
            example,
            made=tuple(example.made[i] for i in kept),
            right=tuple(example.right[i] for i in kept),
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """A turn as one system answers it: None where it has no candidate."""

    example: Example
    answer: Answer | None

    @property
    def right(self) -> bool:
        return self.answer is not None and self.example.verdict(self.answer)

    @property
    def pair(self) -> Pair:
        """(confidence, right); without a candidate the confidence is 0."""
        return (self.answer.confidence if self.answer else 0.0, self.right)


def example(turn: PreparedTurn, readings: Sequence[Evidence]) -> Example:
    """The candidates of a turn, given the sentences' probabilities."""
    prepared = turn.prepared
    seen = found(prepared.query, prepared.evidence, readings)
    made = tuple(proposals(seen, prepared.drafts, sentence_spans)) if prepared.evidence else ()
    right = tuple(turn.wanted.is_met_by(one.text, [c.passage_id for c in one.citations]) for one in made)
    return Example(turn, seen, made, right)


# --- folds and the sentence regression ---------------------------------------------------------------------------


def folds(turns: Sequence[PreparedTurn]) -> list[int]:
    """The fold of each turn; those of one group share one."""
    numbers = {group: i % FOLDS for i, group in enumerate(dict.fromkeys(turn.group for turn in turns))}
    return [numbers[turn.group] for turn in turns]


def cross_scored(turns: Sequence[PreparedTurn], fold_of: Sequence[int]) -> list[Example]:
    """Each turn with sentence probabilities of a regression that was fitted, and scaled, on the other folds."""
    rows = [sentence_rows(turn) for turn in turns]
    told: dict[int, Example] = {}
    for fold in range(FOLDS):
        others = zip(turns, rows, fold_of, strict=True)
        model = sentence_model([row for turn, row, f in others if f != fold and turn.source not in ONLY_BELIEVED])
        for i, turn in enumerate(turns):
            if fold_of[i] == fold:
                told[i] = example(turn, turn.prepared.scored(model))
    return [told[i] for i in range(len(turns))]


def sentence_rows(turn: PreparedTurn) -> Rows:
    """Features and labels of the sentences of a turn."""
    facts = turn.wanted.facts or ((turn.wanted.keys,) if turn.wanted.keys else ())
    wanted = Question("", facts, turn.wanted.gold)
    pairs = [
        (row, one.passage, span)
        for one, reading, rows in zip(
            turn.prepared.evidence, turn.prepared.readings, turn.prepared.features, strict=True
        )
        for span, row in zip(reading.sentences, rows, strict=True)
    ]
    labels = [
        float(wanted.is_answered_by(passage.text[slice(*span)]) or wanted.is_answered_by(said_alone(passage, span)))
        for _, passage, span in pairs
    ]
    return Rows(torch.tensor([row for row, _, _ in pairs]), torch.tensor(labels))


def sentence_model(rows: Sequence[Rows]) -> Callable[[Sequence[float]], float]:
    """The regression as ``evaluation.fit_weighting`` makes it, scaled to the likeliest sentence's being right."""
    rows = [row for row in rows if len(row.labels)]
    weights, bias = fit_sentences(rows)
    logits = [row.features @ weights + bias for row in rows]
    best = [int(values.argmax()) for values in logits]
    scale, shift = fit_platt(
        [float(values[b]) for values, b in zip(logits, best, strict=True)],
        [int(row.labels[b]) for row, b in zip(rows, best, strict=True)],
    )
    w, b = (scale * weights).tolist(), float(scale * bias) + shift
    return lambda features: sigmoid(sum(x * y for x, y in zip(w, features, strict=True)) + b)


# --- fitting -----------------------------------------------------------------------------------------------------


def fit_all(examples: Sequence[Example], options: WeightingOptions = PREDICTED) -> AnswerWeights:
    """All four models on ``examples``, the confidence not yet set straight, without a curve. With ``options`` fixed
    the confidence is that of choices by that λ."""
    weighed = [e for e in examples if e.turn.source not in ONLY_BELIEVED]
    every = [(one.features, right) for e in weighed for one, right in zip(e.made, e.right, strict=True)]
    retrieval = fit_logistic(every, RETRIEVAL)
    writing = fit_logistic(every, WRITING)
    blank = Logistic(dict.fromkeys(CONFIDENCE, 0.0), 0.0)
    weights = AnswerWeights(retrieval, writing, Logistic(dict.fromkeys(BALANCE, 0.0), 0.0), blank)
    weights = replace(weights, balance=fit_balance(weighed, weights))
    teaching = believed(examples, lambda e: e.turn) or examples
    choices = [(e, chosen(e.found, e.made, options, weights)) for e in teaching]
    told = [(a.weighting.features, e.verdict(a)) for e, a in choices if a is not None and a.weighting is not None]
    return replace(weights, confidence=fit_logistic(told, CONFIDENCE, FREE))


def believed(items: Sequence[T], turn: Callable[[T], PreparedTurn]) -> list[T]:
    """Those that the confidence is fitted on: whole conversations, first messages and small bases. The development
    questions are too easy: a confidence fitted on them promises too much."""
    return [item for item in items if turn(item).source in ONLY_BELIEVED | {CONVERSED}]


def as_served(items: Sequence[T], turn: Callable[[T], PreparedTurn]) -> list[T]:
    """Those from whole conversations, which the figures are about: single questions are easier."""
    return [item for item in items if turn(item).source == CONVERSED]


def fit_logistic(
    rows: Sequence[tuple[Mapping[str, float], bool]], names: Sequence[str], free: Sequence[str] = ()
) -> Logistic:
    """Ridge logistic regression over ``names``, on the figures' own scale; the weights of ``free`` are not held."""
    if len(rows) < len(names):
        return Logistic(dict.fromkeys(names, 0.0), 0.0)  # too few to say anything
    x = torch.tensor([[figures[name] for name in names] for figures, _ in rows], dtype=torch.float64)
    y = torch.tensor([float(right) for _, right in rows], dtype=torch.float64)
    mean, spread = x.mean(0), x.std(0) + 1e-6
    held = torch.tensor([0.0 if name in free else RIDGE for name in names], dtype=torch.float64)
    parameters = torch.zeros(len(names) + 1, dtype=torch.float64, requires_grad=True)

    def loss() -> torch.Tensor:
        logits = ((x - mean) / spread) @ parameters[:-1] + parameters[-1]
        fit = torch.nn.functional.binary_cross_entropy_with_logits(logits, y)
        return fit + (held * parameters[:-1] ** 2).sum()

    w = minimised(parameters, loss)
    return _unscaled(names, w[:-1], w[-1], mean, spread)


def fit_balance(examples: Sequence[Example], weights: AnswerWeights) -> Logistic:
    """λ as a logistic function of the turn's figures, such that right candidates come first.

    A conditional logit (McFadden 1974): −log of the share that the right candidates have of Σ exp τ·u, u the utility
    under λ, τ fitted along. Turns whose candidates are all right or all wrong say nothing.
    """
    told = [e for e in examples if any(e.right) and not all(e.right)]
    if not told:
        return Logistic(dict.fromkeys(BALANCE, 0.0), 0.0)
    judged = [[calibrated(one, weights) for one in e.made] for e in told]
    figures = [turn_figures(e.found, made) for e, made in zip(told, judged, strict=True)]
    x = torch.tensor([[f[name] for name in BALANCE] for f in figures], dtype=torch.float64)
    mean, spread = x.mean(0), x.std(0) + 1e-6
    scaled = (x - mean) / spread
    logs, right = _padded(told, judged)
    parameters = torch.zeros(len(BALANCE) + 2, dtype=torch.float64, requires_grad=True)

    def loss() -> torch.Tensor:
        lam = torch.sigmoid(scaled @ parameters[:-2] + parameters[-2])[:, None]
        utilities = torch.exp(parameters[-1]) * (lam * logs[..., 0] + (1 - lam) * logs[..., 1])  # (turns, candidates)
        all_of_them = torch.logsumexp(utilities, 1)
        the_right = torch.logsumexp(utilities.masked_fill(~right, -torch.inf), 1)
        return (all_of_them - the_right).mean() + BALANCE_RIDGE * (parameters[:-1] ** 2).sum()

    w = minimised(parameters, loss)
    return _unscaled(BALANCE, w[:-2], w[-2], mean, spread)


def _padded(examples: Sequence[Example], judged: Sequence[Sequence[Proposal]]) -> tuple[torch.Tensor, torch.Tensor]:
    """log p_r and log p_g (turns, candidates, 2) and what is right (turns, candidates), filled up with candidates that
    are out of the question."""
    most = max(len(made) for made in judged)
    logs = torch.full((len(examples), most, 2), _OUT_OF_THE_QUESTION, dtype=torch.float64)
    right = torch.zeros(len(examples), most, dtype=torch.bool)
    for i, (one, made) in enumerate(zip(examples, judged, strict=True)):
        pairs = [[math.log(each.p_retrieval), math.log(each.p_generation)] for each in made]
        logs[i, : len(made)] = torch.tensor(pairs, dtype=torch.float64)
        right[i, : len(made)] = torch.tensor(one.right)
    return logs, right


def _unscaled(
    names: Sequence[str], w: torch.Tensor, b: torch.Tensor, mean: torch.Tensor, spread: torch.Tensor
) -> Logistic:
    own = w / spread
    return Logistic(dict(zip(names, map(float, own), strict=True)), float(b - (own * mean).sum()))


def minimised(parameters: torch.Tensor, loss: Callable[[], torch.Tensor], steps: int = 200) -> torch.Tensor:
    """The parameters at the minimum of a smooth loss, by L-BFGS."""
    optimizer = torch.optim.LBFGS([parameters], max_iter=steps, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return parameters.detach()


# --- setting the confidence straight ---------------------------------------------------------------------------------


def isotonic(pairs: Sequence[Pair]) -> Steps:
    """Isotonic regression by pooling neighbours that fall (Ayer et al. 1955); each pool is one point, at its mean
    probability. ``pairs`` are (probability, truth), at least one."""
    pools: list[list[float]] = []  # probability times count, sum of truths, count
    for probability, same in itertools.groupby(sorted(pairs), key=lambda pair: pair[0]):
        truths = [truth for _, truth in same]
        pools.append([probability * len(truths), float(sum(truths)), float(len(truths))])
        while len(pools) > 1 and pools[-2][1] / pools[-2][2] >= pools[-1][1] / pools[-1][2]:
            last = pools.pop()
            pools[-1] = [a + b for a, b in zip(pools[-1], last, strict=True)]
    points = {total / count: truths / count for total, truths, count in pools}
    return Steps(tuple(points), tuple(points.values()))


def platt(pairs: Sequence[Pair]) -> tuple[float, float]:
    """(a, b) such that σ(a · logit p + b) is calibrated."""
    return fit_platt([logit(p) for p, _ in pairs], [int(truth) for _, truth in pairs])


def straightener(how: Straight, pairs: Sequence[Pair]) -> Callable[[float], float]:
    """The curve of that kind, fitted on ``pairs``."""
    if how == "isotonic":
        return isotonic(pairs).at
    a, b = platt(pairs) if how == "platt" else (1.0, 0.0)
    return lambda p: sigmoid(a * logit(p) + b)


def cross_straightened(how: Straight, pairs: Sequence[Pair], fold_of: Sequence[int]) -> list[Pair]:
    """Each confidence set straight by a curve that was fitted on the other folds."""
    curves = {
        fold: straightener(how, [pair for pair, f in zip(pairs, fold_of, strict=True) if f != fold])
        for fold in set(fold_of)
    }
    return [(curves[fold](p), truth) for (p, truth), fold in zip(pairs, fold_of, strict=True)]


def straightest(pairs: Sequence[Pair], fold_of: Sequence[int]) -> tuple[Straight, list[Pair]]:
    """The kind with the lowest cross-validated ECE, and its confidences."""
    kinds: tuple[Straight, ...] = ("none", "platt", "isotonic")
    told = {how: cross_straightened(how, pairs, fold_of) for how in kinds}
    best = min(kinds, key=lambda how: calibration_error(told[how], BINS))
    return best, told[best]


def straightened(weights: AnswerWeights, how: Straight, pairs: Sequence[Pair]) -> AnswerWeights:
    """The weights with their confidence set straight by what came out on turns they were not fitted on."""
    if how == "isotonic":
        return replace(weights, straightened=isotonic(pairs))
    a, b = platt(pairs) if how == "platt" else (1.0, 0.0)
    scaled = {name: a * w for name, w in weights.confidence.weights.items()}
    return replace(weights, confidence=Logistic(scaled, a * weights.confidence.bias + b))


def precision_curve(pairs: Sequence[Pair]) -> tuple[CurvePoint, ...]:
    """A point for each distinct confidence, the surest first."""
    points: dict[float, CurvePoint] = {}
    right = 0
    for answered, (confidence, truth) in enumerate(sorted(pairs, key=lambda pair: -pair[0]), 1):
        right += truth
        points[confidence] = CurvePoint(confidence, answered, right)
    return tuple(points.values())


# --- cross-validation -----------------------------------------------------------------------------------------------


def answered(examples: Sequence[Example], system: System, weights: AnswerWeights) -> list[Outcome]:
    """Each turn as ``system`` answers it by ``weights``."""
    own = [system.candidates(e) for e in examples]
    return [Outcome(e, chosen(e.found, e.made, system.options, weights)) for e in own]


def cross_answered(examples: Sequence[Example], fold_of: Sequence[int], system: System) -> list[Outcome]:
    """Each turn as ``system`` answers it, everything fitted on the other folds."""
    told: dict[int, Outcome] = {}
    for fold in range(FOLDS):
        others = [system.candidates(e) for e, f in zip(examples, fold_of, strict=True) if f != fold]
        here = [i for i, f in enumerate(fold_of) if f == fold]
        told |= zip(here, answered([examples[i] for i in here], system, fit_all(others, system.options)), strict=True)
    return [told[i] for i in range(len(examples))]
