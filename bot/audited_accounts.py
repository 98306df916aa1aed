"""Accounts whose changes, and who logs in, are in the operators' audit."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from domain.accounts import Accounts, ApiKey, Role, Session, User, checked_name
from domain.errors import PartUnavailable
from domain.operating import AuditEntry, OperatorBook

UNKNOWN = "unknown name"
"""Who failed to log in under a name that nobody has. The name itself is not kept: people type passwords there."""

_LOG = logging.getLogger(__name__)


class AuditedAccounts:
    """``Accounts`` over ``inner``: every change of theirs is in ``book``, as made by ``by``, and every log-in is
    counted there. No password, key or session ever is. What is done stays done where the book does not answer, and
    the log says so. ``now``: Unix seconds."""

    def __init__(self, inner: Accounts, book: OperatorBook, by: str = "", now: Callable[[], float] = time.time) -> None:
        self._inner, self._book, self._by, self._now = inner, book, by, now

    def add(self, name: str, password: str, role: Role) -> User:
        """A new user."""
        user = self._inner.add(name, password, role)
        self._record(f"user {user.name}", "", user.role)
        return user

    def remove(self, name: str) -> bool:
        """Forgets a user with sessions and keys; False for an unknown one."""
        user = self._user(name)
        removed = self._inner.remove(name)
        if removed:
            self._record(f"user {checked_name(name)}", user.role if user else "", "")
        return removed

    def set_password(self, name: str, password: str) -> bool:
        """Another password; False for an unknown name."""
        changed = self._inner.set_password(name, password)
        if changed:
            self._record(f"password of {checked_name(name)}", "", "changed")
        return changed

    def set_role(self, name: str, role: Role) -> bool:
        """Another role; False for an unknown name."""
        user = self._user(name)
        changed = self._inner.set_role(name, role)
        if changed:
            self._record(f"user {checked_name(name)}", user.role if user else "", role)
        return changed

    def users(self) -> Sequence[User]:
        """By name."""
        return self._inner.users()

    def log_in(self, name: str, password: str, replaces: str = "") -> tuple[str, Session] | None:
        """A new session's secret and the session. Whether the name is known is asked either way, so that the time it
        takes tells nothing."""
        entered = self._inner.log_in(name, password, replaces)
        plain = name.strip().lower()
        who = next((user.name for user in self._inner.users() if user.name == plain), UNKNOWN)
        self._tally(who, "log-in" if entered else "failed log-in")
        return entered

    def session(self, secret: str) -> Session | None:
        """The session of that secret, while it lasts."""
        return self._inner.session(secret)

    def log_out(self, secret: str) -> None:
        """Ends a session."""
        self._inner.log_out(secret)

    def issue_key(self, name: str, label: str) -> tuple[str, ApiKey] | None:
        """A key for a user, with the secret that is shown once."""
        issued = self._inner.issue_key(name, label)
        if issued is not None:
            self._record(f"key {issued[1].id}", "", _told(issued[1]))
        return issued

    def key_user(self, secret: str) -> User | None:
        """Whose key that is."""
        return self._inner.key_user(secret)

    def api_keys(self) -> Sequence[ApiKey]:
        """Oldest first."""
        return self._inner.api_keys()

    def revoke_key(self, key_id: str) -> bool:
        """Forgets a key; False for an unknown one."""
        known = next((one for one in self._inner.api_keys() if one.id == key_id), None)
        revoked = self._inner.revoke_key(key_id)
        if revoked:
            self._record(f"key {key_id}", _told(known) if known else "", "")
        return revoked

    def _user(self, name: str) -> User | None:
        return next((user for user in self._inner.users() if user.name == checked_name(name)), None)

    def _record(self, what: str, old: str, new: str) -> None:
        try:
            self._book.record(AuditEntry(self._now(), self._by, what, old, new))
        except PartUnavailable as error:  # it is done all the same, and saying that it failed would be wrong
            _LOG.warning("%s changed %s, which the audit does not hold: %s", self._by, what, error)

    def _tally(self, who: str, what: str) -> None:
        try:
            self._book.tally(AuditEntry(self._now(), who, what, "", ""))
        except PartUnavailable as error:
            _LOG.warning("A %s is not in the audit: %s", what, error)


def _told(key: ApiKey) -> str:
    return f"{key.user}: {key.label}" if key.label else key.user
