"""Kills the process at every write point of every operation on a knowledge base, and looks at what is left.

    python -m evaluation.fault_injection [--points 0] [--only swap] [--output faults.md]

A write point is a system call that changes the disk: a write, flush, rename, link, unlink, truncation, a file or folder
made (``evaluation/kill_points.py``). Each operation first runs undisturbed and its write points are counted; then it
runs again from the same start for every one of them and is killed (SIGKILL) there, once before the call and, where the
call writes more than a byte, once more after half of it. The knowledge base is opened again and must hold exactly the
state before or after; pages, keys, word index and vectors must agree, a search must give what the catalogue says, and
the same operation, run again, must end as if nothing had happened. Each operation starts from a knowledge base that
was closed well, from one whose last writer was killed, and from one that another process is reading.

Prints a table: operation, write points, kills, inconsistent reopenings, and files left behind for good. Ends with
status 1 when a reopening was inconsistent.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from domain.errors import ColloquyError, Misconfigured
from evaluation.disk_operations import KNOWLEDGE_BASE, OPERATIONS, Operation, store_in
from evaluation.index_checks import State, damage, live_file, some_queries, state_of, wrong_answers
from evaluation.kill_points import Kill, WritePoint, killed_at, why_not, write_points
from evaluation.reports import Table, circumstances
from evaluation.word_hashing import WordHashing

_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_IN_MEMORY = "/dev/shm"  # a killed process loses nothing that it has written, so nothing has to reach a disk
_QUERIES = some_queries(seed=5, count=4)


class Start(StrEnum):
    """How the knowledge base was left before the operation begins."""

    CLOSED = "closed"
    CUT_OFF = "cut off"
    READ = "being read"


@dataclass(frozen=True, slots=True)
class Blow:
    """One kill: where and how."""

    point: WritePoint
    how: Kill

    def __str__(self) -> str:
        return f"{self.how} write point {self.point.number} ({self.point.call})"


@dataclass(frozen=True, slots=True)
class Trial:
    """An operation from one start: how many write points it has, what was tried, and what was wrong afterwards."""

    operation: str
    start: Start
    points: int
    kills: int
    problems: tuple[str, ...]
    left_behind: int
    seconds: float


def trials(operations: Sequence[Operation], most: int, folder: Path) -> Iterator[Trial]:
    """Each operation from each start; at most ``most`` kills each, evenly spread over its course (0: all)."""
    for operation in operations:
        for start in Start:
            place = folder / f"{operation.name}-{start}".replace(" ", "-")
            place.mkdir()
            yield _Bench(operation, start, place).trial(most)
            shutil.rmtree(place)


class _Bench:
    """One operation from one start, repeated from copies of the same folder."""

    def __init__(self, operation: Operation, start: Start, place: Path) -> None:
        self._operation, self._start, self._place = operation, start, place
        self._origin = place / "origin"
        self._origin.mkdir()
        _made_elsewhere(operation, self._origin, cut_off=start is Start.CUT_OFF)

    def trial(self, most: int) -> Trial:
        began = time.monotonic()
        before, after, points, usual = self._undisturbed()
        blows = evenly([*_blows(points)], most)
        kills, problems, debris = 0, list[str](), 0
        for blow in blows:
            happened, wrong, left = self._strike(blow, before, after)
            kills, debris = kills + happened, debris + (left - usual).total()
            problems += [f"{self._operation.name} ({self._start}), killed {blow}: {one}" for one in wrong]
        seconds = time.monotonic() - began
        return Trial(self._operation.name, self._start, len(points), kills, tuple(problems), debris, seconds)

    def _undisturbed(self) -> tuple[State | None, State | None, list[WritePoint], Counter[str]]:
        """The states before and after, the write points between them, and the files that are there afterwards."""
        with self._copy() as folder:
            before = _state(folder)
        with self._copy() as folder:
            with self._reader(folder):
                points = write_points(lambda: self._operation.act(folder), folder)
            after = _state(folder)
            wrong, files = _faults(folder, self._operation), _files(folder)
        if wrong:
            raise Misconfigured(f"{self._operation.name} is wrong even when nothing disturbs it: {wrong[0]}.")
        return before, after, points, files

    def _strike(self, blow: Blow, before: State | None, after: State | None) -> tuple[bool, list[str], Counter[str]]:
        """Whether the kill happened, what was wrong afterwards, and the files once the operation was done again."""
        with self._copy() as folder:
            with self._reader(folder):
                happened = killed_at(lambda: self._operation.act(folder), folder, blow.point.number, blow.how)
            try:
                wrong = self._judged(folder, before, after)
                self._operation.act(folder)
            except (ColloquyError, sqlite3.DatabaseError) as error:
                return happened, [f"cannot go on: {error}"], Counter()
            again = _state(folder)
            same = (again and again.texts) == (after and after.texts)
            wrong += [] if same else ["run again, the operation ends elsewhere"]
            wrong += [f"run again, {one}" for one in _faults(folder, self._operation)]
            return happened, wrong, _files(folder)

    def _judged(self, folder: Path, before: State | None, after: State | None) -> list[str]:
        found = _state(folder)
        if self._operation.by_document:
            known = {*_pairs(before), *_pairs(after)}
            wrong = [] if set(_pairs(found)) <= known else ["a document is neither as before nor as after"]
        else:
            wrong = [] if found in (before, after) else [f"between two states: {_told(found, before, after)}"]
        return wrong + _faults(folder, self._operation)

    @contextmanager
    def _copy(self) -> Iterator[Path]:
        copy = self._place / "copy"
        shutil.copytree(self._origin, copy)
        try:
            yield copy
        finally:
            shutil.rmtree(copy)

    @contextmanager
    def _reader(self, folder: Path) -> Iterator[None]:
        """For ``READ``: another process with an open snapshot, which is killed at the end."""
        if self._start is not Start.READ or live_file(folder, KNOWLEDGE_BASE) is None:
            yield
            return
        ready, told = os.pipe()
        reader = os.fork()
        if not reader:
            _hold(folder, told)
        os.close(told)
        os.read(ready, 1)
        os.close(ready)
        try:
            yield
        finally:
            os.kill(reader, signal.SIGKILL)
            os.waitpid(reader, 0)


def evenly(blows: Sequence[Blow], most: int) -> list[Blow]:
    """``most`` of ``blows``, each from the middle of as many equal parts; all when there are no more, or it is 0."""
    if not most or len(blows) <= most:
        return list(blows)
    return [blows[(2 * number + 1) * len(blows) // (2 * most)] for number in range(most)]


def table(done: Sequence[Trial]) -> Table:
    """A row for each operation, all starts together, and one for the whole."""
    names = list(dict.fromkeys(trial.operation for trial in done))
    rows = [_row(name, [trial for trial in done if trial.operation == name]) for name in names]
    facts = {"starts": ", ".join(Start), **circumstances({}), "seconds": f"{sum(one.seconds for one in done):.0f}"}
    facts.pop("weights")
    problems = [problem for trial in done for problem in trial.problems]
    facts |= {f"problem {number}": problem for number, problem in enumerate(problems[:20], 1)}
    columns = ("operation", "write points", "killed", "inconsistent", "left behind")
    data = [
        {"operation": one.operation, "start": one.start, "points": one.points, "killed": one.kills}
        | {"problems": one.problems, "left_behind": one.left_behind, "seconds": round(one.seconds, 2)}
        for one in done
    ]
    return Table("Killed at every write point", columns, (*rows, _row("all", done)), facts, data)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=0, help="kills of each operation and start; 0: at every point")
    parser.add_argument("--only", choices=[one.name for one in OPERATIONS], action="append", help="this operation")
    parser.add_argument("--output", type=Path, help="also write the table there: .md, .json or text")
    chosen = parser.parse_args(arguments)
    reason = why_not()
    if reason is not None:
        sys.stderr.write(f"No process can be killed at its write points here: {reason}.\n")
        return 2
    wanted = [one for one in OPERATIONS if not chosen.only or one.name in chosen.only]
    with tempfile.TemporaryDirectory(dir=_IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else None) as folder:
        done = []
        for trial in trials(wanted, chosen.points, Path(folder)):
            done.append(trial)
            sys.stderr.write(f"{trial.operation} ({trial.start}): {trial.kills} kills in {trial.seconds:.0f} s\n")
    report = table(done)
    sys.stdout.write(report.as_text() + "\n")
    if chosen.output:
        report.write(chosen.output)
    return 1 if any(trial.problems for trial in done) else 0


def _blows(points: Sequence[WritePoint]) -> Iterator[Blow]:
    for point in points:
        yield Blow(point, Kill.BEFORE)
        if point.tearable:
            yield Blow(point, Kill.TORN)


def _faults(folder: Path, operation: Operation) -> list[str]:
    """What is wrong with what lies in ``folder``; a knowledge base that is not there is not wrong."""
    path = live_file(folder, KNOWLEDGE_BASE)
    if path is None:
        return []
    found = damage(path)
    store = store_in(folder, operation.index)
    try:
        return found or wrong_answers(store.open(KNOWLEDGE_BASE), WordHashing(), path, _QUERIES)
    except ColloquyError as error:
        return [f"cannot be opened: {error}"]
    finally:
        store.close()


def _made_elsewhere(operation: Operation, folder: Path, *, cut_off: bool) -> None:
    """Lets another process prepare the start; ``cut_off``: it is killed, so that nothing is closed."""
    child = os.fork()
    if not child:
        try:
            store = operation.prepare(folder)
            if cut_off:
                os.kill(os.getpid(), signal.SIGKILL)
            store.close()
            os._exit(0)
        except BaseException as error:
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
        finally:
            os._exit(1)
    if os.waitpid(child, 0)[1] not in (0, signal.SIGKILL):
        raise Misconfigured("A start of a fault injection could not be made; its error is above.")


def _state(folder: Path) -> State | None:
    return state_of(live_file(folder, KNOWLEDGE_BASE))


def _files(folder: Path) -> Counter[str]:
    """How many files there are of each name, numbers aside."""
    return Counter(re.sub(r"\d+", "0", path.relative_to(folder).as_posix()) for path in folder.rglob("*"))


def _hold(folder: Path, told: int) -> None:
    """Never returns: reads a snapshot of the knowledge base in ``folder`` until it is killed."""
    try:
        with store_in(folder).open(KNOWLEDGE_BASE).snapshot() as snapshot:
            snapshot.passages(snapshot.rows())
            os.write(told, b".")
            signal.pause()
    finally:
        os._exit(1)


def _pairs(state: State | None) -> list[tuple[str, str]]:
    return list(state.texts.items()) if state else []


def _told(found: State | None, before: State | None, after: State | None) -> str:
    names = ("found", "before", "after")
    told = [
        f"{len(one.documents)} documents of generation {one.generation}" if one else "none"
        for one in (found, before, after)
    ]
    return ", ".join(f"{name}: {text}" for name, text in zip(names, told, strict=True))


def _row(name: str, done: Sequence[Trial]) -> tuple[str, ...]:
    counts = (
        sum(trial.points for trial in done),
        sum(trial.kills for trial in done),
        sum(len({problem.split(": ")[0] for problem in trial.problems}) for trial in done),
        sum(trial.left_behind for trial in done),
    )
    return (name, *(str(count) for count in counts))


if __name__ == "__main__":
    if any(os.environ.get(name) != value for name, value in _ONE_THREAD.items()):
        # A process with threads must not fork; how many there are is settled when the libraries are loaded.
        command = [sys.executable, "-m", "evaluation.fault_injection", *sys.argv[1:]]
        os.execve(sys.executable, command, {**os.environ, **_ONE_THREAD, "PYTHONDONTWRITEBYTECODE": "1"})
    sys.exit(main())
