"""People with an account, what each may do, and how often anybody may try."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from domain.errors import Misconfigured

Role = Literal["reader", "agent", "operator", "admin"]
"""Each role may do what those before it may: ask · answer for the team · see every turn and the knowledge bases ·
change settings and accounts."""

ROLES: tuple[Role, ...] = get_args(Role)

MIN_PASSWORD, MAX_PASSWORD = 10, 256
"""Characters. NIST SP 800-63B asks for 8 at least; the upper bound keeps hashing from being work for an attacker."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,62}")


def may(role: Role, needed: Role) -> bool:
    """Whether ``role`` includes what ``needed`` may do."""
    return ROLES.index(role) >= ROLES.index(needed)


@dataclass(frozen=True, slots=True)
class User:
    """One account. ``id`` is never used again, so that a later user of the same name inherits nothing.
    ``created_at``: Unix seconds."""

    id: str
    name: str
    role: Role
    created_at: float

    @property
    def owner(self) -> str:
        """Whose conversations this user's are. No cookie can say so: cookies hold no colon."""
        return f"user:{self.id}"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that programs send; the secret itself is shown once and never kept. ``created_at``: Unix seconds."""

    id: str
    user: str
    label: str
    created_at: float


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is logged in, until ``expires_at`` (Unix seconds)."""

    user: User
    expires_at: float


class Accounts(Protocol):
    """Who may come in.

    1. A password is kept as an Argon2id hash, a session or key as a digest of 256 random bits: nobody who reads the
    store can log in with what is there. 2. A log-in makes a new session and ends the one it ``replaces``. 3. A wrong
    name and a wrong password look the same and take the same time. 4. What is unknown, over, revoked or made up is
    None. 5. A new password ends the user's sessions, removing the user also the keys; a later user of the same name
    has none of them. 6. A name is taken once, whoever asks at the same time. 7. What was acknowledged survives
    ``kill -9`` wherever conversations do.

    Raises ``PartUnavailable`` when the store does not answer, ``Misconfigured`` for a name, role or password that
    cannot be.
    """

    def add(self, name: str, password: str, role: Role) -> User: ...

    def remove(self, name: str) -> bool: ...

    def set_password(self, name: str, password: str) -> bool:
        """False for an unknown name."""
        ...

    def set_role(self, name: str, role: Role) -> bool:
        """Holds from the next request of the user's sessions and keys on. False for an unknown name."""
        ...

    def users(self) -> Sequence[User]:
        """By name."""
        ...

    def log_in(self, name: str, password: str, replaces: str = "") -> tuple[str, Session] | None:
        """The new session's secret and the session."""
        ...

    def session(self, secret: str) -> Session | None: ...

    def log_out(self, secret: str) -> None: ...

    def issue_key(self, name: str, label: str) -> tuple[str, ApiKey] | None:
        """The key's secret, which is not kept, and what is known of it; None for an unknown user."""
        ...

    def key_user(self, secret: str) -> User | None: ...

    def api_keys(self) -> Sequence[ApiKey]:
        """Oldest first."""
        ...

    def revoke_key(self, key_id: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``count`` in ``seconds``, as a bucket that holds ``count`` and fills evenly. ``name`` tells what is
    counted; ``count`` 0 means no limit."""

    name: str
    count: int
    seconds: float


class RateLimiter(Protocol):
    """Counts what each subject does.

    1. A bucket begins full. 2. Of those who take at once no more get through than it holds. 3. Subjects and limits
    never share a bucket. 4. Nothing is kept of a subject whose bucket is full again.

    Raises ``PartUnavailable`` when the counters do not answer.
    """

    def take(self, subject: str, limit: Limit) -> float:
        """0.0 when allowed, else the seconds after which the next may be."""
        ...


def checked_name(name: str) -> str:
    """``name`` in lower case. Raises ``Misconfigured`` for one that cannot be a user's."""
    plain = name.strip().lower()
    if not _NAME.fullmatch(plain):
        raise Misconfigured(
            f"The user name is {name[:80]!r}; take 1 to 63 of a-z, 0-9, “.”, “_”, “@” and “-”, with a letter or digit "
            "first."
        )
    return plain


def checked_password(password: str) -> str:
    """``password`` unchanged. Raises ``Misconfigured``, which never repeats it, for one too short or too long."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise Misconfigured(
            f"The password has {len(password)} characters; give it {MIN_PASSWORD} to {MAX_PASSWORD}, such as four "
            "words that do not belong together."
        )
    return password


def checked_role(role: str) -> Role:
    """``role``. Raises ``Misconfigured`` for one that there is not."""
    for known in ROLES:
        if role == known:
            return known
    raise Misconfigured(f"The role is {role[:40]!r}; take one of {', '.join(ROLES)}.")
