"""How everything about conversations is named in Redis.

All keys of one owner lie in one cluster slot. ``O`` and ``C`` are SHA-256 digests of owner and conversation id, so
that any string is a safe id and no name can be read from a key:

    colloquy:schema                          the version of this layout
    colloquy:v1:{O}:conversations            sorted set: conversation id by time of its last turn (µs)
    colloquy:v1:{O}:erased                   string: when the owner erased everything (µs); outlives what may wait
    colloquy:v1:{O}:conversation:C:turns     list: encoded turns, oldest first
    colloquy:v1:{O}:conversation:C:ids       list: their ids, in step with the turns
    colloquy:v1:{O}:conversation:C:about     hash: title, updated_us, bytes, trimmed, pinned, branched_from
    colloquy:v1:{O}:conversation:C:rows      hash: turn id -> what lists show of it, and its words for searching
    colloquy:v1:{O}:conversation:C:feedback  hash: turn id -> verdict

and, for operators, in a slot of their own, references only (``memory/redis_log.py``):

    colloquy:v1:{log}:turns                  sorted set: reference by time (µs)
    colloquy:v1:{log}:feedback               sorted set: reference by time of the verdict (µs)
    colloquy:v1:{log}:places                 hash: reference -> O:C:turn id
"""

from __future__ import annotations

import hashlib

from domain.owners import owner_hash

SCHEMA_VERSION = 2
"""Of the layout. 2 added rows and feedback; conversations of layout 1 are read, and their rows made when needed."""

SCHEMA_KEY = "colloquy:schema"
LOG_TURNS = "colloquy:v1:{log}:turns"
LOG_FEEDBACK = "colloquy:v1:{log}:feedback"
LOG_PLACES = "colloquy:v1:{log}:places"

_PARTS = ("turns", "ids", "about", "rows", "feedback")


def digest(name: str) -> str:
    """64 hexadecimal digits for any string."""
    return hashlib.sha256(as_bytes(name)).hexdigest()


def index_key(owner: str) -> str:
    """The key of the list of ``owner``'s conversations."""
    return f"colloquy:v1:{{{owner_hash(owner)}}}:conversations"


def erased_key(owner: str) -> str:
    """The key of the mark that ``owner`` erased everything."""
    return f"colloquy:v1:{{{owner_hash(owner)}}}:erased"


def prefix_of(owner: str) -> str:
    """What the keys of all conversations of ``owner`` begin with; a conversation's digest follows."""
    return prefix_of_digest(owner_hash(owner))


def prefix_of_digest(owner_digest: str) -> str:
    """As ``prefix_of``, for an owner of whom only the digest is known."""
    return f"colloquy:v1:{{{owner_digest}}}:conversation:"


def keys_under(prefix: str, conversation_digest: str) -> list[str]:
    """turns, ids, about, rows, feedback."""
    return [f"{prefix}{conversation_digest}:{part}" for part in _PARTS]


def conversation_keys(owner: str, conversation_id: str) -> list[str]:
    """turns, ids, about, rows, feedback and, last, the index: what the scripts take, in that order."""
    return [*keys_under(prefix_of(owner), digest(conversation_id)), index_key(owner)]


def as_bytes(text: str) -> bytes:
    """``text`` for a key or an id; comes back equal from ``as_text``, half a surrogate pair included."""
    return text.encode("utf-8", "surrogatepass")


def as_text(data: bytes) -> str:
    """The inverse of ``as_bytes``."""
    return data.decode("utf-8", "surrogatepass")
