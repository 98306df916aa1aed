"""Who may come in and how much they may send, as plain values that a server is handed."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from domain.accounts import Accounts, Limit, RateLimiter
from domain.errors import QuestionRejected

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""The names of this machine for itself; what listens on one of them nobody else can reach."""

LOG_INS, UPLOADS, ANSWERS = Limit("log-ins", 10, 300), Limit("uploads", 30, 3600), Limit("turns", 30, 60)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches ``host``."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() in LOOPBACK


@dataclass(frozen=True, slots=True)
class Access:
    """How a server is guarded.

    ``accounts`` None: nobody has to say who they are. ``limiter`` None: nothing is counted; ``log_ins`` (for each
    address and each name), ``uploads`` and ``answers`` (for each caller) are what it counts. ``hosts``: the names under
    which the server may be addressed, None for any; with them a foreign name that somebody made point at this machine
    is refused. ``origins``: other sites, such as https://shop.example, whose pages may send to this one. Sizes are
    those of a request's body in bytes; an upload's is the larger.
    """

    accounts: Accounts | None = None
    limiter: RateLimiter | None = None
    log_ins: Limit = LOG_INS
    uploads: Limit = UPLOADS
    answers: Limit = ANSWERS
    hosts: frozenset[str] | None = None
    origins: frozenset[str] = frozenset()
    max_body_bytes: int = 1024 * 1024
    max_upload_bytes: int = 50 * 1024 * 1024


OPEN = Access()
"""Nobody is asked who they are: for a server that only this machine reaches."""


class TooOften(QuestionRejected):
    """Somebody asks faster than the limits allow. ``retry_after_seconds``: when the next may be."""

    def __init__(self, retry_after_seconds: float) -> None:
        self.retry_after_seconds = retry_after_seconds
        wait = max(1, round(retry_after_seconds))
        super().__init__(f"You are asking faster than this service allows; please wait {wait} s and ask again.")
