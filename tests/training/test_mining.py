"""Mined negatives are near, and neither the positive nor what may be an answer nobody marked."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import Misconfigured
from tests.retrieval.word_encoder import WordEncoder
from tests.training.tiny_models import tiny_bert
from training.mining import MiningOptions, ceiling, mine, mine_negatives
from training.retrieval_data import RowSources
from training.retrieval_rows import RetrievalRow, rows_of, write_rows

FEE = ("", "the late bill fee is nine pounds")
TWIN = ("", "the late bill fee nine euros")
PAPER = ("", "the paper bill fee is two pounds")
LIGHT = ("", "red light means router fault")
ROWS = [
    RetrievalRow("the late bill fee is", FEE),
    RetrievalRow("the paper bill fee is", PAPER),
    RetrievalRow("red light", LIGHT, (TWIN,)),
]
WIDE = MiningOptions(depth=10, count=4, skip_above=1.0)


def test_negatives_are_the_nearest_and_never_the_positive() -> None:
    found = mine(ROWS, WordEncoder(), WIDE)
    assert [row.positive for row in found] == [row.positive for row in ROWS]
    for row in found:
        assert row.positive not in row.negatives
        assert len(set(row.negatives)) == len(row.negatives) > 0
    assert found[0].negatives[:2] in ((TWIN, PAPER), (PAPER, TWIN))
    assert found[0].negatives[-1] == LIGHT


def test_no_more_than_wanted_from_no_deeper_than_wanted() -> None:
    assert [len(row.negatives) for row in mine(ROWS, WordEncoder(), MiningOptions(10, 1, 1.0))] == [1, 1, 1]
    assert [len(row.negatives) for row in mine(ROWS, WordEncoder(), MiningOptions(1, 4, 1.0))] == [0, 0, 0]


def test_a_passage_nearly_as_near_as_the_positive_is_passed_over() -> None:
    encoder = WordEncoder()
    query = encoder.encode_queries([ROWS[0].query])[0]
    scores = {passage: float(encoder.encode_passages([passage[1]])[0] @ query) for passage in (FEE, TWIN, PAPER, LIGHT)}
    share = (scores[TWIN] + 1e-4) / scores[FEE]
    for passed, skip_above in ((True, share), (False, share - 2e-3)):
        row = mine(ROWS, encoder, MiningOptions(10, 4, skip_above))[0]
        assert (TWIN in row.negatives) == passed
        for negative in row.negatives:
            assert scores[negative] <= skip_above * scores[FEE]


def test_what_scores_above_the_positive_is_never_a_negative() -> None:
    rows = [RetrievalRow("red light", FEE), RetrievalRow("x", LIGHT)]
    assert LIGHT not in mine(rows, WordEncoder(), WIDE)[0].negatives


def test_a_passage_that_holds_the_answer_is_passed_over() -> None:
    rows = [RetrievalRow(ROWS[0].query, FEE, answers=("Nine",)), *ROWS[1:]]
    found = mine(rows, WordEncoder(), WIDE)[0]
    assert TWIN not in found.negatives
    assert PAPER in found.negatives


def test_another_positive_of_the_query_is_passed_over() -> None:
    rows = [*ROWS, RetrievalRow(ROWS[0].query, TWIN), RetrievalRow("y", ("Other heading", FEE[1]))]
    found = mine(rows, WordEncoder(), WIDE)[0]
    assert not {TWIN, ("Other heading", FEE[1])} & set(found.negatives)


def test_a_negative_score_is_kept_from_below() -> None:
    assert ceiling(0.8, 0.95) == pytest.approx(0.76)
    assert ceiling(-0.8, 0.95) == pytest.approx(-0.84)
    assert ceiling(0.5, 1.0) == 0.5


def test_a_file_is_mined_into_a_file_that_trains(tmp_path: Path) -> None:
    write_rows(tmp_path / "in.jsonl", [*ROWS, ROWS[0]])  # a row given twice is mined once
    start = tiny_bert(tmp_path / "bert")
    mined = mine_negatives(RowSources(train=(tmp_path / "in.jsonl",)), tmp_path / "out.jsonl", str(start), WIDE)
    rows = list(rows_of(tmp_path / "out.jsonl", negatives=9))
    assert sorted(row.query for row in rows) == sorted(row.query for row in ROWS)
    assert (mined.rows, mined.negatives) == (3, sum(len(row.negatives) for row in rows))
    assert mined.without == sum(not row.negatives for row in rows)


@pytest.mark.parametrize("wrong", [MiningOptions(depth=0), MiningOptions(count=0), MiningOptions(skip_above=1.5)])
def test_options_that_cannot_work_are_refused(tmp_path: Path, wrong: MiningOptions) -> None:
    with pytest.raises(Misconfigured, match="--"):
        mine_negatives(RowSources(train=(tmp_path,)), tmp_path / "out.jsonl", "", wrong)


def test_no_rows_no_negatives() -> None:
    assert mine([], WordEncoder(), WIDE) == []
