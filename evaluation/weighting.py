"""The weighing of retrieval against generation, measured: quotes alone, drafts alone, λ fixed at three values, λ
predicted.

    colloquy evaluate weighting [--fit] [--test] [--articles FILE] [--plots FOLDER] [--doc2dial FOLDER]

(or ``python -m evaluation.weighting``) prepares the turns (rewritten, retrieved, read, drafted; kept under the data
directory) and replays every way on them. Development figures are cross-validated by conversation. ``--fit`` writes
``models/weighting/answers.json``. ``--test`` reports the test half too, ``--doc2dial`` the development documents of
that set (ingested as ``public-services``), both by what was fitted on all of development with the sentence regression
that ships; that is also what is written.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.assembly import Colloquy, assemble
from domain.answer import AnswerKind
from evaluation.calibration_plots import draw
from evaluation.figures import Line, table
from evaluation.fit_answers import (
    BINS,
    ONLY_BELIEVED,
    Example,
    Outcome,
    Pair,
    System,
    answered,
    as_served,
    believed,
    cross_answered,
    cross_scored,
    example,
    fit_all,
    folds,
    precision_curve,
    straightened,
    straightest,
)
from evaluation.metrics import (
    Estimate,
    area_under_risk,
    bootstrap_clusters,
    bootstrap_statistic,
    calibration_error,
    coverage_at_precision,
)
from evaluation.quality_run import is_supported
from evaluation.reports import Table, circumstances
from evaluation.weighting_sets import ANSWERS, HANDBOOK, Making, mark_of, served_sentences
from evaluation.weighting_turns import (
    ARTICLES,
    OPENED,
)
from evaluation.wording import token_f1
from generation.calibration import AnswerWeights, as_json, threshold_for
from generation.weighting import WeightingOptions
from settings import Settings, load_settings

PRECISION = 0.95
_QUOTES, _DRAFTS = frozenset({AnswerKind.QUOTED}), frozenset({AnswerKind.GENERATED})
_log = logging.getLogger(__name__)


ADAPTIVE = System("adaptive λ")
SYSTEMS = (
    System("quote only", WeightingOptions("fixed", 0.5), _QUOTES),
    System("generation only", WeightingOptions("fixed", 0.5), _DRAFTS),
    *(System(f"fixed λ {weight}", WeightingOptions("fixed", weight)) for weight in (0.25, 0.5, 0.75)),
    ADAPTIVE,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be measured: ``test`` reports the test half too, ``doc2dial`` the development documents of that
    folder, ``limit`` of their turns, evenly spread; ``articles``: a reading set whose articles become small knowledge
    bases, which teach the confidence and are reported, cross-validated, too.

    ``kept``: where prepared turns lie (None: the data directory).
    ``plots``: the folder of pictures. ``fit`` writes ``answers``."""

    test: bool = False
    doc2dial: Path | None = None
    limit: int | None = None
    articles: Path | None = None
    kept: Path | None = None
    plots: Path | None = None
    fit: bool = False
    answers: Path = ANSWERS


@dataclass(frozen=True, slots=True)
class Fitted:
    """One system, fitted on development turns: its weights, and its answers, cross-validated, to the turns of whole
    conversations (``outcomes``) and to the others that taught the confidence (``beside``)."""

    system: System
    weights: AnswerWeights
    outcomes: tuple[Outcome, ...]
    how: str
    beside: tuple[Outcome, ...] = ()


