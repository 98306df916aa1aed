"""Secrets: passwords as Argon2id hashes, sessions and keys as digests of random bits."""

from __future__ import annotations

import hashlib
import secrets
from functools import cached_property
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SECRET_BYTES = 32
"""256 random bits: nobody guesses one, so a plain digest keeps it (a slow hash is for what people can remember)."""

_AT_ONCE = 2  # hashes; each takes 64 MiB and a core, and log-ins must not take the machine from those who ask


class Passwords:
    """Makes and checks Argon2id hashes. The defaults are RFC 9106's second choice (3 passes over 64 MiB)."""

    def __init__(self, passes: int = 3, memory_kib: int = 64 * 1024) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=4)
        self._turns = BoundedSemaphore(_AT_ONCE)

    def hash(self, password: str) -> str:
        """``password`` as a PHC string with a salt of its own."""
        with self._turns:
            return self._hasher.hash(_plain(password))

    def fits(self, hashed: str | None, password: str) -> bool:
        """Whether ``password`` made ``hashed``; None, for a name nobody has, takes as long and is False."""
        with self._turns:
            try:
                return self._hasher.verify(hashed or self._nobody, _plain(password)) and hashed is not None
            except (VerificationError, InvalidHashError):
                return False

    @cached_property
    def _nobody(self) -> str:
        return self._hasher.hash(secrets.token_urlsafe(SECRET_BYTES))


def new_secret() -> str:
    """A secret for a session or a key: 43 characters of a-z, A-Z, 0-9, ``-`` and ``_``."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
