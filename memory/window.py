"""Which part of a conversation a model gets to see."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from domain.conversation import Turn
from domain.errors import Misconfigured


class HistoryWindow:
    """The newest turns that fit, whole and in order.

    ``max_tokens`` counts question and answer of every turn with ``count_tokens`` (text -> tokens).
    """

    def __init__(self, max_turns: int, max_tokens: int, count_tokens: Callable[[str], int]) -> None:
        for name, value in (("max_turns", max_turns), ("max_tokens", max_tokens)):
            if value < 1:
                raise Misconfigured(f"The history window's {name} is {value}; give at least 1.")
        self._max_turns = max_turns
        self._max_tokens = max_tokens
        self._count_tokens = count_tokens

    def fit(self, turns: Sequence[Turn]) -> tuple[Turn, ...]:
        """The longest run of whole turns up to the newest within both bounds; oldest first.

        The newest turn is kept even when it alone is over the budget: a follow-up without it means nothing.
        """
        kept: list[Turn] = []
        tokens = 0
        for turn in reversed(turns[-self._max_turns :]):
            tokens += self._count_tokens(turn.question) + self._count_tokens(turn.answer.text)
            if kept and tokens > self._max_tokens:
                break
            kept.append(turn)
        return tuple(reversed(kept))
