"""What each part promises the others. A protocol is a numbered list of promises; ``tests/contracts`` holds one
suite a protocol, run over every implementation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.answer import Answer, AnswerKind
from domain.conversation import Conversation, ConversationSummary, Query, Turn
from domain.events import TurnEvent
from domain.explanation import Explanation
from domain.feedback import FeedbackStore
from domain.hand_off import Delivery, HandOff, HandOffState
from domain.own_files import OwnFiles
from domain.owner_data import OwnerData
from domain.passage import Document, Passage, RetrievedPassage
from domain.shelf import ConversationShelf


@dataclass(frozen=True, slots=True)
class MemoryLimits:
    """How long and how much a store keeps; shown to people. ``None`` means no limit of that kind."""

    ttl_seconds: int | None
    max_turns: int
    max_bytes: int


class TurnStore(Protocol):
    """What a dialogue needs of a ``ConversationStore``."""

    @property
    def limits(self) -> MemoryLimits: ...

    def load(self, owner: str, conversation_id: str) -> Conversation: ...

    def append(self, owner: str, conversation_id: str, turn: Turn) -> None: ...


class ConversationStore(TurnStore, Protocol):
    """Where conversations live.

    1. Loading an unknown id gives an empty conversation; it creates nothing.
    2. Every change is all or nothing: a turn, or with ``put`` a conversation, is stored whole or not at all.
    3. Two concurrent appends to one conversation both survive, in the order they were acknowledged.
    4. An acknowledged append survives ``kill -9`` of the server and of the application.
    5. Bounded by ``limits``; the oldest turns go first and are counted in ``Conversation.trimmed``. The time to live
       starts anew whenever a conversation is used: read by ``load``, or changed.
    6. One owner's conversations are invisible to another: same id, other owner, other conversation.
    7. Appending a turn whose id is there already leaves it as it was.
    8. A store with a journal raises ``MemoryDown`` from ``append`` when the turn waits there, and stores what waits
       once, in order, before anything newer.
    9. A turn that was asked before its owner erased everything is not stored after it, whoever appends it: another
       process that was answering, or whose journal it waited in.

    Raises ``PartUnavailable`` when the store does not answer, ``QuestionRejected`` for a turn larger than the
    limits allow.
    """

    def list(self, owner: str) -> Sequence[ConversationSummary]:
        """Newest first."""
        ...

    def rename(self, owner: str, conversation_id: str, title: str) -> None: ...

    def delete(self, owner: str, conversation_id: str) -> None: ...

    def set_pinned(self, owner: str, conversation_id: str, pinned: bool) -> None:
        """An unknown id stays unknown."""
        ...

    def delete_turn(self, owner: str, conversation_id: str, turn_id: str) -> bool:
        """Forgets one turn; the others keep their ids and order. False when there is none of that id."""
        ...

    def put(self, owner: str, conversation: Conversation) -> None:
        """Stores a whole conversation (a branch, an import) as ``owner``'s, whatever owner it names; the oldest turns
        beyond the limits are trimmed. Raises ``QuestionRejected`` for an id that exists and for a turn id twice."""
        ...

    def search(self, owner: str, text: str) -> Sequence[ConversationSummary]:
        """Those whose title, questions and answers together hold every word of ``text``, in any case and also inside
        longer words; newest first. Blank text finds all."""
        ...

    def erase(self, owner: str) -> int:
        """Forgets all that is kept of ``owner``; how many conversations that were."""
        ...

    def export(self, owner: str) -> OwnerData:
        """All that is kept of ``owner``. Reading it is no use: no time to live starts anew."""
        ...


class HandOffDesk(Protocol):
    """The queue of questions that wait for a person.

    1. ``put`` is all or nothing, and an entry whose id is there already is left as it was.
    2. ``list`` gives the oldest first, of one state or of all.
    3. ``take`` moves an open entry to taken and says so; of several who take one at once exactly one is told yes.
    4. ``finish`` moves an open or taken entry to done; one that is done stays as it is.
    5. ``record_delivery`` changes what became of the webhook's message and nothing else.
    6. Bounded by ``capacity``: where there is no room the oldest done entries go first; an entry that is not done is
       never dropped, and when none is done ``put`` raises ``PartUnavailable``.
    7. What was acknowledged survives ``kill -9`` wherever conversations do.
    8. ``forget`` takes out every entry of one owner hash, done or not, and says how many.

    Raises ``PartUnavailable`` when the queue does not answer.
    """

    @property
    def capacity(self) -> int: ...

    def put(self, item: HandOff) -> None: ...

    def get(self, item_id: str) -> HandOff | None: ...

    def list(self, state: HandOffState | None = None) -> Sequence[HandOff]: ...

    def take(self, item_id: str, by: str) -> bool: ...

    def finish(self, item_id: str) -> bool: ...

    def record_delivery(self, item_id: str, delivery: Delivery, error: str = "") -> None: ...

    def forget(self, owner_hash: str) -> int: ...


class QueryRewriter(Protocol):
    """Makes a message standalone.

    1. Without history the question is unchanged.
    2. A self-contained question stays as typed.
    3. A topic switch never drags the old topic in.
    4. No number, name or negation of the question is lost.
    5. The result says what was done and why.
    """

    def rewrite(self, question: str, history: Sequence[Turn]) -> Query: ...


class PassageEncoder(Protocol):
    """Turns text into unit vectors of ``dimension`` floats; ``fingerprint`` names the exact weights, so that an
    index built by another encoder is refused."""

    @property
    def dimension(self) -> int: ...

    @property
    def fingerprint(self) -> str: ...

    def encode_queries(self, texts: Sequence[str]) -> Array: ...

    def encode_passages(self, texts: Sequence[str]) -> Array: ...


class Array(Protocol):
    """A float32 matrix (n, dimension); numpy's ndarray is one. Spelt as a protocol so that the domain needs
    nothing but the standard library."""

    @property
    def shape(self) -> tuple[int, ...]: ...


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a reader says of one passage for one query.

    ``relevance`` is the calibrated probability (0..1) that the passage answers the query; ``sentences`` are the
    character spans of the passage's sentences and ``sentence_scores`` the probability (0..1) that each of them is
    part of the answer; ``best_span`` is the shortest stretch of the passage that answers.
    """

    relevance: float
    sentences: tuple[tuple[int, int], ...] = ()
    sentence_scores: tuple[float, ...] = ()
    best_span: tuple[int, int] | None = None


