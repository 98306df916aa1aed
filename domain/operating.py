"""What an operator console may ask, room by room. ``bot/operating.py`` and ``bot/assembly_operating.py`` answer.

``by`` is always who acts, as the others see it. Everything raises ``PartUnavailable`` when a store does not answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol, runtime_checkable

from domain.answer import AnswerKind
from domain.audit import AuditArea
from domain.conversation import Turn
from domain.corrections import Correction
from domain.explanation import Explanation
from domain.hand_off import HandOff, HandOffState
from domain.passage import Document, Passage, RetrievedPassage
from domain.protocols import KnowledgeBaseInfo
from domain.turn_log import EVERY_TURN, LoggedTurn, TurnFilter


@dataclass(frozen=True, slots=True)
class Mark:
    """What operators noted of one entry of their queue. ``at``: Unix seconds of the latest change."""

    state: HandOffState = HandOffState.OPEN
    by: str = ""
    note: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Something that was changed: who, when (Unix seconds), ``what`` (a setting's key, or "document NAME/ID"; see
    ``domain.audit``), from what, to what. ``count``: how often within an hour, the last time at ``at``."""

    at: float
    by: str
    what: str
    old: str
    new: str
    count: int = 1


class OperatorBook(Protocol):
    """What operators write down: marks on the queue, settings they changed, and who changed what.

    1. ``take`` makes an open or unmarked entry taken; of several who take one at once exactly one is told yes.
    2. ``finish`` makes it done and ``note`` changes its note, whatever its state; ``finish`` says False where it was
       done. 3. Marks are bounded: the longest untouched go first. 4. ``record`` adds to the audit and, with a
       ``setting``, keeps its new value and raises ``version``: all or nothing. The audit is bounded, newest first.
    5. ``tally`` counts what may happen any number of times: entries that differ in nothing but their time are one for
       each hour. They are in the audit too, and bounded apart, so that they never push a change out of it.
    6. What was acknowledged survives ``kill -9`` wherever conversations do.
    """

    def take(self, key: str, by: str) -> bool: ...

    def finish(self, key: str, by: str) -> bool: ...

    def note(self, key: str, by: str, text: str) -> None: ...

    def marks(self) -> Mapping[str, Mark]: ...

    def record(self, entry: AuditEntry, setting: str = "") -> None: ...

    def tally(self, entry: AuditEntry) -> None: ...

    def version(self) -> int:
        """How often a setting was recorded, by whichever process."""
        ...

    def settings(self) -> Mapping[str, str]:
        """The latest value of each setting that was recorded."""
        ...

    def audit(self, limit: int) -> Sequence[AuditEntry]: ...


class Why(StrEnum):
    """Why something waits for an operator; a closed choice. ``FLAGGED``: somebody said that the answer was bad."""

    FLAGGED = "flagged"
    ABSTAINED = "abstained"
    HANDED_OFF = "handed_off"


@dataclass(frozen=True, slots=True)
class QueueItem:
    """One entry of the queue. ``key`` names it; ``said`` is the comment of who flagged it, or why it was handed over;
    ``turn`` the reference of its turn, "" where that is not known. ``at``: Unix seconds."""

    key: str
    why: Why
    question: str
    knowledge_base: str
    at: float
    mark: Mark
    said: str = ""
    turn: str = ""


class TurnRoom(Protocol):
    """Live and past turns."""

    def recent(
        self, limit: int, before: float | None = None, where: TurnFilter = EVERY_TURN
    ) -> Sequence[LoggedTurn]: ...

    def get(self, reference: str) -> tuple[LoggedTurn, Turn] | None: ...

    def explain(self, reference: str) -> Explanation | None:
        """Why the turn ended as it did; None when it is gone. Takes a second or two."""
        ...


class QueueRoom(Protocol):
    """What waits for a person."""

    def items(self, *, done: bool = False) -> Sequence[QueueItem]:
        """The newest of what is open or taken, the longest waiting first; with ``done`` what is finished, newest
        first."""
        ...

    def holds(self, reference: str) -> bool:
        """Whether a turn is in the queue, finished or not."""
        ...

    def take(self, key: str, by: str) -> bool: ...

    def finish(self, key: str, by: str) -> bool: ...

    def note(self, key: str, by: str, text: str) -> None: ...

    def hand_over(self, reference: str, by: str) -> HandOff:
        """Puts a turn into the queue of hand-offs. Raises ``Misconfigured`` when it is gone."""
        ...


