"""Thousands of random changes of a knowledge base while others read it, and thousands of filtered searches.

    python -m evaluation.index_stress [--operations 10000] [--queries 10000] [--seed 1] [--output stress.md]

**Changes.** One writer adds, replaces and deletes documents by a plan that follows from the seed, and now and then
makes a trained vector index of another family. Threads of the same process and another process read meanwhile. What a
snapshot holds must be exactly what the plan says after one of its operations, never an earlier one than this reader
saw before; the vectors, the word index and the catalogue must hold the same passages; and a passage that is found by
its vector must have the score of its own text. At the end 500 queries are answered by what the changes left and by a
knowledge base built from scratch: same passages, same scores.

**Filters.** See ``evaluation/filter_stress.py``.

Prints a table and ends with status 1 when anything was violated.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from domain.conversation import Query
from domain.errors import ColloquyError
from domain.passage import Passage
from evaluation.filter_stress import FilterStress, stress_filters
from evaluation.index_checks import damage, live_file, some_queries
from evaluation.reports import Table, circumstances
from evaluation.stress_plan import EVERYWHERE, Plan, state_of_passages
from evaluation.word_hashing import WordHashing, document_of, drawn_words
from retrieval.hybrid import HybridRetriever
from retrieval.index_spec import parse_spec
from retrieval.knowledge_base import KnowledgeBase, KnowledgeBaseStore, Snapshot
from retrieval.prepared import PreparedDocument

Answer = list[tuple[str, float]]

NAME = "stress"
# So much effort that each finds what comparing all vectors finds; where the codes are short, more is compared again.
FAMILIES = tuple(
    parse_spec(text)
    for text in (
        "hnsw:links=8,effort=5000", "ivf-flat:lists=8,effort=8", "flat", "sq8:refine=50",
        "ivf-pq:lists=4,code_bytes=4,effort=4,refine=1000",
    )
)  # fmt: skip

_ENOUGH_FOR_CODES = 400  # passages; FAISS learns a code of a byte from 256 at least
_EXACT = 1e-4  # a stored vector against one encoded anew
IN_MEMORY = "/dev/shm"  # nothing here has to outlive the machine
_PAUSE = 0.02  # seconds between two reads of one reader, so that the writer gets on
_SAME = 1e-6  # the same vector compared by another routine of FAISS
_SHOWN = 5  # problems told of each reader


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reader did: snapshots read, how many were not as they must be, and the first few of these in words."""

    reads: int
    violations: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IndexStress:
    """The outcome. ``differing``: of ``queries``, those answered otherwise by a knowledge base built from scratch;
    ``largest_difference``: of two scores of the same passage there."""

    operations: Mapping[str, int] = field(hash=False)
    compactions: int
    by_threads: Reading
    by_process: Reading
    queries: int
    differing: int
    largest_difference: float
    damage: tuple[str, ...]
    seconds: float

    @property
    def is_clean(self) -> bool:
        return not (self.by_threads.violations or self.by_process.violations or self.differing or self.damage)


class Stop(Protocol):
    """An event of threads or of processes."""

    def is_set(self) -> bool: ...


def stress_index(
    folder: Path, seed: int, operations: int, *, population: int = 300, queries: int = 500, threads: int = 2
) -> IndexStress:
    """Runs the plan of ``seed`` in ``folder``, which is empty, beside ``threads`` readers and a reading process; then
    asks ``queries``."""
    began = time.monotonic()
    plan, store = Plan.drawn(seed, operations, population), _store(folder)
    base = store.create(NAME)
    spawned = multiprocessing.get_context("spawn")
    stop, told = spawned.Event(), spawned.SimpleQueue()
    elsewhere = spawned.Process(target=_read_elsewhere, args=(folder, plan.states, stop, told, seed))
    elsewhere.start()
    first: Reading = told.get()  # it has started and read
    read = [partial(read_until, stop, plan.states, lambda: base, seed + number) for number in range(threads)]
    with _Together(read) as readers:
        try:
            compactions = _write(base, plan)
        finally:
            stop.set()
    by_process = _sum([first, told.get()])
    elsewhere.join()
    differing, largest = compared_with_scratch(base, folder / "scratch", seed, queries)
    broken = tuple(damage(path)) if (path := live_file(folder, NAME)) else ("it is gone",)
    store.close()
    by_threads, seconds = _sum(readers.done), time.monotonic() - began
    return IndexStress(plan.counts, compactions, by_threads, by_process, queries, differing, largest, broken, seconds)


