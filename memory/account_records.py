"""How accounts are written down: one JSON text a user and a key, without any secret that could be used."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from pydantic import TypeAdapter, ValidationError

from domain.accounts import ApiKey, Role, User, checked_name, checked_password, checked_role
from domain.errors import Misconfigured, PartUnavailable
from memory.passwords import Passwords, new_secret

KEY_PREFIX = "cq_"
"""In front of every API key, so that scanners for leaked secrets know one when they see it."""


@dataclass(frozen=True, slots=True)
class UserRecord:
    """A user as kept. ``stamp`` is renewed with the password; a session that holds another one is over."""

    id: str
    name: str
    role: Role
    created_at: float
    password: str
    stamp: str

    @property
    def user(self) -> User:
        """The user without what is secret."""
        return User(self.id, self.name, self.role, self.created_at)


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key as kept; ``user_id`` is whom it was made for, ``digest`` all that is known of its secret."""

    id: str
    user: str
    user_id: str
    label: str
    created_at: float
    digest: str

    @property
    def key(self) -> ApiKey:
        """The key as lists show it."""
        return ApiKey(self.id, self.user, self.label, self.created_at)


_USER, _KEY = TypeAdapter(UserRecord), TypeAdapter(KeyRecord)
_LABEL_CHARACTERS = 80


def new_user(name: str, password: str, role: str, now: float, passwords: Passwords) -> UserRecord:
    """A checked record. Raises ``Misconfigured`` for a name, password or role that cannot be."""
    plain, known, checked = checked_name(name), checked_role(role), checked_password(password)
    return UserRecord(new_secret()[:16], plain, known, now, passwords.hash(checked), new_secret())


def with_password(record: UserRecord, password: str, passwords: Passwords) -> UserRecord:
    """The record with another password, and so without its sessions."""
    return replace(record, password=passwords.hash(checked_password(password)), stamp=new_secret())


def label_of(text: str) -> str:
    """A key's label as one short line."""
    return " ".join(text.split())[:_LABEL_CHARACTERS]


def taken(name: str) -> Misconfigured:
    """What ``add`` raises for a name that somebody has."""
    return Misconfigured(f"There is a user {name!r} already; choose another name, or change that one's password.")


def encode_user(record: UserRecord) -> str:
    """One line of ASCII JSON."""
    return json.dumps(_USER.dump_python(record))


def encode_key(record: KeyRecord) -> str:
    """One line of ASCII JSON."""
    return json.dumps(_KEY.dump_python(record))


def decode_user(data: str | bytes) -> UserRecord:
    """The record in ``data``. Raises ``PartUnavailable``, without showing it, for none."""
    try:
        return _USER.validate_json(data)
    except ValidationError as error:
        raise _unreadable("user") from error


def decode_key(data: str | bytes) -> KeyRecord:
    """The record in ``data``. Raises ``PartUnavailable``, without showing it, for none."""
    try:
        return _KEY.validate_json(data)
    except ValidationError as error:
        raise _unreadable("key") from error


def _unreadable(kind: str) -> PartUnavailable:
    return PartUnavailable(
        f"The record of a {kind} cannot be read; update Colloquy, or restore the memory from a backup."
    )
