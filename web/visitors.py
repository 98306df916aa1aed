"""Who an event comes from, what it carries, and how an error is told to them."""

from __future__ import annotations

import logging
import re
import time
from dataclasses import dataclass

import gradio as gr
from fastapi import Request

from domain.accounts import may
from domain.errors import PartUnavailable, QuestionRejected, UnknownKnowledgeBase
from domain.protocols import KnowledgeBaseInfo
from web.guards import cookie_value
from web.identity import caller_of
from web.running import ServerStopping, TooManyTurns
from web.texts import CATALOGUES, Texts, choose_language
from web.view import View, base_title

_LOG = logging.getLogger(__name__)
_CONVERSATION = re.compile(r"[A-Za-z0-9_-]{8,64}")
_WIDEST_ZONE_MINUTES = 14 * 60


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever an event comes from: the owner of conversations, the browser tab, and how to draw for them."""

    owner: str
    tab: tuple[str, str]
    view: View


class NoCookie(Exception):
    """The browser did not say whose conversations these are."""


def view_of(cookies: str | None, accepted_languages: str | None, knowledge_bases: list[KnowledgeBaseInfo]) -> View:
    """How to draw for a browser that sent these headers."""
    texts = CATALOGUES[choose_language(cookie_value(cookies, "colloquy_language"), accepted_languages)]
    zone = cookie_value(cookies, "colloquy_zone") or ""
    minutes = int(zone) if re.fullmatch(r"-?\d{1,3}", zone) else 0
    return View(
        texts=texts,
        titles={info.name: base_title(info, texts) for info in knowledge_bases},
        now=time.time(),
        zone_minutes=max(-_WIDEST_ZONE_MINUTES, min(_WIDEST_ZONE_MINUTES, minutes)),
    )


def explain(error: Exception, texts: Texts) -> tuple[str, bool]:
    """What to tell a person about an error, and whether it was their message that was refused."""
    match error:
        case QuestionRejected():
            return str(error), True
        case UnknownKnowledgeBase():
            return texts.knowledge_base_gone, True
        case TooManyTurns() | ServerStopping():
            return texts.busy, False
        case NoCookie():
            return texts.no_cookie, True
        case PartUnavailable():
            _LOG.warning("A part is unavailable: %s", error)
            return texts.unavailable, False
    _LOG.error("Unexpected error in the chat page", exc_info=error)
    return texts.apology, False


def field(event: gr.EventData, name: str) -> str:
    """One field of what the page's script sent; it comes from outside, so anything but text counts as empty."""
    value = (event._data or {}).get(name, "") if isinstance(event._data, dict) else ""
    return value if isinstance(value, str) else ""


def valid(conversation_id: str) -> str:
    """A conversation id as the page makes them; anything else counts as none."""
    return conversation_id if _CONVERSATION.fullmatch(conversation_id) else ""


def view_for(request: gr.Request, bases: list[KnowledgeBaseInfo]) -> View:
    """How to draw for whoever sent this request."""
    return view_of(request.headers.get("cookie"), request.headers.get("accept-language"), bases)


def texts_for(request: Request) -> Texts:
    """The language that a request outside Gradio is answered in."""
    chosen = cookie_value(request.headers.get("cookie"), "colloquy_language")
    return CATALOGUES[choose_language(chosen, request.headers.get("accept-language"))]


def owner_of_request(request: Request) -> str:
    """Whose conversations a request outside Gradio is about; "" where it does not say."""
    caller = caller_of(request)
    return caller.owner if caller else ""


def name_of(request: gr.Request) -> str:
    """The account's name, "" without accounts."""
    caller = caller_of(request)
    return caller.name if caller else ""


def console_of(request: gr.Request) -> str:
    """The page of the operators' console that whoever sent this may open, "" for none; its own routes decide again."""
    caller = caller_of(request)
    if caller is None or not may(caller.role, "agent"):
        return ""
    return "operator" if may(caller.role, "operator") else "operator/queue"


def tab_of(request: gr.Request) -> tuple[str, str]:
    """The owner ("" without a cookie) and the browser tab."""
    caller = caller_of(request)
    return caller.owner if caller else "", request.session_hash or ""


def person_of(request: gr.Request, view: View) -> Person:
    """Who sent this request. Raises ``NoCookie``."""
    owner, tab = tab_of(request)
    if not owner:
        raise NoCookie
    return Person(owner, (owner, tab), view)


def person_or_not(request: gr.Request, view: View) -> Person | None:
    """Who sent this request, or None where the browser does not say."""
    try:
        return person_of(request, view)
    except NoCookie:
        return None
