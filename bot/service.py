"""What programs ask for beside a conversation: a turn whose history they bring along, which documents there
are, and whether work may be sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from domain.answer import Answer, AnswerKind
from domain.conversation import Conversation, Query, Turn
from domain.errors import ColloquyError
from domain.passage import Document
from domain.protocols import MemoryLimits
from domain.service import DocumentPage, ListedDocument, PartState

_LOADING = "The models are still being loaded; ask again in a few seconds."


class BroughtAlong:
    """``domain.protocols.TurnStore`` for one turn: the history that a caller brings, and no memory of the turn."""

    def __init__(self, history: Sequence[tuple[str, str]], limits: MemoryLimits) -> None:
        """``history``: (message, reply) pairs, oldest first."""
        self._turns, self.limits = tuple(told(*pair) for pair in history), limits

    def load(self, owner: str, conversation_id: str) -> Conversation:
        """The history, whoever asks."""
        return Conversation(conversation_id, owner, turns=self._turns)

    def append(self, owner: str, conversation_id: str, turn: Turn) -> None:
        """Keeps nothing: the caller has the turn."""


def told(asked: str, answered: str) -> Turn:
    """An earlier exchange as a turn: only what was said is known of it."""
    return Turn("", asked, Query(asked, asked), Answer(answered, AnswerKind.GENERATED))


def part_states(
    memory: Callable[[], object], knowledge_base: Callable[[], object], *, opened: bool, loaded: bool
) -> tuple[PartState, ...]:
    """``memory`` and ``knowledge_base`` raise where they do not answer; the latter is asked only when it is ``opened``,
    for opening it would load the encoder. ``loaded``: all models are."""
    return (
        PartState("memory", _trouble(memory)),
        PartState("knowledge base", _trouble(knowledge_base) if opened else _LOADING),
        PartState("models", "" if loaded else _LOADING),
    )


class Snapshot(Protocol):
    """What can be counted at one moment."""

    def rows_of(self, document_ids: Iterable[str]) -> Sequence[int]: ...


class Listed(Protocol):
    """A knowledge base, as far as its documents are listed."""

    def documents(self) -> Iterable[Document]: ...

    def indexed_at(self, document_ids: Sequence[str]) -> Mapping[str, float]: ...

    def snapshot(self) -> AbstractContextManager[Snapshot]: ...


def page_of(base: Listed, after: str, limit: int) -> DocumentPage:
    """The first ``limit`` documents whose id comes after ``after``, by id: one that is put or taken out meanwhile moves
    no other from its page."""
    known = sorted(base.documents(), key=lambda one: one.id)
    rest = [one for one in known if one.id > after]
    shown = rest[:limit]
    times = base.indexed_at([one.id for one in shown])
    with base.snapshot() as snapshot:
        listed = tuple(ListedDocument(one, len(snapshot.rows_of([one.id])), times.get(one.id)) for one in shown)
    return DocumentPage(listed, len(known), shown[-1].id if len(rest) > limit else "")


def _trouble(check: Callable[[], object]) -> str:
    try:
        check()
    except ColloquyError as error:
        return str(error)
    return ""
