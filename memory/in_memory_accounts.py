"""Accounts and limits that die with the process: for tests, and the oracle of the contract suites."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from domain.accounts import ApiKey, Limit, Role, Session, User, checked_name, checked_role
from memory.account_records import KEY_PREFIX, KeyRecord, UserRecord, label_of, new_user, taken, with_password
from memory.passwords import Passwords, digest, new_secret

_SWEEP_FROM = 10_000  # buckets; full ones are dropped then, so that strangers cannot fill the memory


@dataclass
class _Kept:
    users: dict[str, UserRecord] = field(default_factory=dict)
    sessions: dict[str, tuple[str, str, float]] = field(default_factory=dict)  # digest -> (name, stamp, expires_at)
    keys: dict[str, KeyRecord] = field(default_factory=dict)


class InMemoryAccounts:
    """``Accounts`` in this process. ``now``: Unix seconds."""

    def __init__(self, session_seconds: float, passwords: Passwords, now: Callable[[], float] = time.time) -> None:
        self._session_seconds, self._passwords, self._now = session_seconds, passwords, now
        self._kept = _Kept()
        self._lock = threading.Lock()

    def add(self, name: str, password: str, role: Role) -> User:
        """A new user. Raises ``Misconfigured`` for a name that is taken."""
        record = new_user(name, password, role, self._now(), self._passwords)
        with self._lock:
            if record.name in self._kept.users:
                raise taken(record.name)
            self._kept.users[record.name] = record
        return record.user

    def remove(self, name: str) -> bool:
        """Forgets a user with sessions and keys; False for an unknown one."""
        with self._lock:
            gone = self._kept.users.pop(checked_name(name), None)
            if gone is not None:
                self._kept.keys = {k: v for k, v in self._kept.keys.items() if v.user_id != gone.id}
            return gone is not None

    def set_password(self, name: str, password: str) -> bool:
        """Another password; the sessions end."""
        plain = checked_name(name)
        if (record := self._kept.users.get(plain)) is None:
            return False
        renewed = with_password(record, password, self._passwords)
        with self._lock:
            if plain not in self._kept.users:
                return False
            self._kept.users[plain] = renewed
        return True

    def set_role(self, name: str, role: Role) -> bool:
        """Another role; sessions and keys go on with it."""
        known, plain = checked_role(role), checked_name(name)
        with self._lock:
            if (record := self._kept.users.get(plain)) is None:
                return False
            self._kept.users[plain] = replace(record, role=known)
            return True

    def users(self) -> Sequence[User]:
        """By name."""
        with self._lock:
            return [self._kept.users[name].user for name in sorted(self._kept.users)]

    def log_in(self, name: str, password: str, replaces: str = "") -> tuple[str, Session] | None:
        """A new session, the one it replaces being over; None for a wrong name or password."""
        record = self._kept.users.get(name.strip().lower())
        if not self._passwords.fits(record.password if record else None, password) or record is None:
            return None
        secret, expires_at = new_secret(), self._now() + self._session_seconds
        with self._lock:
            self._kept.sessions.pop(digest(replaces), None)
            self._kept.sessions[digest(secret)] = (record.name, record.stamp, expires_at)
        return secret, Session(record.user, expires_at)

    def session(self, secret: str) -> Session | None:
        """The session of that secret, while it lasts."""
        with self._lock:
            name, stamp, expires_at = self._kept.sessions.get(digest(secret), ("", "", 0.0))
            record = self._kept.users.get(name)
            if record is None or record.stamp != stamp or expires_at <= self._now():
                self._kept.sessions.pop(digest(secret), None)
                return None
            return Session(record.user, expires_at)

    def log_out(self, secret: str) -> None:
        """Ends a session."""
        with self._lock:
            self._kept.sessions.pop(digest(secret), None)

    def issue_key(self, name: str, label: str) -> tuple[str, ApiKey] | None:
        """A key for a user, with the secret that is shown once."""
        secret = KEY_PREFIX + new_secret()
        with self._lock:
            if (owner := self._kept.users.get(checked_name(name))) is None:
                return None
            record = KeyRecord(new_secret()[:12], owner.name, owner.id, label_of(label), self._now(), digest(secret))
            self._kept.keys[record.digest] = record
        return secret, record.key

    def key_user(self, secret: str) -> User | None:
        """Whose key that is."""
        with self._lock:
            record = self._kept.keys.get(digest(secret))
            owner = self._kept.users.get(record.user) if record else None
            return owner.user if owner and record and owner.id == record.user_id else None

    def api_keys(self) -> Sequence[ApiKey]:
        """Oldest first."""
        with self._lock:
            return [one.key for one in sorted(self._kept.keys.values(), key=lambda one: (one.created_at, one.id))]

    def revoke_key(self, key_id: str) -> bool:
        """Forgets a key; False for an unknown one."""
        with self._lock:
            found = [kept for kept, record in self._kept.keys.items() if record.id == key_id]
            for kept in found:
                del self._kept.keys[kept]
            return bool(found)


class InMemoryRateLimiter:
    """A ``RateLimiter`` in this process. ``now``: seconds of any clock that does not go back."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._buckets: dict[tuple[str, str], tuple[float, float, float]] = {}  # -> (tokens, at, full again at)
        self._lock = threading.Lock()

    def take(self, subject: str, limit: Limit) -> float:
        """0.0 when allowed, else the seconds to wait."""
        if limit.count == 0:
            return 0.0
        with self._lock:
            now, rate = self._now(), limit.count / limit.seconds
            tokens, at, _ = self._buckets.get((subject, limit.name), (float(limit.count), now, now))
            tokens = min(float(limit.count), tokens + (now - at) * rate)
            allowed = tokens >= 1
            left = tokens - 1 if allowed else tokens
            self._sweep(now)
            self._buckets[subject, limit.name] = (left, now, now + (limit.count - left) / rate)
            return 0.0 if allowed else (1 - tokens) / rate

    def _sweep(self, now: float) -> None:
        if len(self._buckets) >= _SWEEP_FROM:
            self._buckets = {name: bucket for name, bucket in self._buckets.items() if bucket[2] > now}
