"""Rows for the rewriter: CANARD, GECOR, CQR, two kinds made from them for the gate, and service conversations.

Traps of the data, each handled here: CANARD's training histories lack page titles and full answers, so a rewrite
that uses a word of neither question nor history would teach the model to invent names. Where the missing words form
a name it is given as an oldest "title" exchange; otherwise the row is left out.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from corpora.jsonl import OWN_DATA, rows
from corpora.service_kits import Handbook, conversations_for, read_kits
from corpora.service_talk import KitTurn, conversation
from corpora.splits import is_development
from domain.conversation import Gate
from generation.invariants import invented

_GLUE = frozenset("s the of did what a an in to is was were other than besides with and on for at".split())
_MAX_TITLE_WORDS = 6
_SWITCHED_SHARE = 0.15  # of the rows: topic switches, made by joining two dialogues
_STANDALONE_SHARE = 0.15  # self-contained questions inside a conversation
_KIT_CONVERSATIONS = 100  # of each company: then about as many rows as of CANARD
_SERVED_SHARE = 0.7  # of the histories: messages made standalone, as memory holds them
_SERVICE_TIMES = 6  # few rows, but the closest to what customers type: about a third of all


@dataclass(frozen=True, slots=True)
class RewriteRow:
    """One turn: exchanges oldest first, the message, its standalone form, and what the gate should say."""

    history: tuple[tuple[str, str], ...]
    question: str
    rewrite: str
    gate: Gate


def training_rows(data: Path, seed: int = 0, limit: int | None = None) -> list[RewriteRow]:
    """Everything under ``data/train`` that teaches rewriting, shuffled by ``seed``.

    Of the kits' conversations only as many as ``limit`` rows need, of which no more will be used (None: all).
    """
    rng = random.Random(seed)
    canard = list(_canard(data, rng))
    made = [*_switched(canard, rng), *_standalone(canard, rng)]
    service = service_rows(development=False) * _SERVICE_TIMES
    talks = conversations_for(limit, _KIT_CONVERSATIONS)
    kits = kit_rows(development=False, seed=seed, conversations=talks)
    found = [*canard, *_gecor(data), *_cqr(data), *made, *service, *kits]
    rng.shuffle(found)
    return found


def service_rows(*, development: bool) -> list[RewriteRow]:
    """The service conversations written for this project; one conversation in five is for development.

    Each row comes with its history as typed and, where that differs, as served: earlier messages rewritten.
    """
    read = [row for path in sorted(OWN_DATA.glob("service_rewrites_*.jsonl")) for row in rows(path)]
    standalone = {(row["history"][0][0], row["message"]): row["rewrite"] for row in read}
    found: list[RewriteRow] = []
    for row in read:
        opening = row["history"][0][0]  # all rows of a conversation open with one message
        if is_development(opening) == development:
            typed = tuple((q, a) for q, a in row["history"])
            served = tuple((standalone.get((opening, q), q), a) for q, a in typed)
            gate = Gate(row["gate"])
            found += [RewriteRow(h, row["message"], row["rewrite"], gate) for h in dict.fromkeys((typed, served))]
    return found


@lru_cache(maxsize=2)  # filling the kits takes ten seconds and more
def kit_rows(*, development: bool, seed: int = 0, conversations: int = _KIT_CONVERSATIONS) -> tuple[RewriteRow, ...]:
    """Rows of conversations filled from the service kits, that many a company; one company in five is for development.

    A rewrite that uses a word nobody said would teach the model to invent: the message as typed, with what it leaves
    out after it, stands in its place, or the row is left out. Histories are as typed or as served.
    """
    rng = random.Random(f"kits {seed}")
    found = []
    for kit in read_kits(development=development):
        for _ in range(conversations):
            found += [row for turn in conversation(Handbook(kit, rng), rng) if (row := _kit_row(turn, rng))]
    return tuple(found)


def _kit_row(turn: KitTurn, rng: random.Random) -> RewriteRow | None:
    history = turn.served if rng.random() < _SERVED_SHARE else turn.history
    if not history:
        return None
    if turn.gate is not Gate.REWRITE:
        return RewriteRow(history, turn.message, turn.message, turn.gate)
    said = " ".join(f"{asked} {reply}" for asked, reply in history)
    kept = [text for text in (turn.standalone, turn.completed) if text and not invented(turn.message, text, said)]
    return RewriteRow(history, turn.message, kept[0], Gate.REWRITE) if kept else None


def development_rows(path: Path) -> list[RewriteRow]:
    """CANARD's development turns: ``history`` is [page title, section title, question, answer, …]."""
    return [_row(_pairs(row["history"]), row["question"], row["rewrite"]) for row in rows(path)]


