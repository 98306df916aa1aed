"""How a turn is written down: one JSON envelope, read back exactly as it was.

``{"version": [1, 1], "turn": {...}}``. The first number changes when an older Colloquy could no longer read the
turn rightly, the second when fields were merely added: those are ignored by whoever does not know them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from domain.conversation import Turn
from domain.errors import PartUnavailable

VERSION = (1, 3)
"""(major, minor) of the envelope that this code writes."""

_TURN = TypeAdapter(Turn)


def encode_turn(turn: Turn) -> bytes:
    """The envelope of ``turn`` as UTF-8 JSON. A lone surrogate, which UTF-8 cannot hold, becomes ``?``."""
    envelope = {"version": VERSION, "turn": _TURN.dump_python(turn, warnings=False)}
    # json.dumps rather than pydantic's own writer, which turns infinities into null: no float can be read from that.
    text = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return text.encode("utf-8", errors="replace")


def decode_turn(data: bytes) -> Turn:
    """The turn in ``data``, equal to the one encoded.

    Raises ``PartUnavailable`` for anything that is not such an envelope, or one of a newer major version.
    """
    envelope = _parse(data)
    major = _major_version(envelope)
    if major > VERSION[0]:
        raise PartUnavailable(
            f"A stored turn was written by a newer Colloquy (turn format {major}, this one reads up to {VERSION[0]}); "
            "update Colloquy, then load the conversation again."
        )
    try:
        return _TURN.validate_python(envelope["turn"])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise _unreadable(f"{place or 'turn'}: {first['msg']}", data) from error


def _plain(value: object) -> object:
    """What JSON can hold in place of what models and parts may leave in a turn: numpy's numbers, other mappings."""
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"a turn holds {value!r}, which is neither text, number, list nor mapping")


def _parse(data: bytes) -> dict[str, Any]:
    try:
        envelope = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _unreadable(f"not JSON ({error})", data) from error
    if not isinstance(envelope, dict) or "turn" not in envelope:
        raise _unreadable("no turn in it", data)
    return envelope


def _major_version(envelope: dict[str, Any]) -> int:
    match envelope.get("version"):
        case [int(major), int(), *_]:
            return major
        case version:
            raise _unreadable(f"version {version!r} is not two numbers", json.dumps(envelope).encode())


def _unreadable(why: str, data: bytes) -> PartUnavailable:
    start = data[:60].decode("utf-8", errors="replace")
    return PartUnavailable(
        f"A stored turn cannot be read: {why}. It begins {start!r}; delete this conversation, or restore the memory "
        "from a backup."
    )
