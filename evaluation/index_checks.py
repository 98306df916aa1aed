"""Whether a knowledge base on disk is whole, and exactly what it holds: the judge of faults and of stress.

It reads the catalogue with plain SQL of its own, so that it does not share a mistake with what it judges.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from domain.protocols import PassageEncoder
from evaluation.word_hashing import drawn_words
from retrieval.knowledge_base import KnowledgeBase

Matrix = npt.NDArray[np.float32]
Ranking = list[tuple[int, float]]

_CLOSE = 1e-5  # two ways to add the products of 32-bit numbers differ by less

# What has to be empty, and what is wrong when it is not.
_RULES = (
    ("a passage without a vector", "SELECT row FROM passages EXCEPT SELECT row FROM vectors"),
    ("a vector without a passage", "SELECT row FROM vectors EXCEPT SELECT row FROM passages"),
    ("a passage without a document", "SELECT document_id FROM passages EXCEPT SELECT id FROM documents"),
    ("a passage that the word index lacks", "SELECT row FROM passages EXCEPT SELECT id FROM lexicon_docsize"),
    ("a passage only the word index has", "SELECT id FROM lexicon_docsize EXCEPT SELECT row FROM passages"),
    ("a foreign key that leads nowhere", "PRAGMA foreign_key_check"),
)


@dataclass(frozen=True, slots=True)
class State:
    """What a catalogue holds: for each document a digest of all that belongs to it, row numbers and vectors too."""

    generation: int
    documents: Mapping[str, str] = field(hash=False)
    texts: Mapping[str, str] = field(hash=False)
    """The same without row numbers, which two ways to one content may give differently."""


def live_file(folder: Path, name: str) -> Path | None:
    """The catalogue of the knowledge base ``name`` that counts: of ``help.sqlite3`` (1), ``help.2.sqlite3``, … the
    last; None when there is none."""
    numbered = {
        int(path.name.removeprefix(name).removesuffix(".sqlite3").strip(".") or 1): path
        for path in folder.iterdir()
        if re.fullmatch(rf"{re.escape(name)}(\.\d+)?\.sqlite3", path.name)
    }
    return numbered[max(numbered)] if numbered else None


def state_of(path: Path | None) -> State | None:
    """The state of the catalogue at ``path``; None when there is none."""
    if path is None:
        return None
    with closing(_opened(path)) as connection:
        connection.execute("BEGIN")
        generation = int(connection.execute("SELECT value FROM meta WHERE key = 'generation'").fetchone()[0])
        documents = {id_: rest for id_, *rest in connection.execute("SELECT * FROM documents ORDER BY id")}
        passages = _passages(connection)
    digests = {id_: _digest(rest, passages.get(id_, [])) for id_, rest in documents.items()}
    texts = {id_: _digest(rest, [one[1:] for one in passages.get(id_, [])]) for id_, rest in documents.items()}
    return State(generation, digests, texts)


def damage(path: Path) -> list[str]:
    """What is wrong with the catalogue at ``path``, in words: pages, keys, word index, vectors. [] when it is whole."""
    with closing(_opened(path)) as connection:
        found = [f"pages: {row[0]}" for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
        for name, query in _RULES:
            rows = connection.execute(query).fetchall()
            found += [f"{name}: {rows[:3]}"] if rows else []
        try:
            connection.execute("BEGIN IMMEDIATE")
            # With a rank of 1 FTS5 reads every passage again and compares it with the index.
            connection.execute("INSERT INTO lexicon(lexicon, rank) VALUES ('integrity-check', 1)")
        except sqlite3.DatabaseError as error:
            found.append(f"word index: {error}")
        connection.rollback()
    return found


def wrong_answers(base: KnowledgeBase, encoder: PassageEncoder, path: Path, queries: Sequence[str]) -> list[str]:
    """Where a search differs from what the catalogue at ``path`` gives by definition. Nothing may write meanwhile."""
    with closing(_opened(path)) as connection:
        stored = connection.execute("SELECT row, vector FROM vectors ORDER BY row").fetchall()
    rows = np.array([row for row, _ in stored], dtype=np.int64)
    vectors = np.frombuffer(b"".join(vector for _, vector in stored), dtype="<f4").reshape(-1, encoder.dimension)
    wrong: list[str] = []
    with base.snapshot() as snapshot:
        if snapshot.rows() != rows.tolist():
            wrong.append(f"{len(snapshot)} passages are searched where the catalogue has {len(rows)}")
        for text, vector in zip(queries, cast(Matrix, encoder.encode_queries(queries)), strict=True):
            scores = dict(zip(rows.tolist(), (vectors @ vector).tolist(), strict=True)) if len(rows) else {}
            wrong += differences(f"“{text}” by meaning", snapshot.dense(vector, 10), scores)
            for row, passage in snapshot.passages([row for row, _ in snapshot.lexical(text, 10)]).items():
                if not set(text.split()) & set(passage.searchable.split()):
                    wrong.append(f"“{text}” finds row {row} by word, which holds none of them")
    return wrong


def differences(name: str, found: Ranking, scores: Mapping[int, float]) -> list[str]:
    """What is wrong with the best that were ``found`` of ``scores``, every row's: rows that are tied may change places
    with rows that were left out."""
    best = sorted(scores.values(), reverse=True)[: max(len(found), min(10, len(scores)))]
    if len(found) != len(best):
        return [f"{name} gives {len(found)} of {len(best)}"]
    wrong = [f"{name} finds row {row}, which is gone" for row, _ in found if row not in scores]
    if wrong:
        return wrong
    off = [row for (row, score) in found if abs(scores[row] - score) > _CLOSE]
    missed = [score for (_, score), wanted in zip(found, best, strict=True) if abs(score - wanted) > _CLOSE]
    return [f"{name}: wrong score of rows {off[:3]}"] * bool(off) + [f"{name}: missed better ones"] * bool(missed)


def some_queries(seed: int, count: int) -> list[str]:
    """``count`` queries of one to four words."""
    rng = random.Random(seed)
    return [drawn_words(rng, 1, 4) for _ in range(count)]


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)


def _passages(connection: sqlite3.Connection) -> dict[str, list[Sequence[object]]]:
    """By document: row, id, what else there is, and the vector's digest, in the order of the rows."""
    select = "SELECT p.document_id, p.*, v.vector FROM passages p LEFT JOIN vectors v ON v.row = p.row ORDER BY p.row"
    found: dict[str, list[Sequence[object]]] = {}
    for document_id, *values, vector in connection.execute(select):
        found.setdefault(document_id, []).append([*values, hashlib.sha256(vector or b"").hexdigest()])
    return found


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
