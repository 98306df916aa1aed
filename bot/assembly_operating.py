"""What the operators' console calls, made of this house's parts. Reads settings: some of them change while it runs."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from threading import Lock
from typing import Literal, Protocol, cast

from pydantic import BaseModel, ValidationError

from bot.assembly_search import SearchModels, fused, reread
from bot.operating import Corrections, CoveredLog, Queue, Turns
from bot.overview import Overviews
from bot.shipped import SHIPPED, SHIPPED_FOLDER
from domain.answer import AnswerKind
from domain.audit import AuditArea, area_of
from domain.conversation import Query, Turn
from domain.errors import Misconfigured, PartUnavailable
from domain.explanation import Explanation
from domain.feedback import FeedbackStore
from domain.operating import AuditEntry, Knob, OperatorBook, Search, Trial, Uploaded
from domain.own_files import check_reachable, is_own
from domain.passage import Document, Passage
from domain.protocols import HandOffDesk, KnowledgeBaseInfo
from domain.turn_log import TurnFilter, TurnLog
from memory.corrections_file import FILE_NAME, CorrectionFile
from memory.operator_book import ENTRIES
from retrieval.arrays import Matrix
from retrieval.knowledge_base import KnowledgeBase, KnowledgeBaseStore
from retrieval.library import Library, page_source
from retrieval.milvus_knowledge_base import MilvusKnowledgeBase
from retrieval.milvus_store import MilvusKnowledgeBaseStore
from retrieval.quality.coverage import Asked, clusters
from retrieval.quality.links import read_sources
from retrieval.quality.page_html import render_report
from retrieval.quality.pages import read_pages
from retrieval.quality.report import Questions, Subject, examine
from retrieval.readers import SUPPORTED_SUFFIXES
from retrieval.readers.files import MAX_FILE_BYTES
from settings import RetrievalSettings, Settings

_ASKED = 2000  # questions that a report on a knowledge base looks at
_LOOK_SECONDS = 2.0  # between two looks at what other processes changed: one small question to Redis each
_LOOK_WHEN_DOWN_SECONDS = 30.0  # a book that does not answer costs a turn its time-outs
_KEPT = 400  # characters of a text that the audit keeps of a change
_FUSIONS: tuple[Literal["learned", "rrf"], ...] = ("learned", "rrf")
_NOBODY = ""  # as whom operators reach documents: nobody's own files are theirs
_SLUG = re.compile(r"[\W_]+")
_LOG = logging.getLogger(__name__)

_KNOBS = (
    Knob("weighting.abstain_below", "share", "", ""),
    Knob("weighting.mode", "choice", "", "", choices=("adaptive", "fixed")),
    Knob("weighting.retrieval_weight", "share", "", ""),
    Knob("retrieval.top_k", "count", "", "", 1, 20),
    Knob("retrieval.candidates", "count", "", "", 1, 100),
    Knob("retrieval.threshold", "share", "", ""),
    Knob("retrieval.fusion", "choice", "", "", choices=_FUSIONS),
    Knob("retrieval.fusion_share", "share", "", ""),
    Knob("generation.passages", "count", "", "", 1, 20),
    Knob("policy.ask_back", "switch", "", "", choices=("true", "false")),
    Knob("policy.nearly_as_likely", "share", "", ""),
    Knob("policy.worth_asking", "share", "", ""),
    Knob("policy.sure_enough", "share", "", ""),
)
"""Settings that a turn reads when it begins. The others are built into models, stores or the server."""


class Host(Protocol):
    """What the console needs of ``bot.assembly.Colloquy``."""

    settings: Settings

    @property
    def hand_offs(self) -> HandOffDesk: ...

    @property
    def models(self) -> SearchModels: ...

    @property
    def book(self) -> OperatorBook: ...

    @property
    def knowledge(self) -> KnowledgeBaseStore | MilvusKnowledgeBaseStore: ...

    @property
    def turn_log(self) -> TurnLog: ...

    @property
    def feedback(self) -> FeedbackStore: ...

    def explain(self, turn: Turn) -> Explanation: ...

    def reconfigure(self, settings: Settings) -> None: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """``domain.operating.OperatorDesk``."""

    turns: Turns
    queue: Queue
    corrections: Corrections
    library: Bases
    playground: Trials
    overviews: Overviews
    settings: LiveSettings


def open_desk(host: Host) -> Desk:
    """The desk over ``host``. What was changed while an earlier run went on holds again from now on."""
    bases, book = Bases(host), host.book
    kept = CorrectionFile(host.settings.data_dir / FILE_NAME)
    log: TurnLog = CoveredLog(host.turn_log) if host.settings.safety.redact_operator else host.turn_log
    return Desk(
        Turns(log, host.explain),
        Queue(log, host.feedback, host.hand_offs, book),
        Corrections(log, kept, bases, book),
        bases,
        Trials(host),
        Overviews(log, lambda questions: _alike(host, questions)),
        LiveSettings(host),
    )


def _alike(host: Host, questions: Sequence[str]) -> Sequence[Sequence[int]]:
    return clusters(_vectors(host, questions))


def _vectors(host: Host, questions: Sequence[str]) -> Matrix:
    return cast(Matrix, host.models.encoder.encode_queries(questions))


class LiveSettings:
    """``domain.operating.SettingsRoom``: the settings file with what operators changed laid over it."""

    def __init__(self, host: Host, clock: Callable[[], float] = time.monotonic) -> None:
        self._host, self._start, self._clock, self._lock = host, host.settings, clock, Lock()
        self._version, self._look_again = -1, 0.0
        self._take_up(host.book)

    def catch_up(self) -> None:
        """Takes up what was changed through another process, looking every few seconds at most. While the book does
        not answer, or somebody else is at it, what is known holds."""
        if self._clock() < self._look_again or not self._lock.acquire(blocking=False):
            return
        try:
            self._look_again = self._clock() + _LOOK_SECONDS
            self._take_up(self._host.book)
        except PartUnavailable:
            self._look_again = self._clock() + _LOOK_WHEN_DOWN_SECONDS
        finally:
            self._lock.release()

    def _take_up(self, book: OperatorBook) -> None:
        version = book.version()  # read first: what changes in between is taken up the next time
        if version == self._version:
            return
        settings = self._start
        for key, value in book.settings().items():
            try:
                settings = changed(settings, key, value)
            except Misconfigured as error:  # of another version, or no longer allowed: the file's value holds
                _LOG.warning("A setting that was changed earlier is passed over: %s", error)
        if settings != self._host.settings:
            self._host.reconfigure(settings)
        self._version = version

    def knobs(self) -> Sequence[Knob]:
        """Each with its value now and the one of the settings file."""
        self.catch_up()
        return [
            Knob(one.key, one.kind, _spelt(self._host.settings, one.key), _spelt(self._start, one.key), one.low,
                 one.high, one.choices)
            for one in _KNOBS
        ]  # fmt: skip

    def change(self, key: str, value: str, by: str) -> None:
        """Holds from the next turn on; a turn that runs is answered as it began."""
        with self._lock:
            self._take_up(self._host.book)
            old, settings = self._host.settings, changed(self._host.settings, key, value.strip())
            if settings == old:
                return
            entry = AuditEntry(time.time(), by, key, _spelt(old, key), _spelt(settings, key))
            self._host.book.record(entry, setting=key)
            self._host.reconfigure(settings)

    def audit(self, limit: int, area: AuditArea | None = None) -> Sequence[AuditEntry]:
        """Who changed what, newest first."""
        if area is None:
            return self._host.book.audit(limit)
        return [one for one in self._host.book.audit(2 * ENTRIES) if area_of(one.what) is area][:limit]


def changed(settings: Settings, key: str, value: str) -> Settings:
    """``settings`` with ``key`` at ``value``. Raises ``Misconfigured`` for what no operator may change, or cannot be.

    A threshold that is set takes the place of a wanted precision, which would overrule it.
    """
    knob = next((one for one in _KNOBS if one.key == key), None)
    if knob is None:
        raise Misconfigured(f"The setting {key[:60]!r} cannot change while Colloquy runs; set it in settings.toml.")
    group_name, field = key.split(".")
    group: BaseModel = getattr(settings, group_name)
    told = {**group.model_dump(), field: value}
    if key == "weighting.abstain_below":
        told["target_precision"] = None
    try:
        made = type(group).model_validate(told)
    except ValidationError as error:
        raise _refused(knob, value) from error
    if knob.kind == "count" and not knob.low <= getattr(made, field) <= knob.high:
        raise _refused(knob, value)
    return settings.model_copy(update={group_name: made})


def _refused(knob: Knob, value: str) -> Misconfigured:
    may = " or ".join(knob.choices) if knob.choices else f"a number from {knob.low:g} to {knob.high:g}"
    return Misconfigured(f"The setting {knob.key} cannot be {value[:40]!r}; give {may}.")


def _spelt(settings: Settings, key: str) -> str:
    """A value as ``settings.toml`` has it."""
    group, field = key.split(".")
    value = getattr(getattr(settings, group), field)
    return str(value).lower() if isinstance(value, bool) else str(value)


class _Shared:
    """What everybody may ask about. People's own files are theirs alone, also before operators."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def open(self, name: str) -> KnowledgeBase | MilvusKnowledgeBase:
        """Raises ``UnknownKnowledgeBase``, for somebody's own files too."""
        check_reachable(name, _NOBODY)
        return self._host.knowledge.open(name)


