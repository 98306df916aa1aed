"""A conversation as a document for people: Markdown with the sources of every answer."""

from __future__ import annotations

import re

from domain.answer import Citation
from domain.conversation import Conversation, Turn
from domain.passage import RetrievedPassage
from web.sources import usable_citations
from web.texts import Texts
from web.view import View

_LINE_START = re.compile(r"^(\s*)([#>+=-]|\d+[.)])", re.MULTILINE)
_INSIDE = re.compile(r"([\\`*_\[\]<])")
_UNSAFE_IN_NAME = re.compile(r"[^\w.-]+")
_NAME_CHARACTERS = 60


def file_name(conversation: Conversation, suffix: str) -> str:
    """A file name that every system takes: ``Moving-home.md``."""
    plain = _UNSAFE_IN_NAME.sub("-", conversation.title).strip("-._")[:_NAME_CHARACTERS].strip("-._")
    return f"{plain or 'conversation'}.{suffix}"


def markdown_of(conversation: Conversation, view: View) -> str:
    """The conversation with questions as headings, answers with their markers, and the sources they point at."""
    texts = view.texts
    head = [f"# {_plain(conversation.title or texts.actions.untitled)}", f"*{head_line(conversation, view)}*"]
    return "\n\n".join([*head, *(_turn(turn, view) for turn in conversation.turns)]) + "\n"


def head_line(conversation: Conversation, view: View) -> str:
    """What was exported and when, in words."""
    said = view.texts.actions.exported.format(count=len(conversation.turns), date=view.date(view.now))
    trimmed = conversation.trimmed
    return f"{said} {view.texts.actions.trimmed.format(count=trimmed)}" if trimmed else said


def _turn(turn: Turn, view: View) -> str:
    parts = [f"## {_plain(' '.join(turn.question.split()))}", _said(answer_text(turn, view.texts))]
    sources = [f"{number}. {_plain(heading)}: “{_plain(quote)}”" for number, heading, quote in sources_of(turn)]
    if sources:
        parts.append("\n".join([f"**{view.texts.sources}**", "", *sources]))
    return "\n\n".join(parts)


def answer_text(turn: Turn, texts: Texts) -> str:
    """The answer with its markers; where it was stopped or says nothing of its own, that in words."""
    usable = tuple(usable_citations(turn).values())
    text = _with_markers(turn, usable)
    if turn.stopped:
        text = f"{text}\n\n{texts.stopped}".strip()
    return text or texts.not_found_text.format(title=turn.knowledge_base)


def _with_markers(turn: Turn, usable: tuple[Citation, ...]) -> str:
    if len(usable) == len(turn.answer.citations):
        return turn.answer.with_markers()
    return turn.answer.text


def sources_of(turn: Turn) -> list[tuple[int, str, str]]:
    """(marker, heading of the passage, what it says) of every citation, each marker's first quote."""
    passages = {found.passage.id: found for found in turn.evidence}
    found: dict[int, tuple[int, str, str]] = {}
    for citation in usable_citations(turn).values():
        found.setdefault(citation.marker, (citation.marker, *_source(citation, passages)))
    return [found[number] for number in sorted(found)]


def _source(citation: Citation, passages: dict[str, RetrievedPassage]) -> tuple[str, str]:
    passage = passages[citation.passage_id].passage
    return passage.heading or passage.document_id, " ".join(citation.quote.split())


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _LINE_START.sub(r"\1\\\2", _INSIDE.sub(r"\\\1", text))


def _said(text: str) -> str:
    """An answer: its own lists and bold words stay, markup that runs does not."""
    return text.replace("<", "\\<")
