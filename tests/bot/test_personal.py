from __future__ import annotations

from collections.abc import Sequence

import pytest

from bot.personal import Personal
from domain.answer import Answer, AnswerKind
from domain.conversation import Query, Turn
from domain.errors import PartUnavailable
from domain.passage import Document
from domain.protocols import MemoryLimits
from memory.in_memory_store import InMemoryConversationStore


class Drawer:
    """Two files each of ann and bob."""

    def __init__(self) -> None:
        self.kept = {
            owner: {name: Document(name, name, f"{name}.md") for name in ("a", "b")} for owner in ("ann", "bob")
        }

    def upload(self, owner: str, file_name: str, data: bytes) -> Sequence[Document]:
        return []

    def list(self, owner: str) -> Sequence[Document]:
        return list(self.kept.get(owner, {}).values())

    def remove(self, owner: str, document_id: str) -> bool:
        return self.kept[owner].pop(document_id, None) is not None


class DownStore(InMemoryConversationStore):
    def erase(self, owner: str) -> int:
        raise PartUnavailable("The memory does not answer. Try again in a moment.")


def kept(store: InMemoryConversationStore) -> InMemoryConversationStore:
    for owner in ("ann", "bob"):
        store.append(owner, "c", Turn("t", "Q?", Query("Q?", "Q?"), Answer("A.", AnswerKind.QUOTED)))
    return store


def test_everything_of_one_person_is_given_and_forgotten_files_included() -> None:
    drawer = Drawer()
    personal = Personal(kept(InMemoryConversationStore(MemoryLimits(None, 10, 10_000))), lambda: drawer)
    given = personal.everything("ann")
    assert [one.id for one in given.conversations] == ["c"]
    assert [one.source for one in given.files] == ["a.md", "b.md"]
    assert personal.erase("ann") == 1
    assert (personal.everything("ann").conversations, personal.everything("ann").files) == ((), ())
    assert (len(personal.everything("bob").conversations), len(drawer.list("bob"))) == (1, 2)


def test_files_stay_where_the_memory_does_not_answer() -> None:
    drawer = Drawer()
    with pytest.raises(PartUnavailable):
        Personal(kept(DownStore(MemoryLimits(None, 10, 10_000))), lambda: drawer).erase("ann")
    assert len(drawer.list("ann")) == 2
