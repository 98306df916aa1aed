"""What the assistant says, as values: the answer, its citations, and the weighing that chose it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class AnswerKind(StrEnum):
    """What kind of reply a turn ended with; a closed choice."""

    GENERATED = "generated"
    QUOTED = "quoted"
    CLARIFYING = "clarifying"
    ABSTAINED = "abstained"
    HANDED_OFF = "handed_off"
    SMALL_TALK = "small_talk"


class Reason(StrEnum):
    """Why a turn ended without an answer; a closed choice.

    ``UNSURE``: something was found and nothing was sure enough. ``NOTHING_FOUND``: the documents hold nothing near.
    ``FOREIGN``: what was asked is none of the documents' business. ``EMERGENCY``: somebody may be in danger.
    ``UNSAFE``: help to do harm, or another person's data. ``INJECTION``: orders to the assistant itself. The last
    four are told from the message alone, and nothing is searched. ``ASKED_FOR_PERSON`` and ``AFTER_ABSTENTION``
    belong to hand-offs: the person asked for one, or took the offer under an abstention.
    """

    NONE = ""
    UNSURE = "unsure"
    NOTHING_FOUND = "nothing_found"
    FOREIGN = "foreign"
    EMERGENCY = "emergency"
    UNSAFE = "unsafe"
    INJECTION = "injection"
    ASKED_FOR_PERSON = "asked_for_person"
    AFTER_ABSTENTION = "after_abstention"


NOT_SEARCHED = frozenset({Reason.FOREIGN, Reason.EMERGENCY, Reason.UNSAFE, Reason.INJECTION})
"""Reasons that are told from the message alone: nothing was looked for, so nothing can be missing."""


@dataclass(frozen=True, slots=True)
class Citation:
    """The passage that supports one sentence of the answer.

    ``marker`` is the number shown as ``[n]`` (from 1); ``sentence`` the character span of the supported
    sentence in ``Answer.text``; ``quote_span`` the span of the supporting sentence in the passage's text, and
    ``quote`` that text; ``support`` the probability (0..1) that the quote bears the sentence out.
    """

    marker: int
    passage_id: str
    sentence: tuple[int, int]
    quote_span: tuple[int, int]
    quote: str
    support: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """One possible answer with its two probabilities; ``origin`` says where it came from (``quote``, ``beam 1``, …)."""

    text: str
    kind: AnswerKind
    origin: str
    p_retrieval: float
    p_generation: float
    utility: float
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Removal:
    """``what`` was taken out of a draft before it was weighed, as it stood there, and ``why``, in words; ``origin``
    names the draft as ``Candidate.origin`` does."""

    what: str
    why: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Weighting:
    """How retrieval was weighed against generation in this turn.

    ``retrieval_weight`` is λ of docs/design.md (0..1); ``mode`` says whether it was fixed by the operator or
    predicted; ``features`` are the numbers the confidence was computed from; ``removed``: what refinement took out of
    the drafts, draft by draft.
    """

    retrieval_weight: float
    mode: str
    candidates: tuple[Candidate, ...] = ()
    features: Mapping[str, float] = field(default_factory=dict, hash=False)
    removed: tuple[Removal, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished reply. ``text`` holds no markers: they are placed by ``with_markers`` from the citations.

    ``confidence`` is the calibrated probability (0..1) that the answer is right; 0.0 for small talk and
    hand-offs, where there is nothing to be sure of. ``options`` are the readings a clarifying question offers.
    ``reason`` says why there is no answer where there is none; ``offers_person``: a person may be asked for instead.
    """

    text: str
    kind: AnswerKind
    citations: tuple[Citation, ...] = ()
    confidence: float = 0.0
    weighting: Weighting | None = None
    options: tuple[str, ...] = ()
    reason: Reason = Reason.NONE
    offers_person: bool = False

    def with_markers(self) -> str:
        """The text with ``[n]`` after each cited sentence, markers of one sentence in ascending order."""
        marks: dict[int, list[int]] = {}
        for citation in self.citations:
            marks.setdefault(citation.sentence[1], []).append(citation.marker)
        text = self.text
        for end in sorted(marks, reverse=True):
            numbers = "".join(f"[{n}]" for n in sorted(set(marks[end])))
            stop = end - 1 if end > 0 and text[end - 1] in ".!?" else end
            text = f"{text[:stop]} {numbers}{text[stop:]}"
        return text
