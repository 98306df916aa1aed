"""The learned fusion: a logistic regression over what each list says of a passage.

Of the passages d found for one query one is the answer with the probability of the conditional logit
P(d) = exp(w·x(d)) / Σ_d' exp(w·x(d')) (McFadden 1974), so what is the same for every passage of a query has no say.
``evaluation/fit_fusion.py`` fits w, on turns about documents that no measurement uses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.errors import Misconfigured
from retrieval.fusion import min_max

Matrix = npt.NDArray[np.float64]
Signals = Mapping[str, float]

_RANKED = ("dense", "bm25", "context_dense", "context_bm25")
FEATURES = (*(f"{name}_score" for name in _RANKED), *(f"{name}_place" for name in _RANKED))
_RANK_CONSTANT = 10.0  # 1 / (k + rank): smaller than in RRF, as the scores beside it tell the lower ranks apart


@dataclass(frozen=True, slots=True)
class FusionWeights:
    """One weight per feature of ``FEATURES``."""

    weights: tuple[float, ...]

    def probabilities(self, found: Sequence[Signals]) -> list[float]:
        """P(d) of each passage of one query; they add up to 1, and those of a document to the document's."""
        logits = features(found) @ np.asarray(self.weights)
        odds = np.exp(logits - logits.max(initial=-np.inf)) if len(logits) else logits
        return [float(share) for share in odds / odds.sum()]


def features(found: Sequence[Signals]) -> Matrix:
    """What the regression sees of the passages found for one query: (n, F), in the order of ``FEATURES``.

    Cosines as they are; BM25, which has no ceiling, as a share of the query's best; a rank r as (k + 1) / (k + r),
    0 where the list does not hold the passage. Without context its features are those of the query alone.
    """
    if not found:
        return np.zeros((0, len(FEATURES)))
    columns = [_scores(found, name) for name in _RANKED] + [_places(found, name) for name in _RANKED]
    if not any("context_dense_score" in one for one in found):
        columns[2:4], columns[6:8] = columns[0:2], columns[4:6]
    return np.asarray(columns, dtype=np.float64).T


def open_fusion_weights(file: Path) -> FusionWeights:
    """The fitted weights. Raises ``Misconfigured`` when the file is missing, damaged or for other features."""
    try:
        known: dict[str, Any] = json.loads(file.read_text("utf-8"))["weights"]
        return FusionWeights(tuple(float(known[name]) for name in FEATURES))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Misconfigured(
            f"The fusion's weights {file} are missing or damaged ({error}). Restore them with: git checkout -- models"
        ) from error


def _scores(found: Sequence[Signals], name: str) -> list[float]:
    key = f"{name}_score"
    given = {place: one[key] for place, one in enumerate(found) if key in one}
    known = min_max(given, least=0.0) if name.endswith("bm25") else given
    return [known.get(place, 0.0) for place in range(len(found))]


def _places(found: Sequence[Signals], name: str) -> list[float]:
    key, k = f"{name}_rank", _RANK_CONSTANT
    return [(k + 1) / (k + one[key]) if key in one else 0.0 for one in found]
