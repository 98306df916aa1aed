"""``colloquy users`` and ``colloquy keys``, over a real store in a scratch folder."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.main import main
from domain.protocols import MemoryLimits
from memory.embedded_server import EmbeddedRedis
from memory.redis_operator_book import RedisOperatorBook
from memory.redis_store import RedisConversationStore

Run = Callable[..., tuple[int, str, str]]
GOOD = "four words that rhyme"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("accounts")
    with EmbeddedRedis(folder / "memory"):  # held open, so that no command has to start and stop it
        yield folder


@pytest.fixture
def run(data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("COLLOQUY_DATA_DIR", str(data_dir))

    def run(*arguments: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        code = main(arguments)
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_a_user_is_added_listed_given_another_password_and_removed(run: Run) -> None:
    assert run("users", "add", "Ann", "--role", "operator", typed=f"{GOOD}\n") == (
        0,
        "",
        "ann may log in (operator).\n",
    )
    code, out, _ = run("users", "list")
    assert (code, out.split()[:2]) == (0, ["ann", "operator"])
    code, out, _ = run("users", "list", "--json")
    assert [(one["name"], one["role"], sorted(one)) for one in json.loads(out)] == [
        ("ann", "operator", ["created_at", "id", "name", "role"])
    ]
    assert run("users", "passwd", "ann", typed="another good one\n")[0] == 0
    code, _, err = run("users", "remove", "ann")
    assert code == 0
    assert "the last user" in err
    assert run("users", "list") == (0, "", "0 users.\n")


def test_a_key_is_shown_once_and_can_be_revoked(run: Run) -> None:
    run("users", "add", "bob", typed=f"{GOOD}\n")
    code, secret, err = run("keys", "add", "bob", "--label", "the shop’s page")
    assert code == 0
    assert secret.startswith("cq_")
    assert len(secret.strip()) == 46
    key_id = err.rsplit(" ", 1)[1].strip()
    code, listed, _ = run("keys", "list")
    assert listed.split()[:2] == [key_id, "bob"]
    assert "the shop’s page" in listed
    assert secret.strip()[3:] not in listed
    assert run("keys", "revoke", key_id)[0] == 0
    assert run("keys", "list") == (0, "", "0 keys.\n")
    run("users", "remove", "bob")


@pytest.mark.parametrize(
    ("arguments", "typed", "told"),
    [
        (("users", "add", "a b"), GOOD, "The user name is 'a b'"),
        (("users", "add", "eve"), "short", "The password has 5 characters; give it 10 to 256"),
        (("users", "add", "eve"), "", "The password has 0 characters"),
        (("users", "remove", "eve"), "", "The user is 'eve' and there is none of that name"),
        (("users", "passwd", "eve"), GOOD, "The user is 'eve' and there is none of that name"),
        (("keys", "add", "eve"), "", "The user is 'eve' and there is none of that name"),
        (("keys", "revoke", "x"), "", "The key's id is 'x' and there is none of it"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_that_repeats_no_password(
    run: Run, arguments: tuple[str, ...], typed: str, told: str
) -> None:
    code, out, err = run(*arguments, typed=typed)
    assert (code, out) == (2, "")
    assert told in err
    assert not typed or typed not in err


def test_a_password_is_no_argument(run: Run) -> None:
    assert run("users", "add", "eve", GOOD)[0] == 2
    assert run("users", "add", "eve", "--password", GOOD)[0] == 2
    assert run("users", "list")[1] == ""


def test_another_role_holds_from_then_on(run: Run) -> None:
    run("users", "add", "eve", typed=f"{GOOD}\n")
    assert run("users", "role", "eve", "agent") == (0, "", "eve is agent from now on.\n")
    assert run("users", "list")[1].split()[:2] == ["eve", "agent"]
    code, _, err = run("users", "role", "nobody", "agent")
    assert code != 0
    assert "there is none of that name" in err
    run("users", "remove", "eve")


def test_what_the_commands_change_is_in_the_operators_audit(run: Run, data_dir: Path) -> None:
    run("users", "add", "fay", typed=f"{GOOD}\n")
    secret = run("keys", "add", "fay", "--label", "shop")[1].strip()
    run("users", "remove", "fay")
    server = EmbeddedRedis(data_dir / "memory")
    store = RedisConversationStore(server.start(), MemoryLimits(None, 10, 10_000))
    try:
        entries = RedisOperatorBook(store.run_script).audit(3)
    finally:
        store.close()
        server.stop()
    assert [(one.what.split()[0], one.old, one.new) for one in entries] == [
        ("user", "reader", ""),
        ("key", "", "fay: shop"),
        ("user", "", "reader"),
    ]
    assert all(one.by.endswith(" (command line)") for one in entries)
    assert not any(told in repr(entries) for told in (secret, GOOD))
