"""Parts with an obvious rule, for watching a turn go by; whatever is asked of them is on ``calls``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from domain.answer import Answer, AnswerKind, Citation
from domain.conversation import Conversation, ConversationSummary, Gate, Query, Turn
from domain.errors import PartUnavailable
from domain.passage import Passage, RetrievedPassage
from domain.protocols import Draft, MemoryLimits


def found(number: int, text: str = "") -> RetrievedPassage:
    text = text or f"Fact {number} is known."
    return RetrievedPassage(Passage(f"p{number}", f"d{number}", "", text, "", (0, len(text))), -number, number)


class ShoutingRewriter:
    """Upper case, and the number of turns it was shown."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Turn, ...]]] = []

    def rewrite(self, question: str, history: Sequence[Turn]) -> Query:
        self.calls.append((question, tuple(history)))
        return Query(f"{question.upper()} {len(history)}", question, Gate.REWRITE, "shouted")


class CountingRetriever:
    """``k`` passages, numbered from 1; none for a query that says NOTHING."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []

    def retrieve(self, query: Query, k: int) -> list[RetrievedPassage]:
        self.calls.append((query.text, k))
        return [] if "NOTHING" in query.text else [found(n) for n in range(1, k + 1)]


class SpellingGenerator:
    """Says its text a word at a time, then hands it over as the only draft; counts its streams that are open."""

    def __init__(self, text: str) -> None:
        self.text, self.open_streams, self.words_said = text, 0, 0
        self.calls: list[tuple[str, tuple[str, ...]]] = []

    def stream(
        self, question: str, history: Sequence[Turn], evidence: Sequence[RetrievedPassage]
    ) -> Iterator[str | tuple[Draft, ...]]:
        self.calls.append((question, tuple(one.passage.id for one in evidence)))
        self.open_streams += 1
        try:
            words = self.text.split()
            for n in range(1, len(words) + 1):
                self.words_said = n
                yield " ".join(words[:n])
            yield (Draft(self.text, -1.0, len(words), "beam 1"),) if evidence else ()
        finally:
            self.open_streams -= 1


class FullStopWeigher:
    """Shows what stands before the last full stop; proposes the first draft with a given confidence."""

    def __init__(self, confidence: float = 0.9) -> None:
        self.confidence = confidence

    def propose(self, query: Query, evidence: Sequence[RetrievedPassage], drafts: Sequence[Draft]) -> Answer | None:
        if not evidence or not drafts:
            return None
        text = drafts[0].text
        citation = Citation(1, evidence[0].passage.id, (0, len(text)), (0, 4), evidence[0].passage.text[:4], 1.0)
        return Answer(text, AnswerKind.GENERATED, (citation,), self.confidence)

    def presentable(self, text: str, evidence: Sequence[RetrievedPassage]) -> str:
        return text[: text.rfind(".") + 1]


class ListStore:
    """Keeps turns in a list; ``down_at`` names the calls ("load", "append") that find it unreachable."""

    def __init__(self, turns: Sequence[Turn] = (), down_at: Sequence[str] = ()) -> None:
        self.turns, self.down_at = list(turns), set(down_at)

    @property
    def limits(self) -> MemoryLimits:
        return MemoryLimits(None, 100, 10**6)

    def load(self, owner: str, conversation_id: str) -> Conversation:
        self._reach("load")
        return Conversation(conversation_id, owner, turns=tuple(self.turns))

    def append(self, owner: str, conversation_id: str, turn: Turn) -> None:
        self._reach("append")
        self.turns.append(turn)

    def list(self, owner: str) -> Sequence[ConversationSummary]:
        return []

    def rename(self, owner: str, conversation_id: str, title: str) -> None:
        self._reach("rename")

    def delete(self, owner: str, conversation_id: str) -> None:
        self.turns.clear()

    def _reach(self, call: str) -> None:
        if call in self.down_at:
            raise PartUnavailable("The memory does not answer. Try again in a moment.")
