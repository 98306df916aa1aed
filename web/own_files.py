"""A person's own files on the page: adding one, and the list of those there are."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from domain.passage import Document
from web.texts import Texts
from web.view import attribute

# What the readers read; the file's content decides, this only sorts the dialog in which files are chosen.
ACCEPTED = ".md,.markdown,.txt,.text,.html,.htm,.xhtml,.pdf,.docx,.csv,.tsv,.jsonl"
_SENT = "uploads/"  # where what was sent says it came from; the sender knows that
_CLIP = (
    '<svg viewBox="0 0 20 20" width="18" height="18" fill="none" stroke="currentColor" stroke-width="1.5" '
    'stroke-linecap="round" aria-hidden="true"><path d="M15.5 9.5 9.8 15.2A3.4 3.4 0 0 1 5 10.4l6-6a2.3 2.3 0 0 1 3.2 '
    '3.2l-5.9 5.9a1.1 1.1 0 0 1-1.6-1.6L12 6.6"/></svg>'
)


def render_add_file(texts: Texts) -> str:
    """The button in the box that takes a file, and how far the file has come."""
    label = attribute("aria-label", texts.actions.add_file)
    words = (
        f"{attribute('data-sending', texts.actions.sending)} {attribute('data-reading', texts.actions.reading_file)}"
    )
    return (
        f'<label id="add-file" {attribute("title", texts.actions.add_file)}>'
        f'<input type="file" id="file" class="unseen" {attribute("accept", ACCEPTED)} {label} {words}>{_CLIP}</label>'
    )


def render_own_files(documents: Sequence[Document], texts: Texts) -> str:
    """What stands in an empty conversation about one's own files: each with a way to take it out again."""
    items = "".join(_file(document, texts) for document in documents)
    return (
        f'<div class="welcome"><h2>{escape(texts.actions.ask_files)}</h2>'
        f'<p class="knows">{escape(texts.actions.only_you)}</p><ul class="files">{items}</ul></div>'
    )


def _file(document: Document, texts: Texts) -> str:
    name = document.title or document.id
    words = texts.actions
    return (
        f"<li><span><b>{escape(name)}</b> <small>{escape(document.source.removeprefix(_SENT))}</small></span>"
        f'<button class="quiet" {attribute("data-remove-file", document.id)} '
        f"{attribute('data-confirm', words.confirm_remove)} "
        f"{attribute('aria-label', words.remove_file.format(name=name))}>✕</button></li>"
    )