class Trials:
    """``domain.operating.Playground``: one question searched in every way, each with a reader that remembers nothing,
    so that the times can be compared."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def run(self, search: Search) -> Sequence[Trial]:
        """The way of turns first, then the others."""
        chosen = self._host.settings.retrieval
        base = _Shared(self._host).open(search.knowledge_base)
        base_settings = chosen.model_copy(update={"only": search.only} if search.only else {})
        ways = [(fusion, reranked) for reranked in (True, False) for fusion in _FUSIONS]
        ways.sort(key=lambda way: way != (chosen.fusion, True))
        self._host.models.encoder.encode_queries([search.question])  # the first of all pays for loading
        return [
            self._trial(search, base.snapshot, base_settings.model_copy(update={"fusion": fusion}), reranked=reranked)
            for fusion, reranked in ways
        ]

    def _trial(self, search: Search, snapshots: object, chosen: RetrievalSettings, *, reranked: bool) -> Trial:
        models = self._host.models
        hybrid = fused(snapshots, models, chosen)  # type: ignore[arg-type]
        retriever = reread(hybrid, models.reader.fresh(), chosen) if reranked else hybrid
        started = time.perf_counter()
        found = tuple(retriever.retrieve(Query(search.question, search.question), search.top_k))
        seconds = time.perf_counter() - started
        current = reranked and chosen.fusion == self._host.settings.retrieval.fusion
        return Trial(chosen.fusion, reranked, current, found, seconds)


class Bases:
    """``domain.operating.LibraryRoom``, and what corrections change of it. Every change is in the audit."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.max_bytes, self.kinds = MAX_FILE_BYTES, SUPPORTED_SUFFIXES

    @property
    def _library(self) -> Library:
        return Library(_Shared(self._host), max_bytes=self.max_bytes)

    def bases(self) -> Sequence[KnowledgeBaseInfo]:
        """Those that are nobody's own files, by name."""
        return [self._host.knowledge.info(name) for name in self._host.knowledge.names() if not is_own(name)]

    def documents(self, name: str) -> Sequence[Document]:
        """By title."""
        return self._library.documents(name)

    def page(self, name: str, document_id: str) -> tuple[Document, str, tuple[Passage, ...]] | None:
        """A document with its text and passages."""
        return self._library.page(name, document_id)

    def create(self, name: str, title: str, by: str) -> None:
        """An empty knowledge base."""
        if is_own(name):
            raise Misconfigured(f"The name {name!r} begins as those of people's own files do; choose another one.")
        self._host.knowledge.create(name, title.strip() or name)
        self._record(by, f"knowledge base {name}", "", title.strip() or name)

    def upload(self, name: str, file_name: str, data: bytes, by: str) -> Uploaded:
        """Reads a file into the knowledge base."""
        stored = self._library.upload(name, file_name, data)
        titles = tuple(one.title for one in stored.documents)
        self._record(by, f"upload {name}/{stored.documents[0].source}", "", ", ".join(titles))
        return Uploaded(titles, stored.replaced, stored.refused)

    def describe(self, name: str, document: Document, by: str) -> Document:
        """Keeps title and metadata."""
        before = self._library.page(name, document.id)
        new = self._library.describe(name, document.id, document.title, document.metadata)
        self._record(by, f"document {name}/{document.id}", _described(before[0]) if before else "", _described(new))
        return new

    def mend(self, name: str, passage_id: str, text: str, by: str) -> None:
        """From now on the passage says ``text``."""
        page = self._library.page(name, passage_id.rsplit("#", 1)[0])
        old = next((one.text for one in page[2] if one.id == passage_id), "") if page else ""
        new = self._library.correct(name, passage_id, text)
        self._record(by, f"document {name}/{new.document_id}", old, new.text)

    def delete(self, name: str, document_id: str, by: str) -> None:
        """Takes a document out."""
        before = self._library.page(name, document_id)
        self._library.delete(name, document_id)
        self._record(by, f"document {name}/{document_id}", before[0].title if before else "", "")

    def rebuild(self, name: str, by: str) -> int:
        """Encodes all passages anew; what is searched stays until the new one is whole."""
        check_reachable(name, _NOBODY)
        count = self._host.knowledge.reembed(name)
        self._record(by, f"knowledge base {name}", "", f"{count} passages encoded anew")
        return count

    def report(self, name: str) -> str:
        """What is wrong with the documents, with the questions that people asked about them."""
        base = _Shared(self._host).open(name)
        folder = next((SHIPPED_FOLDER / one.folder for one in SHIPPED if one.name == name), None)
        files = read_sources(folder) if folder is not None and folder.is_dir() else {}
        subject = Subject(name, self._host.knowledge.info(name).title, date.today())
        return render_report(examine(subject, read_pages(base), files, self._questions(name)))

    def correct(self, knowledge_base: str, passage_id: str, text: str) -> Passage:
        """Puts ``text`` in the place of a passage's."""
        return self._library.correct(knowledge_base, passage_id, text)

    def add_page(self, knowledge_base: str, title: str, text: str) -> Passage:
        """Adds a page; one of the same title takes its place."""
        slug = _SLUG.sub("-", title.casefold()).strip("-")[:60] or "page"
        source = page_source(title, text, {"written_by": "operators"})
        stored = self._library.upload(knowledge_base, f"answer-{slug}.md", source)
        page = self._library.page(knowledge_base, stored.documents[0].id)
        assert page is not None, "it was stored a moment ago"
        return page[2][0]

    def _questions(self, name: str) -> Questions | None:
        kinds = frozenset({AnswerKind.GENERATED, AnswerKind.QUOTED, AnswerKind.ABSTAINED})
        turns = self._host.turn_log.recent(_ASKED, where=TurnFilter(kinds=kinds, knowledge_base=name))
        asked = tuple(Asked(one.question, one.kind is not AnswerKind.ABSTAINED, one.confidence) for one in turns)
        return Questions(asked, lambda texts: _vectors(self._host, texts), self._nearest(name)) if asked else None

    def _nearest(self, name: str) -> Callable[[object], Passage | None]:
        def nearest(vector: object) -> Passage | None:
            with self._host.knowledge.open(name).snapshot() as snapshot:
                rows = [row for row, _ in snapshot.dense(vector, 1)]  # type: ignore[arg-type]
                return next(iter(snapshot.passages(rows).values()), None)

        return nearest

    def _record(self, by: str, what: str, old: str, new: str) -> None:
        try:
            self._host.book.record(AuditEntry(time.time(), by, what, old[:_KEPT], new[:_KEPT]))
        except PartUnavailable as error:  # it is done all the same, and saying that it failed would be wrong
            _LOG.warning("%s changed %s, which the audit does not hold: %s", by, what, error)


def _described(document: Document) -> str:
    return "; ".join([document.title, *(f"{key}={value}" for key, value in sorted(document.metadata.items()))])
