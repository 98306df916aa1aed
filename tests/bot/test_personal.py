from __future__ import annotations

import pytest

from bot.personal import Personal
from domain.answer import Answer, AnswerKind
from domain.conversation import Query, Turn
from domain.errors import PartUnavailable
from domain.protocols import MemoryLimits
from memory.in_memory_store import InMemoryConversationStore


class DownStore(InMemoryConversationStore):
    def erase(self, owner: str) -> int:
        raise PartUnavailable("The memory does not answer. Try again in a moment.")


def kept(store: InMemoryConversationStore) -> InMemoryConversationStore:
    for owner in ("ann", "bob"):
        store.append(owner, "c", Turn("t", "Q?", Query("Q?", "Q?"), Answer("A.", AnswerKind.QUOTED)))
    return store


def test_everything_of_one_person_is_given_and_forgotten_files_included() -> None:
    store, erased = kept(InMemoryConversationStore(MemoryLimits(None, 10, 10_000))), list[str]()
    personal = Personal(store, erased.append)
    assert [one.id for one in personal.everything("ann").conversations] == ["c"]
    assert personal.erase("ann") == 1
    assert erased == ["ann"]
    assert personal.everything("ann").conversations == ()
    assert len(personal.everything("bob").conversations) == 1


def test_files_stay_where_the_memory_does_not_answer() -> None:
    erased: list[str] = []
    with pytest.raises(PartUnavailable):
        Personal(kept(DownStore(MemoryLimits(None, 10, 10_000))), erased.append).erase("ann")
    assert erased == []
