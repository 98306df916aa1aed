"""A conversation as a file to be saved, whoever asks for it: the page or a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote

from fastapi import Response

from domain.conversation import Conversation
from domain.redaction import redacted_conversation
from domain.shelf import ConversationShelf
from web.exporting import file_name, markdown_of
from web.pdf import Fonts, pdf_of, system_fonts
from web.view import View

KINDS: Mapping[str, str] = {
    "md": "text/markdown; charset=utf-8",
    "json": "application/json",
    "pdf": "application/pdf",
}
"""The endings of files -> what is in them."""


@dataclass(frozen=True, slots=True)
class Form:
    """How it is wanted: ``kind`` of ``KINDS``; ``covered``: with personal data blacked out."""

    kind: str
    covered: bool = False


def as_file(shelf: ConversationShelf, conversation: Conversation, form: Form, view: View) -> Response:
    """One of the owner's conversations, named after its title."""
    headers = {
        "Content-Disposition": _attached(file_name(conversation, form.kind)),
        "Cache-Control": "no-store",
        "Vary": "Accept, Accept-Language, Cookie",
    }
    return Response(_written(shelf, conversation, form, view), media_type=KINDS[form.kind], headers=headers)


def _written(shelf: ConversationShelf, conversation: Conversation, form: Form, view: View) -> bytes:
    if form.kind == "json":
        return shelf.written(conversation.owner, conversation.id, covered=form.covered)
    shown = redacted_conversation(conversation) if form.covered else conversation
    return pdf_of(shown, view, _fonts()) if form.kind == "pdf" else markdown_of(shown, view).encode("utf-8", "replace")


@cache
def _fonts() -> Fonts:
    """Looked for once: walking a system's font folders takes a moment."""
    return system_fonts()


def _attached(name: str) -> str:
    """RFC 6266: the name in letters that every browser reads, and as it is."""
    plain = name.encode("ascii", "ignore").decode().strip("-._ ") or "conversation"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"
