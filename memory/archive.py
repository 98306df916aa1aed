"""A conversation as a file of its own: JSON that people may keep, move and bring back.

``{"colloquy": "conversation", "version": 1, "title": …, "turns": [envelopes of memory/codec.py]}``. The envelopes carry
their own version, so an archive of an older Colloquy is read as a stored conversation of that time is.
"""

from __future__ import annotations

import json
from typing import Any

from domain.conversation import Conversation, Turn
from domain.errors import PartUnavailable, QuestionRejected
from memory.codec import decode_turn, encode_turn

_KIND, _VERSION = "conversation", 1
_LONGEST_TURN_ID = 80
"""Characters; our own have 32."""


def write_archive(conversation: Conversation) -> bytes:
    """``conversation`` as UTF-8 JSON, without its owner and id."""
    archive = {
        "colloquy": _KIND,
        "version": _VERSION,
        "title": conversation.title,
        "trimmed": conversation.trimmed,
        "turns": [json.loads(encode_turn(turn)) for turn in conversation.turns],
    }
    return json.dumps(archive, ensure_ascii=False, indent=1).encode("utf-8", "replace")


def read_archive(data: bytes, owner: str, conversation_id: str, most_bytes: int) -> Conversation:
    """The conversation that ``write_archive`` wrote, as ``owner``'s and under ``conversation_id``.

    Raises ``QuestionRejected`` for more than ``most_bytes`` and for anything else than such an archive, with a sentence
    for the person who chose the file.
    """
    if len(data) > most_bytes:
        raise QuestionRejected(
            f"This file has {len(data):,} bytes and {most_bytes:,} are taken; choose a smaller conversation."
        )
    archive = _parsed(data)
    turns = tuple(_turn(envelope, number) for number, envelope in enumerate(archive["turns"], 1))
    title, trimmed = archive.get("title", ""), archive.get("trimmed", 0)
    if not isinstance(title, str) or isinstance(trimmed, bool) or not isinstance(trimmed, int) or trimmed < 0:
        raise _refused("its title or its count of trimmed turns is damaged")
    return Conversation(conversation_id, owner, title, turns, trimmed=trimmed)


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        archive = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _refused("it is not JSON") from error
    if not isinstance(archive, dict) or archive.get("colloquy") != _KIND:
        raise _refused("nothing in it says that it is one")
    if archive.get("version") != _VERSION:
        raise _refused(f"its version is {str(archive.get('version'))[:20]!r} and this Colloquy reads {_VERSION}")
    if not isinstance(archive.get("turns"), list) or not archive["turns"]:
        raise _refused("it holds no questions")
    return archive


def _turn(envelope: object, number: int) -> Turn:
    try:
        turn = decode_turn(json.dumps(envelope).encode())
    except (PartUnavailable, ValueError, RecursionError) as error:
        raise _refused(f"question {number} in it cannot be read") from error
    if not 0 < len(turn.id) <= _LONGEST_TURN_ID or not turn.id.isprintable():
        raise _refused(f"question {number} in it has no usable id")
    return turn


def _refused(why: str) -> QuestionRejected:
    return QuestionRejected(
        f"This file is not a conversation exported from Colloquy: {why}. Choose a file that was made by Export, JSON."
    )
