"""The addresses of the console that look after knowledge bases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from html import escape

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from domain.errors import ColloquyError, DocumentRejected, PartUnavailable, UnknownKnowledgeBase
from domain.permissions import NEEDED, Permission
from domain.protocols import KnowledgeBaseInfo
from web.operator.asking import Console, Fields, Operator
from web.operator.jobs import Jobs, Outcome
from web.operator.knowledge import Takes, render_base, render_bases, render_document_page
from web.operator.look import Look, address

_NAME, _ONE = address("knowledge"), address("knowledge", "{name}")


def add_library(app: FastAPI, console: Console) -> None:
    """Adds the pages and actions of the knowledge bases."""
    _add_pages(app, console, jobs := Jobs())
    _add_documents(app, console)
    _add_work(app, console, jobs)


def _add_pages(app: FastAPI, console: Console, jobs: Jobs) -> None:
    library = console.desk.library

    @app.get(_NAME)
    def bases(request: Request) -> Response:
        """All knowledge bases."""
        return console.show(request, "knowledge", lambda who: render_bases(library.bases(), who.look))

    @app.post(_NAME)
    def make(request: Request, sent: Fields) -> Response:
        """Makes an empty one."""

        def work(who: Operator) -> str:
            library.create(sent.get("name", "").strip(), sent.get("title", ""), who.by)
            return "made"

        return console.act(request, "knowledge", work, _NAME)

    @app.get(_ONE)
    def base(request: Request, name: str, text: str = "") -> Response:
        """One of them with its documents."""

        def draw(who: Operator) -> str:
            info, outcome = _info(console, name), jobs.outcome(name)
            takes, job = Takes(library.kinds, library.max_bytes), _job_line(outcome, who.look)
            return render_base(info, library.documents(name), text.strip(), job, takes, who.look) + _told(outcome, who)

        return console.show(request, "knowledge", draw)

    @app.get(f"{_ONE}/document")
    def document(request: Request, name: str, id: str) -> Response:
        """One document with its passages."""

        def draw(who: Operator) -> str:
            info, found = _info(console, name), library.page(name, id)
            if found is None:
                return f'<p class="column none">{escape(who.look.words.not_here)}</p>'
            return render_document_page(info, found, who.look)

        return console.show(request, "knowledge", draw)


def _add_documents(app: FastAPI, console: Console) -> None:
    library = console.desk.library

    @app.post(f"{_ONE}/describe")
    def describe(request: Request, name: str, sent: Fields) -> Response:
        """Gives a document another title and metadata."""

        def work(who: Operator) -> str:
            found = library.page(name, sent.get("id", ""))
            if found is None:
                raise DocumentRejected(who.look.words.not_here)
            told = replace(found[0], title=sent.get("title", ""), metadata=metadata_of(sent.get("metadata", "")))
            library.describe(name, told, who.by)
            return "described"

        return console.act(request, "knowledge", work, address("knowledge", name, "document", id=sent.get("id", "")))

    @app.post(f"{_ONE}/passage")
    def mend(request: Request, name: str, sent: Fields) -> Response:
        """Changes what a passage says."""
        passage = sent.get("passage", "")

        def work(who: Operator) -> str:
            library.mend(name, passage, sent.get("text", ""), who.by)
            return "mended"

        back = address("knowledge", name, "document", id=passage.rsplit("#", 1)[0])
        return console.act(request, "knowledge", work, back)

    @app.post(f"{_ONE}/delete")
    def delete(request: Request, name: str, sent: Fields) -> Response:
        """Takes a document out."""

        def work(who: Operator) -> str:
            library.delete(name, sent.get("id", ""), who.by)
            return "deleted"

        return console.act(request, "knowledge", work, address("knowledge", name))


def _add_work(app: FastAPI, console: Console, jobs: Jobs) -> None:
    library = console.desk.library

    @app.post(f"{_ONE}/upload")
    async def upload(request: Request, name: str, file: str) -> Response:
        """One file, as the body of the request; ``file`` is its name. Answers in JSON, for the page's script."""
        data = await request.body()
        return await run_in_threadpool(_uploaded, console, request, name, file, data)

    @app.post(f"{_ONE}/rebuild")
    def rebuild(request: Request, name: str) -> Response:
        """Starts encoding all passages anew; the page says when it is done."""

        def work(who: Operator) -> str:
            _info(console, name)
            return "rebuilding" if jobs.start(name, lambda: library.rebuild(name, who.by)) else "already"

        return console.act(request, "knowledge", work, address("knowledge", name))

    @app.get(f"{_ONE}/report")
    def report(request: Request, name: str) -> Response:
        """What is wrong with the documents, as a page of its own."""
        return console.part(request, lambda _: library.report(name), Permission.KNOWLEDGE)


def _uploaded(console: Console, request: Request, name: str, file: str, data: bytes) -> Response:
    who = console.operator(request)
    words = who.look.words
    if not who.may(Permission.KNOWLEDGE):
        return _refused(words.not_allowed.format(role=NEEDED[Permission.KNOWLEDGE]), 403)
    try:
        stored = console.desk.library.upload(name, file, data, who.by)
    except PartUnavailable:
        return _refused(words.unavailable, 503)
    except ColloquyError as error:
        return _refused(str(error), 400)
    told = words.uploaded.format(name=file[:80], titles=", ".join(stored.titles[:5]))
    more = f" ({words.replaced.format(count=stored.replaced)})" if stored.replaced else ""
    return JSONResponse({"said": told + more, "refused": [reason for _, reason in stored.refused]})


def _refused(why: str, status: int) -> Response:
    return JSONResponse({"trouble": why}, status)


def metadata_of(text: str) -> Mapping[str, str]:
    """The metadata that lines of ``name: value`` spell. Raises ``DocumentRejected`` for a line that is none."""
    found = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise DocumentRejected(f"The line {line[:60]!r} is no metadata; write a name and a value: region: UK")
        found[name.strip()] = value.strip()
    return found


def _info(console: Console, name: str) -> KnowledgeBaseInfo:
    known = {info.name: info for info in console.desk.library.bases()}
    if name not in known:
        raise UnknownKnowledgeBase(f"There is no knowledge base {name[:80]!r}; choose one from the list.")
    return known[name]


def _job_line(outcome: Outcome | None, look: Look) -> str:
    return look.words.rebuilding if outcome is not None and outcome.running else ""


def _told(outcome: Outcome | None, who: Operator) -> str:
    """What came of a job that is over, at the end of the page, where the script takes it from."""
    if outcome is None or outcome.running:
        return ""
    told = outcome.trouble or who.look.words.rebuilt.format(count=f"{outcome.result:,}")
    return f'<p class="column job-over {"trouble" if outcome.trouble else "said"}" role="status">{escape(told)}</p>'
