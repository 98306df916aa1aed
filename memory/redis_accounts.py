"""Accounts in Redis, for whatever runs Lua there: ``RedisConversationStore.run_script`` does.

Keys, all in one cluster slot, with R = ``colloquy:v1:{accounts}``:

    R:users              hash: name -> the user (JSON)
    R:keys               hash: digest of the secret -> the key (JSON)
    R:session:DIGEST     string: name, a line's end, the user's stamp; expires with the session

Each change is one script: it happens whole or not at all, and the server orders what comes at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Sequence as SequenceOf
from dataclasses import replace
from typing import Any

from domain.accounts import ApiKey, Role, Session, User, checked_name, checked_role
from memory.account_records import (
    KEY_PREFIX,
    KeyRecord,
    UserRecord,
    decode_key,
    decode_user,
    encode_key,
    encode_user,
    label_of,
    new_user,
    taken,
    with_password,
)
from memory.passwords import Passwords, digest, new_secret

RunScript = Callable[[str, SequenceOf[str], SequenceOf[str | bytes | int | float]], Any]
"""(Lua, keys, arguments) -> the server's reply; raises ``PartUnavailable`` when it does not answer."""

_ROOT = "colloquy:v1:{accounts}"
_USERS, _KEYS = f"{_ROOT}:users", f"{_ROOT}:keys"

_ADD = """
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 1 then return 1 end
-- the acknowledgment may have been lost, and this is the same once more
return redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] and 1 or 0
"""

_REPLACE = """
-- only the user that was read: a removed one must not come back
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
"""

_REMOVE = """
-- KEYS: users, keys. ARGV: name
local kept = redis.call('HGET', KEYS[1], ARGV[1])
if not kept then return 0 end
local id = cjson.decode(kept).id
local keys = redis.call('HGETALL', KEYS[2])
for i = 1, #keys, 2 do
  if cjson.decode(keys[i + 1]).user_id == id then redis.call('HDEL', KEYS[2], keys[i]) end
end
redis.call('HDEL', KEYS[1], ARGV[1])
return 1
"""

_BEGIN = """
-- KEYS: session, the one it replaces. ARGV: what it holds, milliseconds
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
"""

_SESSION = """
-- KEYS: session, users -> what it holds, milliseconds left, the user
local held = redis.call('GET', KEYS[1])
if not held then return nil end
local name = string.match(held, '^[^\\n]*')
return {held, redis.call('PTTL', KEYS[1]), redis.call('HGET', KEYS[2], name) or ''}
"""

_ISSUE = """
-- KEYS: users, keys. ARGV: name, user as read, digest, key
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
return 1
"""

_KEY_USER = """
-- KEYS: keys, users. ARGV: digest -> the key, the user
local key = redis.call('HGET', KEYS[1], ARGV[1])
if not key then return nil end
return {key, redis.call('HGET', KEYS[2], cjson.decode(key).user) or ''}
"""

_REVOKE = """
-- KEYS: keys. ARGV: id
local keys = redis.call('HGETALL', KEYS[1])
for i = 1, #keys, 2 do
  if cjson.decode(keys[i + 1]).id == ARGV[1] then return redis.call('HDEL', KEYS[1], keys[i]) end
end
return 0
"""

_GET = "return redis.call('HGET', KEYS[1], ARGV[1])"
_VALUES = "return redis.call('HVALS', KEYS[1])"
_FORGET = "return redis.call('DEL', KEYS[1])"


