"""What the rewriter learns from: nothing may teach it to invent."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import pytest

from corpora.jsonl import rows
from domain.conversation import Gate
from domain.errors import Misconfigured
from generation.invariants import invented
from training.rewriting_data import RewriteRow, development_rows, kit_rows, training_rows


def pack(path: Path, found: list[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with lzma.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in found)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    told = [
        {"q": "what team did unitas play for", "rw": "what team did Johnny Unitas play for", "answer_nouns": ["colts"]}
    ]
    pack(
        folder / "train" / "rewrite_canard_train.jsonl.xz",
        [
            {"history": told, "question": "did they win", "rewrite": "did the colts win"},
            {"history": told, "question": "where was she born", "rewrite": "where was Amelia Earhart born"},
            {"history": told, "question": "what was that", "rewrite": "what was aerodynamically wrong"},
        ],
    )
    pack(
        folder / "train" / "rewrite_gecor.jsonl.xz",
        [
            {
                "history": ["I want food.", "Nirala serves Indian food."],
                "question": "What is their address?",
                "rewrite": "What is the address of Nirala?",
                "ellipsis": "The address?",
                "coref": "What is their address?",
            }
        ],
    )
    pack(
        folder / "train" / "rewrite_cqr_dev.jsonl.xz",
        [
            {"history": ["driver: book a room", "assistant: when?", "driver: Monday"], "rewrite": "book a room Monday"},
            {"history": ["driver: hello"], "rewrite": None},
        ],
    )
    return folder


@pytest.fixture(scope="module")
def taught(data: Path) -> list[RewriteRow]:
    return training_rows(data, limit=1)


def test_a_rewrite_from_the_words_of_the_history_is_kept_as_it_is(taught: list[RewriteRow]) -> None:
    found = {row.rewrite: row for row in taught if row.gate is Gate.REWRITE}
    assert found["did the colts win"].question == "did they win"
    assert "colts" in found["did the colts win"].history[-1][1]


def test_a_name_nobody_said_is_given_as_the_oldest_exchange(taught: list[RewriteRow]) -> None:
    found = {row.rewrite: row for row in taught if row.question == "where was she born"}
    assert found["where was Amelia Earhart born"].history[0] == ("Amelia Earhart", "")


def test_a_rewrite_with_words_that_are_no_name_is_left_out(taught: list[RewriteRow]) -> None:
    assert all("aerodynamically" not in row.rewrite for row in taught)


def test_every_way_of_typing_a_gecor_turn_is_one_row(taught: list[RewriteRow]) -> None:
    typed = sorted(row.question for row in taught if row.rewrite == "What is the address of Nirala?")
    assert typed == ["The address?", "What is their address?"]


def test_the_last_message_of_a_cqr_dialogue_is_the_one_to_rewrite(taught: list[RewriteRow]) -> None:
    row = next(row for row in taught if row.rewrite == "book a room Monday")
    assert row.question == "Monday"
    assert row.history == (("book a room", "when?"),)


def test_the_same_seed_gives_the_same_rows(data: Path) -> None:
    once = training_rows(data, 3, limit=200)
    kit_rows.cache_clear()  # or the second reading would be the first one again
    assert training_rows(data, 3, limit=200) == once
    assert training_rows(data, 4, limit=200) != once


def test_a_rehearsal_fills_fewer_conversations(data: Path, taught: list[RewriteRow]) -> None:
    assert 1 < len(taught) < len(training_rows(data, limit=200))


def test_development_histories_pair_titles_and_exchanges(tmp_path: Path) -> None:
    file = tmp_path / "dev.jsonl.xz"
    pack(
        file, [{"history": ["Frank Zappa", "Disbandment", "When?", "1969"], "question": "Why?", "rewrite": "Why then?"}]
    )
    assert development_rows(file)[0].history == (("Frank Zappa", "Disbandment"), ("When?", "1969"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"rewrite_canard_train\.jsonl\.xz"):
        training_rows(tmp_path)


def test_a_line_that_is_not_json_is_named(tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text('{"a": 1}\n{"a": \n')
    with pytest.raises(Misconfigured, match="line 2"):
        list(rows(file))


def test_kits_teach_no_word_that_nobody_said() -> None:
    found = kit_rows(development=False, conversations=2)
    assert len(found) > 300
    for row in found:
        said = " ".join(f"{asked} {told}" for asked, told in row.history)
        assert not invented(row.question, row.rewrite, said)
        if row.gate is not Gate.REWRITE:
            assert row.rewrite == row.question


def test_kits_for_development_are_of_other_companies() -> None:
    taught = {row.history[0] for row in kit_rows(development=False, conversations=3)}
    assert not taught & {row.history[0] for row in kit_rows(development=True, conversations=3)}
