"""An assistant whose turns take a known time."""

from __future__ import annotations

import time
from collections.abc import Iterator

from domain.answer import Answer, AnswerKind
from domain.conversation import Query, Trace, Turn
from domain.events import AnswerDelta, AnswerFinished, PassagesRetrieved, QueryRewritten, TurnEvent


class Clockwork:
    """Says its first word after ``first_seconds`` and is done ``rest_seconds`` later; remembers who asked what."""

    def __init__(self, first_seconds: float = 0.0, rest_seconds: float = 0.0, fails_at: str = "") -> None:
        self.asked: list[tuple[str, str]] = []
        self.stored: dict[str, int] = {}
        self._first, self._rest, self._fails_at = first_seconds, rest_seconds, fails_at

    def stream_reply(self, owner: str, conversation_id: str, message: str, knowledge_base: str) -> Iterator[TurnEvent]:
        if message == self._fails_at:
            raise RuntimeError(message)
        self.asked.append((conversation_id, message))
        self.stored[conversation_id] = self.stored.get(conversation_id, 0) + 1
        query = Query(message, message)
        yield QueryRewritten(query)
        yield PassagesRetrieved(())
        time.sleep(self._first)
        yield AnswerDelta("It ")
        time.sleep(self._rest)
        answer = Answer("It is.", AnswerKind.GENERATED)
        yield AnswerFinished(Turn("t", message, query, answer, trace=Trace({"retrieve": 0.5, "total": 0.9})))

    def delete_conversation(self, owner: str, conversation_id: str) -> None:
        self.stored.pop(conversation_id, None)
