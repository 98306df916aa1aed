"""Where the bi-encoder's rows come from: files given by hand, or the packed public sets in their mixture.

The mixture is made for one product and must not spoil the model for other subjects: Doc2Dial, whose passages are
the product's own chunks, is a little under half of it, general questions and page sections are the rest.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from corpora.jsonl import OWN_DATA, rows
from corpora.service_kits import conversations_for
from corpora.splits import is_development
from domain.errors import Misconfigured
from training.doc2dial_search import Doc2DialSearch, query_forms
from training.reading_data import ReadingRow, covid, faq, qed, squad
from training.reading_data import kits as kit_pairs
from training.retrieval_rows import Passage, RetrievalRow, rows_of, with_near_negatives

DOC2DIAL_SHARE = 0.45
DOC2DIAL_TIMES = 3  # each time with other negatives, so that the general sets can be larger
GENERAL_SHARES: Mapping[str, float] = {
    "squad": 0.2,
    "qed": 0.17,
    "sections": 0.18,
    "medquad": 0.15,
    "policyqa": 0.1,
    "covidqa": 0.06,
    "dstc9": 0.06,
    "dstc11": 0.08,
}
"""Of the rows that are neither Doc2Dial's nor the project's own; a set that has fewer gives all it has. Medicine
(MedQuAD, COVID-QA) is what NFCorpus, the check for other subjects, asks about."""
SECTIONS_AT_MOST = 4000
KIT_CONVERSATIONS = 6  # of each company: some 2,500 rows
SERVICE_TIMES = 3  # few rows, but of near-identical articles, which the public sets lack
SOURCES = (
    "Doc2Dial",
    "SQuAD 1.1",
    "QED (Natural Questions)",
    "PolicyQA",
    "COVID-QA",
    "MedQuAD",
    "DSTC9 FAQs",
    "DSTC11 track 5",
    "public service pages (doc_*)",
    "Colloquy's service conversations (corpora/data)",
)
"""The mixture's sources as model cards name them."""

_PAGES = ("doc_va_gov_noleak", "doc_login_gov", "doc_gnome_help", "doc_digital_gov")
_WORDS = (25, 130)  # a shorter section answers little, a longer one is more than a chunk of the product holds
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RowSources:
    """``data``: the folder of the packed public sets; ``train``: BEIR folders, files of DPR's or JSON Lines of rows,
    in place of or beside it. ``development``: the same for the loss on rows held out (a BEIR folder's ``dev``
    split). ``negatives``: hard negatives a row, at most."""

    data: Path | None = None
    train: tuple[Path, ...] = ()
    development: Path | None = None
    negatives: int = 1


@dataclass(frozen=True, slots=True)
class Gathered:
    """Rows to train on, and Doc2Dial to search during training where its folder was given."""

    rows: list[RetrievalRow]
    doc2dial: Doc2DialSearch | None


def gather(sources: RowSources, seed: int = 0, limit: int | None = None) -> Gathered:
    """All training rows of ``sources``, shuffled by ``seed`` and at most ``limit``.

    Raises ``Misconfigured`` without any source, and for a file that is missing or malformed.
    """
    rng = Random(seed)
    read = itertools.chain.from_iterable(rows_of(path, "train", sources.negatives) for path in sources.train)
    found = list(itertools.islice(read, limit))
    doc2dial = Doc2DialSearch(sources.data / "doc2dial") if sources.data is not None else None
    if sources.data is not None and doc2dial is not None:
        own = [row for _ in range(SERVICE_TIMES) for row in service(rng, sources.negatives)]
        own += kits(rng, sources.negatives, conversations_for(limit, KIT_CONVERSATIONS))
        found += mixture(sources.data, doc2dial, own, sources.negatives, rng)
    if not found:
        raise Misconfigured("There are no rows to train on; give --train FILE or --data FOLDER with the data sets.")
    rng.shuffle(found)
    return Gathered(found[:limit], doc2dial)


def mixture(
    data: Path, doc2dial: Doc2DialSearch, own: Sequence[RetrievalRow], negatives: int, rng: Random
) -> list[RetrievalRow]:
    """Rows of every public set under ``data`` with BM25 negatives of the same set, and the project's ``own``."""
    turns, pool = doc2dial.training_rows(), doc2dial.training_pool()
    found = [row for _ in range(DOC2DIAL_TIMES) for row in with_near_negatives(turns, pool, negatives, rng)]
    total = max(0.0, len(found) * (1 - DOC2DIAL_SHARE) / DOC2DIAL_SHARE - len(own))
    for name, rows_read in general(data, rng).items():
        chosen = rng.sample(rows_read, min(len(rows_read), int(total * GENERAL_SHARES[name])))
        found += with_near_negatives(chosen, [row.positive for row in rows_read], negatives, rng)
    return [*found, *own]


