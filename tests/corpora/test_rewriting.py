from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import pytest

from corpora.rewriting import RewriteExample, exchanges, read_rewriting
from domain.errors import Misconfigured
from tests.corpora.public_data import public

CANARD = [
    {
        "History": ["Ada Brook", "Early years"],
        "QuAC_dialog_id": "C_1_0",
        "Question": "Where was she born?",
        "Question_no": 1,
        "Rewrite": "Where was Ada Brook born?",
    },
    {
        "History": ["Ada Brook", "Early years", "Where was she born?", "in Harbour Town", "When?", "in 1901"],
        "QuAC_dialog_id": "C_1_0",
        "Question": "Why there?",
        "Question_no": 3,
        "Rewrite": "Why was Ada Brook born in Harbour Town?",
    },
]
QRECC = {
    "Context": ["What do boats cost?", "About 90 crowns."],
    "Question": "And their oars?",
    "Rewrite": "What do the oars of boats cost?",
    "Answer": "",
    "Answer_URL": "https://example.org",
    "Conversation_no": 74,
    "Turn_no": 2,
    "Conversation_source": "nq",
}


def file(at: Path, value: Any) -> Path:
    (at / "dev.json").write_text(json.dumps(value), encoding="utf-8")
    return at / "dev.json"


def test_canard_is_read_with_its_titles_as_the_oldest_exchange(tmp_path: Path) -> None:
    assert list(read_rewriting(file(tmp_path, CANARD))) == [
        RewriteExample(
            "C_1_0_q#0", (("Ada Brook", "Early years"),), "Where was she born?", "Where was Ada Brook born?"
        ),
        RewriteExample(
            "C_1_0_q#2",
            (("Ada Brook", "Early years"), ("Where was she born?", "in Harbour Town"), ("When?", "in 1901")),
            "Why there?",
            "Why was Ada Brook born in Harbour Town?",
        ),
    ]


def test_qrecc_is_read(tmp_path: Path) -> None:
    first = {**QRECC, "Context": [], "Turn_no": 1}
    assert list(read_rewriting(file(tmp_path, [first, QRECC]))) == [
        RewriteExample("74_1", (), "And their oars?", "What do the oars of boats cost?"),
        RewriteExample(
            "74_2",
            (("What do boats cost?", "About 90 crowns."),),
            "And their oars?",
            "What do the oars of boats cost?",
        ),
    ]


def test_packed_rows_are_read_like_canard(tmp_path: Path) -> None:
    rows = [
        {
            "id": f"{row['QuAC_dialog_id']}_q#{number}",
            "history": row["History"],
            "question": row["Question"],
            "rewrite": row["Rewrite"],
        }
        for number, row in zip((0, 2), CANARD, strict=True)
    ]
    path = tmp_path / "rewrite.jsonl.xz"
    path.write_bytes(lzma.compress("\n".join(map(json.dumps, rows)).encode()))
    assert list(read_rewriting(path)) == list(read_rewriting(file(tmp_path, CANARD)))


def test_a_question_without_its_answer_is_paired_with_nothing() -> None:
    assert exchanges(["a", "b", "c"]) == (("a", "b"), ("c", ""))


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({"utterance": "?"}, "neither of CANARD .* nor of QReCC"),
        ({**CANARD[0], "History": ["Ada Brook"]}, "'History' should begin with the titles .* holds 1 strings"),
        ({**CANARD[0], "Question_no": "first"}, "'Question_no' should be a number and is \"first\""),
        ({**CANARD[0], "Rewrite": None}, "'Rewrite' should be a string and is missing"),
        ({**QRECC, "Context": "What?"}, "'Context' should be a list"),
        ({**QRECC, "Context": [3]}, "'Context' should hold strings only and holds 3"),
        ({**QRECC, "Turn_no": True}, "'Turn_no' should be a string"),
    ],
)
def test_a_malformed_row_is_named(tmp_path: Path, row: object, named: str) -> None:
    with pytest.raises(Misconfigured, match=rf"dev\.json, row 2: .*{named}"):
        list(read_rewriting(file(tmp_path, [QRECC, row])))


@pytest.mark.parametrize("text", ["", "[]", json.dumps(CANARD)[:-40]])
def test_an_empty_or_broken_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "dev.json").write_text(text)
    with pytest.raises(Misconfigured, match=r"dev\.json"):
        list(read_rewriting(tmp_path / "dev.json"))


def test_the_packed_canard_is_read() -> None:
    found = list(read_rewriting(public("dev/rewrite_canard_dev_a.jsonl.xz")))
    assert len(found) == 1_665
    assert all(len(row.history) == int(row.id.rpartition("#")[2]) + 1 for row in found)
