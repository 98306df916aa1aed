from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from domain.errors import Misconfigured
from retrieval.fusion_weights import FEATURES, FusionWeights, features, open_fusion_weights

SHIPPED = Path(__file__).parents[2] / "models" / "fusion" / "weights.json"


def row(signals: list[dict[str, float]], which: int = 0) -> dict[str, float]:
    return dict(zip(FEATURES, features(signals)[which].tolist(), strict=True))


def test_each_feature_is_what_its_list_says() -> None:
    both = {"dense_score": 0.5, "dense_rank": 2.0, "bm25_score": 3.0, "bm25_rank": 1.0}
    context = {"context_dense_score": 0.7, "context_dense_rank": 1.0, "context_bm25_score": 1.0, "context_bm25_rank": 4}
    other = {"dense_score": 0.2, "context_dense_score": 0.1, "context_bm25_score": 4.0, "context_bm25_rank": 1.0}
    assert row([{**both, **context}, other]) == pytest.approx(
        {
            "dense_score": 0.5,
            "bm25_score": 1.0,
            "context_dense_score": 0.7,
            "context_bm25_score": 0.25,
            "dense_place": 11 / 12,
            "bm25_place": 1.0,
            "context_dense_place": 1.0,
            "context_bm25_place": 11 / 14,
        }
    )
    assert row([{**both, **context}, other], 1)["bm25_place"] == 0.0


def test_without_context_the_query_alone_stands_in_for_it() -> None:
    found = row([{"dense_score": 0.5, "dense_rank": 2.0, "bm25_score": 3.0, "bm25_rank": 1.0}])
    for name in ("dense_score", "bm25_score", "dense_place", "bm25_place"):
        assert found[f"context_{name}"] == found[name] > 0


def test_probabilities_are_those_of_the_conditional_logit() -> None:
    weights = FusionWeights((2.0,) + (0.0,) * 7)
    told = weights.probabilities([{"dense_score": 0.9}, {"dense_score": 0.4}])
    assert told == pytest.approx([np.e / (1 + np.e), 1 / (1 + np.e)])
    assert weights.probabilities([]) == []


def test_great_weights_do_not_overflow() -> None:
    told = FusionWeights((9000.0,) + (0.0,) * 7).probabilities([{"dense_score": 0.9}, {"dense_score": 0.4}])
    assert told == [1.0, 0.0]


def test_weights_are_read_by_name(tmp_path: Path) -> None:
    file = tmp_path / "weights.json"
    file.write_text(json.dumps({"weights": {name: n for n, name in reversed(list(enumerate(FEATURES)))}}))
    assert open_fusion_weights(file).weights == (0, 1, 2, 3, 4, 5, 6, 7)


@pytest.mark.parametrize("content", ["", "{}", '{"weights": {"dense_score": 1}}', '{"weights": 3}'])
def test_damaged_weights_are_refused_with_the_way_to_restore_them(tmp_path: Path, content: str) -> None:
    file = tmp_path / "weights.json"
    file.write_text(content)
    with pytest.raises(Misconfigured, match="git checkout -- models"):
        open_fusion_weights(file)
    with pytest.raises(Misconfigured, match="missing"):
        open_fusion_weights(tmp_path / "other.json")


def test_the_shipped_weights_prefer_what_every_list_puts_first() -> None:
    weights = open_fusion_weights(SHIPPED)
    first = {"dense_score": 0.7, "dense_rank": 1.0, "bm25_score": 9.0, "bm25_rank": 1.0}
    last = {"dense_score": 0.2, "dense_rank": 40.0, "bm25_score": 2.0, "bm25_rank": 40.0}
    told = weights.probabilities([last, first])
    assert told[1] > 0.9
