"""What travels over the API, as JSON. Spans are character offsets, end excluded; times Unix seconds; probabilities
0..1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.answer import Answer, AnswerKind, Citation, Reason
from domain.conversation import Conversation, ConversationSummary, Gate, Query, Turn
from domain.feedback import LONGEST_COMMENT
from domain.passage import Document, RetrievedPassage
from domain.protocols import KnowledgeBaseInfo
from domain.service import DocumentPage, ListedDocument

Span = tuple[int, int]
_LONGEST_NAME = 200


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True)


class QueryOut(_Wire):
    """What was searched, what the rewriter did with the message, and why."""

    text: str
    gate: Gate
    reason: str
    confidence: float

    @classmethod
    def of(cls, query: Query) -> QueryOut:
        """From the domain."""
        return cls(text=query.text, gate=query.gate, reason=query.reason, confidence=query.confidence)


class PassageOut(_Wire):
    """A passage that was found. ``span`` is where it stands in its document."""

    id: str
    document_id: str
    heading: str
    text: str
    source: str
    span: Span
    rank: int
    score: float
    signals: Mapping[str, float]

    @classmethod
    def of(cls, found: RetrievedPassage) -> PassageOut:
        """From the domain."""
        p = found.passage
        return cls(
            id=p.id,
            document_id=p.document_id,
            heading=p.heading,
            text=p.text,
            source=p.source,
            span=p.span,
            rank=found.rank,
            score=found.score,
            signals=found.signals,
        )


class CitationOut(_Wire):
    """What bears one sentence of the answer out. ``sentence`` is a span of ``answer.text``, ``document_span`` where
    the quote stands in its document; ``support`` the probability that the quote bears the sentence out."""

    marker: int
    passage_id: str
    document_id: str
    heading: str
    sentence: Span
    quote: str
    document_span: Span
    support: float

    @classmethod
    def of(cls, citation: Citation, evidence: Mapping[str, RetrievedPassage]) -> CitationOut:
        """From the domain; ``evidence`` by passage id."""
        passage = evidence[citation.passage_id].passage
        start, end = citation.quote_span
        return cls(
            marker=citation.marker,
            passage_id=citation.passage_id,
            document_id=passage.document_id,
            heading=passage.heading,
            sentence=citation.sentence,
            quote=citation.quote,
            document_span=(passage.span[0] + start, passage.span[0] + end),
            support=citation.support,
        )


class AnswerOut(_Wire):
    """``marked`` is the text with its ``[n]``; ``confidence`` the calibrated probability that the answer is right."""

    kind: AnswerKind
    text: str
    marked: str
    confidence: float
    citations: list[CitationOut]
    options: list[str]
    reason: Reason
    offers_person: bool

    @classmethod
    def of(cls, answer: Answer, evidence: Sequence[RetrievedPassage]) -> AnswerOut:
        """From the domain."""
        known = {found.passage.id: found for found in evidence}
        cited = [CitationOut.of(citation, known) for citation in answer.citations if citation.passage_id in known]
        return cls(
            kind=answer.kind,
            text=answer.text,
            marked=answer.with_markers(),
            confidence=answer.confidence,
            citations=cited,
            options=list(answer.options),
            reason=answer.reason,
            offers_person=answer.offers_person,
        )


class TurnOut(_Wire):
    """One whole exchange. ``seconds`` by stage; ``stopped``: somebody stopped it, the answer is what was written."""

    id: str
    question: str
    query: QueryOut
    answer: AnswerOut
    passages: list[PassageOut]
    asked_at: float
    knowledge_base: str
    stopped: bool
    seconds: Mapping[str, float]

    @classmethod
    def of(cls, turn: Turn) -> TurnOut:
        """From the domain."""
        return cls(
            id=turn.id,
            question=turn.question,
            query=QueryOut.of(turn.query),
            answer=AnswerOut.of(turn.answer, turn.evidence),
            passages=[PassageOut.of(found) for found in turn.evidence],
            asked_at=turn.asked_at,
            knowledge_base=turn.knowledge_base,
            stopped=turn.stopped,
            seconds=turn.trace.seconds,
        )


class SummaryOut(_Wire):
    """A conversation in a list. ``expires_at``: when it is forgotten unless it is used before; null for never."""

    id: str
    title: str
    updated_at: float
    turn_count: int
    expires_at: float | None
    pinned: bool

    @classmethod
    def of(cls, item: ConversationSummary) -> SummaryOut:
        """From the domain."""
        return cls(
            id=item.id,
            title=item.title,
            updated_at=item.updated_at,
            turn_count=item.turn_count,
            expires_at=item.expires_at,
            pinned=item.pinned,
        )


class ConversationList(_Wire):
    """The caller's conversations, newest first."""

    conversations: list[SummaryOut]


