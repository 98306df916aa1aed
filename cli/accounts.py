"""``colloquy users`` and ``colloquy keys``: who may come in, where accounts are on.

A password is typed at a prompt, or is the first line of standard input; it is never an argument, which other people on
the machine could read and which the shell would remember.
"""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import note, say, say_json, settings_for_command, warn
from cli.options import AsJson
from cli.showing import printable
from domain.accounts import Role, checked_name
from domain.errors import Misconfigured

if TYPE_CHECKING:
    from domain.accounts import Accounts

users = typer.Typer(name="users", help="Who may log in.", no_args_is_help=True, add_completion=False)
keys = typer.Typer(name="keys", help="API keys of programs.", no_args_is_help=True, add_completion=False)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]
KeyId = Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `keys list` shows it.")]


@users.command("add")
def add_user(
    name: Name,
    role: Annotated[Role, typer.Option(help="What they may do; each role includes those before it.")] = "reader",
) -> None:
    """Add a user; the password is asked for, or read from standard input."""
    checked_name(name)  # said before anybody thinks of a password
    with _accounts() as accounts:
        user = accounts.add(name, _new_password(), role)
    note(f"{user.name} may log in ({user.role}).")


@users.command("list")
def list_users(as_json: AsJson = False) -> None:
    """Who may log in, by name."""
    with _accounts() as accounts:
        found = list(accounts.users())
    if as_json:
        say_json([asdict(one) for one in found])
        return
    for one in found:
        say(f"{one.name}  {one.role}  since {_day(one.created_at)}")
    note(f"{len(found)} users.")


@users.command("remove")
def remove_user(name: Name) -> None:
    """Take a user away, with every session and API key of theirs. Conversations stay until their time is over."""
    with _accounts() as accounts:
        if not accounts.remove(name):
            raise _nobody(name)
        if not accounts.users():
            warn("That was the last user: where accounts are on, Colloquy does not start without one.")
    note(f"{checked_name(name)} may not log in any more.")


@users.command("passwd")
def change_password(name: Name) -> None:
    """Give a user another password; it ends their sessions, not their API keys."""
    with _accounts() as accounts:
        if all(one.name != checked_name(name) for one in accounts.users()):
            raise _nobody(name)
        accounts.set_password(name, _new_password())
    note(f"{checked_name(name)} has another password and is logged out everywhere.")


@users.command("role")
def change_role(name: Name, role: Annotated[Role, typer.Argument(help="What they may do from now on.")]) -> None:
    """Give a user another role; it holds at once, in sessions and for API keys."""
    with _accounts() as accounts:
        if not accounts.set_role(name, role):
            raise _nobody(name)
    note(f"{checked_name(name)} is {role} from now on.")


@keys.command("add")
def add_key(
    name: Name, label: Annotated[str, typer.Option(help="What it is for, so that it can be told apart later.")] = ""
) -> None:
    """Make a key for a user's programs. It goes to standard output, once; only a digest of it is kept."""
    with _accounts() as accounts:
        issued = accounts.issue_key(name, label)
    if issued is None:
        raise _nobody(name)
    say(issued[0])
    note(f"Keep it now: it cannot be shown again. Revoke it with: colloquy keys revoke {issued[1].id}")


@keys.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """The keys, oldest first, without their secrets."""
    with _accounts() as accounts:
        found = list(accounts.api_keys())
    if as_json:
        say_json([asdict(one) for one in found])
        return
    for one in found:
        say(f"{one.id}  {one.user}  since {_day(one.created_at)}  {printable(one.label)}".rstrip())
    note(f"{len(found)} keys.")


@keys.command("revoke")
def revoke_key(key_id: KeyId) -> None:
    """Take a key away; it is refused from now on."""
    with _accounts() as accounts:
        if not accounts.revoke_key(key_id):
            raise Misconfigured(f"The key's id is {key_id!r} and there is none of it; `colloquy keys list` shows them.")
    note(f"{key_id} is revoked.")


def _new_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != password:
        raise Misconfigured("The two passwords differ; run the command again.")
    return password


def _nobody(name: str) -> Misconfigured:
    return Misconfigured(f"The user is {name!r} and there is none of that name; `colloquy users list` shows them.")


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def _user_here() -> str:
    """Who runs the command, as this machine knows them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a number without a name, as containers have
        return f"user {os.getuid()}"


@contextmanager
def _accounts() -> Iterator[Accounts]:
    settings = settings_for_command()
    from bot.assembly_access import open_guard
    from bot.assembly_memory import open_memory

    opened = open_memory(settings)
    try:
        yield open_guard(opened.store, settings, by=f"{_user_here()} (command line)").accounts
    finally:
        for close in opened.close:
            close()