def read_until(stop: Stop, states: Sequence[int], base: Callable[[], KnowledgeBase], seed: int) -> Reading:
    """Reads snapshots of ``base()`` and judges each until ``stop``, at least two."""
    places: dict[int, list[int]] = {}
    for place, state in enumerate(states):
        places.setdefault(state, []).append(place)  # what one operation adds a later one may delete
    rng, encoder, seen, reads, wrong = random.Random(seed), WordHashing(), 0, 0, list[str]()
    while not stop.is_set() or reads < 2:
        try:
            with base().snapshot() as snapshot:
                state, problems = judged(snapshot, drawn_words(rng, 1, 4), encoder)
            at = next((place for place in places.get(state, ()) if place >= seen), None)
            if at is None:
                problems.append(f"after operation {seen} a state of {places.get(state, 'no operation')} was read")
            seen = seen if at is None else at
        except (ColloquyError, KeyError, ValueError) as error:
            problems = [f"{type(error).__name__}: {error}"]
        reads += 1
        wrong += problems[:1]
        time.sleep(_PAUSE)
    return Reading(reads, len(wrong), tuple(wrong[:_SHOWN]))


def judged(snapshot: Snapshot, query: str, encoder: WordHashing) -> tuple[int, list[str]]:
    """The number of the state that ``snapshot`` is, and what is wrong in it."""
    rows = snapshot.rows()
    passages = snapshot.passages(rows)
    lexical = {row for row, _ in snapshot.lexical(EVERYWHERE, len(rows) + 10)}
    problems = []
    if set(passages) != set(rows):
        problems.append(f"{len(set(rows) - set(passages))} vectors have no passage")
    if lexical != set(rows):
        problems.append(f"{len(lexical ^ set(rows))} passages are in one of word index and vectors only")
    state = state_of_passages(passages.values())
    if state < 0:
        problems.append("a document is not whole, or of two versions")
    [vector] = encoder.encode_queries([query])
    nearest = snapshot.dense(vector, 5)
    texts = [passages[row].searchable for row, _ in nearest if row in passages]
    scores = encoder.encode_passages(texts) @ vector
    if len(nearest) != min(5, len(rows)) or not np.allclose(scores, [score for _, score in nearest], atol=_EXACT):
        problems.append(f"“{query}” gives vectors that are not those of the texts")
    return state, problems


def compared_with_scratch(base: KnowledgeBase, folder: Path, seed: int, queries: int) -> tuple[int, float]:
    """How many of ``queries`` a knowledge base built from scratch of the same documents answers otherwise, and the
    largest difference of two scores. Both hold the documents in one order, so that ties fall the same way."""
    store, encoder = _store(folder), WordHashing()
    scratch = store.create(NAME)
    scratch.put_many(_content(base))
    differing, largest = 0, 0.0
    for text in some_queries(seed, queries):
        for mine, other in zip(_answers(base, text, encoder), _answers(scratch, text, encoder), strict=True):
            apart = [abs(one - two) for (_, one), (_, two) in zip(mine, other, strict=False)]
            largest = max(largest, *apart, 0.0)
            if [id_ for id_, _ in mine] != [id_ for id_, _ in other] or max(apart, default=0.0) > _SAME:
                differing += 1
                break
    store.close()
    return differing, largest


def table(index: IndexStress, filters: FilterStress) -> Table:
    """Both stresses as what was done and what was violated."""
    done = ", ".join(f"{count} {kind}" for kind, count in index.operations.items())
    scratch = f"compared with a rebuild (largest difference of scores {index.largest_difference:.1e})"
    rows = (
        (f"changes ({done})", str(sum(index.operations.values())), str(len(index.damage))),
        ("trained indexes made meanwhile", str(index.compactions), "0"),
        ("snapshots read by threads", str(index.by_threads.reads), str(index.by_threads.violations)),
        ("snapshots read by a process", str(index.by_process.reads), str(index.by_process.violations)),
        (f"queries {scratch}", str(index.queries), str(index.differing)),
        (f"filtered queries ({filters.passages} passages)", str(filters.queries), str(filters.crossed)),
        ("filtered queries with fewer than k though k pass", str(filters.queries), str(filters.short)),
    )
    facts = {**circumstances({}), "seconds": f"changes {index.seconds:.0f}, filters {filters.seconds:.0f}"}
    facts.pop("weights")
    problems = (*index.damage, *index.by_threads.problems, *index.by_process.problems, *filters.problems)
    facts |= {f"problem {number}": problem for number, problem in enumerate(problems, 1)}
    data = {name: [row[1], row[2]] for name, row in zip((row[0] for row in rows), rows, strict=True)}
    return Table("Random changes and filters", ("what", "done", "violations"), rows, facts, data)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operations", type=int, default=10_000)
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, help="also write the table there: .md, .json or text")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None) as folder:
        index = stress_index(Path(folder, "index"), chosen.seed, chosen.operations)
        filters = stress_filters(Path(folder, "filters"), chosen.seed, chosen.queries)
    report = table(index, filters)
    sys.stdout.write(report.as_text() + "\n")
    if chosen.output:
        report.write(chosen.output)
    return 0 if index.is_clean and filters.is_clean else 1


