"""What lists show of a turn, and its words for searching, as they are written down beside it.

A row is one line of JSON (the fields of ``domain.turn_log.LoggedTurn`` that come from the turn) and, after a line
break, question and answer folded, so that a server can look for words without knowing JSON.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from domain.conversation import Turn
from domain.errors import PartUnavailable, QuestionRejected
from domain.feedback import LONGEST_COMMENT, Feedback
from domain.owners import SHORT
from domain.turn_log import LoggedTurn

_FEEDBACK = TypeAdapter(Feedback)
_LOGGED = TypeAdapter(LoggedTurn)
_REFERENCE_DIGITS = 32
"""Hexadecimal digits of a reference: 128 bits, never met twice."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a turn is stored: the digests of owner and conversation id, and the turn's id."""

    owner: str
    conversation: str
    turn_id: str

    @property
    def reference(self) -> str:
        """The turn's name for operators."""
        return _short(f"{self.owner}:{self.conversation}:{self.turn_id}")

    @property
    def session(self) -> str:
        """The conversation's name for operators."""
        return _short(f"{self.owner}:{self.conversation}")


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_REFERENCE_DIGITS]


def folded(text: str) -> str:
    """``text`` as it is compared: one line, in compatibility form (NFKC), without case."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def wanted_words(text: str) -> list[str]:
    """The different words of what somebody looks for, folded, in order."""
    return list(dict.fromkeys(folded(text).split()))


def words_of(turn: Turn) -> str:
    """What was said in ``turn``, folded."""
    return folded(f"{turn.question} {turn.answer.text}")


def encode_row(turn: Turn) -> bytes:
    """The row of ``turn``. A lone surrogate, which UTF-8 cannot hold, becomes ``?``."""
    answer = turn.answer
    shown = {
        "asked_at": turn.asked_at,
        "question": turn.question,
        "answer": answer.text,
        "kind": answer.kind,
        "reason": answer.reason,
        "confidence": float(answer.confidence),
        "knowledge_base": turn.knowledge_base,
        "stopped": turn.stopped,
        "seconds": {stage: float(spent) for stage, spent in turn.trace.seconds.items()},
    }
    text = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
    return f"{text}\n{words_of(turn)}".encode("utf-8", "replace")


def decode_row(data: bytes, place: Place, logged_at: float, feedback: bytes | None = None) -> LoggedTurn:
    """The turn of a row. Raises ``PartUnavailable`` for what is none."""
    named = {"reference": place.reference, "session": place.session, "owner_hash": place.owner[:SHORT]}
    try:
        shown = json.loads(data.partition(b"\n")[0])
        given = None if feedback is None else decode_feedback(feedback)
        return _LOGGED.validate_python({**shown, **named, "logged_at": logged_at, "feedback": given})
    except (ValueError, TypeError, ValidationError) as error:
        raise PartUnavailable(
            f"An entry of the log of turns cannot be read; it begins {data[:60].decode('utf-8', 'replace')!r}. Update "
            "Colloquy, or restore the memory from a backup."
        ) from error


def missing_words(text: str, words: Sequence[str]) -> list[str]:
    """Those of ``words`` that do not stand in folded ``text``."""
    return [word for word in words if word not in text]


def encode_feedback(feedback: Feedback) -> bytes:
    """``feedback`` as UTF-8 JSON. Raises ``QuestionRejected`` for a comment longer than ``LONGEST_COMMENT``."""
    length = len(feedback.comment) + len(feedback.reason)
    if length > LONGEST_COMMENT:
        raise QuestionRejected(
            f"This comment has {length:,} characters and {LONGEST_COMMENT:,} are kept; please shorten it."
        )
    return json.dumps(_FEEDBACK.dump_python(feedback), ensure_ascii=False).encode("utf-8", "replace")


def decode_feedback(data: bytes) -> Feedback:
    """The inverse of ``encode_feedback``. Raises ``PartUnavailable`` for anything else."""
    try:
        return _FEEDBACK.validate_python(json.loads(data))
    except (ValueError, ValidationError) as error:
        raise PartUnavailable(
            f"A stored verdict cannot be read; it begins {data[:60].decode('utf-8', 'replace')!r}. Update Colloquy, or "
            "restore the memory from a backup."
        ) from error
