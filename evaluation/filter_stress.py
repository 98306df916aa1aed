"""Thousands of filtered searches over two knowledge bases and three audiences, judged by what the documents were drawn
from: no passage may come through a filter that keeps it out, and k come back where k may.

Documents are for one, two, all or no audience, hold in a region and from and until a day, and supersede one another.
The judge knows these as values; it shares neither code nor metadata text with the search. Between the searches
documents change, and the vector indexes are made anew in other families.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from domain.conversation import Query
from domain.filters import Filter
from domain.passage import RetrievedPassage
from evaluation.word_hashing import WordHashing, document_of, drawn_words
from retrieval.hybrid import HybridOptions, HybridRetriever
from retrieval.index_spec import parse_spec
from retrieval.knowledge_base import KnowledgeBase, KnowledgeBaseStore

TODAY = date(2026, 11, 22)
AUDIENCES = ("customer", "agent", "manager")
REGIONS = ("uk", "ie")
KNOWLEDGE_BASES = ("one", "two")

_PAST_DAYS, _LATER = (TODAY - timedelta(days=700), TODAY - timedelta(days=30)), TODAY + timedelta(days=60)
_FAMILIES = tuple(parse_spec(text) for text in ("flat", "hnsw:links=8", "ivf-flat:lists=8,effort=1", "sq8"))
_DOCUMENTS = 250  # of each knowledge base
_CHANGE_EVERY = 50  # queries
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Sheet:
    """A document as it was drawn. ``audiences``: empty where it names none; ``since`` and ``until``: None: always."""

    id: str
    texts: tuple[str, ...]
    audiences: frozenset[str]
    region: str
    since: date | None
    until: date | None
    supersedes: str

    def metadata(self) -> dict[str, str]:
        """As a document's front matter would have it."""
        values = {
            "audience": ", ".join(sorted(self.audiences)),
            "region": self.region.upper(),
            "effective_from": self.since.isoformat() if self.since else "",
            "effective_until": self.until.isoformat() if self.until else "",
            "supersedes": self.supersedes,
        }
        return {key: value for key, value in values.items() if value}


@dataclass(frozen=True, slots=True)
class Reader:
    """Who searches, and when: ``region`` "" asks about none, ``day`` None about no day. ``past``: what was superseded
    may be found as well, because the question says so or, with ``every_version``, because the search is told to."""

    audience: str
    region: str
    day: date | None
    past: bool
    every_version: bool

    def filter(self) -> Filter:
        where = {"audience": frozenset({self.audience, "all"})}
        where |= {"region": frozenset({self.region})} if self.region else {}
        return Filter(where, strict=frozenset({"audience"}), valid_on=self.day)

    def may_read(self, sheet: Sheet, replaced: frozenset[str]) -> bool:
        """By the values that the document was drawn from; ``replaced``: ids that do not hold any more."""
        addressed = self.audience in sheet.audiences or "all" in sheet.audiences
        here = not self.region or sheet.region in ("", "all", self.region)
        begun = self.day is None or sheet.since is None or sheet.since <= self.day
        holds = begun and (self.day is None or sheet.until is None or self.day <= sheet.until)
        return addressed and here and holds and (self.past or self.every_version or sheet.id not in replaced)


@dataclass(frozen=True, slots=True)
class FilterStress:
    """``crossed``: passages that came through; ``short``: queries that gave fewer than k, or than may be read."""

    queries: int
    passages: int
    crossed: int
    short: int
    problems: tuple[str, ...]
    seconds: float

    @property
    def is_clean(self) -> bool:
        return not (self.crossed or self.short)