def words(text: str) -> set[str]:
    """The distinct words of ``text``, lower-cased, punctuation apart."""
    return set(re.findall(r"[a-z0-9]+", text.lower()))


def _row(history: Sequence[tuple[str, str]], question: str, rewrite: str) -> RewriteRow:
    same = re.findall(r"\w+", question.lower()) == re.findall(r"\w+", rewrite.lower())
    return RewriteRow(tuple(history), question, rewrite, Gate.KEEP if same else Gate.REWRITE)


def _pairs(flat: Sequence[str]) -> list[tuple[str, str]]:
    """[title, section, q, a, q, a, …] -> exchanges; the titles are the oldest one."""
    return [(flat[i], flat[i + 1] if i + 1 < len(flat) else "") for i in range(0, len(flat), 2)]


def _canard(data: Path, rng: random.Random) -> Iterator[RewriteRow]:
    for row in rows(data / "train" / "rewrite_canard_train.jsonl.xz"):
        raw = rng.random() < 0.5  # the served history holds messages as typed, CANARD's own form holds rewrites
        history = [
            (turn["q"] if raw else turn["rw"], " ".join(turn.get("answer_nouns") or [])) for turn in row["history"]
        ]
        if title := _missing_name(history, row["question"], row["rewrite"]):
            history.insert(0, (title, ""))
        elif title is None:
            continue
        yield _row(history, row["question"], row["rewrite"])


def _missing_name(history: Sequence[tuple[str, str]], question: str, rewrite: str) -> str | None:
    """The name that the rewrite uses and nobody said: "" when nothing is missing, None when it is not a name."""
    known = words(question) | words(" ".join(f"{q} {a}" for q, a in history)) | _GLUE
    tokens = re.findall(r"[\w'’.-]+", rewrite)
    missing = [i for i, token in enumerate(tokens) if words(token) - known]
    if not missing:
        return ""
    run = tokens[missing[0] : missing[-1] + 1]
    capitalised = all(tokens[i][:1].isupper() or tokens[i][:1].isdigit() for i in missing)
    return " ".join(run) if capitalised and len(run) <= _MAX_TITLE_WORDS else None


def _gecor(data: Path) -> Iterator[RewriteRow]:
    for row in rows(data / "train" / "rewrite_gecor.jsonl.xz"):
        history = _pairs([_spoken(turn) for turn in row["history"]])
        for typed in {row["question"], row["ellipsis"], row["coref"]} - {""}:
            yield _row(history, typed, row["rewrite"])


def _spoken(turn: Any) -> str:
    return turn if isinstance(turn, str) else " ".join(map(str, turn.values()))


def _cqr(data: Path) -> Iterator[RewriteRow]:
    """The last message of the history is the one to rewrite."""
    for row in rows(data / "train" / "rewrite_cqr_dev.jsonl.xz"):
        if not row["rewrite"]:  # 3 rows have alternatives only
            continue
        said = [turn.partition(": ")[2] for turn in row["history"]]
        yield _row(_pairs(said[:-1]), said[-1], row["rewrite"])


def _switched(canard: Sequence[RewriteRow], rng: random.Random) -> Iterator[RewriteRow]:
    """The history of one dialogue, a self-contained question of another: it must stay as typed."""
    for _ in range(int(len(canard) * _SWITCHED_SHARE)):
        past, now = rng.choice(canard), rng.choice(canard)
        if past.history and words(now.rewrite) & words(past.rewrite) <= _GLUE:
            yield RewriteRow(past.history, now.rewrite, now.rewrite, Gate.RESET)


def _standalone(canard: Sequence[RewriteRow], rng: random.Random) -> Iterator[RewriteRow]:
    """A question that already says everything, inside its own conversation: it must stay as typed."""
    for row in rng.sample(list(canard), int(len(canard) * _STANDALONE_SHARE)):
        if row.history:
            yield RewriteRow(row.history, row.rewrite, row.rewrite, Gate.KEEP)