def main(arguments: Sequence[str] | None = None) -> None:
    """Prepares, fits, reports, draws, writes."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    given = vars(_parser().parse_args(arguments))
    output: Path | None = given.pop("output")
    settings = load_settings(knowledge_base=HANDBOOK)
    with assemble(settings, memory=False) as colloquy:
        facts = circumstances(settings.model_dump(mode="json", exclude={"redis_url", "data_dir"}))
        told = measured(colloquy, settings, Asked(**given), facts)
    _log.info("%s", "\n\n".join(one.as_text() for one in told))
    if output:
        output.write_text("\n".join(one.as_markdown() for one in told), "utf-8")


def measured(
    colloquy: Colloquy,
    settings: Settings,
    asked: Asked,
    facts: dict[str, str],
    ready: Callable[[], object] = lambda: None,
) -> list[Table]:
    """A table for development, cross-validated, and one for each set that is asked for besides, by what was fitted on
    all of development; ``facts`` stand under each. Pictures and weights are written where they are asked for.
    ``ready`` is called before turns about the handbook have to be prepared."""
    making = Making(colloquy, settings, asked.kept or settings.data_dir / "weighting", mark_of(settings), ready)
    development = making.questions() + making.quality("dev") + making.openings()
    if asked.articles is not None:
        development += making.articles(asked.articles)
    others = {"the test half": making.quality("test")} if asked.test else {}
    if asked.doc2dial is not None:
        others["Doc2Dial, development documents"] = making.public(asked.doc2dial, asked.limit)
    fold_of = folds(development)
    honest = [fit_system(cross_scored(development, fold_of), fold_of, system) for system in SYSTEMS]
    told = [report("development, cross-validated", [(one.system.name, one.outcomes) for one in honest], facts)]
    for name, source in (("first messages", OPENED), ("small knowledge bases", ARTICLES)):
        beside = [one for one in honest[-1].beside if one.example.turn.source == source]
        if beside:
            told.append(report(f"{name}, cross-validated", [(ADAPTIVE.name, beside)], facts))
    served = served_sentences()
    examples = [example(turn, turn.prepared.scored(served)) for turn in development]
    fitted = [fit_system(examples, fold_of, system) for system in SYSTEMS]
    for name, prepared in others.items():
        seen = [example(turn, turn.prepared.scored(served)) for turn in prepared]
        told.append(report(name, [(one.system.name, answered(seen, one.system, one.weights)) for one in fitted], facts))
    if asked.plots:
        draw(asked.plots, [(one.system.name, one.outcomes) for one in honest])
    if asked.fit:
        write(asked.answers, fitted[-1], told[0].data[-1])
    return told


def fit_system(examples: Sequence[Example], fold_of: Sequence[int], system: System) -> Fitted:
    """Cross-validates, sets the confidence straight by what came of that, and fits on all turns."""
    raw = cross_answered(examples, fold_of, system)
    teaching = believed(list(zip(raw, fold_of, strict=True)), lambda one: one[0].example.turn)
    pairs, their_folds = [one.pair for one, _ in teaching], [fold for _, fold in teaching]
    how, straight = straightest(pairs, their_folds)
    told = [_with(one, p) for (one, _), (p, _) in zip(teaching, straight, strict=True)]
    served = as_served(told, lambda one: one.example.turn)
    own = [system.candidates(one) for one in examples]
    curve = precision_curve([one.pair for one in served])
    weights = replace(straightened(fit_all(own, system.options), how, pairs), curve=curve)
    beside = tuple(one for one in told if one.example.turn.source in ONLY_BELIEVED)
    return Fitted(system, weights, tuple(served), how, beside)


def report(name: str, systems: Sequence[tuple[str, Sequence[Outcome]]], facts: dict[str, str]) -> Table:
    """A line a system, with intervals over conversations."""
    told = {
        "right": "every key fact in the answer, of the answerable turns; nothing is abstained from",
        "supported": "each sentence has a citation that bears it out",
        "F1": "words shared with a good reply, answerable turns that have one",
        "coverage": f"the largest share of all turns one threshold answers with {PRECISION:.0%} of them right",
        "ECE": f"{BINS} bins; an answer to what has none is wrong",
        "AURC": "lower is better; by max probability: the chosen candidate's share of exp utility",
        "of one source": "answers that are one quote or one draft, the rest puts two or three together",
    }
    lines = [line(system, outcomes) for system, outcomes in systems]
    return table(f"Weighting, {name}", lines, {**told, **facts}, "weighing")


def line(name: str, outcomes: Sequence[Outcome]) -> Line:
    """The measures of one system."""
    answerable = [one for one in outcomes if one.example.turn.wanted.answerable]
    replies = [one for one in answerable if one.example.turn.wanted.reply]
    given = [one for one in outcomes if one.answer is not None]
    by_group = _grouped(outcomes, lambda one: one.pair)
    measures = {
        "right": _mean(answerable, lambda one: float(one.right)),
        "supported": _mean(given, lambda one: float(_supported(one))),
        "F1": _mean(replies, _f1),
        "coverage": bootstrap_statistic(by_group, lambda pairs: coverage_at_precision(pairs, PRECISION)),
        "ECE": bootstrap_statistic(by_group, lambda pairs: calibration_error(pairs, BINS)),
        "AURC": bootstrap_statistic(by_group, area_under_risk),
        "AURC, max probability": bootstrap_statistic(
            _grouped(outcomes, lambda one: (max_probability(one), one.right)), area_under_risk
        ),
        "of one source": _mean(given, lambda one: float(_parts(one) == 0)),
    }
    return Line(name, len(outcomes), measures)


def max_probability(outcome: Outcome) -> float:
    """exp u of the chosen candidate over Σ exp u of all (Hendrycks & Gimpel 2017); 0 without one."""
    if outcome.answer is None or outcome.answer.weighting is None:
        return 0.0
    told = outcome.answer.weighting.candidates
    best = max(one.utility for one in told)
    return 1 / sum(math.exp(one.utility - best) for one in told)


def write(file: Path, fitted: Fitted, figures: Any) -> None:
    """What ships, with the figures of cross-validation beside it."""
    curve = fitted.weights.curve
    told = {
        **as_json(fitted.weights),
        "fitted_on": f"{len(fitted.outcomes)} development turns of the quality set, the development questions, and for "
        f"the confidence {len(fitted.beside)} first messages and questions about small bases",
        "straightened_by": fitted.how,
        "cross_validated": figures,
        "thresholds": {f"{p:.2f}": round(threshold_for(curve, p), 3) for p in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)},
    }
    file.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    _log.info("Written: %s; threshold by precision: %s", file.name, told["thresholds"])


def _with(outcome: Outcome, confidence: float) -> Outcome:
    return replace(outcome, answer=outcome.answer and replace(outcome.answer, confidence=confidence))


def _supported(outcome: Outcome) -> bool:
    return outcome.answer is not None and is_supported(outcome.answer, outcome.example.found.evidence)


def _f1(outcome: Outcome) -> float:
    return token_f1(outcome.answer.text if outcome.answer else "", [outcome.example.turn.wanted.reply])


def _parts(outcome: Outcome) -> float:
    weighting = outcome.answer.weighting if outcome.answer else None
    return weighting.features["parts"] if weighting else 0.0


def _mean(outcomes: Sequence[Outcome], value: Callable[[Outcome], float]) -> Estimate:
    return bootstrap_clusters([value(one) for one in outcomes], [one.example.turn.group for one in outcomes])


def _grouped(outcomes: Sequence[Outcome], pair: Callable[[Outcome], Pair]) -> list[list[Pair]]:
    groups: dict[str, list[Pair]] = {}
    for one in outcomes:
        groups.setdefault(one.example.turn.group, []).append(pair(one))
    return list(groups.values())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measures, and fits, the weighing of retrieval against generation.")
    parser.add_argument("--fit", action="store_true", help="write models/weighting/answers.json")
    parser.add_argument("--answers", type=Path, default=ANSWERS, help="where --fit writes")
    parser.add_argument("--test", action="store_true", help="report the test half of the quality set too")
    parser.add_argument("--doc2dial", type=Path, help="that folder's development documents too")
    parser.add_argument("--articles", type=Path, help="a reading set whose articles become small knowledge bases")
    parser.add_argument("--limit", type=int, help="only so many Doc2Dial turns")
    parser.add_argument("--plots", type=Path, help="draw reliability, risk and λ into this folder")
    parser.add_argument("--output", type=Path, help="also write the tables here, as Markdown")
    parser.add_argument("--kept", type=Path, help="where prepared turns lie; the data directory otherwise")
    return parser


if __name__ == "__main__":
    main()
