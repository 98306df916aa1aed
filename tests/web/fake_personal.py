"""All that the fake assistant keeps of a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.owner_data import OwnerData

if TYPE_CHECKING:
    from tests.web.fakes import FakeAssistant


class FakePersonal:
    """``PersonalData`` over the fake's conversations, verdicts and files."""

    def __init__(self, assistant: FakeAssistant) -> None:
        self._assistant = assistant

    def everything(self, owner: str) -> OwnerData:
        ids = [summary.id for summary in self._assistant.conversations(owner)]
        verdicts = {name: self._assistant.feedback.of(owner, name) for name in ids}
        conversations = tuple(self._assistant.conversation(owner, name) for name in ids)
        return OwnerData(
            conversations,
            {name: given for name, given in verdicts.items() if given},
            files=tuple(self._assistant.files.list(owner)),
        )

    def erase(self, owner: str) -> int:
        ids = [summary.id for summary in self._assistant.conversations(owner)]
        for name in ids:
            self._assistant.delete_conversation(owner, name)
        for document in self._assistant.files.list(owner):
            self._assistant.files.remove(owner, document.id)
        return len(ids)
