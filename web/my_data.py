"""What is kept of a person: how much it is, the way to have it, and the way to have it forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from domain.errors import ColloquyError
from domain.passage import Document
from domain.protocols import Assistant
from web.texts import Texts
from web.texts_my_data import MY_DATA_TEXTS, MyDataTexts
from web.view import attribute
from web.visitors import owner_of_request, texts_for

_NAMES = 5  # files named; their list is in the download
_NO_STORE = {"cache-control": "no-store"}


def add_my_data(app: FastAPI, assistant: Assistant) -> None:
    """Adds ``/my-data``, which the page shows in its dialog. Having and deleting go by ``/api/v1/me/data``."""

    @app.get("/my-data", response_class=HTMLResponse)
    def my_data(request: Request) -> HTMLResponse:
        """What is kept of whoever asks. Without a cookie there is nobody whose data could be given or deleted."""
        texts, owner = texts_for(request), owner_of_request(request)
        if not owner:
            return _trouble(texts.no_cookie, 403)
        try:
            count, files = len(assistant.conversations(owner)), assistant.files.list(owner)
        except ColloquyError:
            return _trouble(texts.unavailable, 503)
        return HTMLResponse(render_my_data(count, files, texts), headers=_NO_STORE)


def render_my_data(conversations: int, files: Sequence[Document], texts: Texts) -> str:
    """What is kept, the button that downloads it, and the one that deletes it once more is asked."""
    words = MY_DATA_TEXTS[texts.language]
    kept = (words.conversations.format(count=conversations), _files(files, words), words.handed_over)
    items = "".join(f"<li>{escape(item)}</li>" for item in kept)
    trouble = attribute("data-trouble", texts.unavailable)
    return (
        f'<div id="my-data" {trouble}><h2>{escape(words.my_data)}</h2>'
        f"<p>{escape(words.kept)}</p><ul>{items}</ul>"
        f'<p><button class="submit" data-do="download-data">{escape(words.download)}</button>'
        f"<small>{escape(words.download_help)}</small></p>{_deleting(words)}"
        '<p class="note warning" role="alert" hidden></p></div>'
    )


def _files(files: Sequence[Document], words: MyDataTexts) -> str:
    if not files:
        return words.no_files
    names = [one.title or one.id for one in files[:_NAMES]]
    return words.files.format(count=len(files), names=", ".join([*names, "…"] if len(files) > _NAMES else names))


def _deleting(words: MyDataTexts) -> str:
    """A button, and what takes its place: what exactly goes and stays, and the button that does it."""
    return (
        f'<p class="first"><button class="danger" data-do="ask-delete-data">{escape(words.delete)}</button></p>'
        f'<div class="confirm" role="group" {attribute("aria-label", words.delete)} hidden>'
        f"<p><b>{escape(words.sure)}</b></p><p>{escape(words.what_stays)}</p>"
        f'<p class="buttons"><button class="submit" data-do="keep-data">{escape(words.keep)}</button>'
        f'<button class="danger" data-do="delete-data" {attribute("data-deleted", words.deleted)}>'
        f"{escape(words.delete_for_good)}</button></p></div>"
    )


def _trouble(message: str, status: int) -> HTMLResponse:
    return HTMLResponse(f'<p class="note">{escape(message)}</p>', status, _NO_STORE)
