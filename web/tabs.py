"""Whose a browser tab is. Gradio knows a tab by a word that the page's script makes up, and hands a tab's events to
whoever says that word; here the word belongs to whoever used it first."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from web.guards import Application, Receive, Scope, Send
from web.identity import caller_of
from web.refusing import refuse

_ROOT, _HEARTBEAT = "/gradio_api/", "/gradio_api/heartbeat/"
_NAMED = "session_hash"
_MOST_TABS = 20_000  # a few megabytes; the longest unused are forgotten first

Message = MutableMapping[str, Any]


class TabOwners:
    """Refuses (404, as for a tab that never was) what somebody says of another owner's tab: joining its queue, reading
    its stream, cancelling its events."""

    def __init__(self, app: Application, most: int = _MOST_TABS) -> None:
        self._app, self._most = app, most
        self._owners: OrderedDict[str, str] = OrderedDict()  # tab -> owner, the longest unused first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not str(scope["path"]).startswith(_ROOT):
            await self._app(scope, receive, send)
            return
        body = [] if scope["method"] in ("GET", "HEAD") else await _read(receive)
        caller = caller_of(scope)
        owner = caller.owner if caller else ""
        if all(self._is_of(tab, owner) for tab in (*_tabs_of(scope), *_tabs_in(body))):
            await self._app(scope, _again(body, receive), send)
        else:
            await refuse(scope, send, 404, "There is no such tab of yours; load the page again.")

    def _is_of(self, tab: str, owner: str) -> bool:
        known = self._owners.setdefault(tab, owner)
        if known == owner:
            self._owners.move_to_end(tab)
        while len(self._owners) > self._most:
            self._owners.popitem(last=False)
        return known == owner


def _tabs_of(scope: Scope) -> Iterator[str]:
    """The tabs that the address names."""
    path, query = str(scope["path"]), bytes(scope.get("query_string", b"")).decode("latin-1")
    if path.startswith(_HEARTBEAT):
        yield path.removeprefix(_HEARTBEAT).rstrip("/")
    yield from parse_qs(query, keep_blank_values=True).get(_NAMED, ())


def _tabs_in(body: Sequence[Message]) -> Iterator[str]:
    """The tab that a body names; none that Gradio would read is anything but JSON."""
    try:
        sent = json.loads(b"".join(part.get("body", b"") for part in body))
    except (ValueError, RecursionError):
        return
    tab = sent.get(_NAMED) if isinstance(sent, dict) else None
    if isinstance(tab, str):
        yield tab


async def _read(receive: Receive) -> list[Message]:
    """The messages of a whole body; the gate has bounded its size."""
    parts = [await receive()]
    while parts[-1].get("more_body", False):
        parts.append(await receive())
    return parts


def _again(parts: Sequence[Message], receive: Receive) -> Receive:
    """Hands out what was read, then what comes after it."""
    left = list(parts)

    async def replayed() -> Message:
        return left.pop(0) if left else await receive()

    return replayed
