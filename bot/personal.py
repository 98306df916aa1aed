"""Everything that is kept of one person, given to them or forgotten; see ``domain.owner_data.PersonalData``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from domain.own_files import OwnFiles
from domain.owner_data import OwnerData
from domain.protocols import ConversationStore


@dataclass(frozen=True, slots=True)
class Personal:
    """``PersonalData`` over a store and the files that people bring along; ``files`` opens those when they are asked
    for."""

    store: ConversationStore
    files: Callable[[], OwnFiles]

    def everything(self, owner: str) -> OwnerData:
        """All that is kept of ``owner``."""
        return replace(self.store.export(owner), files=tuple(self.files().list(owner)))

    def erase(self, owner: str) -> int:
        """Forgets all that is kept of ``owner``; how many conversations that were."""
        count, files = self.store.erase(owner), self.files()  # the store first: it is what may refuse
        for document in files.list(owner):
            files.remove(owner, document.id)
        return count
