"""A desk for operators over real stores and a small knowledge base, with turns that lie a few days back.

The encoder and the reader have an obvious rule (shared words), the explanation a fixed shape; everything else is what
runs in the product.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bot.assembly_operating import Desk, open_desk
from domain.answer import Answer, AnswerKind, Candidate, Citation, Reason, Removal, Weighting
from domain.conversation import Gate, Query, Trace, Turn
from domain.explanation import Attention, Column, Explanation, Part, PassageEffect
from domain.feedback import Feedback, FeedbackStore
from domain.hand_off import HandOff
from domain.operating import OperatorBook, OperatorDesk
from domain.passage import Passage, RetrievedPassage
from domain.protocols import Evidence, MemoryLimits, PassageReader
from domain.turn_log import TurnLog
from memory.hand_off_queue import InMemoryHandOffDesk
from memory.in_memory_lists import InMemoryFeedback, InMemoryTurnLog
from memory.in_memory_store import InMemoryConversationStore
from memory.operator_book import InMemoryOperatorBook
from retrieval.ingestion import ingest
from retrieval.knowledge_base import KnowledgeBaseStore
from settings import Settings
from tests.retrieval.word_encoder import WordEncoder
from tests.web.fakes import FakeAssistant

DAY = 86_400.0
LETTERS = " Whoever answers the telephone writes down what was agreed and sends it by letter." * 9
PAGES = {
    "moving.md": f"---\nid: moving\ntitle: Moving home\nregion: UK\n---\n# Notice\n\nTell us fourteen days before you "
    f"move. Moving costs twenty pounds.{LETTERS}\n\n# Early\n\nIf you move early you pay half of the rest.{LETTERS}\n",
    "router.md": "---\nid: router\ntitle: Router <b>lights</b>\n---\nA red light means that there is no connection.\n",
    "visits.md": "---\nid: visits\ntitle: Engineer visits\nregion: IE\n---\nA visit costs sixty euros on a weekday.\n",
}


class SharedWords:
    """A reader: the more words of the query a passage has, the more relevant it is."""

    def read(self, query: str, passages: Sequence[Passage]) -> Sequence[Evidence]:
        wanted = set(query.lower().split())
        return [Evidence(len(wanted & set(one.searchable.lower().split())) / max(1, len(wanted))) for one in passages]

    def fresh(self) -> PassageReader:
        return self


@dataclass
class ToyModels:
    encoder: WordEncoder = field(default_factory=WordEncoder)
    reader: SharedWords = field(default_factory=SharedWords)


class Clock:
    """Unix seconds that tests set; it goes on by a second each time it is read."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        self.now += 1
        return self.now


@dataclass
class ToyHost:
    """What ``bot.assembly_operating.open_desk`` needs of an assistant."""

    settings: Settings
    knowledge: KnowledgeBaseStore
    store: InMemoryConversationStore
    hand_offs: InMemoryHandOffDesk
    feedback: FeedbackStore
    turn_log: TurnLog
    models: ToyModels = field(default_factory=ToyModels)
    book: OperatorBook = field(default_factory=InMemoryOperatorBook)
    reconfigured: list[Settings] = field(default_factory=list)

    def explain(self, turn: Turn) -> Explanation:
        ranks = [one.rank for one in turn.evidence]
        effects = tuple(
            PassageEffect(one.rank, one.passage.id, one.passage.heading, one.rank == 1, 4.1 / one.rank - 1)
            for one in turn.evidence
        )
        columns = tuple(Column(Part.SENTENCE, rank, 1, "A sentence.") for rank in ranks)
        words = tuple(turn.answer.text.split()[:6])
        picture = Attention(words, columns, tuple(tuple(1 / len(ranks) for _ in ranks) for _ in words))
        return Explanation("The first passage says it.", -3.2, effects, picture, None)

    def reconfigure(self, settings: Settings) -> None:
        self.settings = settings
        self.reconfigured.append(settings)


class OperatedService(FakeAssistant):
    """The fake assistant of the pages, with a desk for operators."""

    def __init__(self, desk: OperatorDesk) -> None:
        super().__init__()
        self.operator = desk


@contextmanager
def toy_host(folder: Path, clock: Clock) -> Iterator[ToyHost]:
    """A host whose knowledge base ``help`` has the pages above; nothing was said yet."""
    (folder / "handbook").mkdir(parents=True)
    for name, text in PAGES.items():
        (folder / "handbook" / name).write_text(text, "utf-8")
    knowledge = KnowledgeBaseStore(folder / "bases", WordEncoder())
    ingest([folder / "handbook"], knowledge.create("help", "Help pages"))
    store = InMemoryConversationStore(MemoryLimits(None, 200, 10_000_000), clock)
    settings = Settings(data_dir=folder / "data")
    desk, feedback, log = InMemoryHandOffDesk(now=clock), InMemoryFeedback(store), InMemoryTurnLog(store)
    yield ToyHost(settings, knowledge, store, desk, feedback, log)
    knowledge.close()


