"""The promises of ``Accounts``, put to every implementation. The seventh is the server's, and proved for
conversations in ``tests/memory/test_durability.py``: accounts are in the same append-only file."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain.accounts import Accounts, Role
from domain.errors import Misconfigured, PartUnavailable
from domain.protocols import MemoryLimits
from memory.embedded_server import EmbeddedRedis
from memory.in_memory_accounts import InMemoryAccounts
from memory.passwords import Passwords
from memory.redis_accounts import RedisAccounts
from memory.redis_store import RedisConversationStore

GOOD = "four words that rhyme"
OTHER = "five words that do not"
FAST = Passwords(passes=1, memory_kib=32)
DAY = 86_400.0

NewAccounts = Callable[[float], Accounts]


class Ticking:
    """Unix time that goes on by a millisecond each time it is read, so that what is made has an order."""

    def __init__(self) -> None:
        self._thousandths = itertools.count()

    def __call__(self) -> float:
        return time.time() + next(self._thousandths) / 1000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisConversationStore]:
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield RedisConversationStore(server.url, MemoryLimits(None, 10, 100_000))


@pytest.fixture(params=["in memory", "embedded Redis"])
def new_accounts(request: pytest.FixtureRequest, store: RedisConversationStore) -> NewAccounts:
    if request.param == "in memory":
        return lambda seconds: InMemoryAccounts(seconds, FAST, Ticking())
    store.run_script("redis.call('FLUSHALL') return 1", [], [])
    return lambda seconds: RedisAccounts(store.run_script, seconds, FAST, Ticking())


@pytest.fixture
def accounts(new_accounts: NewAccounts) -> Accounts:
    return new_accounts(DAY)


def secret_of(accounts: Accounts, name: str = "ann", password: str = GOOD, replaces: str = "") -> str:
    entered = accounts.log_in(name, password, replaces)
    assert entered is not None
    return entered[0]


def key_of(accounts: Accounts, name: str = "ann", label: str = "") -> tuple[str, str]:
    issued = accounts.issue_key(name, label)
    assert issued is not None
    return issued[0], issued[1].id


def test_another_role_holds_at_once_in_sessions_and_keys_that_go_on(accounts: Accounts) -> None:
    accounts.add("ann", GOOD, "reader")
    session, (key, _) = secret_of(accounts), key_of(accounts)
    assert accounts.set_role(" Ann", "agent") is True
    entered, program = accounts.session(session), accounts.key_user(key)
    assert entered is not None
    assert program is not None
    assert (entered.user.role, program.role, accounts.users()[0].role) == ("agent", "agent", "agent")
    assert secret_of(accounts)
    assert accounts.set_role("nobody", "admin") is False
    with pytest.raises(Misconfigured, match="role is 'king'"):
        accounts.set_role("ann", "king")  # type: ignore[arg-type]


def test_users_are_listed_by_name_as_they_were_added(accounts: Accounts) -> None:
    bob = accounts.add("bob", GOOD, "reader")
    ann = accounts.add(" Ann ", GOOD, "admin")
    assert [(user.name, user.role) for user in accounts.users()] == [("ann", "admin"), ("bob", "reader")]
    assert list(accounts.users()) == [ann, bob]
    assert ann.owner != bob.owner


@pytest.mark.parametrize("name", ["", "  ", "a b", "a\nb", "-ann", "ann:admin", "{ann}", "ä", "a" * 64, "../ann"])
def test_a_name_that_cannot_be_is_refused(accounts: Accounts, name: str) -> None:
    with pytest.raises(Misconfigured, match="The user name is"):
        accounts.add(name, GOOD, "reader")
    assert list(accounts.users()) == []


@pytest.mark.parametrize("password", ["", "short one", "x" * 257])
def test_a_password_that_is_too_short_or_too_long_is_refused_and_never_repeated(
    accounts: Accounts, password: str
) -> None:
    with pytest.raises(Misconfigured, match=rf"has {len(password)} characters; give it 10 to 256") as refused:
        accounts.add("ann", password, "reader")
    assert not password or password not in str(refused.value)


def test_a_role_that_there_is_not_is_refused(accounts: Accounts) -> None:
    with pytest.raises(Misconfigured, match="'root'; take one of reader, agent, operator, admin"):
        accounts.add("ann", GOOD, "root")  # type: ignore[arg-type]


def test_a_name_is_taken_once(accounts: Accounts) -> None:
    accounts.add("ann", GOOD, "reader")
    with pytest.raises(Misconfigured, match="a user 'ann' already"):
        accounts.add("ANN", OTHER, "admin")
    assert accounts.log_in("ann", OTHER) is None


def test_of_eight_who_take_a_name_at_once_one_gets_it(accounts: Accounts) -> None:
    told: list[bool] = []

    def add() -> None:
        try:
            accounts.add("ann", GOOD, "reader")
            told.append(True)
        except Misconfigured:
            told.append(False)

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [False] * 7 + [True]


@pytest.mark.parametrize("role", ["reader", "agent", "operator", "admin"])
def test_a_session_says_who_is_logged_in_and_until_when(accounts: Accounts, role: Role) -> None:
    ann = accounts.add("ann", GOOD, role)
    entered = accounts.log_in(" ANN", GOOD)
    assert entered is not None
    session = accounts.session(entered[0])
    assert session is not None
    assert session.user == entered[1].user == ann
    assert session.expires_at == pytest.approx(time.time() + DAY, abs=30)


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ann", OTHER),
        ("ann", ""),
        ("ann", GOOD + " "),
        ("bob", GOOD),
        ("", ""),
        ("ann\n", "x" * 5000),
        ("\ud800", GOOD),
    ],
)
def test_a_wrong_name_or_password_lets_nobody_in(accounts: Accounts, name: str, password: str) -> None:
    accounts.add("ann", GOOD, "reader")
    assert accounts.log_in(name, password) is None


@pytest.mark.parametrize("secret", ["", "a" * 43, "\ud800", "*", "x" * 100_000, "a\nb"])
def test_a_made_up_secret_is_nobodys(accounts: Accounts, secret: str) -> None:
    accounts.add("ann", GOOD, "reader")
    secret_of(accounts)
    key_of(accounts)
    assert accounts.session(secret) is None
    assert accounts.key_user(secret) is None


def test_a_session_is_no_key_and_a_key_no_session(accounts: Accounts) -> None:
    accounts.add("ann", GOOD, "reader")
    assert accounts.key_user(secret_of(accounts)) is None
    assert accounts.session(key_of(accounts)[0]) is None


def test_every_log_in_makes_another_session_and_ends_the_one_it_replaces(accounts: Accounts) -> None:
    accounts.add("ann", GOOD, "reader")
    first = secret_of(accounts)
    second = secret_of(accounts, replaces=first)
    assert first != second
    assert accounts.session(first) is None
    assert accounts.session(second) is not None


def test_a_failed_log_in_ends_nothing(accounts: Accounts) -> None:
    accounts.add("ann", GOOD, "reader")
    first = secret_of(accounts)
    assert accounts.log_in("ann", OTHER, first) is None
    assert accounts.session(first) is not None


def test_logging_out_ends_that_session_and_no_other(accounts: Accounts) -> None:
    accounts.add("ann", GOOD, "reader")
    here, there = secret_of(accounts), secret_of(accounts)
    accounts.log_out(here)
    accounts.log_out("never was")
    assert accounts.session(here) is None
    assert accounts.session(there) is not None


def test_a_session_is_over_when_its_time_is(new_accounts: NewAccounts) -> None:
    accounts = new_accounts(0.2)
    accounts.add("ann", GOOD, "reader")
    secret = secret_of(accounts)
    assert accounts.session(secret) is not None
    time.sleep(0.3)
    assert accounts.session(secret) is None


def test_a_new_password_ends_the_sessions_and_the_old_password_but_not_the_keys(accounts: Accounts) -> None:
    ann = accounts.add("ann", GOOD, "reader")
    session, (key, _) = secret_of(accounts), key_of(accounts)
    assert accounts.set_password("Ann", OTHER)
    assert accounts.session(session) is None
    assert accounts.log_in("ann", GOOD) is None
    assert accounts.session(secret_of(accounts, password=OTHER)) is not None
    assert accounts.key_user(key) == ann


def test_an_unknown_user_gets_no_password_no_key_and_is_not_removed(accounts: Accounts) -> None:
    assert not accounts.set_password("ann", GOOD)
    assert accounts.issue_key("ann", "") is None
    assert not accounts.remove("ann")
    assert list(accounts.users()) == []


def test_a_removed_user_is_out_everywhere_and_others_are_not(accounts: Accounts) -> None:
    accounts.add("ann", GOOD, "reader")
    accounts.add("bob", GOOD, "reader")
    gone, stays = (secret_of(accounts), key_of(accounts)), (secret_of(accounts, "bob"), key_of(accounts, "bob"))
    assert accounts.remove("ann")
    assert accounts.session(gone[0]) is None
    assert accounts.key_user(gone[1][0]) is None
    assert accounts.log_in("ann", GOOD) is None
    assert accounts.session(stays[0]) is not None
    assert [key.user for key in accounts.api_keys()] == ["bob"]


def test_a_later_user_of_the_same_name_inherits_nothing(accounts: Accounts) -> None:
    before = accounts.add("ann", GOOD, "admin")
    session, (key, _) = secret_of(accounts), key_of(accounts)
    accounts.remove("ann")
    after = accounts.add("ann", GOOD, "reader")
    assert before.owner != after.owner
    assert accounts.session(session) is None
    assert accounts.key_user(key) is None


def test_a_key_is_shown_once_and_listed_without_its_secret(accounts: Accounts) -> None:
    ann = accounts.add("ann", GOOD, "agent")
    secret, key_id = key_of(accounts, label="  the\nshop’s   page  ")
    assert secret.startswith("cq_")
    assert len(secret) == 46
    assert accounts.key_user(secret) == ann
    (listed,) = accounts.api_keys()
    assert (listed.id, listed.user, listed.label) == (key_id, "ann", "the shop’s page")
    assert secret[3:] not in repr(listed)


def test_keys_are_listed_oldest_first_and_revoked_one_by_one(accounts: Accounts) -> None:
    accounts.add("ann", GOOD, "agent")
    issued = [key_of(accounts, label=label) for label in ("c", "a", "b")]
    assert [key.label for key in accounts.api_keys()] == ["c", "a", "b"]
    assert accounts.revoke_key(issued[1][1])
    assert not accounts.revoke_key(issued[1][1])
    assert not accounts.revoke_key("")
    assert [key.label for key in accounts.api_keys()] == ["c", "b"]
    assert accounts.key_user(issued[1][0]) is None
    assert accounts.key_user(issued[0][0]) is not None


def test_nobody_who_reads_the_store_can_log_in_with_what_is_there(store: RedisConversationStore) -> None:
    store.run_script("redis.call('FLUSHALL') return 1", [], [])
    accounts = RedisAccounts(store.run_script, DAY, FAST)
    accounts.add("ann", GOOD, "admin")
    session, (key, _) = secret_of(accounts), key_of(accounts)
    everything = b"\n".join(store.run_script(_DUMP, [], []))
    assert b"$argon2id$v=19$" in everything
    for secret in (GOOD, session, key, key[3:]):
        assert secret.encode() not in everything


_DUMP = """
local all = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  table.insert(all, key)
  if redis.call('TYPE', key).ok == 'hash' then
    for _, value in ipairs(redis.call('HGETALL', key)) do table.insert(all, value) end
  elseif redis.call('TYPE', key).ok == 'string' then table.insert(all, redis.call('GET', key)) end
end
return all
"""


def test_a_server_that_is_gone_is_a_part_that_does_not_answer(tmp_path: Path) -> None:
    store = RedisConversationStore(f"unix://{tmp_path}/none.sock", MemoryLimits(None, 1, 1000), retries=0)
    with pytest.raises(PartUnavailable, match="does not answer"):
        RedisAccounts(store.run_script, DAY, FAST).session("a" * 43)


def test_a_record_that_cannot_be_read_says_so_without_showing_it(store: RedisConversationStore) -> None:
    store.run_script("redis.call('FLUSHALL') return redis.call('HSET', KEYS[1], 'ann', ARGV[1])", [_USERS], ['{"id":1'])
    with pytest.raises(PartUnavailable, match="record of a user cannot be read") as unreadable:
        RedisAccounts(store.run_script, DAY, FAST).users()
    assert '"id"' not in str(unreadable.value)


_USERS = "colloquy:v1:{accounts}:users"
