"""What programs may ask of the fake assistant: searches, verdicts, turns with a history of their own, its health."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bot.handing_off import Where
from domain.answer import Answer, AnswerKind
from domain.conversation import Conversation, Query, Turn
from domain.events import TurnEvent
from domain.feedback import Feedback, GivenFeedback
from domain.passage import Document, RetrievedPassage
from domain.service import PartState

if TYPE_CHECKING:
    from tests.web.fakes import FakeAssistant


class FakeFeedback:
    """Verdicts on the turns of one fake assistant."""

    def __init__(self, turns_of: FakeAssistant) -> None:
        self._assistant = turns_of
        self.given: dict[tuple[str, str, str], Feedback] = {}

    def give(self, owner: str, conversation_id: str, turn_id: str, feedback: Feedback) -> bool:
        turns = self._assistant.conversation(owner, conversation_id).turns
        known = turn_id in {turn.id for turn in turns}
        if known:
            self.given[(owner, conversation_id, turn_id)] = feedback
        return known

    def take_back(self, owner: str, conversation_id: str, turn_id: str) -> bool:
        return self.given.pop((owner, conversation_id, turn_id), None) is not None

    def of(self, owner: str, conversation_id: str) -> Mapping[str, Feedback]:
        return {
            turn: item for (who, where, turn), item in self.given.items() if (who, where) == (owner, conversation_id)
        }

    def recent(self, limit: int) -> Sequence[GivenFeedback]:
        return [GivenFeedback(turn, "", "", item) for (_, _, turn), item in list(self.given.items())[:limit]]


class FakeBase:
    """A knowledge base to be listed: each document cut into two passages, and put at the second of its place."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = documents

    def documents(self) -> Sequence[Document]:
        return self._documents

    def indexed_at(self, document_ids: Sequence[str]) -> Mapping[str, float]:
        return {one.id: float(place) for place, one in enumerate(self._documents, 1) if one.id in document_ids}

    @contextmanager
    def snapshot(self) -> Iterator[FakeBase]:
        yield self

    def rows_of(self, document_ids: Iterable[str]) -> Sequence[int]:
        return [number for id_ in document_ids for number in (1, 2)]


def stateless_reply(
    assistant: FakeAssistant, where: Where, message: str, history: Sequence[tuple[str, str]]
) -> Iterator[TurnEvent]:
    """A turn of a copy of ``assistant`` that remembers ``history`` and nothing else."""
    from tests.web.fakes import FakeAssistant

    def turn(asked: str, answered: str) -> Turn:
        return Turn("", asked, Query(asked, asked), Answer(answered, AnswerKind.GENERATED))

    told = Conversation(where.conversation_id, where.owner, turns=tuple(turn(*pair) for pair in history))
    scratch = FakeAssistant(assistant.pause_seconds, assistant.slow_seconds, assistant.knowledge_bases_count)
    scratch.kept[(where.owner, where.conversation_id)] = told
    scratch.files = assistant.files
    try:
        yield from scratch.stream_reply(where.owner, where.conversation_id, message, where.knowledge_base)
    finally:
        assistant.closed += scratch.closed


def searched(found: Sequence[RetrievedPassage], k: int) -> Sequence[RetrievedPassage]:
    """The best ``k`` that share a word with what was looked for."""
    return [passage for passage in found if passage.score > 0][:k]


def states(store_down: bool, known: bool) -> Sequence[PartState]:
    """How the fake's parts are: its models are always there."""
    return [
        PartState("memory", "Redis does not answer." if store_down else ""),
        PartState("knowledge base", "" if known else "There is no such knowledge base."),
        PartState("models"),
    ]
