"""The error tree of the product, whole, on one page.

    ColloquyError
    ├── QuestionRejected     the person's message cannot be taken; the text is written for that person
    ├── PartUnavailable      a part (Redis, an index, a model) does not answer now; worth a retry
    │   └── MemoryDown           conversations cannot be reached; carries the turns that are known all the same
    ├── Misconfigured        found at start-up or by a command; says what is wrong, the value, what to do
    │   └── UnknownKnowledgeBase
    └── DocumentRejected     one file of an ingestion cannot be read; the others go on

Every message is one clear sentence that names the offending value and ends with what to do about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.conversation import Turn


class ColloquyError(Exception):
    """Anything Colloquy raises on purpose."""


class QuestionRejected(ColloquyError):
    """The message cannot be accepted; ``str(error)`` may be shown to the person as it is."""


class PartUnavailable(ColloquyError):
    """A part does not answer at the moment; nothing was changed and the same call may work later."""


class MemoryDown(PartUnavailable):
    """The store of conversations does not answer; what was to be stored waits on this machine until it does.

    ``waiting`` are the turns of the conversation that are known in the meantime, oldest first: after ``append`` that
    turn is among them, and will be stored without being appended again.
    """

    def __init__(self, message: str, waiting: Sequence[Turn] = ()) -> None:
        super().__init__(message)
        self.waiting = tuple(waiting)


class Misconfigured(ColloquyError):
    """The installation, a setting or an argument is wrong; the message says which, its value and the remedy."""


class UnknownKnowledgeBase(Misconfigured):
    """No knowledge base of that name exists."""


class DocumentRejected(ColloquyError):
    """A file cannot become a document; the message says why. The index is left as it was."""
