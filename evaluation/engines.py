"""Which engine for BM25? SQLite's FTS5, tantivy and bm25s on the same passages and questions.

    python -m evaluation.engines DOC2DIAL_FOLDER [--passages 100000] [--questions 300]

Prints a Markdown table: recall at 10 over the real passages; then, with the collection grown to ``--passages`` by
passages of the same words in other order, the time to build, to replace one document durably, and to search.
"""

from __future__ import annotations

import argparse
import json
import lzma
import random
import re
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from retrieval.lexical import HEADING_WEIGHT, LEXICON_SCHEMA, STOP_WORDS, bm25_search

WORDS_PER_PASSAGE = 100
K = 10


@dataclass(frozen=True, slots=True)
class Row:
    """A passage of a document: ``start`` and ``end`` are character offsets in the document's text."""

    document: str
    heading: str
    text: str
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asked and the positions of the passages that hold the answer."""

    text: str
    answers: frozenset[int]


class Engine(Protocol):
    """A BM25 engine in its own folder."""

    def build(self, rows: Sequence[Row]) -> None: ...

    def replace(self, document: str, rows: Sequence[Row]) -> None:
        """Make ``rows`` the passages of ``document``, on disk when this returns."""
        ...

    def search(self, text: str, k: int) -> list[int]:
        """Positions of the best ``k`` rows, counted in the order they were added."""
        ...


class Fts5:
    """SQLite's FTS5 exactly as Colloquy uses it."""

    def __init__(self, folder: Path) -> None:
        self._db = sqlite3.connect(folder / "fts5.sqlite3")
        self._db.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
            "CREATE TABLE passages (row INTEGER PRIMARY KEY AUTOINCREMENT, document TEXT, heading TEXT, text TEXT);"
            f"CREATE INDEX of_document ON passages(document); {LEXICON_SCHEMA}"
        )

    def build(self, rows: Sequence[Row]) -> None:
        with self._db:
            self._insert(rows)

    def replace(self, document: str, rows: Sequence[Row]) -> None:
        with self._db:
            self._db.execute("DELETE FROM passages WHERE document = ?", (document,))
            self._insert(rows)

    def search(self, text: str, k: int) -> list[int]:
        return [row - 1 for row, _ in bm25_search(self._db, text, k)]

    def _insert(self, rows: Sequence[Row]) -> None:
        values = ((row.document, row.heading, row.text) for row in rows)
        self._db.executemany("INSERT INTO passages (document, heading, text) VALUES (?, ?, ?)", values)


class Tantivy:
    """tantivy with its English stemmer."""

    def __init__(self, folder: Path) -> None:
        import tantivy

        (folder / "tantivy").mkdir()
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("document", stored=False, tokenizer_name="raw")
        builder.add_integer_field("row", stored=True)
        for name in ("heading", "text"):
            builder.add_text_field(name, stored=False, tokenizer_name="en_stem")
        self._tantivy: Any = tantivy
        self._index: Any = tantivy.Index(builder.build(), path=str(folder / "tantivy"))
        self._writer: Any = self._index.writer(128_000_000, 2)
        self._count = 0

    def build(self, rows: Sequence[Row]) -> None:
        self._insert(rows)

    def replace(self, document: str, rows: Sequence[Row]) -> None:
        self._writer.delete_documents_by_term("document", document)
        self._insert(rows)

    def search(self, text: str, k: int) -> list[int]:
        words = " ".join(_words(text))
        query = self._index.parse_query(words, ["heading", "text"], field_boosts={"heading": HEADING_WEIGHT})
        searcher = self._index.searcher()
        return [int(searcher.doc(address)["row"][0]) for _, address in searcher.search(query, k).hits]

    def _insert(self, rows: Sequence[Row]) -> None:
        for row in rows:
            fields = {"document": row.document, "row": self._count, "heading": row.heading, "text": row.text}
            self._writer.add_document(self._tantivy.Document(**fields))
            self._count += 1
        self._writer.commit()
        self._index.reload()


class Bm25s:
    """bm25s, which scores at indexing time: a changed document means building everything again."""

    def __init__(self, folder: Path) -> None:
        import bm25s

        self._bm25s: Any = bm25s
        self._folder = folder / "bm25s"
        self._rows: list[Row] = []
        self._index: Any = None

    def build(self, rows: Sequence[Row]) -> None:
        self._rows = list(rows)
        tokens = self._tokens([f"{row.heading}\n{row.text}" for row in rows])
        self._index = self._bm25s.BM25()
        self._index.index(tokens, show_progress=False)
        self._index.save(str(self._folder))

    def replace(self, document: str, rows: Sequence[Row]) -> None:
        self.build([row for row in self._rows if row.document != document] + list(rows))

    def search(self, text: str, k: int) -> list[int]:
        words = " ".join(_words(text))
        found, _ = self._index.retrieve(self._tokens([words]), k=k, show_progress=False)
        return [int(row) for row in found[0]]

    def _tokens(self, texts: list[str]) -> Any:
        return self._bm25s.tokenize(texts, stopwords=sorted(STOP_WORDS), show_progress=False)