class PassageReader(Protocol):
    """Reads query and passage together (a cross-encoder). One ``Evidence`` per passage, in their order."""

    def read(self, query: str, passages: Sequence[Passage]) -> Sequence[Evidence]: ...


class Retriever(Protocol):
    """Finds passages.

    At most ``k``, ranks 1..n, best first by ``(-score, id)``, none twice, and ``[]`` when nothing matches.
    Hybrid, reranking and filtering retrievers are Retrievers made of Retrievers.
    """

    def retrieve(self, query: Query, k: int) -> Sequence[RetrievedPassage]: ...


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer the generator proposes. ``log_probability`` is natural, summed over ``token_count`` tokens;
    ``origin`` tells which decoding it came from; ``finished`` is False where the length limit cut it off."""

    text: str
    log_probability: float
    token_count: int
    origin: str
    finished: bool = True


class AnswerGenerator(Protocol):
    """Writes answers from the evidence alone.

    1. The model sees every passage it is given. 2. ``stream`` yields growing text of the best draft and then
    returns the drafts, best first. 3. Without evidence there are no drafts. 4. Closing the iterator stops the work.
    """

    def stream(
        self, question: str, history: Sequence[Turn], evidence: Sequence[RetrievedPassage]
    ) -> Iterator[str | tuple[Draft, ...]]: ...


class AnswerWeigher(Protocol):
    """Weighs what was retrieved against what was written.

    1. ``propose`` returns the best candidate with its citations, calibrated confidence and the whole weighing, or
    None without one. 2. Every sentence of it is cited, and only to passages of ``evidence``. 3. ``presentable`` is
    the beginning of a growing draft that may be shown already: complete, supported sentences.
    """

    def propose(self, query: Query, evidence: Sequence[RetrievedPassage], drafts: Sequence[Draft]) -> Answer | None: ...

    def presentable(self, text: str, evidence: Sequence[RetrievedPassage]) -> str: ...


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What one ingestion did. ``skipped`` pairs a source with the reason in words; ``warnings`` are sentences about
    what could not be done besides, such as making the vector index anew."""

    added: int
    replaced: int
    unchanged: int
    passages: int
    skipped: tuple[tuple[str, str], ...]
    seconds: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KnowledgeBaseInfo:
    """One knowledge base, as lists show it. ``updated_at``: Unix seconds; ``examples``: questions it answers."""

    name: str
    title: str
    document_count: int
    passage_count: int
    updated_at: float
    examples: tuple[str, ...] = ()


