"""Questions in conversation with their standalone forms: CANARD (Elgohary et al. 2019), QReCC (Anantha et al. 2021)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpora.records import Record, records

TITLES = 2
"""CANARD's histories begin with the titles of the page and of the section that the conversation is about."""


@dataclass(frozen=True, slots=True)
class RewriteExample:
    """A question, what was said before it, and the question that means the same alone.

    ``history`` pairs (question, answer), oldest first; in CANARD the oldest pair is (page title, section title). ``id``
    is the data set's own: QuAC's ``DIALOG_q#TURN`` (turns from 0), QReCC's ``CONVERSATION_TURN`` (from 1).
    """

    id: str
    history: tuple[tuple[str, str], ...]
    question: str
    rewrite: str


def read_rewriting(path: Path) -> Iterator[RewriteExample]:
    """The turns of CANARD's ``train.json``, ``dev.json``, ``test.json``, of QReCC's ``qrecc_train.json``,
    ``qrecc_test.json``, or of rows like CANARD's packed as ``id``, ``history``, ``question``, ``rewrite``.

    Which of them it is shows in the fields. Streamed; ``Misconfigured`` comes where the file turns out wrong.
    """
    return map(_example, records(path))


def _example(row: Record) -> RewriteExample:
    if "QuAC_dialog_id" in row.fields:
        turn = row.number("Question_no") - 1  # CANARD counts from 1, QuAC's ids from 0
        name, history = f"{row.text('QuAC_dialog_id')}_q#{turn:.0f}", _titled(row, "History")
        return RewriteExample(name, history, row.text("Question"), row.text("Rewrite"))
    if "Conversation_no" in row.fields:
        name, history = f"{row.name('Conversation_no')}_{row.name('Turn_no')}", exchanges(row.texts("Context"))
        return RewriteExample(name, history, row.text("Question"), row.text("Rewrite"))
    if "history" in row.fields:
        return RewriteExample(row.text("id"), _titled(row, "history"), row.text("question"), row.text("rewrite"))
    raise row.wrong("it is a row neither of CANARD (QuAC_dialog_id, History, …) nor of QReCC (Conversation_no, …)")


def exchanges(said: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Utterances that take turns, as pairs; a question without its answer is paired with ""."""
    return tuple((said[i], said[i + 1] if i + 1 < len(said) else "") for i in range(0, len(said), 2))


def _titled(row: Record, key: str) -> tuple[tuple[str, str], ...]:
    said = row.texts(key)
    if len(said) < TITLES:
        raise row.wrong(f"{key!r} should begin with the titles of page and section and holds {len(said)} strings")
    return exchanges(said)