def stress_filters(folder: Path, seed: int, queries: int) -> FilterStress:
    """Asks ``queries`` drawn from ``seed`` of knowledge bases in ``folder``, which is empty."""
    began, rng, store = time.monotonic(), random.Random(seed), KnowledgeBaseStore(folder, WordHashing())
    shelves = {name: _Shelf(store.create(name), name, rng) for name in KNOWLEDGE_BASES}
    passages, crossed, short, problems = 0, 0, 0, list[str]()
    for number in range(queries):
        shelf = shelves[rng.choice(KNOWLEDGE_BASES)]
        if number % _CHANGE_EVERY == 0:
            shelf.change(rng, number // _CHANGE_EVERY)
        reader, text, k = _reader(rng), drawn_words(rng, 1, 4), rng.randint(1, 12)
        found = _found(shelf.base, reader, text, k)
        through, missing = shelf.judged(reader, found, k)
        passages, crossed, short = passages + len(found), crossed + len(through), short + bool(missing)
        problems += [f"{reader} was shown {one}" for one in through] + ([f"{reader}: {missing}"] if missing else [])
    store.close()
    return FilterStress(queries, passages, crossed, short, tuple(problems[:_SHOWN]), time.monotonic() - began)


class _Shelf:
    """A knowledge base and the sheets it was filled with."""

    def __init__(self, base: KnowledgeBase, name: str, rng: random.Random) -> None:
        self.base, self._name = base, name
        drawn = [_sheet(rng, name, number) for number in range(_DOCUMENTS)]
        self._sheets = {sheet.id: sheet for sheet in drawn}
        self._replaced = _replaced(self._sheets)
        base.put_many([document_of(one.id, one.texts, one.metadata()) for one in drawn])

    def change(self, rng: random.Random, turn: int) -> None:
        """Three documents are for somebody else from now on, one is gone or back; now and then another index."""
        for number in rng.sample(range(_DOCUMENTS), 3):
            sheet = _sheet(rng, self._name, number)
            self._sheets[sheet.id] = sheet
            self.base.put_many([document_of(sheet.id, sheet.texts, sheet.metadata())])
        gone = rng.choice(sorted(self._sheets))
        self.base.delete(gone)
        del self._sheets[gone]
        self._replaced = _replaced(self._sheets)
        if turn % 4 == 3:
            self.base.compact(_FAMILIES[turn // 4 % len(_FAMILIES)])

    def judged(self, reader: Reader, found: Sequence[RetrievedPassage], k: int) -> tuple[list[str], str]:
        """The ids of passages that ``reader`` must not see, and what is missing, in words ("" for nothing)."""
        readable = {sheet.id: sheet for sheet in self._sheets.values() if reader.may_read(sheet, self._replaced)}
        through = [
            one.passage.id
            for one in found
            if one.passage.document_id not in readable
            or one.passage.text not in readable[one.passage.document_id].texts
        ]
        wanted = min(k, sum(len(sheet.texts) for sheet in readable.values()))
        distinct = len({one.passage.id for one in found})
        return through, "" if distinct == len(found) == wanted else f"{len(found)} of {wanted} passages"


def _found(base: KnowledgeBase, reader: Reader, text: str, k: int) -> Sequence[RetrievedPassage]:
    options = HybridOptions(pool=12, only=reader.filter(), keep_superseded=reader.every_version)
    asked = f"{text} previously" if reader.past else text
    return HybridRetriever(base.snapshot, WordHashing(), options, today=lambda: TODAY).retrieve(Query(asked, asked), k)


def _reader(rng: random.Random) -> Reader:
    """A third asks about today, a third about the past, a third wants every version of any day or of none."""
    day, past, every_version = rng.choice(
        (
            (TODAY, False, False),
            (rng.choice(_PAST_DAYS), True, False),
            (rng.choice((None, TODAY, _LATER, *_PAST_DAYS)), False, True),
        )
    )
    return Reader(rng.choice(AUDIENCES), rng.choice(("", *REGIONS)), day, past, every_version)


def _sheet(rng: random.Random, name: str, number: int) -> Sheet:
    chosen = rng.choice((("all",), (), *((one,) for one in AUDIENCES), rng.sample(AUDIENCES, 2)))
    since, until = sorted(rng.sample(range(-800, 200), 2))
    return Sheet(
        f"{name}-{number}",
        tuple(drawn_words(rng, 3, 12) for _ in range(rng.randint(1, 3))),
        frozenset(chosen),
        rng.choice(("", "all", *REGIONS)),
        TODAY + timedelta(days=since) if rng.random() < 0.6 else None,
        TODAY + timedelta(days=until) if rng.random() < 0.4 else None,
        f"{name}-{rng.randrange(_DOCUMENTS)}" if rng.random() < 0.15 else "",
    )


def _replaced(sheets: Mapping[str, Sheet]) -> frozenset[str]:
    """Ids that a document which has taken effect supersedes; of two that supersede each other, both hold."""
    newer = {
        one.id: one.supersedes
        for one in sheets.values()
        if one.supersedes not in ("", one.id) and (one.since is None or one.since <= TODAY)
    }
    return frozenset(older for id_, older in newer.items() if newer.get(older) != id_)