def passages(host: ToyHost) -> list[Passage]:
    """The passages of the knowledge base, by id."""
    with host.knowledge.open("help").snapshot() as snapshot:
        return sorted(snapshot.passages(snapshot.rows()).values(), key=lambda one: one.id)


def turn(host: ToyHost, name: str, question: str, kind: AnswerKind, confidence: float) -> Turn:
    """A turn that saw three passages; an answered one cites the first."""
    wanted = set(question.lower().split())
    found = sorted(passages(host), key=lambda one: (-len(wanted & set(one.text.lower().split())), one.id))
    evidence = tuple(
        RetrievedPassage(
            one, 0.9 / rank, rank,
            {"dense_score": 0.71 / rank, "dense_rank": float(rank), "bm25_score": 14.2 / rank, "bm25_rank": float(rank),
             "fusion_score": 0.03, "relevance": 0.93 / rank},
        )
        for rank, one in enumerate(found[:3], 1)
    )  # fmt: skip
    sentence = found[0].text.split(". ")[0].rstrip(".") + "."
    answered = kind in (AnswerKind.GENERATED, AnswerKind.QUOTED)
    text = sentence if answered else "I could not find a sure answer to this in Help pages."
    cited = (Citation(1, found[0].id, (0, len(text)), (0, len(sentence)), sentence, 0.94),) if answered else ()
    candidates = (
        Candidate(sentence, AnswerKind.GENERATED, "beam 1", 0.93, 0.86, -0.12, chosen=answered),
        Candidate(sentence, AnswerKind.QUOTED, "quote 1", 0.93, 0.61, -0.33),
    )
    removed = (Removal("and so on and so", "it was not finished", "beam 1"),)
    weighing = Weighting(0.71, "adaptive", candidates, {"lead": 0.4, "gap": 1.2}, removed)
    why, before = "it leans on what was said", ("And before?",)
    query = Query(f"{question} for Fibre 100", question, Gate.REWRITE, why, 0.97, before)
    reason = Reason.UNSURE if kind is AnswerKind.ABSTAINED else Reason.NONE
    seconds = {"rewrite": 0.061, "retrieve": 0.158, "generate": 0.21, "weigh": 0.09, "total": 0.52}
    answer = Answer(text, kind, cited, confidence, weighing, reason=reason, offers_person=kind is AnswerKind.ABSTAINED)
    return Turn(name, question, query, answer, evidence, Trace(seconds), 0.0, "help")


def filled(host: ToyHost, clock: Clock, now: float) -> Desk:
    """The desk after six days of questions; ``now`` is the present."""
    asked = [
        ("What does moving cost?", AnswerKind.GENERATED, 0.92, "up"),
        ("A red light, what now?", AnswerKind.QUOTED, 0.78, None),
        ("do you price match ex-staff deals", AnswerKind.ABSTAINED, 0.31, None),
        ("do you price match deals of others", AnswerKind.ABSTAINED, 0.22, None),
        ("What is a visit on a Sunday?", AnswerKind.GENERATED, 0.55, "down"),
        ("hello", AnswerKind.SMALL_TALK, 0.0, None),
    ]
    for days_ago in range(5, -1, -1):
        clock.now = now - days_ago * DAY - 3600
        today = asked if days_ago == 0 else asked[: 2 + (days_ago * 2) % 5]
        for number, (question, kind, confidence, verdict) in enumerate(today):
            name, owner = f"d{days_ago}n{number}", f"owner {number % 3}"
            one = turn(host, name, question, kind, confidence)
            host.store.append(owner, f"c{days_ago}", one)
            if verdict:
                comment = "that is last year's fee" if verdict == "down" else ""
                given = Feedback("up" if verdict == "up" else "down", "wrong" if comment else "", comment, clock.now)
                host.feedback.give(owner, f"c{days_ago}", name, given)
    waiting = HandOff(
        "f" * 32, "0" * 64, "c", "Can somebody call me back?", "call me back", Reason.ASKED_FOR_PERSON, "help",
        created_at=now - 7200,
    )  # fmt: skip
    host.hand_offs.put(waiting)
    clock.now = now
    return open_desk(host)
