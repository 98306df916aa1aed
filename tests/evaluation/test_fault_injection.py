"""Killed at its write points, an operation leaves the state before or after; one that does not is caught.

The full form, every write point of every operation: ``python -m evaluation.fault_injection``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from evaluation.disk_operations import OPERATIONS
from evaluation.kill_points import why_not

ROOT = Path(__file__).parents[2]
NOT_HERE = why_not()

pytestmark = pytest.mark.skipif(NOT_HERE is not None, reason=f"{NOT_HERE}")

# What a process with one thread runs; a test process may have many, and must not fork.
ALONE = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], cwd=ROOT, env=ALONE, capture_output=True, text=True)


def injected(tmp_path: Path, *options: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit status of the command and what it reports of each operation and start."""
    report = tmp_path / "faults.json"
    done = run("-m", "evaluation.fault_injection", *options, "--output", str(report))
    assert report.exists(), done.stderr
    return done.returncode, json.loads(report.read_text("utf-8"))["results"]


def test_every_operation_survives_kills_spread_over_its_course(tmp_path: Path) -> None:
    status, trials = injected(tmp_path, "--points", "3")
    assert [problem for trial in trials for problem in trial["problems"]] == []
    assert {trial["operation"] for trial in trials} == {operation.name for operation in OPERATIONS}
    assert all(trial["killed"] == 3 for trial in trials if trial["operation"] != "remove")
    assert min(trial["points"] for trial in trials if trial["operation"] in ("add", "replace", "delete")) > 20
    assert min(trial["points"] for trial in trials if trial["operation"].startswith("compact")) > 5
    assert status == 0


CARELESS = """
import sys
from pathlib import Path
from evaluation import fault_injection
from evaluation.disk_operations import KNOWLEDGE_BASE, Operation, some_documents, store_in

def prepare(folder):
    store = store_in(folder)
    store.create(KNOWLEDGE_BASE).put_many(some_documents(4, 1))
    return store

def in_two_steps(folder):
    base = store_in(folder).open(KNOWLEDGE_BASE)
    base.delete("d1")
    base.put_many(some_documents(2, 2))
    base.close()

def in_place(folder):
    path = folder / "help.sqlite3"
    whole = path.read_bytes()
    with path.open("r+b", buffering=0) as file:
        file.write(bytes(len(whole)))
        file.seek(0)
        file.write(whole)

def well(folder):
    base = store_in(folder).open(KNOWLEDGE_BASE)
    base.put_many(some_documents(2, 2))
    base.close()

act = {"two steps": in_two_steps, "in place": in_place, "well": well}[sys.argv[1]]
for trial in fault_injection.trials([Operation(sys.argv[1], prepare, act)], 12, Path(sys.argv[2])):
    print(trial.kills, len(trial.problems), *trial.problems[:1])
    break
"""


@pytest.mark.parametrize(
    ("way", "problem"),
    [("two steps", "between two states"), ("in place", "cannot go on: file is not a database"), ("well", None)],
)
def test_a_careless_way_to_change_a_knowledge_base_is_caught(tmp_path: Path, way: str, problem: str | None) -> None:
    done = run("-c", CARELESS, way, str(tmp_path))
    kills, problems, *told = done.stdout.split(maxsplit=2)
    assert int(kills) > 2, done.stderr
    assert (int(problems) > 0) is (problem is not None)
    assert problem is None or problem in told[0]


COUNTED = """
import os, sys
from pathlib import Path
from evaluation.kill_points import Kill, killed_at, write_points

folder = Path(sys.argv[1])
(folder / "kept").write_bytes(b"kept")
outside = os.open(sys.argv[2], os.O_RDWR | os.O_CREAT)

def work():
    os.write(outside, b"not counted: it is elsewhere")
    file = os.open(folder / "new", os.O_WRONLY | os.O_CREAT)
    os.write(file, b"12345678")
    os.fsync(file)
    os.rename(folder / "new", folder / "kept")

def left():
    return sorted((path.name, path.read_bytes().decode()) for path in folder.iterdir())

which, how = int(sys.argv[3]), Kill(sys.argv[4])
happened = killed_at(work, folder, which, how)
print([happened, left()])
print([(point.call, point.length) for point in write_points(work, folder)])
"""


@pytest.mark.parametrize(
    ("point", "how", "left"),
    [
        (1, "before", [("kept", "kept")]),
        (2, "before", [("kept", "kept"), ("new", "")]),
        (2, "torn", [("kept", "kept"), ("new", "1234")]),
        (3, "before", [("kept", "kept"), ("new", "12345678")]),
        (4, "before", [("kept", "kept"), ("new", "12345678")]),
        (5, "before", [("kept", "12345678")]),
    ],
)
def test_a_kill_comes_exactly_before_or_within_the_call(
    tmp_path: Path, point: int, how: str, left: Sequence[tuple[str, str]]
) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    done = run("-c", COUNTED, str(inside), str(outside), str(point), how)
    found, counted = done.stdout.splitlines()
    assert found == str([point < 5, list(left)])
    assert counted == str([("create", 0), ("write", 8), ("fsync", 0), ("rename", 0)])