def general(data: Path, rng: Random) -> dict[str, list[RetrievalRow]]:
    """The rows of each general set under ``data``, without negatives."""
    train = data / "train"
    return {
        "squad": _read(squad(train / "qa_squad1_trainpart.jsonl.xz")),
        "qed": _read(qed(train / "qa_qed_train.jsonl.xz")),
        "sections": rng.sample(found := list(sections(train)), min(len(found), SECTIONS_AT_MOST)),
        "medquad": _read(faq(train / "faq_medquad.jsonl.xz", rng)),
        "policyqa": [_about_its_site(row) for row in _read(squad(train / "qa_policyqa_dev.jsonl.xz"))],
        "covidqa": _read(covid(train / "qa_covidqa.jsonl.xz")),
        "dstc9": _read(faq(train / "faq_dstc9.jsonl.xz", rng)),
        "dstc11": list(dstc11(train / "conv_dstc11_val.jsonl.xz", rng)),
    }


def dstc11(path: Path, rng: Random) -> Iterator[RetrievalRow]:
    """Turns that need knowledge, asked as they are served, with one of the reviews or answers they need."""
    for row in rows(path):
        said = [line.partition(": ")[2] for line in row["history"]]
        if row["target"] and row["knowledge"] and len(said) % 2:
            entity, _, text = rng.choice(row["knowledge"]).partition(": ")
            before = list(zip(said[:-1:2], said[1:-1:2], strict=True))
            yield RetrievalRow(rng.choice(query_forms(said[-1], before)), (entity.title(), text))


def sections(train: Path) -> Iterator[RetrievalRow]:
    """Title and heading as the query, the section under it as the passage: the title stays with the passage, as in
    the product's layout, the heading does not, or there would be nothing to learn."""
    for name in _PAGES:
        for page in rows(train / f"{name}.jsonl.xz"):
            for heading, text in _sections(page["x"]):
                query = f"{page['t']}: {heading}" if heading else page["t"]
                yield RetrievalRow(query, (page["t"] if heading else "", text))


def service(rng: Random, negatives: int, folder: Path = OWN_DATA) -> list[RetrievalRow]:
    """The help articles written for this project, the near twins of each (another region, year or model) as its
    negatives. Nothing where there are none; one group in five is for development."""
    found = [row for path in sorted(folder.glob("service_reading_*.jsonl")) for row in rows(path)]
    groups: dict[str, list[dict[str, Any]]] = {}
    for article in found:
        if not is_development(article["group"]):
            groups.setdefault(article["group"], []).append(article)
    return [row for articles in groups.values() for row in _twins(articles, rng, negatives)]


def kits(
    rng: Random, negatives: int, conversations: int = KIT_CONVERSATIONS, folder: Path = OWN_DATA
) -> list[RetrievalRow]:
    """Messages of conversations about the invented companies, with some of what was said before, and the page that
    answers; the negative is its near twin, where that is another subject's page and not the same one shortened."""
    pairs = kit_pairs(rng, development=False, conversations=conversations, folder=folder)
    twins: dict[str, list[Passage]] = {}
    for pair in pairs:
        if pair.answer is None:
            twins.setdefault(pair.query, []).append((pair.heading, pair.text))
    found = []
    for row in _read(row for row in pairs if row.answer is not None):
        others = [twin for twin in twins.get(row.query, []) if twin[0] != row.positive[0]]
        found.append(replace(row, negatives=tuple(others[:negatives])))
    return found


def _twins(articles: Sequence[dict[str, Any]], rng: Random, negatives: int) -> Iterator[RetrievalRow]:
    passages: list[Passage] = [(article["heading"] or article["title"], article["text"]) for article in articles]
    for article, own in zip(articles, passages, strict=True):
        others = [passage for passage in passages if passage != own]
        for qa in article["qas"]:
            chosen = rng.sample(others, min(negatives, len(others)))
            yield RetrievalRow(qa["q"], own, tuple(chosen), (qa["answer"],))


def _read(found: Iterable[ReadingRow]) -> list[RetrievalRow]:
    return [
        RetrievalRow(row.query, (row.heading, row.text), answers=_answer(row))
        for row in found
        if row.answer is not None
    ]


def _about_its_site(row: RetrievalRow) -> RetrievalRow:
    """The questions of PolicyQA are asked of one site's policy, which nothing in them names."""
    return replace(row, query=f"{row.query} {row.positive[0]}")


def _answer(row: ReadingRow) -> tuple[str, ...]:
    return (row.text[slice(*row.answer)],) if row.exact and row.answer else ()


def _sections(page: str) -> Iterator[tuple[str, str]]:
    """(heading, text) of each stretch of a Markdown page between two headings; the first has no heading."""
    parts = _HEADING.split(page)
    for heading, body in zip(["", *parts[1::2]], parts[::2], strict=True):
        words = body.split()
        if len(words) >= _WORDS[0]:
            yield heading, body.strip() if len(words) <= _WORDS[1] else " ".join(words[: _WORDS[1]])
