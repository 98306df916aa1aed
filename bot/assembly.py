"""The one place that knows which parts this bot is made of. Parts get plain arguments; only this file reads settings.

Models are opened when first needed, so that ``search`` never waits for the generator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Literal, Self

from bot.assembly_access import Guard, open_guard
from bot.assembly_memory import feedback_in, limits_of, open_book, open_memory, turn_log_of
from bot.assembly_models import MODELS, Models
from bot.assembly_operating import Desk, open_desk
from bot.assembly_page import Suggestions, open_own_files, sample_of
from bot.assembly_search import fused, reread
from bot.clarifying import Clarifier, ClarifyingOptions
from bot.conversations import Shelf, memory_for
from bot.dialogue import Dialogue, DialogueSettings
from bot.handing_off import HandingOff
from bot.naming_guard import NamedModels, NamingGuard
from bot.own_files import FilesOfOwners
from bot.personal import Personal
from bot.policy import Policy, PolicySettings
from bot.scope import subject_words
from bot.service import BroughtAlong, page_of, part_states, told
from bot.telling_words import TellingWords
from bot.twins import Twins
from bot.webhook import WebhookSettings
from domain.conversation import Conversation, ConversationSummary, Query, Turn
from domain.errors import PartUnavailable
from domain.events import TurnEvent
from domain.explanation import Explanation
from domain.feedback import FeedbackStore
from domain.operating import OperatorBook
from domain.own_files import check_reachable, is_own, own_base
from domain.passage import Document, Passage, RetrievedPassage
from domain.protocols import (
    AnswerWeigher,
    ConversationStore,
    Evidence,
    HandOffDesk,
    IngestReport,
    KnowledgeBaseInfo,
    MemoryLimits,
)
from domain.service import DocumentPage, PartState
from domain.turn_log import TurnLog
from generation.rivals import RivalNames
from generation.sentence_scoring import LogisticWeights, SentenceScorer, TermWeights, open_weights
from generation.weighting import CandidateWeigher, WeightingOptions
from memory.archive import read_archive, write_archive
from memory.hand_off_queue import InMemoryHandOffDesk
from memory.in_memory_store import InMemoryConversationStore
from retrieval.encoders import MiniLMEncoder
from retrieval.hub_encoders import HubEncoder
from retrieval.hybrid import HybridRetriever
from retrieval.index_spec import Metric, parse_spec
from retrieval.ingestion import IngestProgress, ingest, ingest_anew
from retrieval.knowledge_base import KnowledgeBase, KnowledgeBaseStore
from retrieval.milvus_knowledge_base import MilvusKnowledgeBase
from retrieval.milvus_server import MilvusServer
from retrieval.milvus_store import MilvusKnowledgeBaseStore
from retrieval.reranking import RerankingRetriever
from retrieval.sentences import sentence_spans
from settings import Settings


def assemble(settings: Settings, *, memory: bool = True) -> Colloquy:
    """The assistant these settings describe. ``memory=False`` starts no Redis and forgets at exit: for commands.

    Raises ``Misconfigured`` when the Redis of ``settings.redis_url`` does not answer.
    """
    if not memory:
        return Colloquy(settings, InMemoryConversationStore(limits_of(settings)))
    opened = open_memory(settings)
    return Colloquy(settings, opened.store, opened.close, opened.hand_offs)


class Colloquy:
    """``domain.protocols.Assistant`` made of this house's parts. A context manager; safe for several threads."""

    def __init__(
        self,
        settings: Settings,
        store: ConversationStore,
        at_close: Sequence[Callable[[], object]] = (),
        hand_offs: HandOffDesk | None = None,
    ) -> None:
        self.settings, self._store, self._at_close = settings, store, at_close
        self.models = Models(settings)
        self.hand_offs: HandOffDesk = hand_offs or InMemoryHandOffDesk(settings.hand_off.capacity)
        self._dialogues: dict[str, Dialogue] = {}
        self._lock = Lock()

    # --- parts, opened when first needed -------------------------------------------------------------------------

    @cached_property
    def guard(self) -> Guard:
        """Who may come in, and how often."""
        return open_guard(self._store, self.settings, self.book)

    @cached_property
    def knowledge(self) -> KnowledgeBaseStore | MilvusKnowledgeBaseStore:
        """The knowledge bases: files under the data directory, or collections on a Milvus server."""
        chosen = self.settings.retrieval
        if chosen.milvus_uri is not None:
            token = self.settings.milvus_token
            server = MilvusServer(chosen.milvus_uri, token.get_secret_value() if token else "")
            return MilvusKnowledgeBaseStore(server, self.models.encoder)
        index = None if chosen.index == "auto" else parse_spec(chosen.index)
        folder = self.settings.data_dir / "knowledge"
        return KnowledgeBaseStore(folder, self.models.encoder, index=index, metric=Metric(chosen.metric))

    @cached_property
    def _handing_off(self) -> HandingOff:
        """Opened with the first dialogue, not by commands that only look: it sends again what waits for the webhook."""
        chosen, secret = self.settings.hand_off, self.settings.hand_off_secret
        if chosen.webhook_url is None:
            return HandingOff(self.hand_offs)
        key = secret.get_secret_value() if secret else ""
        webhook = WebhookSettings(chosen.webhook_url, key, chosen.timeout_seconds, chosen.retries)
        return HandingOff(self.hand_offs, webhook)

    def _check_memory(self) -> None:
        """Raises ``ColloquyError`` where memory does not answer."""
        getattr(self._store, "ping", lambda: None)()  # what lives in this process has nothing to ask

    def retriever(self, knowledge_base: str, *, rerank: bool = True) -> HybridRetriever | RerankingRetriever:
        """How this knowledge base is searched; ``rerank=False`` stops at the fusion, for measurements."""
        self.knowledge.open(knowledge_base)  # raises UnknownKnowledgeBase now rather than in the middle of a search
        chosen = self.settings.retrieval
        hybrid = fused(lambda: self.knowledge.open(knowledge_base).snapshot(), self.models, chosen)
        return reread(hybrid, self.models.reader, chosen) if rerank else hybrid

    @cached_property
    def book(self) -> OperatorBook:
        """What operators write down."""
        return open_book(self._store)

    @cached_property
    def operator(self) -> Desk:
        """What the operators' console calls. Once it is opened the settings that operators changed hold."""
        return open_desk(self)

    def reconfigure(self, settings: Settings) -> None:
        """Turns that begin from now on go by ``settings`` where they concern a turn; those that run end as they
        began."""
        self.settings = self.models.settings = settings
        anew = {name: self._assembled(name) for name in list(self._dialogues)}
        with self._lock:
            self._dialogues = anew

    @cached_property
    def personal(self) -> Personal:
        """All that is kept of a person, given to them or forgotten."""
        return Personal(self._store, lambda: self.files)

    @cached_property
    def feedback(self) -> FeedbackStore:
        """What people thought of answers."""
        return feedback_in(self._store)

    @cached_property
    def turn_log(self) -> TurnLog:
        """The turns of all owners, for operators."""
        return turn_log_of(self._store)

    @property
    def encoder(self) -> MiniLMEncoder | HubEncoder:
        """What makes vectors of queries and passages."""
        return self.models.encoder

    def sentence_scorer(self, knowledge_base: str, weights: LogisticWeights | None = None) -> SentenceScorer:
        """What says how likely a sentence of this knowledge base holds the answer (by the shipped weights)."""
        return self._scorer(sample_of(self.knowledge.open(knowledge_base)), weights)

    def _scorer(self, passages: Sequence[Passage], weights: LogisticWeights | None = None) -> SentenceScorer:
        texts = [passage.searchable for passage in passages]
        chosen = weights or open_weights(MODELS / "weighting" / "weights.json")
        return SentenceScorer(self.encoder, TermWeights(texts), chosen, RivalNames(texts))

    def dialogue(self, knowledge_base: str) -> Dialogue:
        """The dialogue about one knowledge base. Raises ``UnknownKnowledgeBase``."""
        if "operator" in self.__dict__ and not getattr(self._store, "is_down", False):
            self.operator.settings.catch_up()  # with what operators changed in another process
        with self._lock:
            if knowledge_base not in self._dialogues:
                self._dialogues[knowledge_base] = self._assembled(knowledge_base)
            return self._dialogues[knowledge_base]

    def _assembled(self, knowledge_base: str) -> Dialogue:
        chosen, title = self.settings, self.knowledge.info(knowledge_base).title  # an unknown one ends here
        weights, seen = chosen.weighting, chosen.retrieval.reader_context
        weighing = WeightingOptions(weights.mode, weights.retrieval_weight, seen)
        passages = sample_of(self.knowledge.open(knowledge_base))
        scorer = self._scorer(passages)
        weigher = CandidateWeigher(self.models.reader, sentence_spans, weighing, scorer, self.models.answer_weights)
        policy = self._policy(weigher, title, passages)
        return Dialogue(
            self.models.rewriter,
            self.retriever(knowledge_base),
            self.models.answerer,
            policy,
            window=self.models.window.fit,
            settings=DialogueSettings(chosen.retrieval.top_k, chosen.generation.passages),
        )

    def _policy(self, weigher: AnswerWeigher, title: str, passages: Sequence[Passage]) -> Policy:
        chosen, telling = self.settings.policy, TellingWords(passages)
        options = ClarifyingOptions(chosen.nearly_as_likely, chosen.worth_asking, chosen.sure_enough)
        return Policy(
            NamingGuard(weigher, NamedModels(passages)),
            PolicySettings(self.models.abstain_below),
            subject=title,
            subject_words=subject_words({passage.title for passage in passages}),
            clarifier=Clarifier(telling, options, Twins(passages, telling, sentence_spans))
            if chosen.ask_back
            else None,
            handing_off=self._handing_off,
        )

    # --- what interfaces ask for -----------------------------------------------------------------------------------
    def stream_reply(
        self, owner: str, conversation_id: str, message: str, knowledge_base: str, replacing: str = ""
    ) -> Iterator[TurnEvent]:
        """One turn; see ``domain.protocols.Assistant``. Raises ``TooOften`` where accounts are on."""
        self.guard.admit_turn(owner)
        check_reachable(knowledge_base, owner)
        memory = memory_for(self._store, replacing)
        return self.dialogue(knowledge_base).stream_reply(memory, owner, conversation_id, message, knowledge_base)

    @cached_property
    def shelf(self) -> Shelf:
        """Finding, pinning, branching, pruning, export and import of conversations."""
        return Shelf(self._store, write_archive, read_archive)

    def conversations(self, owner: str) -> Sequence[ConversationSummary]:
        """The owner's conversations, newest first."""
        return self._store.list(owner)

    def conversation(self, owner: str, conversation_id: str) -> Conversation:
        """One conversation of the owner; empty when there is none of that id."""
        return self._store.load(owner, conversation_id)

    def rename_conversation(self, owner: str, conversation_id: str, title: str) -> None:
        """Gives a conversation another title."""
        self._store.rename(owner, conversation_id, title)

    def delete_conversation(self, owner: str, conversation_id: str) -> None:
        """Forgets a conversation for good."""
        self._store.delete(owner, conversation_id)

    def follow_ups(self, owner: str, conversation_id: str) -> Sequence[str]:
        """What could be asked next, from the documents."""
        return self._suggestions.after(self.conversation(owner, conversation_id))

    @cached_property
    def _suggestions(self) -> Suggestions:
        return Suggestions(self.knowledge, self.models.reader)

    @cached_property
    def files(self) -> FilesOfOwners:
        """Files that people bring along, each owner's in a knowledge base of their own."""
        return open_own_files(self.knowledge, self.settings, lambda name: self._dialogues.pop(name, None))

    def knowledge_bases(self, owner: str = "") -> Sequence[KnowledgeBaseInfo]:
        """What can be asked about: what everybody shares, and the owner's own files."""
        names = [name for name in self.knowledge.names() if not is_own(name) or name == own_base(owner)]
        return [self.knowledge.info(name) for name in names]

    def document(self, knowledge_base: str, document_id: str, owner: str = "") -> tuple[Document, str] | None:
        """A document with its whole text, or None."""
        check_reachable(knowledge_base, owner)
        return self.knowledge.open(knowledge_base).document(document_id)

    @property
    def memory_limits(self) -> MemoryLimits:
        """How long and how much is remembered."""
        return self._store.limits

    def explain(self, turn: Turn) -> Explanation:
        """Why a turn ended as it did, from the turn as it was stored."""
        return self.models.explainer.explain(turn)

    # --- what programs ask for, see ``domain.service.Service`` ------------------------------------------------------

    def stream_answer(
        self, owner: str, knowledge_base: str, message: str, history: Sequence[tuple[str, str]]
    ) -> Iterator[TurnEvent]:
        """One turn whose history the caller brings along; nothing of it is remembered."""
        check_reachable(knowledge_base, owner)
        store = BroughtAlong(history, self._store.limits)
        return self.dialogue(knowledge_base).stream_reply(store, owner, "", message, knowledge_base)

    def documents(self, knowledge_base: str, owner: str = "", after: str = "", limit: int = 50) -> DocumentPage:
        """The first ``limit`` documents whose id comes after ``after``."""
        check_reachable(knowledge_base, owner)
        return page_of(self.knowledge.open(knowledge_base), after, limit)

    def count_tokens(self, text: str) -> int:
        """How many tokens the models see in ``text``."""
        return self.models.pieces.count(text)

    def part_states(self, knowledge_base: str) -> Sequence[PartState]:
        """What an answer about ``knowledge_base`` needs, and whether it is there."""
        opened, loaded = "knowledge" in self.__dict__, knowledge_base in self._dialogues
        return part_states(
            self._check_memory, lambda: self.knowledge.open(knowledge_base), opened=opened, loaded=loaded
        )

    # --- what commands ask for -------------------------------------------------------------------------------------

    def replay(
        self,
        knowledge_base: str,
        question: str,
        history: Sequence[tuple[str, str]],
        *,
        passages: Sequence[Passage] | None = None,
        top_k: int = 5,
        until: Literal["rewrite", "retrieve", "answer"] = "answer",
    ) -> Turn:
        """One turn without memory. ``history`` is (message, reply) pairs, oldest first; ``passages`` replace
        retrieval, read and ordered as found ones would be."""
        turns = [told(asked, answered) for asked, answered in history]
        evidence = None if passages is None else self._as_evidence(question, passages)
        dialogue = self.dialogue(knowledge_base)
        return dialogue.replay(question, turns, evidence=evidence, top_k=top_k, until=until)

    def _as_evidence(self, question: str, passages: Sequence[Passage]) -> list[RetrievedPassage]:
        """Given passages in their given order, with the reader's relevance."""
        readings = self.models.reader.read(question, passages)
        return [
            RetrievedPassage(passage, reading.relevance, rank, {"relevance": reading.relevance})
            for rank, (passage, reading) in enumerate(zip(passages, readings, strict=True), 1)
        ]

    def read(self, question: str, passages: Sequence[Passage]) -> Sequence[Evidence]:
        """What the reader says of each passage."""
        return self.models.reader.read(question, passages)

    def search(self, knowledge_base: str, text: str, k: int, owner: str = "") -> Sequence[RetrievedPassage]:
        """At most ``k`` passages for ``text`` as it is."""
        check_reachable(knowledge_base, owner)
        return self.retriever(knowledge_base).retrieve(Query(text, text), k)

    def ingest(
        self,
        knowledge_base: str,
        paths: Sequence[Path],
        *,
        rebuild: bool = False,
        prune: bool = False,
        progress: Callable[[IngestProgress], None] | None = None,
    ) -> IngestReport:
        """Reads ``paths`` into a knowledge base, made when it does not exist; ``rebuild`` makes another beside it,
        which takes its place when it is whole."""
        if rebuild:
            with self.knowledge.rebuilding(knowledge_base) as fresh:
                return _settled(fresh, ingest_anew(paths, fresh, progress=progress))
        known = knowledge_base in self.knowledge.names()
        index = self.knowledge.open(knowledge_base) if known else self.knowledge.create(knowledge_base)
        return _settled(index, ingest(paths, index, progress=progress, prune=prune))

    def close(self) -> None:
        """Gives back files and servers; whatever was acknowledged stays."""
        if "_handing_off" in self.__dict__:
            self._handing_off.close()
        if "knowledge" in self.__dict__:
            self.knowledge.close()
        for close in self._at_close:
            close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _settled(index: KnowledgeBase | MilvusKnowledgeBase, report: IngestReport) -> IngestReport:
    """Compacts; where that cannot be done now, what was ingested is in all the same, and the report says so."""
    try:
        index.compact()
    except PartUnavailable as error:
        return replace(report, warnings=(str(error),))
    return report
