"""Who asks the console, what they sent, and how an error is told to them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from domain.accounts import Role
from domain.errors import ColloquyError, PartUnavailable
from domain.operating import OperatorDesk
from domain.permissions import NEEDED, Permission, allowed
from web.identity import NOBODY, program_of
from web.operator.frame import OPENED_BY, Tab, page
from web.operator.look import Look, address
from web.visitors import view_of

_LOG = logging.getLogger(__name__)
_MOST_FIELDS = 20
_COUNT_HOLDS_SECONDS = 5.0
_NO_STORE = {"cache-control": "no-store"}


@dataclass(frozen=True, slots=True)
class Operator:
    """Whoever asks: how to draw for them, as whom they act, and what they may."""

    look: Look
    by: str
    role: Role

    def may(self, wanted: Permission) -> bool:
        """Whether their role may do ``wanted``."""
        return allowed(self.role, wanted)


class NotTheirs(Exception):
    """What was asked for is not for this role, and what would make it so cannot be told from the address alone."""


async def _form(request: Request) -> Mapping[str, str]:
    """The fields of a form that was sent; the gate has bounded its size."""
    body = await request.body()
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    return dict(pairs)


Fields = Annotated[Mapping[str, str], Depends(_form)]


class Console:
    """What every route of the console does around its own work."""

    def __init__(self, desk: OperatorDesk) -> None:
        self.desk = desk
        self._counted = (0.0, 0)  # when, and how many wait

    def operator(self, request: Request) -> Operator:
        """Who sent this request, and how to draw for them."""
        caller = program_of(request) or NOBODY
        headers = request.headers
        view = view_of(headers.get("cookie"), headers.get("accept-language"), list(self.desk.library.bases()))
        look = Look(view, caller.name, allowed(caller.role, Permission.CHANGE_SETTINGS), caller.role)
        return Operator(look, caller.name or "local", caller.role)

    def show(
        self, request: Request, tab: Tab, draw: Callable[[Operator], str], needed: Permission | None = None
    ) -> Response:
        """A page of the console, or why it cannot be shown. ``needed`` None: what the tab needs."""
        return self._guarded(request, tab, lambda who: HTMLResponse(self._page(request, tab, draw(who), who)), needed)

    def part(
        self, request: Request, draw: Callable[[Operator], str], needed: Permission = Permission.TURNS
    ) -> Response:
        """A piece of a page, for its script."""
        return self._guarded(request, None, lambda who: HTMLResponse(draw(who), headers=_NO_STORE), needed)

    def act(
        self, request: Request, tab: Tab, work: Callable[[Operator], str], back: str, needed: Permission | None = None
    ) -> Response:
        """Does ``work``, which names what to say of it, and leads back to ``back``."""

        def done(who: Operator) -> Response:
            said = work(who)
            self._counted = (0.0, 0)
            sign = "&" if "?" in back else "?"
            return RedirectResponse(f"{back}{sign}said={said}", 303, _NO_STORE)

        return self._guarded(request, tab, done, needed, back)

    def _guarded(
        self,
        request: Request,
        tab: Tab | None,
        answer: Callable[[Operator], Response],
        needed: Permission | None = None,
        back: str = "",
    ) -> Response:
        wanted = needed or (OPENED_BY[tab] if tab else Permission.TURNS)
        try:
            who = self.operator(request)
        except PartUnavailable:
            return HTMLResponse("A part does not answer at the moment; try again shortly.", 503, _NO_STORE)
        try:
            if not who.may(wanted):
                raise NotTheirs(NEEDED[wanted])
            return answer(who)
        except NotTheirs as refused:
            return self._trouble(tab, who.look.words.not_allowed.format(role=refused), 403, who)
        except PartUnavailable as error:
            _LOG.warning("The console found a part unavailable: %s", error)
            return self._trouble(tab, who.look.words.unavailable, 503, who, back)
        except ColloquyError as error:
            return self._trouble(tab, str(error), 400, who, back)

    def _trouble(self, tab: Tab | None, told: str, status: int, who: Operator, back: str = "") -> Response:
        again = f'<p class="column"><a class="button" href="{escape(back)}">←</a></p>' if back else ""
        return HTMLResponse(page(who.look, tab, again, trouble=told), status, _NO_STORE)

    def _page(self, request: Request, tab: Tab, body: str, who: Operator) -> str:
        said = who.look.words.done_words.get(request.query_params.get("said", ""), "")
        return page(who.look, tab, body, waiting=self._waiting(), said=said)

    def _waiting(self) -> int:
        """How many entries of the queue wait; counted anew when that is long ago, or something was done here."""
        at, count = self._counted
        if time.monotonic() - at > _COUNT_HOLDS_SECONDS or not at:
            count = len(self.desk.queue.items())
            self._counted = (time.monotonic(), count)
        return count


def place(reference: str) -> str:
    """Where a turn is shown."""
    return address(turn=reference)
