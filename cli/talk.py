"""``colloquy chat`` and ``colloquy ask``: turns in the terminal."""

from __future__ import annotations

import getpass
import sys
import uuid
from typing import TYPE_CHECKING, Annotated

import typer

from cli import showing
from cli.console import assembled, ensure_shipped_bases, note, say, say_json, settings_for_command, warn
from cli.options import AsJson, KnowledgeBase, Only, ValidOn, filtered
from domain.errors import PartUnavailable, QuestionRejected

if TYPE_CHECKING:
    from domain.conversation import Turn
    from domain.protocols import Assistant

Conversation = Annotated[str | None, typer.Option("--conversation", metavar="ID", help="Go on with this conversation.")]
COMMANDS = "/new starts afresh, /open N shows source N in its document, /quit leaves."


def ask(
    question: Annotated[str, typer.Argument(help="The message.")],
    kb: KnowledgeBase = None,
    conversation: Conversation = None,
    memory: Annotated[bool, typer.Option(help="Store the turn, so that it can be followed up.")] = True,
    only: Only = None,
    valid_on: ValidOn = None,
    as_json: AsJson = False,
) -> None:
    """Ask one question."""
    settings = filtered(settings_for_command(knowledge_base=kb), only, valid_on)
    name = settings.knowledge_base
    identifier = conversation or uuid.uuid4().hex
    with assembled(settings, memory=memory) as colloquy:
        ensure_shipped_bases(settings, colloquy, {name})
        if memory:
            turn = showing.followed(colloquy.stream_reply(_owner(), identifier, question, name), preview=not as_json)
        else:
            turn = colloquy.replay(name, question, [], top_k=settings.retrieval.top_k)
    if as_json:
        say_json({"conversation": identifier if memory else None, **showing.as_json(turn)})
        return
    say(showing.as_text(turn))
    if memory:
        note(f"Follow up with: colloquy ask --conversation {identifier} …")


def chat(
    kb: KnowledgeBase = None, conversation: Conversation = None, only: Only = None, valid_on: ValidOn = None
) -> None:
    """Talk in the terminal; the conversation is stored."""
    settings = filtered(settings_for_command(knowledge_base=kb), only, valid_on)
    with assembled(settings, memory=True) as colloquy:
        ensure_shipped_bases(settings, colloquy, {settings.knowledge_base})
        note(f"Asking {settings.knowledge_base}. {COMMANDS}")
        Chat(colloquy, settings.knowledge_base, conversation or uuid.uuid4().hex).run()


class Chat:
    """One conversation at a terminal, until end of file or ``/quit``."""

    def __init__(self, assistant: Assistant, knowledge_base: str, conversation: str) -> None:
        self._assistant, self._knowledge_base, self._conversation = assistant, knowledge_base, conversation
        self._last: Turn | None = None

    def run(self) -> None:
        while (line := _next_line()) is not None and line.strip() != "/quit":
            if line.startswith("/"):
                self._command(line.split())
            else:
                self._turn(line)
        note(f"Go on later with: colloquy chat --conversation {self._conversation}")

    def _turn(self, message: str) -> None:
        try:
            events = self._assistant.stream_reply(_owner(), self._conversation, message, self._knowledge_base)
            self._last = showing.followed(events, preview=True)
            say(showing.as_text(self._last))
        except (QuestionRejected, PartUnavailable) as error:  # the conversation goes on
            warn(str(error))
        except KeyboardInterrupt:
            note("Stopped.")

    def _command(self, words: list[str]) -> None:
        if words[0] == "/new":
            self._conversation, self._last = uuid.uuid4().hex, None
            note("A new conversation.")
        elif words[0] == "/open" and len(words) == 2 and words[1].isdecimal():
            self._open(int(words[1]))
        else:
            note(f"{words[0]} is no command here: {COMMANDS}")

    def _open(self, marker: int) -> None:
        citation = next((c for c in self._last.answer.citations if c.marker == marker), None) if self._last else None
        passage = showing.cited_passage(self._last, citation) if self._last and citation else None
        found = self._assistant.document(self._knowledge_base, passage.document_id) if passage else None
        if passage is None or found is None:
            note(f"There is no source {marker} in the last answer.")
            return
        say(f"{found[0].title} ({found[0].source})\n\n{found[1]}")


def _next_line() -> str | None:
    """What the person types next; None at the end."""
    if sys.stdin.isatty():
        try:
            return input("\nYou: ")
        except EOFError:
            return None
    line = sys.stdin.readline()
    return line.rstrip("\n") if line else None


def _owner() -> str:
    return f"terminal:{getpass.getuser()}"
