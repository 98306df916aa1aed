"""Fits the learned fusion of ``retrieval.fusion_weights`` on Doc2Dial's training documents.

    python -m evaluation.fit_fusion --data FOLDER [--turns 400] [--queries FILE]

FOLDER is the Doc2Dial folder, its documents ingested as ``public-services``. Writes ``models/fusion/weights.json``
with what the weights find in five-fold cross-validation (folds by document), beside reciprocal rank fusion of the
same lists. The development documents are not read; ``colloquy evaluate retrieval-variants`` measures on them.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from bot.assembly import assemble
from corpora.doc2dial import GoldTurn, gold_set, load_turns
from domain.passage import RetrievedPassage
from evaluation.figures import evenly
from evaluation.metrics import hit, reciprocal_rank
from evaluation.retrieval_variants import FUSION_WEIGHTS, kept_in_files, rewritten
from evaluation.systems import ServedRewriter, encoder
from retrieval.fusion_weights import FEATURES, FusionWeights, features
from retrieval.hybrid import HybridOptions, HybridRetriever
from settings import load_settings

KNOWLEDGE_BASE = "public-services"
_FOLDS = 5
_RIDGE = 0.001  # the figures hardly move between 0.0001 and 0.05

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Example:
    """What the lists hold for one turn, in the order of reciprocal rank fusion, and what of it answers."""

    document: str
    ids: tuple[str, ...]
    signals: tuple[Mapping[str, float], ...]
    gold: frozenset[str]

    def ranked(self, weights: FusionWeights | None) -> list[str]:
        """The ids as ``weights`` order them; as they are without."""
        if weights is None:
            return list(self.ids)
        scores = weights.probabilities(self.signals)
        return [self.ids[i] for i in sorted(range(len(self.ids)), key=lambda i: (-scores[i], self.ids[i]))]


def main(arguments: Sequence[str] | None = None) -> None:
    """Fits, cross-validates, writes."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description="Fits the learned fusion on Doc2Dial's training documents.")
    parser.add_argument("--data", type=Path, required=True, help="the Doc2Dial folder")
    parser.add_argument("--turns", type=int, default=400, help="how many turns, spread evenly")
    parser.add_argument("--queries", type=Path, default=None, help="keep rewritten queries here")
    parser.add_argument("--output", type=Path, default=FUSION_WEIGHTS, help="where the weights go")
    given = parser.parse_args(arguments)
    examples = collected(given.data, given.turns, given.queries)
    found = report(examples)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    _log.info("%s", json.dumps(found, indent=2))


def collected(data: Path, limit: int, queries: Path | None) -> list[Example]:
    """What the shipped lists hold for ``limit`` turns about training documents."""
    settings = load_settings(knowledge_base=KNOWLEDGE_BASE)
    with assemble(settings, memory=False) as colloquy:
        base = kept_in_files(colloquy, KNOWLEDGE_BASE)
        turns = gold_set(evenly(load_turns(data, "train"), limit), base).turns
        rewrite = ServedRewriter(colloquy, KNOWLEDGE_BASE).query
        asked = rewritten([one.turn for one in turns], rewrite, queries, _told)
        options = HybridOptions(pool=settings.retrieval.pool, context_weight=settings.retrieval.context_weight)
        hybrid = HybridRetriever(base.snapshot, encoder(settings), options)
        return [example(one, hybrid.pooled(asked[one.turn.id])) for one in turns]


def example(turn: GoldTurn, found: Sequence[RetrievedPassage]) -> Example:
    """One turn with all that the lists hold for it."""
    ids = tuple(one.passage.id for one in found)
    return Example(turn.turn.document_id, ids, tuple(one.signals for one in found), turn.passages)


def report(examples: Sequence[Example]) -> dict[str, object]:
    """The weights, what they were fitted on, and the figures of cross-validation beside those of RRF."""
    weights = fit(examples)
    held_out = cross_validated(examples)
    return {
        "weights": {name: round(w, 4) for name, w in zip(FEATURES, weights.weights, strict=True)},
        "fitted_on": f"{len(examples)} turns about {len({one.document for one in examples})} training documents",
        "cross_validated": figures(held_out, examples),
        "reciprocal_rank_fusion": figures([one.ranked(None) for one in examples], examples),
    }


def figures(ranked: Sequence[Sequence[str]], examples: Sequence[Example]) -> dict[str, float]:
    """R@1, R@5, R@10 and MRR in per cent."""
    pairs = [(ids, one.gold) for ids, one in zip(ranked, examples, strict=True)]
    found = {f"R@{k}": np.mean([hit(ids, gold, k) for ids, gold in pairs]) for k in (1, 5, 10)}
    found["MRR"] = np.mean([reciprocal_rank(ids, gold) for ids, gold in pairs])
    return {name: round(100 * float(value), 1) for name, value in found.items()}


def cross_validated(examples: Sequence[Example]) -> list[list[str]]:
    """The passages of each example, ordered by weights that were fitted without its document."""
    documents = {name: number for number, name in enumerate(sorted({one.document for one in examples}))}
    ranked: list[list[str]] = [[] for _ in examples]
    for fold in range(_FOLDS):
        weights = fit([one for one in examples if documents[one.document] % _FOLDS != fold])
        for place, one in enumerate(examples):
            if documents[one.document] % _FOLDS == fold:
                ranked[place] = one.ranked(weights)
    return ranked


def fit(examples: Sequence[Example]) -> FusionWeights:
    """The weights that make what answers likeliest: −log Σ_{d answers} P(d), averaged over the examples whose lists
    hold an answer, plus a ridge on standardised features. All 0 when there is no such example."""
    usable = [one for one in examples if one.gold & set(one.ids)]
    if not usable:
        return FusionWeights((0.0,) * len(FEATURES))
    tables = [torch.tensor(features(one.signals)) for one in usable]
    right = [torch.tensor([id_ in one.gold for id_ in one.ids]) for one in usable]
    spread = torch.cat(tables).std(0) + 1e-6
    w = torch.zeros(len(FEATURES), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([w], max_iter=300)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        logits = [x / spread @ w for x in tables]
        losses = [z.logsumexp(0) - z[y].logsumexp(0) for z, y in zip(logits, right, strict=True)]
        loss = torch.stack(losses).mean() + _RIDGE * (w**2).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return FusionWeights(tuple(float(value) for value in (w / spread).detach()))


def _told(done: int, total: int) -> None:
    if done % 100 == 0 or done == total:
        _log.info("rewritten: %d of %d", done, total)


if __name__ == "__main__":
    main()