ENGINES: dict[str, Callable[[Path], Engine]] = {"SQLite FTS5": Fts5, "tantivy": Tantivy, "bm25s": Bm25s}


def measure(make: Callable[[Path], Engine], rows: list[Row], grown: list[Row], questions: list[Question]) -> list[str]:
    """The cells of one engine's line in the table."""
    with tempfile.TemporaryDirectory() as folder:
        small, large = (Path(folder) / name for name in ("small", "large"))
        small.mkdir()
        large.mkdir()
        quality = make(small)
        quality.build(rows)
        hits = [bool(question.answers & set(quality.search(question.text, K))) for question in questions]
        engine = make(large)
        building = _seconds(lambda: engine.build(grown))
        some = random.Random(1).sample(sorted({row.document for row in grown}), 5)
        replacing = [
            _seconds(lambda d=name: engine.replace(d, [row for row in grown if row.document == d]))  # type: ignore[misc]
            for name in some
        ]
        searching = [_seconds(lambda q=question: engine.search(q.text, 50)) for question in questions]  # type: ignore[misc]
    return [
        f"{100 * statistics.fmean(hits):.1f}",
        f"{building:.1f}",
        f"{1000 * statistics.median(replacing):.0f}",
        f"{1000 * statistics.median(searching):.1f}",
        f"{1000 * sorted(searching)[int(0.95 * len(searching))]:.1f}",
    ]


def read_rows(folder: Path) -> list[Row]:
    """Every document of Doc2Dial's index cut into runs of 100 words."""
    return [row for document in _json_lines(folder / "documents_index.jsonl.xz") for row in _cut(document)]


def read_questions(folder: Path, rows: list[Row], limit: int) -> list[Question]:
    """``limit`` last messages, drawn with a fixed seed, with the passages that overlap their grounding."""
    by_document: dict[str, list[int]] = {}
    for position, row in enumerate(rows):
        by_document.setdefault(row.document, []).append(position)
    turns = list(_json_lines(folder / "turns_open.jsonl.xz"))
    questions = []
    for turn in random.Random(0).sample(turns, min(limit, len(turns))):
        start, end = turn["start"], turn["start"] + len(turn["grounding"])
        inside = (n for n in by_document[turn["doc_id"]] if rows[n].start < end and rows[n].end > start)
        questions.append(Question(turn["user"], frozenset(inside)))
    return questions


def grow(rows: list[Row], size: int) -> list[Row]:
    """``rows`` and shuffled copies of them under new documents, ``size`` in all."""
    grown, shuffler = list(rows), random.Random(2)
    while len(grown) < size:
        source = rows[len(grown) % len(rows)]
        words = source.text.split()
        shuffler.shuffle(words)
        grown.append(Row(f"{source.document}/{len(grown) // len(rows)}", source.heading, " ".join(words)))
    return grown[:size]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the folder with documents_index.jsonl.xz and turns_open.jsonl.xz")
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=300)
    chosen = parser.parse_args(arguments)
    rows = read_rows(chosen.folder)
    questions = read_questions(chosen.folder, rows, chosen.questions)
    grown = grow(rows, chosen.passages)
    sys.stdout.write(f"{len(rows)} passages, {len(questions)} questions, grown to {len(grown)} passages\n\n")
    sys.stdout.write("| engine | R@10 | build, s | replace a document, ms | search p50, ms | p95, ms |\n")
    sys.stdout.write("|---|---|---|---|---|---|\n")
    for name, make in ENGINES.items():
        sys.stdout.write(f"| {name} | {' | '.join(measure(make, rows, grown, questions))} |\n")
        sys.stdout.flush()


def _cut(document: dict[str, Any]) -> list[Row]:
    words = list(re.finditer(r"\S+", document["text"]))
    rows = []
    for first in range(0, len(words), WORDS_PER_PASSAGE):
        start, end = words[first].start(), words[min(first + WORDS_PER_PASSAGE, len(words)) - 1].end()
        rows.append(Row(document["doc_id"], document["title"], document["text"][start:end], start, end))
    return rows


def _json_lines(path: Path) -> list[dict[str, Any]]:
    with lzma.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _words(text: str) -> list[str]:
    words = list(dict.fromkeys(re.findall(r"\w+", text.lower())))
    return [word for word in words if word not in STOP_WORDS] or words


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
