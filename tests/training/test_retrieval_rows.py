"""Rows are read from every form they come in, and a negative is never an answer."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from random import Random

import pytest

from domain.errors import Misconfigured
from training.retrieval_rows import RetrievalRow, holds_answer, rows_of, searchable, with_near_negatives, write_rows

FEES = [
    ("Fees", "A late bill costs nine pounds."),
    ("Fees", "A paper bill costs two pounds."),
    ("Fees", "A lost bill costs nothing."),
    ("Router", "A red light means a fault."),
]


def write_beir(folder: Path) -> Path:
    corpus = [{"_id": str(n), "title": title, "text": text} for n, (title, text) in enumerate(FEES)]
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in corpus), "utf-8")
    (folder / "queries.jsonl").write_text(
        json.dumps({"_id": "q", "text": "what does a late bill cost"}) + "\n", "utf-8"
    )
    (folder / "qrels" / "train.tsv").write_text("query-id\tcorpus-id\tscore\nq\t0\t2\nq\t2\t1\nq\t3\t0\n", "utf-8")
    return folder


def test_a_passage_looks_as_the_product_shows_it_to_encoders() -> None:
    assert searchable(("Fees", "Nine pounds.")) == "Fees\nNine pounds."
    assert searchable(("", "Nine pounds.")) == "Nine pounds."


@pytest.mark.parametrize("name", ["rows.jsonl", "deep/er/rows.jsonl"])
def test_rows_come_back_as_they_were_written(tmp_path: Path, name: str) -> None:
    rows = [
        RetrievalRow("what fee", FEES[0], (FEES[1], FEES[3]), ("nine pounds",)),
        RetrievalRow("wie viel “ü”", ("", "Text\nof two lines")),
    ]
    write_rows(tmp_path / name, rows)
    assert list(rows_of(tmp_path / name, negatives=9)) == rows
    assert [len(row.negatives) for row in rows_of(tmp_path / name, negatives=1)] == [1, 0]


def test_a_file_of_dprs_gives_its_first_positive_and_its_hardest_negatives(tmp_path: Path) -> None:
    def contexts(*texts: str) -> list[dict[str, str]]:
        return [{"title": "T", "text": text} for text in texts]

    kinds = ("positive_ctxs", "hard_negative_ctxs", "negative_ctxs")
    found = dict(zip(kinds, (contexts("p", "p2"), contexts("h1", "h2", "h3"), contexts("far")), strict=True))
    rows = [
        {"question": "q", "answers": ["a1"], **found},
        {"question": "none found", "answers": [], **{kind: [] for kind in kinds}},
    ]
    path = tmp_path / "biencoder-nq-train.json.gz"
    path.write_bytes(gzip.compress(json.dumps(rows).encode()))
    assert list(rows_of(path, negatives=2)) == [
        RetrievalRow("q", ("T", "p"), (("T", "h1"), ("T", "h2")), ("a1",)),
    ]


def test_a_beir_folder_gives_a_row_a_relevant_document(tmp_path: Path) -> None:
    rows = list(rows_of(write_beir(tmp_path), negatives=1))
    assert [row.positive for row in rows] == [FEES[0], FEES[2]]
    assert {negative for row in rows for negative in row.negatives} <= {FEES[1], FEES[3]}
    assert all(len(row.negatives) == 1 for row in rows)


@pytest.mark.parametrize(
    "text", ['{"query": "q"}', '{"query": 1, "positive": {"text": "t"}}', '{"query": "q", "positive"']
)
def test_a_row_of_another_shape_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "rows.jsonl").write_text(text + "\n", "utf-8")
    with pytest.raises(Misconfigured, match=r"rows\.jsonl"):
        list(rows_of(tmp_path / "rows.jsonl"))


def test_near_negatives_are_near_and_neither_answers_nor_other_positives_of_the_query() -> None:
    rows = [
        RetrievalRow("what does a late bill cost", FEES[0], answers=("nothing",)),
        RetrievalRow("what does a late bill cost", FEES[1]),
    ]
    found = with_near_negatives(rows, FEES, 2, Random(0))
    assert set(found[0].negatives) == {FEES[3]}  # 1 is the other row's positive, 2 holds the answer
    assert set(found[1].negatives) == {FEES[2], FEES[3]}


def test_no_negatives_wanted_none_given() -> None:
    rows = [RetrievalRow("q", FEES[0])]
    assert with_near_negatives(rows, FEES, 0, Random(0)) == rows
    assert with_near_negatives([], FEES, 2, Random(0)) == []


def test_an_answer_is_found_whatever_its_case_unless_it_is_too_short_to_say_anything() -> None:
    assert holds_answer(("Nine Pounds", "text"), ["nine pounds"])
    assert not holds_answer(("", "no fee"), ["no"])
    assert not holds_answer(("", "no fee"), [])
