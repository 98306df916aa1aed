"""What people who look after the assistant put right, as values: what it learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class CorrectionKind(StrEnum):
    """What was put right; a closed choice.

    ``ANSWER``: another answer would have been right. ``WRONG_PASSAGE``: a passage does not answer the question.
    ``PASSAGE``: the document itself was wrong and was changed. ``PAGE``: the documents lacked the answer, and a page
    with it was added.
    """

    ANSWER = "answer"
    WRONG_PASSAGE = "wrong_passage"
    PASSAGE = "passage"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A passage as it was when it was judged: documents change, what was learnt from them must not."""

    passage_id: str
    document_id: str
    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Correction:
    """One thing put right. ``at``: Unix seconds; ``by``: who did it; ``turn`` refers to the turn it is about, "" for
    none.

    ``question`` is the message as typed, ``query`` its standalone form, ``history`` what was said before, oldest
    first. ``answer_before`` was said and ``answer`` is right, each "" where it does not apply. ``right`` is the passage
    that bears the answer out, ``wrong`` are passages that do not answer the question.
    """

    id: str
    at: float
    by: str
    kind: CorrectionKind
    knowledge_base: str
    question: str
    query: str
    history: tuple[str, ...] = ()
    answer_before: str = ""
    answer: str = ""
    right: Excerpt | None = None
    wrong: tuple[Excerpt, ...] = ()
    note: str = ""
    turn: str = ""


class CorrectionStore(Protocol):
    """Where corrections are kept.

    1. ``add`` is all or nothing, and what it acknowledged survives ``kill -9``. 2. ``all`` gives the oldest first.
    3. Nothing is ever changed or lost: two writers at once both add.

    Raises ``PartUnavailable`` when they cannot be kept or read.
    """

    def add(self, correction: Correction) -> None: ...

    def all(self) -> Sequence[Correction]: ...
