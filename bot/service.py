"""What programs ask for beside a conversation: a turn whose history they bring along, and whether work may be sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from domain.answer import Answer, AnswerKind
from domain.conversation import Conversation, Query, Turn
from domain.errors import ColloquyError
from domain.protocols import MemoryLimits
from domain.service import PartState

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


def _trouble(check: Callable[[], object]) -> str:
    try:
        check()
    except ColloquyError as error:
        return str(error)
    return ""