class RedisAccounts:
    """``Accounts`` in Redis. ``now``: Unix seconds, for the times that people see; the server's clock ends sessions."""

    def __init__(
        self, run: RunScript, session_seconds: float, passwords: Passwords, now: Callable[[], float] = time.time
    ) -> None:
        self._run, self._session_ms, self._passwords, self._now = run, round(session_seconds * 1000), passwords, now

    def add(self, name: str, password: str, role: Role) -> User:
        """A new user. Raises ``Misconfigured`` for a name that is taken."""
        record = new_user(name, password, role, self._now(), self._passwords)
        if not self._run(_ADD, [_USERS], [record.name, encode_user(record)]):
            raise taken(record.name)
        return record.user

    def remove(self, name: str) -> bool:
        """Forgets a user with sessions and keys; False for an unknown one."""
        return bool(self._run(_REMOVE, [_USERS, _KEYS], [checked_name(name)]))

    def set_password(self, name: str, password: str) -> bool:
        """Another password; the sessions end."""
        record, read = self._user(checked_name(name))
        if record is None:
            return False
        renewed = encode_user(with_password(record, password, self._passwords))
        return bool(self._run(_REPLACE, [_USERS], [record.name, read, renewed]))

    def set_role(self, name: str, role: Role) -> bool:
        """Another role; sessions and keys go on with it."""
        known = checked_role(role)
        record, read = self._user(checked_name(name))
        if record is None:
            return False
        return bool(self._run(_REPLACE, [_USERS], [record.name, read, encode_user(replace(record, role=known))]))

    def users(self) -> SequenceOf[User]:
        """By name."""
        return sorted((decode_user(one).user for one in self._run(_VALUES, [_USERS], [])), key=lambda user: user.name)

    def log_in(self, name: str, password: str, replaces: str = "") -> tuple[str, Session] | None:
        """A new session, the one it replaces being over; None for a wrong name or password."""
        record, _ = self._user(name.strip().lower())
        if not self._passwords.fits(record.password if record else None, password) or record is None:
            return None
        secret = new_secret()
        held = f"{record.name}\n{record.stamp}"
        self._run(_BEGIN, [_session(secret), _session(replaces)], [held, self._session_ms])
        return secret, Session(record.user, self._now() + self._session_ms / 1000)

    def session(self, secret: str) -> Session | None:
        """The session of that secret, while it lasts."""
        found = self._run(_SESSION, [_session(secret), _USERS], [])
        if not found or not found[2]:
            return None
        record = decode_user(found[2])
        if found[0].decode("utf-8").partition("\n")[2] != record.stamp:
            return None
        return Session(record.user, self._now() + int(found[1]) / 1000)

    def log_out(self, secret: str) -> None:
        """Ends a session."""
        self._run(_FORGET, [_session(secret)], [])

    def issue_key(self, name: str, label: str) -> tuple[str, ApiKey] | None:
        """A key for a user, with the secret that is shown once."""
        owner, read = self._user(checked_name(name))
        if owner is None:
            return None
        secret = KEY_PREFIX + new_secret()
        record = KeyRecord(new_secret()[:12], owner.name, owner.id, label_of(label), self._now(), digest(secret))
        kept = self._run(_ISSUE, [_USERS, _KEYS], [owner.name, read, record.digest, encode_key(record)])
        return (secret, record.key) if kept else None

    def key_user(self, secret: str) -> User | None:
        """Whose key that is."""
        found = self._run(_KEY_USER, [_KEYS, _USERS], [digest(secret)])
        if not found or not found[1]:
            return None
        key, record = decode_key(found[0]), decode_user(found[1])
        return record.user if record.id == key.user_id else None

    def api_keys(self) -> SequenceOf[ApiKey]:
        """Oldest first."""
        kept = [decode_key(one).key for one in self._run(_VALUES, [_KEYS], [])]
        return sorted(kept, key=lambda one: (one.created_at, one.id))

    def revoke_key(self, key_id: str) -> bool:
        """Forgets a key; False for an unknown one."""
        return bool(self._run(_REVOKE, [_KEYS], [_plain(key_id)]))

    def _user(self, name: str) -> tuple[UserRecord | None, bytes]:
        """A user, and the record as it was read."""
        read = self._run(_GET, [_USERS], [_plain(name)])
        return (decode_user(read), bytes(read)) if read else (None, b"")


def _session(secret: str) -> str:
    return f"{_ROOT}:session:{digest(secret)}"


def _plain(text: str) -> bytes:
    return text.encode("utf-8", "replace")
