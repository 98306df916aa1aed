"""The life of a turn: rewrite, retrieve, write, choose, store. Knows only the domain; everything else is handed in."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace

from bot.handing_off import Where
from bot.policy import Policy, accept
from domain.answer import NOT_SEARCHED, Answer, AnswerKind
from domain.conversation import Gate, Query, Trace, Turn
from domain.errors import MemoryDown, PartUnavailable, QuestionRejected
from domain.events import AnswerDelta, AnswerFinished, PassagesRetrieved, QueryRewritten, TurnEvent
from domain.passage import RetrievedPassage
from domain.protocols import AnswerGenerator, Draft, QueryRewriter, Retriever, TurnStore

_ASIDE = (AnswerKind.SMALL_TALK, AnswerKind.HANDED_OFF)


@dataclass(frozen=True, slots=True)
class DialogueSettings:
    """``top_k`` passages are shown and cited from; the generator reads the first ``read_passages`` of them."""

    top_k: int = 5
    read_passages: int = 3


@dataclass
class _Progress:
    """What a turn has come to; read when it ends, also when it ends early."""

    question: str
    started: float = field(default_factory=time.perf_counter)
    asked_at: float = field(default_factory=time.time)
    query: Query = field(default_factory=lambda: Query("", ""))
    evidence: tuple[RetrievedPassage, ...] = ()
    shown: str = ""
    kind: AnswerKind = AnswerKind.GENERATED  # of what is shown, should the turn be stopped
    seconds: dict[str, float] = field(default_factory=dict)

    def timed(self, stage: str, since: float) -> None:
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - since


class Dialogue:
    """Turns about one knowledge base. Safe for several threads: a turn's state is its own."""

    def __init__(
        self,
        rewriter: QueryRewriter,
        retriever: Retriever,
        generator: AnswerGenerator,
        policy: Policy,
        *,
        window: Callable[[Sequence[Turn]], Sequence[Turn]],
        settings: DialogueSettings = DialogueSettings(),
    ) -> None:
        """``window`` keeps the part of a history that is looked at."""
        self._rewriter, self._retriever, self._generator, self._policy = rewriter, retriever, generator, policy
        self._window, self._settings = window, settings

    def stream_reply(
        self, store: TurnStore, owner: str, conversation_id: str, message: str, knowledge_base: str
    ) -> Iterator[TurnEvent]:
        """One turn, stored whole before ``AnswerFinished``. Closing the iterator stores what was shown as stopped.

        Raises ``QuestionRejected`` before the first event. When the store is down the turn goes on with the history
        that is known all the same, and ``AnswerFinished.stored`` is False.
        """
        question = accept(message)
        turns, reachable = _history(store, owner, conversation_id)
        progress = _Progress(question)

        def stored(answer: Answer, *, stopped: bool = False) -> AnswerFinished:
            turn = _turn(progress, answer, knowledge_base, stopped=stopped)
            if not reachable:
                return AnswerFinished(turn, stored=False)
            kept, waiting = _append(store, owner, conversation_id, turn)
            return AnswerFinished(turn, kept, waiting)

        try:
            where = Where(owner, conversation_id, knowledge_base)
            answer = yield from self._steps(progress, self._window(turns), where)
        except GeneratorExit:
            stored(Answer(progress.shown, progress.kind), stopped=True)
            raise
        yield stored(answer)

    def _steps(self, progress: _Progress, history: Sequence[Turn], where: Where) -> Generator[TurnEvent, None, Answer]:
        """The rungs between question and answer."""
        if (reply := self._without_search(progress, history, where)) is not None:
            yield QueryRewritten(progress.query)
            yield PassagesRetrieved(())
            progress.shown, progress.kind = reply.text, reply.kind
            yield AnswerDelta(reply.text)
            return reply
        progress.query = self.rewrite(progress, history)
        yield QueryRewritten(progress.query)
        progress.evidence = self.retrieve(progress, self._settings.top_k)
        yield PassagesRetrieved(progress.evidence)
        drafts: tuple[Draft, ...] = yield from self._drafts(progress, history)
        return self._choose(progress, drafts, history)

    def _without_search(self, progress: _Progress, history: Sequence[Turn], where: Where | None) -> Answer | None:
        """The reply to a message that needs no documents; None for all others."""
        reply = self._policy.without_search(progress.question, history, where)
        if reply is None:
            return None
        progress.query = Query(progress.question, progress.question, Gate.KEEP, reply[1])
        return reply[0]

    def rewrite(self, progress: _Progress, history: Sequence[Turn]) -> Query:
        """The message as a standalone query: an answer to what was asked back, or as the rewriter has it."""
        since = time.perf_counter()
        query = self._policy.taken_up(progress.question, history) or self._rewriter.rewrite(
            progress.question, [turn for turn in history if _said_something(turn)]
        )
        progress.timed("rewrite", since)
        return query

    def retrieve(self, progress: _Progress, k: int) -> tuple[RetrievedPassage, ...]:
        """At most ``k`` passages for the query, best first."""
        since = time.perf_counter()
        found = tuple(self._retriever.retrieve(progress.query, k))
        progress.timed("retrieve", since)
        return found

    def _drafts(self, progress: _Progress, history: Sequence[Turn]) -> Generator[TurnEvent, None, tuple[Draft, ...]]:
        """The generator's drafts; what of the first is supported already is shown while it grows."""
        since = time.perf_counter()
        drafts: tuple[Draft, ...] = ()
        read = progress.evidence[: self._settings.read_passages]
        for piece in self._generator.stream(progress.query.text, history, read):
            if isinstance(piece, tuple):
                drafts = piece
            else:
                ready = self._policy.presentable(piece, read)
                more = ready.removeprefix(progress.shown) if ready.startswith(progress.shown) else ""
                progress.shown += more
                yield AnswerDelta(more)
        progress.timed("generate", since)
        return drafts

    def _choose(self, progress: _Progress, drafts: tuple[Draft, ...], history: Sequence[Turn]) -> Answer:
        since = time.perf_counter()
        answer = self._policy.choose(progress.query, progress.evidence, drafts, history)
        progress.timed("weigh", since)
        return answer

    def replay(
        self,
        question: str,
        history: Sequence[Turn],
        *,
        evidence: Sequence[RetrievedPassage] | None = None,
        top_k: int = 5,
        until: str = "answer",
    ) -> Turn:
        """One turn without memory: the same rungs, for batches and measurements.

        ``evidence`` replaces retrieval. ``until`` stops after ``rewrite`` or ``retrieve``; the answer is then empty.
        ``Turn.evidence`` lists up to ``top_k`` passages; the answer is chosen from the first of them as in a chat.
        """
        progress = _Progress(accept(question))
        history = self._window(history)
        reply = self._without_search(progress, history, None) if until == "answer" and evidence is None else None
        if reply is not None:
            return _turn(progress, reply, "", stopped=False)
        progress.query = self.rewrite(progress, history)
        nothing = Answer("", AnswerKind.ABSTAINED)
        if until == "rewrite":
            return _turn(progress, nothing, "", stopped=False)
        wanted = max(top_k, self._settings.top_k)
        listed = tuple(evidence) if evidence is not None else self.retrieve(progress, wanted)
        if until == "retrieve":
            return replace(_turn(progress, nothing, "", stopped=False), evidence=listed[:top_k])
        progress.evidence = listed[: self._settings.top_k]
        drafts = _exhausted(self._drafts(progress, history))
        answer = self._choose(progress, drafts, history)
        return replace(_turn(progress, answer, "", stopped=False), evidence=listed[:top_k])


