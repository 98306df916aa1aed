"""``colloquy handoffs``: the questions that wait for a person, for those who answer them."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import assembled, note, say, say_json, settings_for_command
from cli.options import AsJson
from cli.showing import printable
from domain.errors import Misconfigured
from domain.hand_off import Delivery, HandOff, HandOffState

if TYPE_CHECKING:
    from domain.protocols import HandOffDesk

SHOWN_ID = 8
"""Characters of an id that lists show, and that are enough to name it."""

handoffs = typer.Typer(
    name="handoffs", help="Questions that were passed to a person.", no_args_is_help=True, add_completion=False
)
Id = Annotated[str, typer.Argument(metavar="ID", help="The id, or as many of its first characters as tell it apart.")]


@handoffs.command("list")
def list_items(
    state: Annotated[
        HandOffState | None, typer.Option("--state", help="Only those that are open, taken or done.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What waits for a person, oldest first."""
    with _desk() as desk:
        items = list(desk.list(state))
    if as_json:
        say_json([asdict(one) for one in items])
        return
    for item in items:
        say(as_text(item))
    note(f"{len(items)} in the queue.")


@handoffs.command()
def take(
    item_id: Id,
    name: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="Who takes it; your login by default.")
    ] = None,
) -> None:
    """Take an open question, so that nobody else does."""
    with _desk() as desk:
        item = find(desk, item_id)
        if not desk.take(item.id, name or getpass.getuser()):
            raise Misconfigured(
                f"The hand-off {item.id[:SHOWN_ID]} is {item.state.value}; only an open one can be taken."
            )
    note(f"{item.id[:SHOWN_ID]} is yours.")


@handoffs.command()
def done(item_id: Id) -> None:
    """Mark a question as done."""
    with _desk() as desk:
        item = find(desk, item_id)
        if not desk.finish(item.id):
            raise Misconfigured(f"The hand-off {item.id[:SHOWN_ID]} is done already; there is nothing left to do.")
    note(f"{item.id[:SHOWN_ID]} is done.")


def find(desk: HandOffDesk, beginning: str) -> HandOff:
    """The only entry whose id begins so. Raises ``Misconfigured`` for none or several."""
    found = [one for one in desk.list() if one.id.startswith(beginning)]
    if len(found) != 1:
        told = "no hand-off begins so" if not found else f"{len(found)} hand-offs begin so"
        raise Misconfigured(f"The id is {beginning!r} and {told}; `colloquy handoffs list` shows them.")
    return found[0]


def as_text(item: HandOff) -> str:
    """One entry, as the list shows it."""
    when = datetime.fromtimestamp(item.created_at, UTC).strftime("%Y-%m-%d %H:%M")
    who = f" by {printable(item.taken_by)}" if item.taken_by else ""
    lines = [f"{item.id[:SHOWN_ID]}  {when}  {item.state.value}{who}  {item.reason.value}  {printable(item.question)}"]
    if item.query != item.question:
        lines.append(f"    searched: {printable(item.query)}")
    lines += [f"    near: {printable(place.heading)} ({printable(place.source)})" for place in item.sources]
    if item.delivery is Delivery.FAILED:
        lines.append(f"    webhook: {printable(item.delivery_error)}")
    return "\n".join(lines)


@contextmanager
def _desk() -> Iterator[HandOffDesk]:
    with assembled(settings_for_command(), memory=True) as colloquy:
        yield colloquy.hand_offs