class _Together:
    """Work in threads, from the beginning to the end of a ``with`` block; ``done`` holds what they returned."""

    def __init__(self, work: Sequence[Callable[[], Reading]]) -> None:
        self.done: list[Reading] = []
        self._threads = [threading.Thread(target=lambda one=one: self.done.append(one())) for one in work]

    def __enter__(self) -> _Together:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        for thread in self._threads:
            thread.join()


def _write(base: KnowledgeBase, plan: Plan) -> int:
    """Carries out the plan; twenty times in its course, the vector index is made anew. How often that was."""
    made, every = 0, max(len(plan.changes) // 20, 1)
    for number, change in enumerate(plan.changes, start=1):
        if change.put:
            base.put_many(change.put)
        else:
            base.delete(change.delete)
        if number % every == every // 2:  # changes follow the last one, so that they lie over it at the end
            with base.snapshot() as snapshot:
                codes = len(snapshot) >= _ENOUGH_FOR_CODES
            base.compact(FAMILIES[made % len(FAMILIES)] if codes else FAMILIES[made % 3])
            made += 1
    return made


def _read_elsewhere(folder: Path, states: Sequence[int], stop: Stop, told: _Queue, seed: int) -> None:
    """Another process's reader: every few reads it opens the knowledge base anew, as one that has just started."""
    never = threading.Event()
    never.set()
    told.put(read_until(never, states, lambda: _store(folder).open(NAME), seed + 100))
    told.put(read_until(stop, states, _Reopening(folder).base, seed + 200))


class _Reopening:
    """Opens the knowledge base anew for every twentieth read."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._store, self._reads = folder, _store(folder), 0

    def base(self) -> KnowledgeBase:
        self._reads += 1
        if self._reads % 20 == 0:
            self._store.close()
            self._store = _store(self._folder)
        return self._store.open(NAME)


class _Queue(Protocol):
    def put(self, item: Reading) -> None: ...


def _store(folder: Path) -> KnowledgeBaseStore:
    return KnowledgeBaseStore(folder, WordHashing())


def _content(base: KnowledgeBase) -> list[PreparedDocument]:
    """All documents with their passages, in the order of their rows."""
    with base.snapshot() as snapshot:
        passages = list(snapshot.passages(snapshot.rows()).items())
    by_document: dict[str, list[Passage]] = {}
    for _, passage in sorted(passages):
        by_document.setdefault(passage.document_id, []).append(passage)
    return [document_of(id_, [one.text for one in parts]) for id_, parts in by_document.items()]


def _answers(base: KnowledgeBase, text: str, encoder: WordHashing) -> list[Answer]:
    """By meaning, by word, and by both as a person's search does."""
    [vector] = encoder.encode_queries([text])
    with base.snapshot() as snapshot:
        rankings = [snapshot.dense(vector, 10), snapshot.lexical(text, 10)]
        names = snapshot.passages([row for ranking in rankings for row, _ in ranking])
    both = HybridRetriever(base.snapshot, encoder).retrieve(Query(text, text), 10)
    plain = [[(names[row].id, score) for row, score in ranking] for ranking in rankings]
    return [*plain, [(one.passage.id, one.score) for one in both]]


def _sum(readings: Sequence[Reading]) -> Reading:
    problems = tuple(problem for one in readings for problem in one.problems)
    return Reading(sum(one.reads for one in readings), sum(one.violations for one in readings), problems)


if __name__ == "__main__":
    sys.exit(main())
