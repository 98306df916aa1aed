"""Changes beside readers, and searches through filters: none goes wrong, and what would go wrong is seen.

The full form, 10,000 of each: ``python -m evaluation.index_stress``.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from evaluation.filter_stress import TODAY, Reader, Sheet, stress_filters
from evaluation.index_checks import damage, differences, live_file
from evaluation.index_stress import compared_with_scratch, judged, read_until, stress_index
from evaluation.stress_plan import Plan, state_of_passages
from evaluation.word_hashing import VOCABULARY, WordHashing
from retrieval.knowledge_base import KnowledgeBase, KnowledgeBaseStore


def test_changes_beside_readers_end_as_a_rebuild_from_scratch_does(tmp_path: Path) -> None:
    done = stress_index(tmp_path, seed=2, operations=100, population=30, queries=60)
    assert sum(done.operations.values()) == 100
    assert min(done.operations.values()) > 10
    assert done.compactions >= 20
    assert done.by_threads.reads >= 4
    assert done.by_process.reads >= 4
    assert (done.by_threads.problems, done.by_process.problems, done.damage) == ((), (), ())
    assert done.differing == 0
    assert done.is_clean


def test_no_passage_crosses_a_filter(tmp_path: Path) -> None:
    done = stress_filters(tmp_path, seed=2, queries=200)
    assert done.problems == ()
    assert (done.queries, done.crossed, done.short) == (200, 0, 0)
    assert done.passages > 600


@pytest.fixture
def planned(tmp_path: Path) -> tuple[KnowledgeBase, Plan, Path]:
    """A knowledge base after forty operations of a plan, and its file."""
    plan = Plan.drawn(seed=7, operations=40, population=20)
    base = KnowledgeBaseStore(tmp_path, WordHashing()).create("stress")
    for change in plan.changes:
        if change.put:
            base.put_many(change.put)
        else:
            base.delete(change.delete)
    path = live_file(tmp_path, "stress")
    assert path is not None
    return base, plan, path


def spoil(path: Path, *statements: str) -> None:
    """Changes the file behind everybody's back, and the generation with it, so that it is read again."""
    with sqlite3.connect(path) as connection:
        for statement in (*statements, "UPDATE meta SET value = value + 1 WHERE key = 'generation'"):
            connection.execute(statement)
    connection.close()


def problems(base: KnowledgeBase, plan: Plan) -> tuple[str, ...]:
    stop = threading.Event()
    stop.set()
    return read_until(stop, plan.states, lambda: base, seed=1).problems


def test_the_state_after_each_operation_is_known(planned: tuple[KnowledgeBase, Plan, Path]) -> None:
    base, plan, path = planned
    assert problems(base, plan) == ()
    with base.snapshot() as snapshot:
        assert state_of_passages(snapshot.passages(snapshot.rows()).values()) == plan.states[40]
        assert judged(snapshot, VOCABULARY[0], WordHashing()) == (plan.states[40], [])
    assert damage(path) == []


@pytest.mark.parametrize(
    ("spoilt", "seen", "in_file"),
    [
        ("DELETE FROM vectors WHERE row = (SELECT max(row) FROM vectors)", "in one of word index", "without a vector"),
        ("UPDATE vectors SET vector = (SELECT vector FROM vectors ORDER BY row LIMIT 1)", "not those of the texts", ""),
        (
            "DELETE FROM passages WHERE row = (SELECT row FROM passages WHERE text LIKE '%of 3' LIMIT 1)",
            "not whole",
            "",
        ),
        ("DELETE FROM documents WHERE id = (SELECT id FROM documents LIMIT 1)", "a state of no operation", ""),
        (
            "INSERT INTO lexicon(lexicon, rowid, heading, text) "
            "SELECT 'delete', row, heading, text FROM passages LIMIT 1",
            "1 passages are in one of",
            "the word index lacks",
        ),
    ],
    ids=["vector lost", "vectors mixed up", "passage lost", "document lost", "word index behind"],
)
def test_what_is_out_of_step_is_seen(
    planned: tuple[KnowledgeBase, Plan, Path], spoilt: str, seen: str, in_file: str
) -> None:
    base, plan, path = planned
    spoil(path, "PRAGMA foreign_keys = ON", spoilt)
    assert any(seen in problem for problem in problems(base, plan))
    assert any(in_file in problem for problem in damage(path)) if in_file else True


