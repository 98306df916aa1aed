"""Does the support check agree with people on what evidence bears out? (BEGIN, Dziri et al. 2022)"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from corpora.support import SupportExample
from evaluation.figures import Line, table
from evaluation.metrics import bootstrap, bootstrap_statistic, f1_at
from evaluation.reports import Table
from generation.support import SUPPORTED_AT, borne_out, is_courtesy, support
from retrieval.sentences import sentence_spans
from training.calibration import roc_auc

Pair = tuple[float, bool]
Score = Callable[[str, str], float]


def whole_reply(reply: str, evidence: str) -> float:
    """The support of the whole reply by the sentence of the evidence that bears it out best."""
    return max((support(reply, sentence) for sentence in _sentences(evidence)), default=0.0)


def weakest_sentence(reply: str, evidence: str) -> float:
    """The least support of a sentence of the reply, each by its best sentence of the evidence: as answers are cited."""
    return min((whole_reply(sentence, evidence) for sentence in _sentences(reply)), default=0.0)


def as_checked(reply: str, evidence: str) -> float:
    """The least support of a sentence of the reply that claims something, each by the sentences that bear it or its
    clauses out: as answers are checked before they are cited."""
    pieces = [(sentence, "") for sentence in _sentences(evidence)]
    said = [sentence for sentence in _sentences(reply) if not is_courtesy(sentence)]
    return min((borne_out(sentence, pieces)[0] for sentence in said), default=0.0)


SCORES: Mapping[str, Score] = {
    "whole reply": whole_reply,
    "weakest sentence": weakest_sentence,
    "as checked": as_checked,
}


def measure(examples: Sequence[SupportExample], scores: Mapping[str, Score] = SCORES) -> list[Line]:
    """AUROC for "fully attributable" against the rest, and precision, recall and F1 at the product's threshold."""
    return [
        _line(name, [(score(one.reply, one.evidence), one.label == "full") for one in examples])
        for name, score in scores.items()
    ]


def report(lines: Sequence[Line], examples: Sequence[SupportExample], title: str, facts: Mapping[str, str]) -> Table:
    """The lines with what was measured."""
    told = {
        "positives": f"{sum(one.label == 'full' for one in examples):,} replies are labelled fully attributable",
        "threshold": f"{SUPPORTED_AT}, from which the product cites; precision, recall and F1 are at it",
    }
    return table(title, lines, {**told, **facts}, "score")


def _line(name: str, pairs: Sequence[Pair]) -> Line:
    accepted = [float(truth) for score, truth in pairs if score >= SUPPORTED_AT]
    found = [float(score >= SUPPORTED_AT) for score, truth in pairs if truth]
    measures = {
        "AUROC": bootstrap_statistic([[pair] for pair in pairs], _auroc),
        "precision": bootstrap(accepted),
        "recall": bootstrap(found),
        "F1": bootstrap_statistic([[pair] for pair in pairs], lambda some: f1_at(some, SUPPORTED_AT)),
    }
    return Line(name, len(pairs), measures)


def _auroc(pairs: Sequence[Pair]) -> float:
    return roc_auc([score for score, _ in pairs], [int(truth) for _, truth in pairs])


def _sentences(text: str) -> list[str]:
    return [text[slice(*span)] for span in sentence_spans(text)]
