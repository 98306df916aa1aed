from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import cast

import pytest

from domain.protocols import Assistant
from evaluation.bench import (
    BenchQuestion,
    IngestionSpeed,
    TimedTurn,
    ingestion_speed,
    load_questions,
    report,
    resident_mebibytes,
    time_turns,
)
from tests.evaluation.clockwork import Clockwork
from tests.retrieval.word_encoder import WordEncoder


def test_the_bench_asks_forty_questions_and_ten_follow_ups() -> None:
    questions = load_questions()
    per_conversation = Counter(question.conversation for question in questions)
    assert len(questions) == 40
    assert sum(count - 1 for count in per_conversation.values()) == 10
    assert len({question.question for question in questions}) == 40


def test_turns_are_timed_in_their_conversations_and_leave_nothing_behind() -> None:
    assistant = Clockwork(first_seconds=0.01, rest_seconds=0.02)
    questions = [BenchQuestion("c1", "one"), BenchQuestion("c1", "two"), BenchQuestion("c2", "three")]
    turns = time_turns(cast(Assistant, assistant), "kb", questions, lambda: None)
    assert [question for _, question in assistant.asked] == ["one", "one", "two", "three"]
    warm_up, first, second, third = (conversation for conversation, _ in assistant.asked)
    assert first == second
    assert len({warm_up, first, third}) == 3
    assert assistant.stored == {}
    for turn in turns:
        assert 0.01 <= turn.first_token < 0.03 <= turn.total
        assert turn.stages == {"retrieve": 0.5, "total": 0.9}


def test_conversations_go_even_when_a_turn_fails() -> None:
    assistant = Clockwork(fails_at="two")
    with pytest.raises(RuntimeError):
        time_turns(
            cast(Assistant, assistant), "kb", [BenchQuestion("c", "one"), BenchQuestion("c", "two")], lambda: None
        )
    assert assistant.stored == {}


def test_the_report_shows_every_stage_once_and_the_whole_turn() -> None:
    turns = [TimedTurn(0.1 * n, 0.2 * n, {"rewrite": 0.01 * n, "total": 9.0}) for n in range(1, 4)]
    table = report(turns, IngestionSpeed(100, 50.0, 25.0), 512.4, {"commit": "abc"})
    assert table.rows == (
        ("rewrite", "20", "29", "3"),
        ("time to first token", "200", "290", "3"),
        ("whole turn", "400", "580", "3"),
    )
    assert "ratio 2.00" in table.facts["ingestion"]
    assert table.facts["resident memory"].startswith("512 MiB")
    assert json.loads(table.as_json())["results"]["seconds"]["whole turn"]["p50"] == pytest.approx(0.4)


def test_resident_memory_is_that_of_a_python_process() -> None:
    assert 10 < resident_mebibytes() < 100_000


@pytest.mark.models
def test_ingestion_is_compared_on_the_same_passages(tmp_path: Path) -> None:
    for n in range(3):
        (tmp_path / f"{n}.md").write_text(f"# Page {n}\n\nA sentence about fee number {n}.\n")
    speed = ingestion_speed(tmp_path, WordEncoder())
    assert speed.passages == 3
    assert speed.ours > 0
    assert speed.plain > 0