def test_a_reader_that_goes_back_in_time_is_seen(planned: tuple[KnowledgeBase, Plan, Path]) -> None:
    base, plan, _ = planned
    stop, reads = threading.Event(), 0
    older = KnowledgeBaseStore(Path(base._catalogue.path).parent / "older", WordHashing()).create("stress")
    older.put_many(plan.changes[0].put)

    def now_and_then() -> KnowledgeBase:
        nonlocal reads
        reads += 1
        if reads == 2:
            stop.set()
        return base if reads == 1 else older

    [problem] = read_until(stop, plan.states, now_and_then, seed=1).problems
    assert "after operation 40 a state of [1" in problem


def test_another_answer_than_a_rebuilds_is_counted(planned: tuple[KnowledgeBase, Plan, Path], tmp_path: Path) -> None:
    base, _, path = planned
    assert compared_with_scratch(base, tmp_path / "one", seed=1, queries=50)[0] == 0
    spoil(path, "UPDATE vectors SET vector = (SELECT vector FROM vectors ORDER BY row LIMIT 1)")
    again = KnowledgeBaseStore(tmp_path, WordHashing()).open("stress")
    differing, largest = compared_with_scratch(again, tmp_path / "two", seed=1, queries=50)
    assert differing > 40
    assert largest > 0.01


def test_ties_may_change_places_and_nothing_else_may() -> None:
    scores = {1: 0.9, 2: 0.5, 3: 0.5, 4: 0.1}
    assert differences("q", [(1, 0.9), (3, 0.5), (2, 0.5), (4, 0.1)], scores) == []
    assert differences("q", [(1, 0.9), (2, 0.5)], scores) == ["q gives 2 of 4"]
    assert differences("q", [(1, 0.9), (2, 0.5), (3, 0.4), (4, 0.1)], scores) == [
        "q: wrong score of rows [3]",
        "q: missed better ones",
    ]
    assert differences("q", [(1, 0.9), (2, 0.5), (3, 0.5), (9, 0.1)], scores) == ["q finds row 9, which is gone"]


@pytest.mark.parametrize(
    ("sheet", "reader", "readable"),
    [
        ({"audiences": frozenset({"agent"})}, {"audience": "agent"}, True),
        ({"audiences": frozenset({"agent"})}, {"audience": "customer"}, False),
        ({"audiences": frozenset()}, {"audience": "agent"}, False),
        ({"audiences": frozenset({"all"}), "region": "ie"}, {"region": "uk"}, False),
        ({"audiences": frozenset({"all"}), "region": ""}, {"region": "uk"}, True),
        ({"audiences": frozenset({"all"}), "id": "old"}, {}, False),
        ({"audiences": frozenset({"all"}), "id": "old"}, {"past": True}, True),
        ({"audiences": frozenset({"all"}), "until": TODAY}, {"day": TODAY}, True),
        ({"audiences": frozenset({"all"}), "since": TODAY.replace(day=23)}, {"day": TODAY}, False),
    ],
)
def test_the_judge_of_filters_knows_who_may_read_what(
    sheet: dict[str, object], reader: dict[str, object], readable: bool
) -> None:
    document = {"id": "a", "texts": ("x",), "region": "", "since": None, "until": None, "supersedes": ""} | sheet
    person = {"audience": "customer", "region": "", "day": None, "past": False, "every_version": False} | reader
    assert Reader(**person).may_read(Sheet(**document), frozenset({"old"})) is readable  # type: ignore[arg-type]