def _history(store: TurnStore, owner: str, conversation_id: str) -> tuple[tuple[Turn, ...], bool]:
    """The turns so far and whether a turn can be stored, or wait: a turn without memory is better than none."""
    try:
        return store.load(owner, conversation_id).turns, True
    except MemoryDown as down:
        return down.waiting, True
    except PartUnavailable:
        return (), False


def _append(store: TurnStore, owner: str, conversation_id: str, turn: Turn) -> tuple[bool, bool]:
    """Whether the turn was stored, and if not whether it waits."""
    try:
        store.append(owner, conversation_id, turn)
    except MemoryDown as down:
        return False, any(one.id == turn.id for one in down.waiting)
    except (PartUnavailable, QuestionRejected):  # rejected: too large to remember, but answered all the same
        return False, False
    return True, False


def _said_something(turn: Turn) -> bool:
    """Small talk, hand-offs and what was declined are no history to resolve a pronoun from."""
    return turn.answer.kind not in _ASIDE and turn.answer.reason not in NOT_SEARCHED


def _turn(progress: _Progress, answer: Answer, knowledge_base: str, *, stopped: bool) -> Turn:
    seconds = {**progress.seconds, "total": time.perf_counter() - progress.started}
    return Turn(
        id=uuid.uuid4().hex,
        question=progress.question,
        query=progress.query,
        answer=answer,
        evidence=progress.evidence,
        trace=Trace(seconds),
        asked_at=progress.asked_at,
        knowledge_base=knowledge_base,
        stopped=stopped,
    )


def _exhausted(steps: Generator[TurnEvent, None, tuple[Draft, ...]]) -> tuple[Draft, ...]:
    while True:
        try:
            next(steps)
        except StopIteration as finished:
            drafts: tuple[Draft, ...] = finished.value
            return drafts
