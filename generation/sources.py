"""How a conversation is laid out as the rewriter's source: one text for training and serving.

The message comes first, then earlier exchanges, newest first, since what a pronoun stands for was usually said last
and truncation then takes the oldest.
"""

from __future__ import annotations

from collections.abc import Sequence

EXCHANGE_WORDS = 32  # of one answer; an anaphor's antecedent stands early in it, and the source stays short
HISTORY_EXCHANGES = 4  # CANARD's rewrites reach further back in under 3 % of its turns


def history_text(exchanges: Sequence[tuple[str, str]], *, limit: int = HISTORY_EXCHANGES) -> str:
    """(question, answer) pairs, oldest first -> the source's second segment, newest first, ``;`` between exchanges.

    The opening exchange stays however long the conversation is, since it usually names what everything is about.
    An answer longer than ``EXCHANGE_WORDS`` words is cut. Empty history gives a full stop, so that the source
    always has two segments.
    """
    opening = exchanges[:1] if len(exchanges) > limit else []
    kept = [*opening, *exchanges[-limit:]]
    return " ; ".join(f"{question} {_shortened(answer)}".strip() for question, answer in reversed(kept)) or "."


def _shortened(answer: str) -> str:
    return " ".join(answer.split()[:EXCHANGE_WORDS])