class ConversationOut(_Wire):
    """A conversation with its turns, oldest first; ``trimmed`` counts the oldest that the limits took away."""

    id: str
    title: str
    turns: list[TurnOut]
    trimmed: int

    @classmethod
    def of(cls, conversation: Conversation) -> ConversationOut:
        """From the domain."""
        turns = [TurnOut.of(turn) for turn in conversation.turns]
        return cls(id=conversation.id, title=conversation.title, turns=turns, trimmed=conversation.trimmed)


class ImportedOut(_Wire):
    """A conversation that was taken in, under the id it has here."""

    id: str
    title: str
    turn_count: int


class NewConversation(_Wire):
    """An id nobody has used. Nothing is kept under it before its first turn."""

    id: str


class RenameIn(_Wire):
    """The title a conversation is to have."""

    title: Annotated[str, Field(min_length=1, max_length=_LONGEST_NAME)]


class QuestionIn(_Wire):
    """A message. ``knowledge_base`` left out is the server's own choice."""

    message: Annotated[str, Field(min_length=1)]
    knowledge_base: Annotated[str, Field(max_length=_LONGEST_NAME)] = ""


class QueuedEvent(_Wire):
    """``queued``: so many turns are before this one, itself counted; 0 when its work begins."""

    position: int


class QueryRewrittenEvent(_Wire):
    """``query_rewritten``: the message was made standalone."""

    query: QueryOut


class PassagesRetrievedEvent(_Wire):
    """``passages_retrieved``: the search is over."""

    passages: list[PassageOut]


class AnswerDeltaEvent(_Wire):
    """``answer_delta``: more text of the draft. It is a preview, which the finished answer replaces."""

    text: str


class FinishedTurn(_Wire):
    """``answer_finished``, and the whole reply where no stream is wanted. ``stored`` is false while memory is down;
    ``waiting`` then says whether the turn will be stored when it is back."""

    turn: TurnOut
    stored: bool
    waiting: bool


class KnowledgeBaseOut(_Wire):
    """What can be asked about; ``name`` is what other requests call it."""

    name: str
    title: str
    document_count: int
    passage_count: int
    updated_at: float
    examples: list[str]

    @classmethod
    def of(cls, info: KnowledgeBaseInfo) -> KnowledgeBaseOut:
        """From the domain."""
        return cls(
            name=info.name,
            title=info.title or info.name,
            document_count=info.document_count,
            passage_count=info.passage_count,
            updated_at=info.updated_at,
            examples=list(info.examples),
        )


class KnowledgeBaseList(_Wire):
    """Every knowledge base the caller may ask."""

    knowledge_bases: list[KnowledgeBaseOut]


class SearchOut(_Wire):
    """What a search found, best first; empty where nothing answers."""

    passages: list[PassageOut]


class DocumentOut(_Wire):
    """A document, or a stretch of it: ``text`` is what stands at ``span`` of its ``length`` characters."""

    id: str
    title: str
    source: str
    metadata: Mapping[str, str]
    length: int
    span: Span
    text: str

    @classmethod
    def of(cls, document: Document, text: str, span: Span) -> DocumentOut:
        """From the domain; ``span`` lies within ``text``."""
        return cls(
            id=document.id,
            title=document.title,
            source=document.source,
            metadata=document.metadata,
            length=len(text),
            span=span,
            text=text[span[0] : span[1]],
        )


class ListedDocumentOut(_Wire):
    """A document without its text. ``passages`` counts those it was cut into; ``indexed_at``: null where that is not
    known."""

    id: str
    title: str
    source: str
    metadata: Mapping[str, str]
    passages: int
    indexed_at: float | None

    @classmethod
    def of(cls, listed: ListedDocument) -> ListedDocumentOut:
        """From the domain."""
        one = listed.document
        return cls(
            id=one.id,
            title=one.title,
            source=one.source,
            metadata=one.metadata,
            passages=listed.passages,
            indexed_at=listed.indexed_at,
        )


class DocumentList(_Wire):
    """Some of ``total`` documents, by id; ``next`` is the ``after`` of the next page, null on the last."""

    documents: list[ListedDocumentOut]
    total: int
    next: str | None

    @classmethod
    def of(cls, page: DocumentPage) -> DocumentList:
        """From the domain."""
        listed = [ListedDocumentOut.of(one) for one in page.documents]
        return cls(documents=listed, total=page.total, next=page.following or None)


class Erased(_Wire):
    """What was forgotten."""

    conversations: int


class FeedbackIn(_Wire):
    """A verdict on a turn, with a short word for the reason and a comment, both of which may be left out."""

    verdict: Literal["up", "down"]
    reason: Annotated[str, Field(max_length=40)] = ""
    comment: Annotated[str, Field(max_length=LONGEST_COMMENT)] = ""
