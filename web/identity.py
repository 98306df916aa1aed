"""Who is asking. Everything behind the page and the API that needs to know asks ``caller_of``.

With accounts on, ``web/auth.py`` has settled it before a route is reached and left the answer in the scope. Without,
a browser is known by its cookie, and whoever reaches this machine's own address may do everything on it.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException, Request

from domain.accounts import Role, User, may
from web.guards import owner_of

CALLER = "colloquy.caller"
"""Where the caller stands in an ASGI scope."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent a request. ``owner``: whose conversations; ``name``: the account's, "" without accounts;
    ``by_key``: a program with an API key rather than a browser with a cookie."""

    owner: str
    role: Role
    name: str = ""
    by_key: bool = False


LOCAL_API = Caller("api-local", "admin")
"""A program on this machine that has neither cookie nor key, where accounts are off."""

NOBODY = Caller("", "reader")
"""Whoever has not said who they are, where accounts are on; no request of theirs gets as far as a page."""


def user_caller(user: User, *, by_key: bool) -> Caller:
    """The caller that an account is."""
    return Caller(user.owner, user.role, user.name, by_key)


def caller_of(source: Any) -> Caller | None:
    """Who sent ``source``: an ASGI scope, a Starlette or FastAPI request, or a ``gradio.Request``. None for a browser
    without a cookie of ours, where accounts are off; where they are on, no such request gets as far as this."""
    scope = _scope(source)
    if CALLER in scope:  # accounts are on; nobody, then, is nobody, whatever cookie comes along
        settled = scope[CALLER]
        return settled if isinstance(settled, Caller) else None
    owner = owner_of(_cookies(scope))
    return Caller(owner, "admin") if owner else None


def program_of(source: Any) -> Caller | None:
    """As ``caller_of``, for routes that programs use: where accounts are off, a sender without a cookie is
    ``LOCAL_API``."""
    return caller_of(source) or (None if CALLER in _scope(source) else LOCAL_API)


def require(role: Role) -> Callable[[Request], Caller]:
    """A FastAPI dependency: the caller, or 403 for one whose role does not include ``role`` (401 for nobody). Where
    accounts are off a sender without a cookie is ``LOCAL_API``."""

    def check(request: Request) -> Caller:
        caller = program_of(request)
        if caller is None:
            raise HTTPException(401, "Log in, or send an API key as “Authorization: Bearer KEY”.")
        if not may(caller.role, role):
            raise HTTPException(403, f"This needs the role “{role}”; yours is “{caller.role}”. Ask an administrator.")
        return caller

    return check


def _scope(source: Any) -> MutableMapping[str, Any]:
    if isinstance(source, MutableMapping):
        return source
    request = getattr(source, "request", None) or source  # Gradio wraps the request it got
    scope = request.scope
    assert isinstance(scope, MutableMapping)
    return scope


def _cookies(scope: MutableMapping[str, Any]) -> str:
    # HTTP/2 and some proxies send several Cookie headers; they count as one (RFC 9113, 8.2.3).
    sent = [bytes(value) for name, value in scope.get("headers", ()) if name.lower() == b"cookie"]
    return b"; ".join(sent).decode("latin-1")
