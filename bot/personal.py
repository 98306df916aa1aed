"""Everything that is kept of one person, given to them or forgotten; see ``domain.owner_data.PersonalData``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from domain.owner_data import OwnerData
from domain.protocols import ConversationStore


@dataclass(frozen=True, slots=True)
class Personal:
    """``PersonalData`` over a store; ``erase_files`` forgets what an owner brought along besides."""

    store: ConversationStore
    erase_files: Callable[[str], object] = lambda _: None

    def everything(self, owner: str) -> OwnerData:
        """All that is kept of ``owner``."""
        return self.store.export(owner)

    def erase(self, owner: str) -> int:
        """Forgets all that is kept of ``owner``; how many conversations that were."""
        count = self.store.erase(owner)  # first: it is what may refuse
        self.erase_files(owner)
        return count
