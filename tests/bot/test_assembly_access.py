"""Who may come in, by the settings: the server refuses to be reached by others without accounts."""

from __future__ import annotations

from typing import Any

import pytest

from bot.assembly_access import Guard, accounts_on, open_guard
from domain.access import TooOften
from domain.errors import Misconfigured
from domain.protocols import MemoryLimits
from memory.in_memory_store import InMemoryConversationStore
from settings import AccountsSettings, Settings

GOOD = "four words that rhyme"


def settings(host: str = "127.0.0.1", **accounts: Any) -> Settings:
    return Settings(host=host, accounts=AccountsSettings(**accounts))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost", "LOCALHOST"])
def test_on_this_machine_alone_nobody_is_asked_who_they_are(host: str) -> None:
    access = Guard(settings(host)).access()
    assert access.accounts is None
    assert access.hosts is not None
    assert {"localhost", "127.0.0.1", "::1", host.lower()} == access.hosts | {host.lower()}


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.1.5", "help.example", "127.0.0.1.evil.example", "127.a.b.c"]
)
def test_where_others_can_reach_it_accounts_are_on_and_there_must_be_one(host: str) -> None:
    assert accounts_on(settings(host))
    guard = Guard(settings(host))
    with pytest.raises(Misconfigured, match="colloquy users add NAME --role admin"):
        guard.access()
    guard.accounts.add("ann", GOOD, "admin")
    assert guard.access().accounts is guard.accounts


def test_where_others_can_reach_it_accounts_cannot_be_off() -> None:
    with pytest.raises(Misconfigured, match=r"listen on 0\.0\.0\.0, where others can reach it"):
        Guard(settings("0.0.0.0", enabled="off")).access()


def test_accounts_can_be_on_for_this_machine_too() -> None:
    assert accounts_on(settings(enabled="on"))


def test_names_are_checked_with_accounts_only_where_some_are_given() -> None:
    guard = Guard(settings("0.0.0.0"))
    guard.accounts.add("ann", GOOD, "admin")
    assert guard.access().hosts is None
    named = Guard(settings("0.0.0.0", hosts=("Help.example",)))
    named.accounts.add("ann", GOOD, "admin")
    assert "help.example" in (named.access().hosts or ())


def test_turns_are_counted_for_each_person_where_accounts_are_on() -> None:
    guard = Guard(settings(enabled="on", turns_per_minute=2))
    guard.admit_turn("ann")
    guard.admit_turn("ann")
    guard.admit_turn("bob")
    with pytest.raises(TooOften, match=r"please wait 30 s and ask again") as refused:
        guard.admit_turn("ann")
    assert refused.value.retry_after_seconds == pytest.approx(30, abs=1)


def test_on_this_machine_alone_turns_are_not_counted() -> None:
    guard = Guard(settings(turns_per_minute=1))
    for _ in range(50):
        guard.admit_turn("ann")


def test_accounts_lie_beside_conversations_or_nowhere() -> None:
    open_guard(InMemoryConversationStore(MemoryLimits(None, 1, 1000)), settings())
    with pytest.raises(Misconfigured, match="object has no room for accounts"):
        open_guard(object(), settings())  # type: ignore[arg-type]
