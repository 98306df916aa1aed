"""DPR's files are read as streams, whatever their length, and what is wrong with one is named."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from corpora.dpr import biencoder_rows
from domain.errors import Misconfigured


def element(number: int, words: int = 5) -> dict[str, Any]:
    def context(kind: str) -> dict[str, Any]:
        return {"title": f"{kind} {number}", "text": "word “ü” " * words, "score": 1.5, "passage_id": str(number)}

    return {
        "dataset": "nq_train_psgs_w100",
        "question": f"question {number}",
        "answers": ["one", "two"],
        "positive_ctxs": [context("positive"), context("second")],
        "negative_ctxs": [],
        "hard_negative_ctxs": [context("hard")],
    }


def test_a_row_is_a_question_with_its_passages(tmp_path: Path) -> None:
    path = tmp_path / "biencoder-nq-dev.json"
    path.write_text(json.dumps([element(7)], indent=4), "utf-8")
    (row,) = biencoder_rows(path)
    assert (row.question, row.answers) == ("question 7", ("one", "two"))
    assert [title for title, _ in row.positives] == ["positive 7", "second 7"]
    assert row.hard_negatives == (("hard 7", "word “ü” " * 5),)
    assert row.negatives == ()


@pytest.mark.parametrize("packed", [False, True])
def test_rows_broken_over_the_borders_of_chunks_arrive_whole(tmp_path: Path, packed: bool) -> None:
    wanted = [element(number, 3000 + 37 * number) for number in range(40)]  # about 4 MB: several chunks of a megabyte
    text = json.dumps(wanted, ensure_ascii=False, indent=1).encode()
    path = tmp_path / ("train.json.gz" if packed else "train.json")
    path.write_bytes(gzip.compress(text, 1) if packed else text)
    rows = list(biencoder_rows(path))
    assert [row.question for row in rows] == [one["question"] for one in wanted]
    assert [row.positives[1][1] for row in rows] == [one["positive_ctxs"][1]["text"] for one in wanted]


def test_the_first_rows_do_not_wait_for_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "train.json"
    text = json.dumps([element(number, 3000) for number in range(60)])
    path.write_text(f"{text[:-1]}, nonsense", "utf-8")
    rows = biencoder_rows(path)
    assert next(rows).question == "question 0"
    with pytest.raises(Misconfigured, match=r"train\.json"):
        list(rows)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "[{]",
        '{"question": "q"}',
        '[{"question": "q", "answers": ["a"], "positive_ctxs": ',
        "[1, 2]",
        "nonsense",
    ],
)
def test_a_malformed_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "biencoder-nq-train.json"
    path.write_text(text, "utf-8")
    with pytest.raises(Misconfigured, match=r"biencoder-nq-train\.json"):
        list(biencoder_rows(path))


def test_a_packed_file_that_breaks_off_is_named(tmp_path: Path) -> None:
    path = tmp_path / "biencoder-nq-train.json.gz"
    path.write_bytes(gzip.compress(json.dumps([element(n, 500) for n in range(50)]).encode())[:-200])
    with pytest.raises(Misconfigured, match=r"biencoder-nq-train\.json\.gz"):
        list(biencoder_rows(path))


def test_a_field_of_another_kind_is_named_with_its_row(tmp_path: Path) -> None:
    path = tmp_path / "train.json"
    path.write_text(json.dumps([element(1), {**element(2), "answers": "one"}]), "utf-8")
    with pytest.raises(Misconfigured, match=r"row 2.*answers"):
        list(biencoder_rows(path))
