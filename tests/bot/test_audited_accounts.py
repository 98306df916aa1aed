"""Who changed accounts, and who logged in, as operators read it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bot.audited_accounts import AuditedAccounts
from domain.audit import AuditArea, area_of
from domain.errors import Misconfigured, PartUnavailable
from domain.operating import AuditEntry
from memory.in_memory_accounts import InMemoryAccounts
from memory.operator_book import InMemoryOperatorBook
from memory.passwords import Passwords

GOOD, OTHER = "four words that rhyme", "another good one"
NOW = 1_790_000_000.0


class Desk:
    """Accounts with the book that their changes are in."""

    def __init__(self, book: InMemoryOperatorBook | None = None) -> None:
        self.book = book or InMemoryOperatorBook()
        inner = InMemoryAccounts(3600, Passwords(memory_kib=64, passes=1))
        self.accounts = AuditedAccounts(inner, self.book, "root", lambda: NOW)

    @property
    def told(self) -> list[tuple[str, str, str, str]]:
        return [(one.by, one.what, one.old, one.new) for one in self.book.audit(50)][::-1]


class Down(InMemoryOperatorBook):
    """A book that does not answer."""

    def record(self, entry: AuditEntry, setting: str = "") -> None:
        raise PartUnavailable("The book does not answer.")

    tally = record


def test_every_change_of_accounts_says_who_and_what_and_no_secret() -> None:
    desk = Desk()
    accounts = desk.accounts
    accounts.add("Ann", GOOD, "reader")
    assert accounts.set_role("ann", "operator")
    assert accounts.set_password("ann", OTHER)
    secret, key = accounts.issue_key("ann", "shop") or ("", None)
    assert key is not None
    assert accounts.revoke_key(key.id)
    assert accounts.remove("ann")
    assert desk.told == [
        ("root", "user ann", "", "reader"),
        ("root", "user ann", "reader", "operator"),
        ("root", "password of ann", "", "changed"),
        ("root", f"key {key.id}", "", "ann: shop"),
        ("root", f"key {key.id}", "ann: shop", ""),
        ("root", "user ann", "operator", ""),
    ]
    assert not any(word in repr(desk.book.audit(50)) for word in (secret, GOOD, OTHER))


def test_what_changes_nothing_is_not_told() -> None:
    desk = Desk()
    assert not desk.accounts.remove("ann")
    assert not desk.accounts.set_role("ann", "admin")
    assert not desk.accounts.set_password("ann", GOOD)
    assert not desk.accounts.revoke_key("x")
    assert desk.accounts.issue_key("ann", "") is None
    with pytest.raises(Misconfigured):
        desk.accounts.add("ann", "short", "reader")
    assert desk.told == []


def test_log_ins_are_counted_and_a_name_that_nobody_has_is_not_kept() -> None:
    desk = Desk()
    desk.accounts.add("ann", GOOD, "reader")
    secret, _ = desk.accounts.log_in("Ann", GOOD) or ("", None)
    for name, password in (("ann", "wrong one"), ("ANN ", "wrong two"), ("my password is hunter2", GOOD)):
        assert desk.accounts.log_in(name, password) is None
    counted = {(one.by, one.what): one.count for one in desk.book.audit(50)}
    assert counted == {
        ("root", "user ann"): 1,
        ("ann", "log-in"): 1,
        ("ann", "failed log-in"): 2,
        ("unknown name", "failed log-in"): 1,
    }
    assert not any(word in repr(desk.book.audit(50)) for word in (secret, GOOD, "hunter2", "wrong"))


def test_a_book_that_does_not_answer_keeps_nobody_out() -> None:
    accounts = Desk(Down()).accounts
    accounts.add("ann", GOOD, "reader")
    assert accounts.log_in("ann", GOOD) is not None
    assert accounts.remove("ann")


@pytest.mark.parametrize(
    ("area", "entries"),
    [
        (AuditArea.SETTINGS, ["weighting.abstain_below", ""]),
        (AuditArea.KNOWLEDGE, ["document help/prices", "knowledge base help", "upload help/a.md"]),
        (AuditArea.ACCOUNTS, ["user ann", "password of ann", "key x1"]),
        (AuditArea.LOG_INS, ["log-in", "failed log-in"]),
    ],
)
def test_an_entry_is_found_by_what_it_is_about(area: AuditArea, entries: Sequence[str]) -> None:
    assert {area_of(what) for what in entries} == {area}
