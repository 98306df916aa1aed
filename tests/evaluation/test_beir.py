from __future__ import annotations

import math

import pytest

from corpora.beir import BeirSet
from evaluation.beir import measure, report
from tests.retrieval.word_encoder import WordEncoder

DATA = BeirSet(
    corpus={
        "d1": ("", "moving fee"),
        "d2": ("Roaming", "abroad"),
        "d3": ("", "moving house far away"),
        "d4": ("", "x"),
    },
    queries={"q1": "moving fee", "q2": "roaming abroad", "q3": "nothing relevant"},
    qrels={"q1": {"d1": 1, "d3": 2}, "q2": {"d2": 1}, "q3": {"d4": 0}},
)


def test_ndcg_and_recall_by_hand() -> None:
    told: list[tuple[int, int]] = []
    (line,) = measure(DATA, {"words": WordEncoder()}, None, lambda *at: told.append(at))
    # q1 finds d1 (grade 1) before d3 (grade 2); gains are the grades, discounts log2(rank + 1)
    q1 = (1 + 2 / math.log2(3)) / (2 + 1 / math.log2(3))
    assert line.count == 2  # the third query has nothing relevant
    assert line.measures["nDCG@10"].mean == pytest.approx((q1 + 1) / 2)
    assert line.measures["R@100"].mean == 1.0
    assert told == [(4, 4)]
    assert "4 passages" in report([line], 4, "Dense", {}).facts["search"]


def test_a_limit_takes_fewer_queries_and_all_passages() -> None:
    (line,) = measure(DATA, {"words": WordEncoder()}, 1, lambda done, total: None)
    assert line.count == 1