class CorrectionRoom(Protocol):
    """Putting right what a turn got wrong; each raises ``DocumentRejected`` for what cannot be, in words."""

    def answer(self, reference: str, by: str, text: str, passage_id: str = "", note: str = "") -> Correction:
        """``text`` is the right answer and stands in the passage, where one is named."""
        ...

    def wrong_passage(self, reference: str, by: str, passage_id: str) -> Correction:
        """The passage does not answer the question."""
        ...

    def passage(self, reference: str, by: str, passage_id: str, text: str) -> Correction:
        """The document says it wrongly: from now on the passage says ``text``."""
        ...

    def page(self, reference: str, by: str, title: str, text: str) -> Correction:
        """The documents lack it: a page is added to the knowledge base of the turn."""
        ...

    def recent(self, limit: int) -> Sequence[Correction]:
        """Newest first."""
        ...


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What an upload came to: titles of the documents that are in, how many of them took another's place, and
    (file, reason) of what was refused."""

    titles: tuple[str, ...]
    replaced: int
    refused: tuple[tuple[str, str], ...] = ()


class LibraryRoom(Protocol):
    """The knowledge bases; what cannot be done raises ``DocumentRejected`` or ``Misconfigured`` with the reason."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The endings of files that can be read."""
        ...

    @property
    def max_bytes(self) -> int: ...

    def bases(self) -> Sequence[KnowledgeBaseInfo]: ...

    def documents(self, name: str) -> Sequence[Document]: ...

    def page(self, name: str, document_id: str) -> tuple[Document, str, tuple[Passage, ...]] | None: ...

    def create(self, name: str, title: str, by: str) -> None: ...

    def upload(self, name: str, file_name: str, data: bytes, by: str) -> Uploaded: ...

    def describe(self, name: str, document: Document, by: str) -> Document:
        """Keeps the title and metadata of ``document``."""
        ...

    def mend(self, name: str, passage_id: str, text: str, by: str) -> None:
        """From now on the passage says ``text``."""
        ...

    def delete(self, name: str, document_id: str, by: str) -> None: ...

    def rebuild(self, name: str, by: str) -> int:
        """Encodes every passage anew beside what is searched; how many there are."""
        ...

    def report(self, name: str) -> str:
        """What is wrong with the documents, as a page of HTML."""
        ...


@dataclass(frozen=True, slots=True)
class Search:
    """What the playground looks for: ``only`` are conditions as ``domain.filters.parse_filter`` reads them."""

    knowledge_base: str
    question: str
    top_k: int = 5
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """What one way of searching found. ``current``: the way turns are answered at the moment."""

    fusion: Literal["rrf", "learned"]
    reranked: bool
    current: bool
    passages: tuple[RetrievedPassage, ...]
    seconds: float


class Playground(Protocol):
    """One question through every way of searching."""

    def run(self, search: Search) -> Sequence[Trial]:
        """The current way first. Raises ``Misconfigured`` for conditions that cannot be read."""
        ...


@dataclass(frozen=True, slots=True)
class Day:
    """One calendar day from ``start`` on (Unix seconds): turns by kind, and the seconds of a turn at two percentiles
    (0.0 without turns)."""

    start: float
    kinds: Mapping[AnswerKind, int] = field(default_factory=dict, hash=False)
    p50: float = 0.0
    p95: float = 0.0


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers with a confidence from ``low`` to ``high``: how many there were, how many of them somebody judged, how
    many of those well, and the mean confidence of the judged ones."""

    low: float
    high: float
    answers: int
    judged: int
    good: int
    confidence: float


@dataclass(frozen=True, slots=True)
class StageTimes:
    """The seconds that a stage took, over ``count`` turns; ``slowest`` refers to the turn where it took longest."""

    stage: str
    count: int
    p50: float
    p95: float
    slowest: str


@dataclass(frozen=True, slots=True)
class OpenTopic:
    """Questions about one thing that found no answer, as (reference, question), the most typical first."""

    questions: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """What the dashboards draw: the turns between two moments (Unix seconds). ``capped``: there are more than were
    counted, and the oldest were left out."""

    since: float
    until: float
    turns: int
    days: tuple[Day, ...]
    bins: tuple[Bin, ...]
    stages: tuple[StageTimes, ...]
    topics: tuple[OpenTopic, ...]
    good: int = 0
    bad: int = 0
    capped: bool = False


class OverviewRoom(Protocol):
    """Figures over many turns."""

    def overview(self, days: int, zone_minutes: int = 0, knowledge_base: str = "") -> Overview:
        """The last ``days`` calendar days, today included, on a clock ``zone_minutes`` ahead of UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Knob:
    """A setting that may change while the assistant runs. Values are text as ``settings.toml`` would have them;
    ``low`` and ``high`` bound numbers, ``choices`` are all there is of a choice."""

    key: str
    kind: Literal["share", "count", "choice", "switch"]
    value: str
    default: str
    low: float = 0.0
    high: float = 1.0
    choices: tuple[str, ...] = ()


class SettingsRoom(Protocol):
    """Settings that hold from the next turn on, and who changed what."""

    def knobs(self) -> Sequence[Knob]: ...

    def change(self, key: str, value: str, by: str) -> None:
        """Raises ``Misconfigured`` for an unknown key or a value that cannot be."""
        ...

    def audit(self, limit: int, area: AuditArea | None = None) -> Sequence[AuditEntry]:
        """At most ``limit`` entries, of one area or of all, newest first."""
        ...


@runtime_checkable
class Operated(Protocol):
    """An assistant that comes with a desk for operators."""

    @property
    def operator(self) -> OperatorDesk: ...


class OperatorDesk(Protocol):
    """Everything the console calls."""

    @property
    def turns(self) -> TurnRoom: ...

    @property
    def queue(self) -> QueueRoom: ...

    @property
    def corrections(self) -> CorrectionRoom: ...

    @property
    def library(self) -> LibraryRoom: ...

    @property
    def playground(self) -> Playground: ...

    @property
    def overviews(self) -> OverviewRoom: ...

    @property
    def settings(self) -> SettingsRoom: ...
