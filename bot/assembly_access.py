"""Who may come in and how often, made of this house's parts. Reads settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bot.assembly_memory import open_book
from bot.audited_accounts import AuditedAccounts
from domain.access import LOOPBACK, Access, TooOften, is_loopback
from domain.accounts import Accounts, Limit, RateLimiter
from domain.errors import Misconfigured, PartUnavailable
from domain.operating import OperatorBook
from domain.protocols import ConversationStore
from memory.in_memory_accounts import InMemoryAccounts, InMemoryRateLimiter
from memory.in_memory_store import InMemoryConversationStore
from memory.operator_book import InMemoryOperatorBook
from memory.passwords import Passwords
from memory.redis_accounts import RedisAccounts
from memory.redis_rate_limits import RedisRateLimiter
from settings import Settings

RunScript = Callable[[str, Sequence[str], Sequence[str | bytes | int | float]], Any]

_HOUR_SECONDS, _MINUTE_SECONDS = 3600.0, 60.0
_LOG_IN_SECONDS = 300.0  # ten attempts in five minutes: 2,880 a day, against the billions a password can be


class Guard:
    """Accounts and limits of an assistant. ``run`` runs Lua where conversations are; None keeps all in this process.
    ``book``: where changes are written down, as made by ``by``."""

    def __init__(
        self, settings: Settings, run: RunScript | None = None, book: OperatorBook | None = None, by: str = ""
    ) -> None:
        self._settings = settings
        chosen, passwords = settings.accounts, Passwords()
        kept: Accounts = (
            RedisAccounts(run, chosen.session_seconds, passwords)
            if run
            else InMemoryAccounts(chosen.session_seconds, passwords)
        )
        self.accounts: Accounts = AuditedAccounts(kept, book or InMemoryOperatorBook(), by)
        self.limiter: RateLimiter = RedisRateLimiter(run) if run else InMemoryRateLimiter()
        self._turns = Limit("turns", chosen.turns_per_minute if accounts_on(settings) else 0, _MINUTE_SECONDS)

    def admit_turn(self, owner: str) -> None:
        """Counts a turn. Raises ``TooOften`` where there have been too many; counters that are down count nothing."""
        try:
            wait = self.limiter.take(owner, self._turns)
        except PartUnavailable:
            return
        if wait:
            raise TooOften(wait)

    def access(self) -> Access:
        """How the server is guarded. Raises ``Misconfigured`` where others could come in without an account, or
        nobody could with one."""
        settings = self._settings
        chosen, safety, on = settings.accounts, settings.safety, accounts_on(settings)
        self._check(on)
        return Access(
            accounts=self.accounts if on else None,
            limiter=self.limiter if on else None,
            log_ins=Limit("log-ins", chosen.log_ins_per_five_minutes, _LOG_IN_SECONDS),
            uploads=Limit("uploads", chosen.uploads_per_hour, _HOUR_SECONDS),
            answers=self._turns,
            hosts=None
            if on and not chosen.hosts
            else LOOPBACK | {settings.host.lower(), *map(str.lower, chosen.hosts)},
            origins=frozenset(settings.web.widget_origins),
            max_body_bytes=safety.max_body_bytes,
            max_upload_bytes=safety.max_upload_bytes,
        )

    def _other_names(self) -> list[str]:
        return [name.lower() for name in self._settings.accounts.hosts]

    def _check(self, on: bool) -> None:
        if not on and not is_loopback(self._settings.host):
            raise Misconfigured(
                f"Colloquy would listen on {self._settings.host}, where others can reach it, and accounts.enabled is "
                "“off”, so anybody could read everything; set it to “auto”, or listen on 127.0.0.1 behind a proxy that "
                "asks who they are (docs/security.md)."
            )
        if on and not self.accounts.users():
            raise Misconfigured(
                "Accounts are on and there is none, so nobody could log in; add one first: "
                "colloquy users add NAME --role admin (docs/security.md)."
            )


def open_guard(store: ConversationStore, settings: Settings, book: OperatorBook | None = None, by: str = "") -> Guard:
    """Accounts and limits beside the conversations of ``store``. Changes of them are in ``book`` (None: the one that
    is there too), as made by ``by``."""
    run = getattr(store, "run_script", None)
    if run is None and not isinstance(store, InMemoryConversationStore):
        raise Misconfigured(f"{type(store).__name__} has no room for accounts; give a store of the memory part.")
    return Guard(settings, run, book or open_book(store), by)


def accounts_on(settings: Settings) -> bool:
    """Whether people have to say who they are: where “auto” is chosen, as soon as others can reach the server."""
    enabled = settings.accounts.enabled
    return enabled == "on" or (enabled == "auto" and not is_loopback(settings.host))
