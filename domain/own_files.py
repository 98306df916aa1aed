"""Files that a person brings along to ask about, in a knowledge base that only they can see."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

from domain.errors import UnknownKnowledgeBase
from domain.passage import Document

_PREFIX = "own-"


class OwnFiles(Protocol):
    """One owner's files.

    1. What is uploaded is the owner's alone: nobody else is shown it, can ask about it or open it.
    2. ``upload`` goes by what a file holds, not by what it is called, and is all or nothing for each document; a file
       of the same name takes the place of the one before.
    3. Bounded in bytes a file and in files an owner.

    Raises ``DocumentRejected`` with a sentence for the person, ``PartUnavailable``.
    """

    def upload(self, owner: str, file_name: str, data: bytes) -> Sequence[Document]: ...

    def list(self, owner: str) -> Sequence[Document]:
        """By title; [] where there are none."""
        ...

    def remove(self, owner: str, document_id: str) -> bool:
        """With the last file the knowledge base goes too. False when there is no such file."""
        ...


def own_base(owner: str) -> str:
    """The name of an owner's knowledge base. It does not tell the owner, whose name may be a secret."""
    return _PREFIX + hashlib.sha256(f"files of {owner}".encode("utf-8", "surrogatepass")).hexdigest()[:40]


def is_own(knowledge_base: str) -> bool:
    """Whether a knowledge base belongs to one person."""
    return knowledge_base.startswith(_PREFIX)


def check_reachable(knowledge_base: str, owner: str) -> None:
    """Raises ``UnknownKnowledgeBase`` for somebody else's knowledge base, as for one that does not exist."""
    if is_own(knowledge_base) and knowledge_base != own_base(owner):
        raise UnknownKnowledgeBase("There is no such knowledge base; choose another one.")
