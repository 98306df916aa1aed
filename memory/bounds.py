"""The bounds that every store keeps in the same way: sane limits, turns that fit, titles that fit a list."""

from __future__ import annotations

from domain.conversation import Conversation, Turn
from domain.errors import Misconfigured, QuestionRejected
from domain.protocols import MemoryLimits
from memory.codec import encode_turn

LONGEST_TITLE = 60
"""Characters; what a list of conversations shows on one line of a phone held sideways."""


def checked(limits: MemoryLimits) -> MemoryLimits:
    """``limits`` unchanged; raises ``Misconfigured`` unless each is None where allowed or at least 1."""
    for name in ("ttl_seconds", "max_turns", "max_bytes"):
        value = getattr(limits, name)
        if value is not None and value < 1:
            remedy = "give at least 1, or leave it out to keep conversations for good"
            raise Misconfigured(
                f"The memory limit {name} is {value}; {remedy if name == 'ttl_seconds' else 'give at least 1'}."
            )
    return limits


def encoded_within(turn: Turn, limits: MemoryLimits) -> bytes:
    """The encoded turn; raises ``QuestionRejected`` when it alone is larger than a conversation may be."""
    data = encode_turn(turn)
    if len(data) > limits.max_bytes:
        raise QuestionRejected(
            f"This exchange takes {len(data):,} bytes, and a conversation may hold {limits.max_bytes:,}; "
            "please ask a shorter question."
        )
    return data


def shortened_title(text: str) -> str:
    """``text`` on one line, cut after a whole word (or inside one that is too long) to ``LONGEST_TITLE`` characters."""
    line = " ".join(text.split())
    if len(line) <= LONGEST_TITLE:
        return line
    room = LONGEST_TITLE - 1  # for the ellipsis
    cut = line.rfind(" ", 1, room + 1)
    return line[: cut if cut > 0 else room].rstrip(" ,;:.-–—") + "…"


def given_title(text: str) -> str:
    """The title that a person chose, shortened; raises ``QuestionRejected`` when nothing is left of it."""
    title = shortened_title(text)
    if not title:
        raise QuestionRejected("A conversation needs a name that can be seen; please type one.")
    return title


def checked_turn_ids(conversation: Conversation) -> None:
    """Raises ``QuestionRejected`` when two turns of ``conversation`` have one id."""
    ids = [turn.id for turn in conversation.turns]
    if len(set(ids)) < len(ids):
        twice = next(one for one in ids if ids.count(one) > 1)
        raise QuestionRejected(f"This conversation has the turn {twice[:60]!r} twice; give each an id of its own.")


def title_of(conversation: Conversation) -> str:
    """Its title, shortened, or what its first question makes of one that has none."""
    first = conversation.turns[0].question if conversation.turns else ""
    return shortened_title(conversation.title) or shortened_title(first)


def already_there(conversation_id: str) -> QuestionRejected:
    """What ``put`` raises for an id that exists."""
    return QuestionRejected(f"There is a conversation {conversation_id[:60]!r} already; give the new one another id.")
