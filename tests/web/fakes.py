"""An assistant with an obvious rule, for driving the page without models.

It knows the small handbook below. A message that shares a word with a sentence of it is answered with that sentence,
cited; "unicorn" is never known; "boom" finds a part unavailable, "crash" fails in a way nobody planned, "slow" takes
its time, "endless" writes until it is stopped, "which" asks back, "steps" quotes a list, "hello" is small talk.
Conversations live in this object; while ``store_down`` is set they cannot be had, and answers are given without being
kept.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle

from bot.conversations import Shelf, memory_for
from bot.handing_off import Where
from bot.service import page_of
from domain.answer import Answer, AnswerKind, Citation, Weighting
from domain.conversation import Conversation, ConversationSummary, Gate, Query, Trace, Turn
from domain.errors import PartUnavailable, QuestionRejected, UnknownKnowledgeBase
from domain.events import AnswerDelta, AnswerFinished, PassagesRetrieved, QueryRewritten, TurnEvent
from domain.explanation import Explanation
from domain.own_files import check_reachable, is_own, own_base
from domain.passage import Document, Passage, RetrievedPassage
from domain.protocols import KnowledgeBaseInfo, MemoryLimits, TurnStore
from domain.service import DocumentPage, PartState
from memory.archive import read_archive, write_archive
from tests.web.explanations import EXPLANATION
from tests.web.fake_files import FakeFiles
from tests.web.fake_personal import FakePersonal
from tests.web.fake_service import FakeBase, FakeFeedback, searched, stateless_reply, states
from tests.web.fake_shelf import KeptStore, summary_of

MOVING = """# Moving home

## Notice period

Tell us at least 14 days before you move. You keep your contract if the new address is covered.
If it is not covered, you pay the remaining months at half price.

## What it costs

| Service | Fee | Free when |
|---|---|---|
| Fibre 100 | £20 | you moved less than **once** a year |
| 4G Home | £0 | always |