class Index(Protocol):
    """The passages of one knowledge base.

    1. Add, replace and delete go by document and are all or nothing. 2. Readers see one consistent snapshot.
    3. A crash at any instant leaves the state before or after, never between. 4. Opening under another encoder,
    dimension, metric or format raises ``Misconfigured`` with the command that rebuilds.
    """

    def put(self, document: Document, text: str, passages: Sequence[Passage], content_hash: str) -> None: ...

    def delete(self, document_id: str) -> bool: ...

    def content_hash(self, document_id: str) -> str | None: ...

    def document(self, document_id: str) -> tuple[Document, str] | None:
        """The document and its full text, or None."""
        ...

    def documents(self) -> Iterable[Document]: ...


class Assistant(Protocol):
    """Everything an interface (page, API, terminal) may ask of Colloquy. ``owner`` is whoever is at the other end;
    an interface never sees storage, models or settings."""

    def stream_reply(
        self, owner: str, conversation_id: str, message: str, knowledge_base: str, replacing: str = ""
    ) -> Iterator[TurnEvent]:
        """One turn. Raises ``QuestionRejected`` before the first event, ``UnknownKnowledgeBase``, ``PartUnavailable``.
        Closing the iterator stops the work; what was written until then is stored as a stopped turn. ``replacing``
        names a turn, the last one, that is not looked at and is forgotten once the new one is stored."""
        ...

    def conversations(self, owner: str) -> Sequence[ConversationSummary]: ...

    def conversation(self, owner: str, conversation_id: str) -> Conversation: ...

    def rename_conversation(self, owner: str, conversation_id: str, title: str) -> None: ...

    def delete_conversation(self, owner: str, conversation_id: str) -> None: ...

    def knowledge_bases(self, owner: str = "") -> Sequence[KnowledgeBaseInfo]:
        """What everybody may ask about, and the files of ``owner``."""
        ...

    def document(self, knowledge_base: str, document_id: str, owner: str = "") -> tuple[Document, str] | None: ...

    @property
    def files(self) -> OwnFiles: ...

    def explain(self, turn: Turn) -> Explanation:
        """Why a turn ended as it did, from the turn as it was stored. Takes as long as a short answer."""
        ...

    def follow_ups(self, owner: str, conversation_id: str) -> Sequence[str]:
        """Up to three questions that the documents answer and the conversation has not asked; [] where there are none
        or the last turn looked nothing up."""
        ...

    @property
    def shelf(self) -> ConversationShelf: ...

    @property
    def feedback(self) -> FeedbackStore: ...

    @property
    def memory_limits(self) -> MemoryLimits: ...


ANSWERED = frozenset({AnswerKind.GENERATED, AnswerKind.QUOTED})
"""The kinds that claim to answer the question."""
