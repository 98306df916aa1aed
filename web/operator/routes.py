"""The addresses of the console. Every change is a form that is sent; ``web/gate.py`` refuses those of other sites."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.responses import Response

from domain.audit import AuditArea
from domain.operating import OperatorDesk, Search
from domain.permissions import NEEDED, Permission
from web.operator.asking import Console, Fields, NotTheirs, Operator, place
from web.operator.dashboards import SPANS, render_dashboards
from web.operator.library_routes import add_library
from web.operator.look import ROOT, address
from web.operator.playground import MOST, render_playground
from web.operator.queue import render_queue
from web.operator.sessions import PAGE, Asked, asked, render_rows, render_sessions
from web.operator.settings_page import render_settings
from web.operator.turn import render_no_turn, render_turn

_AUDIT = 100  # changes shown
_ONE_MICROSECOND = 1e-6


def add_operator(app: FastAPI, desk: OperatorDesk) -> None:
    """Adds the console at ``/operator``: for operators, and on this machine alone, where nobody logs in, for everyone
    on it."""
    console = Console(desk)
    _add_sessions(app, console)
    _add_mending(app, console)
    _add_queue(app, console)
    _add_looking(app, console)
    _add_settings(app, console)
    add_library(app, console)


def _add_sessions(app: FastAPI, console: Console) -> None:
    turns = console.desk.turns

    @app.get(ROOT)
    def sessions(request: Request, turn: str = "", explain: bool = False, part: bool = False) -> Response:
        """The list of turns, and beside it the one that ``turn`` names; with ``part`` that one alone."""
        if part:
            return console.part(request, lambda who: _shown(console, turn, who, explain=explain))

        def draw(who: Operator) -> str:
            filter_, before = _asked(request, who), _number(request.query_params.get("before", ""))
            found = turns.recent(PAGE, before or None, filter_.where)
            bases = console.desk.library.bases()
            return render_sessions(found, filter_, bases, _shown(console, turn, who, explain=explain), who.look)

        return console.show(request, "sessions", draw)

    @app.get(address("rows"))
    def rows(request: Request, after: float) -> Response:
        """The turns that came after a moment, for a list that is already drawn."""

        def draw(who: Operator) -> str:
            filter_ = _asked(request, who)
            where = filter_.where
            since = max(after + _ONE_MICROSECOND, where.since or 0.0)
            found = [one for one in turns.recent(PAGE, None, where) if one.logged_at >= since]
            return render_rows(found, filter_, who.look)

        return console.part(request, draw)


def _shown(console: Console, reference: str, who: Operator, *, explain: bool) -> str:
    if not reference:
        return render_no_turn(who.look)
    found = console.desk.turns.get(reference)
    if found is None:
        return render_no_turn(who.look, gone=True)
    explanation = console.desk.turns.explain(reference) if explain else None
    return render_turn(*found, explanation, who.look)


def _asked(request: Request, who: Operator) -> Asked:
    return asked(request.query_params, who.look.view.zone_minutes)


def _add_mending(app: FastAPI, console: Console) -> None:
    corrections = console.desk.corrections

    def mend(request: Request, reference: str, work: Callable[[Operator], object], said: str) -> Response:
        def done(who: Operator) -> str:
            work(who)
            return said

        return console.act(request, "sessions", done, place(reference), Permission.CORRECT)

    @app.post(address("turns", "{reference}", "answer"))
    def answer(request: Request, reference: str, sent: Fields) -> Response:
        return mend(
            request,
            reference,
            lambda who: corrections.answer(
                reference, who.by, sent.get("text", ""), sent.get("passage", ""), sent.get("note", "")
            ),
            "kept",
        )

    @app.post(address("turns", "{reference}", "wrong-passage"))
    def wrong_passage(request: Request, reference: str, sent: Fields) -> Response:
        return mend(
            request,
            reference,
            lambda who: corrections.wrong_passage(reference, who.by, sent.get("passage", "")),
            "kept",
        )

    @app.post(address("turns", "{reference}", "passage"))
    def passage(request: Request, reference: str, sent: Fields) -> Response:
        return mend(
            request,
            reference,
            lambda who: corrections.passage(reference, who.by, sent.get("passage", ""), sent.get("text", "")),
            "mended",
        )

    @app.post(address("turns", "{reference}", "page"))
    def page(request: Request, reference: str, sent: Fields) -> Response:
        return mend(
            request,
            reference,
            lambda who: corrections.page(reference, who.by, sent.get("title", ""), sent.get("text", "")),
            "added",
        )

    @app.post(address("turns", "{reference}", "hand-over"))
    def hand_over(request: Request, reference: str) -> Response:
        return mend(request, reference, lambda who: console.desk.queue.hand_over(reference, who.by), "handed")


def _add_queue(app: FastAPI, console: Console) -> None:
    queue, back = console.desk.queue, address("queue")

    @app.get(back)
    def show(request: Request, done: bool = False) -> Response:
        """What waits, or with ``done`` what is finished."""
        return console.show(request, "queue", lambda who: render_queue(queue.items(done=done), who.look, done=done))

    @app.get(address("queue", "turns", "{reference}"))
    def case(request: Request, reference: str, explain: bool = False) -> Response:
        """A turn that the queue holds, for those who work through it: what was said, found and weighed."""

        def draw(who: Operator) -> str:
            if not queue.holds(reference) and not who.may(Permission.TURNS):
                raise NotTheirs(NEEDED[Permission.TURNS])
            return f'<div class="column">{_shown(console, reference, who, explain=explain)}</div>'

        return console.show(request, "queue", draw, Permission.CASES)

    @app.post(address("queue", "take"))
    def take(request: Request, sent: Fields) -> Response:
        key = sent.get("key", "")
        return console.act(request, "queue", lambda who: "taken" if queue.take(key, who.by) else "not-taken", back)

    @app.post(address("queue", "done"))
    def finish(request: Request, sent: Fields) -> Response:
        def work(who: Operator) -> str:
            queue.finish(sent.get("key", ""), who.by)
            return "done"

        return console.act(request, "queue", work, back)

    @app.post(address("queue", "note"))
    def note(request: Request, sent: Fields) -> Response:
        def work(who: Operator) -> str:
            queue.note(sent.get("key", ""), who.by, sent.get("text", ""))
            return "noted"

        return console.act(request, "queue", work, back)


def _add_looking(app: FastAPI, console: Console) -> None:
    desk = console.desk

    @app.get(address("playground"))
    def playground(request: Request, question: str = "", kb: str = "", top_k: int = 5, only: str = "") -> Response:
        """One question through every way of searching."""

        def draw(who: Operator) -> str:
            bases = desk.library.bases()
            name = kb or (bases[0].name if bases else "")
            search = Search(name, question.strip()[:500], min(MOST, max(1, top_k)), tuple(only.split()))
            trials = desk.playground.run(search) if search.question and name else ()
            return render_playground(search, trials, bases, who.look)

        return console.show(request, "playground", draw)

    @app.get(address("dashboards"))
    def dashboards(request: Request, days: int = SPANS[0], kb: str = "") -> Response:
        """Figures over the turns of the last days."""

        def draw(who: Operator) -> str:
            span = min(SPANS[-1], max(1, days))
            seen = desk.overviews.overview(span, who.look.view.zone_minutes, kb)
            return render_dashboards(seen, desk.library.bases(), span, kb, who.look)

        return console.show(request, "dashboards", draw)


def _add_settings(app: FastAPI, console: Console) -> None:
    settings, back = console.desk.settings, address("settings")

    @app.get(back)
    def show(request: Request, audit: str = "") -> Response:
        """What may change while the assistant runs, and who changed what, of one area or of all."""
        area = next((one for one in AuditArea if one == audit), None)
        return console.show(
            request,
            "settings",
            lambda who: render_settings(settings.knobs(), settings.audit(_AUDIT, area), who.look, area),
        )

    @app.post(back)
    def change(request: Request, sent: Fields) -> Response:
        """Changes one setting: administrators only."""

        def work(who: Operator) -> str:
            settings.change(sent.get("key", ""), sent.get("value", ""), who.by)
            return "changed"

        return console.act(request, "settings", work, back, Permission.CHANGE_SETTINGS)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