Ask for `MOVE-1` on 0800 555 0199, or see [our moving page](https://example.org/moving).
"""
ROUTER = """# Router lights

A steady green light means the line is good. A blinking red light means there is no connection: switch the router off,
wait 30 seconds, and switch it on again. <script>window.hacked = true</script>
"""
STEPS = "To sign in:\n1. Open http://192.168.1.254.\n2. Type **admin**.\n3. Or call 0800 555 0199."
_IGNORED = "a an and are at before do for i if in is it my of on or our the there to what when you your"


def _passage(document_id: str, title: str, text: str, section: tuple[str, ...], first: str, last: str) -> Passage:
    start = text.index(first)
    end = text.index(last) + len(last)
    return Passage(
        f"{document_id}#{start}", document_id, title, text[start:end], f"{document_id}.md", (start, end), section,
        {"product": "Fibre 100", "region": "UK", "effective_from": "2026-03-01"},
    )  # fmt: skip


PASSAGES = (
    _passage("moving", "Moving home", MOVING, ("Notice period",), "Tell us", "half price."),
    _passage("moving", "Moving home", MOVING, ("What it costs",), "| Service", "moving)."),
    _passage("router", "Router <b>lights</b>", ROUTER, (), "A steady", "</script>"),
)
DOCUMENTS = {
    "moving": (Document("moving", "Moving home", "moving.md", {"region": "UK"}), MOVING),
    "router": (Document("router", "Router <b>lights</b>", "router.md"), ROUTER),
}

SHARED = [document for document, _ in DOCUMENTS.values()]


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", text.lower())) - set(_IGNORED.split())


def _sentences(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(r"[A-Z][^.|]*\.", text)]


@dataclass
class FakeAssistant:
    """The assistant described above. ``pause_seconds`` lies between deltas; ``asked`` counts the
    messages and ``closed`` the streams that were closed before their end."""

    pause_seconds: float = 0.02
    slow_seconds: float = 0.4
    knowledge_bases_count: int = 1
    store_down: bool = False
    closed: int = 0
    asked: int = 0
    kept: dict[tuple[str, str], Conversation] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _feedback: FakeFeedback | None = None
    files: FakeFiles = field(default_factory=FakeFiles)

    @property
    def memory_limits(self) -> MemoryLimits:
        return MemoryLimits(ttl_seconds=30 * 86_400, max_turns=200, max_bytes=2**20)

    def knowledge_bases(self, owner: str = "") -> Sequence[KnowledgeBaseInfo]:
        examples = (
            "What if I move before the 12 months are over?",
            "What does a blinking red light mean?",
            "Is there a fee on 4G Home?",
            "Do you sell unicorns?",
        )
        handbook = KnowledgeBaseInfo("harbourline", "Harbourline help", 84, 412, 1_785_110_400.0, examples)
        other = KnowledgeBaseInfo("public-services", "Public services", 273, 2373, 1_785_010_400.0, examples[:1])
        own = [KnowledgeBaseInfo(own_base(owner), "", 1, 1, 0.0)] if self.files.list(owner) else []
        return [*(handbook, other)[: self.knowledge_bases_count], *own]

    def document(self, knowledge_base: str, document_id: str, owner: str = "") -> tuple[Document, str] | None:
        check_reachable(knowledge_base, owner)
        if is_own(knowledge_base):
            return self.files.opened(owner, document_id)
        if knowledge_base not in {info.name for info in self.knowledge_bases()}:
            raise UnknownKnowledgeBase(f"There is no knowledge base “{knowledge_base}”.")
        return DOCUMENTS.get(document_id)

    def conversations(self, owner: str) -> Sequence[ConversationSummary]:
        self._check_store()
        mine = [conversation for (who, _), conversation in list(self.kept.items()) if who == owner]
        return sorted(map(summary_of, mine), key=lambda item: -item.updated_at)

    def conversation(self, owner: str, conversation_id: str) -> Conversation:
        self._check_store()
        return self.kept.get((owner, conversation_id), Conversation(conversation_id, owner))

    def rename_conversation(self, owner: str, conversation_id: str, title: str) -> None:
        self._check_store()
        key = (owner, conversation_id)
        self.kept[key] = replace(self.kept[key], title=title)

    def delete_conversation(self, owner: str, conversation_id: str) -> None:
        self._check_store()
        self.kept.pop((owner, conversation_id), None)

    def stream_reply(
        self, owner: str, conversation_id: str, message: str, knowledge_base: str, replacing: str = ""
    ) -> Iterator[TurnEvent]:
        self.asked += 1
        if len(message) > 4000:
            raise QuestionRejected(f"Your message has {len(message):,} characters; please keep it under 4,000.")
        self.document(knowledge_base, "", owner)
        return self._reply(Where(owner, conversation_id, knowledge_base), message, replacing)

    def _reply(self, where: Where, message: str, replacing: str) -> Iterator[TurnEvent]:
        started, before = time.time(), self.kept.get((where.owner, where.conversation_id))
        memory = memory_for(KeptStore(self), replacing)
        self._wait(message)
        history = before and not self.store_down and memory.load(where.owner, where.conversation_id)
        query = _query(message, history or None)
        yield QueryRewritten(query)
        if "boom" in message:
            raise PartUnavailable("The search index does not answer.")
        if "crash" in message:
            raise RuntimeError("nobody planned this")
        self._wait(message)
        own = self.files.passages(where.owner) if is_own(where.knowledge_base) else PASSAGES
        evidence = () if "hello" in message else _search(message, own)
        yield PassagesRetrieved(evidence)
        self._wait(message)
        answer, written = _answer(message, query, evidence), ""
        turn = Turn(f"t{time.monotonic_ns()}", message, query, answer, evidence, asked_at=started)
        turn = replace(turn, knowledge_base=where.knowledge_base)
        try:
            words = re.findall(r"\S+\s*", answer.text)
            for word in cycle(words) if "endless" in message else words:
                self._wait(message)
                written += word
                yield AnswerDelta(word)
        except GeneratorExit:
            self.closed += 1
            self._keep(memory, where, replace(turn, answer=Answer(written, AnswerKind.GENERATED), stopped=True))
            raise
        turn = replace(turn, trace=Trace({"total": time.time() - started}))
        if not self.store_down:
            self._keep(memory, where, turn)
        yield AnswerFinished(turn, stored=not self.store_down)

    @property
    def personal(self) -> FakePersonal:
        return FakePersonal(self)

    @property
    def feedback(self) -> FakeFeedback:
        if self._feedback is None:
            self._feedback = FakeFeedback(self)
        return self._feedback

    def search(self, knowledge_base: str, text: str, k: int, owner: str = "") -> Sequence[RetrievedPassage]:
        self.document(knowledge_base, "", owner)
        return searched(_search(text, self.files.passages(owner) if is_own(knowledge_base) else PASSAGES), k)

    def stream_answer(
        self, owner: str, knowledge_base: str, message: str, history: Sequence[tuple[str, str]]
    ) -> Iterator[TurnEvent]:
        self.document(knowledge_base, "", owner)
        return stateless_reply(self, Where(owner, "scratch-pad", knowledge_base), message, history)

    def documents(self, knowledge_base: str, owner: str = "", after: str = "", limit: int = 50) -> DocumentPage:
        self.document(knowledge_base, "", owner)
        return page_of(FakeBase(self.files.list(owner) if is_own(knowledge_base) else SHARED), after, limit)

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def part_states(self, knowledge_base: str) -> Sequence[PartState]:
        return states(self.store_down, knowledge_base in {info.name for info in self.knowledge_bases()})

    def follow_ups(self, owner: str, conversation_id: str) -> Sequence[str]:
        turns = self.conversation(owner, conversation_id).turns
        if not turns or not turns[-1].evidence or turns[-1].answer.kind is AnswerKind.CLARIFYING:
            return []
        asked = {turn.question for turn in turns}
        return [one for one in self.knowledge_bases()[0].examples if one not in asked][:3]

    def explain(self, turn: Turn) -> Explanation:
        self._check_store()
        return replace(EXPLANATION, why=f"“{turn.question}” was answered from {len(turn.evidence)} passages.")

    def _wait(self, message: str) -> None:
        time.sleep(self.slow_seconds if "slow" in message else self.pause_seconds)

    def _keep(self, memory: TurnStore, where: Where, turn: Turn) -> None:
        with self._lock:
            memory.append(where.owner, where.conversation_id, turn)

    @property
    def shelf(self) -> Shelf:
        self._check_store()
        return Shelf(KeptStore(self), write_archive, read_archive)

    def _check_store(self) -> None:
        if self.store_down:
            raise PartUnavailable("Redis does not answer.")


def _query(message: str, conversation: Conversation | None) -> Query:
    if conversation is None or not conversation.turns:
        return Query(message, message, Gate.KEEP, "it stands on its own", 0.99)
    previous = conversation.turns[-1].question
    return Query(f"{message} ({previous})", message, Gate.REWRITE, "it leans on the question before", 0.86, (previous,))


def _search(text: str, passages: Sequence[Passage] = PASSAGES) -> tuple[RetrievedPassage, ...]:
    wanted = _words(text)
    scored = sorted(
        ((len(wanted & _words(p.searchable)), p) for p in passages), key=lambda pair: (-pair[0], pair[1].id)
    )
    return tuple(
        RetrievedPassage(p, float(score), rank, {"relevance": min(0.97, 0.3 + 0.21 * score)})
        for rank, (score, p) in enumerate(scored, start=1)
    )


def _answer(message: str, query: Query, evidence: Sequence[RetrievedPassage]) -> Answer:
    if "hello" in message:
        return Answer("Hello! Ask me anything about your service.", AnswerKind.SMALL_TALK)
    if "which" in message:
        return Answer("Which of these do you mean?", AnswerKind.CLARIFYING, options=("Fibre 100", "4G Home"))
    best, score = evidence[0].passage, evidence[0].score
    if "steps" in message:
        return Answer(
            STEPS, AnswerKind.QUOTED, (Citation(1, best.id, (0, len(STEPS)), (0, 9), best.text[:9], 0.9),), 0.7
        )
    if "unicorn" in message or score == 0:
        return Answer("I could not find this in Harbourline help.", AnswerKind.ABSTAINED, confidence=0.12)
    spans = _sentences(best.text)[:3]
    text, citations = "", []
    for start, end in spans:
        quote = best.text[start:end]
        text += " " if text else ""
        citations.append(Citation(1, best.id, (len(text), len(text) + len(quote)), (start, end), quote, 0.9))
        text += quote
    return Answer(text, AnswerKind.GENERATED, tuple(citations), 0.86, Weighting(0.71, "adaptive"))
