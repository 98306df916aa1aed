"""Fits the sentence regression of ``generation.sentence_scoring`` on Harbourline's development questions and the
development half of the quality set.

    python -m evaluation.fit_weighting

writes ``models/weighting/weights.json`` with the figures of ten-fold cross-validation (folds by question): how often
the likeliest sentence holds the key fact, and how well its score tells right from wrong and unanswerable. The scale
is then fitted (Platt) so that the likeliest sentence's probability is that of the answer being right.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from bot.assembly import Colloquy, assemble
from bot.assembly_models import MODELS
from domain.passage import RetrievedPassage
from evaluation.quality import TurnKind, load_quality
from generation.quoting import said_alone
from generation.sentence_scoring import FEATURES, LogisticWeights, SentenceScorer
from settings import load_settings
from training.calibration import fit_platt, roc_auc

QUESTIONS = Path(__file__).parent / "data" / "harbourline_dev_questions.jsonl"
_FOLDS = 10
_RIDGE = 0.005  # keeps the weights of rare features small; the figures hardly move between 0.001 and 0.02
_PASSAGES = 8  # a few more than are shown, so that near misses are seen

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Question:
    """``facts``: what the answer must hold, each as its wordings; empty when the handbook has no answer. ``gold``:
    sentences of the handbook that carry it, where they are known. ``history``: what was said before it."""

    question: str
    facts: tuple[tuple[str, ...], ...]
    gold: tuple[str, ...] = ()
    history: tuple[tuple[str, str], ...] = ()

    def is_answered_by(self, text: str) -> bool:
        """Whether ``text`` is one of the gold sentences, or without such holds every fact."""
        said = squeezed(text)
        if self.gold:
            return any(squeezed(sentence) in said or said in squeezed(sentence) for sentence in self.gold)
        return bool(self.facts) and all(any(squeezed(w) in said for w in wordings) for wordings in self.facts)


@dataclass(frozen=True, slots=True)
class Rows:
    """Features (n, F) and labels (n,) of the sentences met for one question."""

    features: torch.Tensor
    labels: torch.Tensor


def main() -> None:
    """Fits, cross-validates, writes."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    questions = load_questions()
    with assemble(load_settings(), memory=False) as colloquy:
        scorer = colloquy.sentence_scorer("harbourline", LogisticWeights((0.0,) * len(FEATURES), 0.0))
        rows = [sentences(colloquy, scorer, question) for question in questions]
    rows = [row for row in rows if len(row.labels)]
    scores, right = cross_validate(rows)
    scale, shift = fit_platt(scores, right)
    weights, bias = (scale * value for value in fit(rows))
    bias = bias + shift
    found = {
        "weights": {name: round(float(w), 4) for name, w in zip(FEATURES, weights, strict=True)},
        "bias": round(float(bias), 4),
        "fitted_on": f"{len(questions)} questions: {QUESTIONS.name} and the development half of the quality set",
        "cross_validated": {
            "key_fact_in_likeliest_sentence": f"{sum(right)}/{sum(bool(q.facts) for q in questions)}",
            "auroc_right_against_not": round(roc_auc(scores, right), 3),
        },
    }
    file = MODELS / "weighting" / "weights.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    _log.info("%s", json.dumps(found, indent=2))


def load_questions(path: Path = QUESTIONS) -> list[Question]:
    """The development questions, in order, then the turns of the quality set's development half, as they were typed
    and after the replies they should have had: so the rewriter's mistakes count in the confidence."""
    lines = (json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip())
    single = [Question(line["question"], (tuple(line["keys"]),) if line["keys"] else ()) for line in lines]
    kinds = (TurnKind.ANSWERABLE, TurnKind.UNANSWERABLE)
    found = list(single)
    for conversation in load_quality("dev"):
        said: tuple[tuple[str, str], ...] = ()
        for turn in conversation.turns:
            if turn.kind in kinds:
                gold = tuple(one.sentence for one in turn.gold)
                found.append(Question(turn.message, turn.facts, gold, said))
            said = (*said, (turn.message, turn.reply))
    return found


def squeezed(text: str) -> str:
    """``text`` as letters, digits and currency signs only, lower-cased: table rows and quotes alike."""
    return "".join(character for character in text.lower() if character.isalnum() or character in "£€$%")


def sentences(colloquy: Colloquy, scorer: SentenceScorer, question: Question) -> Rows:
    """The sentences of the first passages, labelled 1 when they answer."""
    query = colloquy.replay("harbourline", question.question, question.history, until="rewrite").query
    found: Sequence[RetrievedPassage] = colloquy.retriever("harbourline").retrieve(query, _PASSAGES)
    seen = load_settings().retrieval.reader_context
    readings = colloquy.read(query.in_context(seen), [one.passage for one in found])
    features = scorer.features(query, found, readings, seen)
    spans = [(one.passage, span) for one, r in zip(found, readings, strict=True) for span in r.sentences]
    labels = [
        float(question.is_answered_by(passage.text[slice(*span)]) or question.is_answered_by(said_alone(passage, span)))
        for passage, span in spans
    ]
    flat = [values for passage in features for values in passage]
    return Rows(torch.tensor(flat).reshape(-1, len(FEATURES)), torch.tensor(labels))


def fit(rows: Sequence[Rows]) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights (F,) and bias of the ridge logistic regression over all sentences, on the features' own scale."""
    x, y = torch.cat([r.features for r in rows]), torch.cat([r.labels for r in rows])
    mean, spread = x.mean(0), x.std(0) + 1e-6
    w, b = torch.zeros(x.shape[1], requires_grad=True), torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.LBFGS([w, b], max_iter=200)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        logits = ((x - mean) / spread) @ w + b
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, y) + _RIDGE * (w**2).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return (w / spread).detach(), (b - (w * mean / spread).sum()).detach()


def cross_validate(rows: Sequence[Rows]) -> tuple[list[float], list[int]]:
    """For each question the logit of its likeliest sentence, and whether that sentence holds a key; the weights are
    those of the other folds."""
    scores, right = [-10.0] * len(rows), [0] * len(rows)
    for fold in range(_FOLDS):
        weights, bias = fit([r for i, r in enumerate(rows) if i % _FOLDS != fold])
        for i, row in enumerate(rows):
            if i % _FOLDS == fold and len(row.labels):
                logits = row.features @ weights + bias
                best = int(logits.argmax())
                scores[i], right[i] = float(logits[best]), int(row.labels[best])
    return scores, right


if __name__ == "__main__":
    main()
