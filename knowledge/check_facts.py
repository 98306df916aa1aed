"""Check the Harbourline handbook against its fact sheet and its planted defects.

Prints one line per problem and exits with status 1 when anything is unexpected.
Lines that start with ``note:`` are information only.

Usage: python knowledge/check_facts.py [HANDBOOK_FOLDER]
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml

MIN_DOCUMENTS = 84
MIN_PASSAGES = 420
MIN_FACTS = 250
GIANT_WORDS = 500
STALE_BEFORE = date(2023, 1, 1)
NEAR_DUPLICATE = 0.6  # Jaccard similarity of word trigrams

REGIONS = {"UK", "IE", "all"}
AUDIENCES = {"customer", "agent", "all"}
DOCUMENT_KEYS = {
    "id",
    "title",
    "product",
    "region",
    "effective_from",
    "supersedes",
    "audience",
}
FACT_KEYS = {
    "id",
    "subject",
    "attribute",
    "value",
    "region",
    "product",
    "document",
    "valid_from",
    "valid_to",
}

KEBAB = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
HEADING = re.compile(r"^(#{2,3}) (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
DELIMITER_ROW = re.compile(r"\|(?:\s*:?-+:?\s*\|)+")
MONEY = re.compile(r"[£€]\d+(?:,\d{3})*(?:\.\d+)?")
PHONE = re.compile(r"0800 \d{3} \d{4}|1800 \d{3} \d{3}|\+\d{2,3}(?: \d+)+")


@dataclass(frozen=True)
class Section:
    """One heading of level two or three with the text directly below it."""

    document: str
    heading: str
    text: str

    @property
    def words(self) -> list[str]:
        return self.text.split()


@dataclass(frozen=True)
class Document:
    """One Markdown page of the handbook."""

    path: Path
    meta: dict[str, Any]
    body: str

    @property
    def id(self) -> str:
        return str(self.meta.get("id"))

    @property
    def sections(self) -> list[Section]:
        heads = list(HEADING.finditer(self.body))
        ends = [head.start() for head in heads[1:]] + [len(self.body)]
        return [
            Section(self.id, head[2].strip(), self.body[head.end() : end].strip())
            for head, end in zip(heads, ends, strict=True)
        ]


@dataclass(frozen=True)
class Handbook:
    """Everything the checks need, loaded once."""

    root: Path
    documents: dict[str, Document]
    facts: list[dict[str, Any]]
    planted: dict[str, list[Any]]

    @property
    def superseded(self) -> set[str]:
        return {str(doc.meta["supersedes"]) for doc in self.documents.values() if doc.meta.get("supersedes")}

    def sections(self) -> Iterator[Section]:
        for doc in self.documents.values():
            yield from doc.sections


def squeeze(text: str) -> str:
    """Collapse every run of white space to one space."""
    return " ".join(text.split())


def read_document(path: Path) -> Document:
    """Split a page into front matter and body; a page without either is empty."""
    parts = path.read_text(encoding="utf-8").split("---\n", 2)
    if len(parts) != 3 or parts[0]:
        return Document(path, {}, "")
    meta = yaml.safe_load(parts[1])
    return Document(path, meta if isinstance(meta, dict) else {}, parts[2])


def load(root: Path) -> tuple[Handbook, list[str]]:
    """Read the handbook; also report pages whose id is missing or repeated."""
    documents: dict[str, Document] = {}
    problems: list[str] = []
    for path in sorted(root.rglob("*.md")):
        doc = read_document(path)
        if doc.id in documents:
            problems.append(f"{path}: id {doc.id} is used twice")
        documents[doc.id] = doc
    facts = yaml.safe_load((root / "facts.yaml").read_text(encoding="utf-8"))
    planted = yaml.safe_load((root / "planted.yaml").read_text(encoding="utf-8"))
    return Handbook(root, documents, facts["facts"], planted), problems


def check_front_matter(book: Handbook) -> Iterator[str]:
    for doc in book.documents.values():
        meta = doc.meta
        if set(meta) != DOCUMENT_KEYS:
            odd = ", ".join(sorted(set(meta) ^ DOCUMENT_KEYS))
            yield f"{doc.path}: front matter keys missing or unknown: {odd}"
            continue
        if doc.id != doc.path.stem or not KEBAB.fullmatch(doc.id):
            yield f"{doc.path}: id {doc.id} is not the kebab-case file name"
        if meta["region"] not in REGIONS or meta["audience"] not in AUDIENCES:
            yield f"{doc.id}: unknown region or audience"
        if not isinstance(meta["effective_from"], date):
            yield f"{doc.id}: effective_from is not an ISO date"
            continue
        if meta["supersedes"] is None:
            continue
        older = book.documents.get(str(meta["supersedes"]))
        if older is None:
            yield f"{doc.id}: supersedes {meta['supersedes']}, which does not exist"
        elif older.meta["effective_from"] >= meta["effective_from"]:
            yield f"{doc.id}: supersedes {older.id}, which is not older"


def check_facts(book: Handbook) -> Iterator[str]:
    bodies = {doc.id: squeeze(doc.body) for doc in book.documents.values()}
    seen: set[str] = set()
    for fact in book.facts:
        if set(fact) != FACT_KEYS:
            yield f"fact {fact.get('id')}: keys missing or unknown"
            continue
        name = fact["id"]
        if name in seen:
            yield f"fact {name}: id is used twice"
        seen.add(name)
        body = bodies.get(fact["document"])
        if body is None:
            yield f"fact {name}: no document {fact['document']}"
        elif not states(body, str(fact["value"])):
            yield f"fact {name}: {fact['document']} does not say {fact['value']!r}"
        is_current = fact["valid_to"] is None
        if is_current == (fact["document"] in book.superseded):
            yield f"fact {name}: valid_to does not match the state of its document"


def states(body: str, value: str) -> bool:
    """Whether the value occurs on its own, not inside a longer word or number."""
    start = r"(?<!\w)" if value[0].isalnum() else ""
    end = r"(?!\w|[.,]\d)" if value[-1].isalnum() else ""
    return re.search(start + re.escape(value) + end, body) is not None


def overlap(one: dict[str, Any], two: dict[str, Any]) -> bool:
    """Whether two facts hold in a common region at a common time."""
    regions = {one["region"], two["region"]}
    if len(regions) == 2 and "all" not in regions:
        return False
    return bool(
        one["valid_from"] <= (two["valid_to"] or date.max) and two["valid_from"] <= (one["valid_to"] or date.max)
    )


def check_contradictions(book: Handbook) -> Iterator[str]:
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for fact in book.facts:
        groups[fact["subject"], fact["attribute"], fact["product"]].append(fact)
    found = {
        (*key, frozenset((one["document"], two["document"])))
        for key, facts in groups.items()
        for one, two in combinations(facts, 2)
        if one["value"] != two["value"] and overlap(one, two)
    }
    expected = set()
    for entry in book.planted["contradictions"]:
        documents = frozenset(item["document"] for item in entry["statements"])
        expected.add((entry["subject"], entry["attribute"], entry["product"], documents))
        for item in entry["statements"]:
            doc = book.documents.get(item["document"])
            if doc is None or item["sentence"] not in squeeze(doc.body):
                yield f"planted contradiction: {item['document']} lost its sentence"
            if item["document"] in book.superseded:
                yield f"planted contradiction: {item['document']} is not current"
    for subject, attribute, product, documents in sorted(found - expected, key=str):
        where = " and ".join(sorted(documents))
        yield f"contradiction on {subject} / {attribute} ({product}): {where}"
    for subject, attribute, _, _ in sorted(expected - found, key=str):
        yield f"planted contradiction not in the fact sheet: {subject} / {attribute}"


def compare(kind: str, found: Iterable[tuple[str, ...]], planted: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Report defects that are not planted, and planted ones that are gone."""
    found_set, planted_set = set(found), set(planted)
    for item in sorted(found_set - planted_set):
        yield f"unexpected {kind}: {' / '.join(item)}"
    for item in sorted(planted_set - found_set):
        yield f"planted {kind} not found: {' / '.join(item)}"


def check_links(book: Handbook) -> Iterator[str]:
    broken = [
        (doc.id, target)
        for doc in book.documents.values()
        for target in LINK.findall(doc.body)
        if "://" not in target and not (doc.path.parent / target.partition("#")[0]).is_file()
    ]
    planted = [(i["document"], i["target"]) for i in book.planted["broken_links"]]
    yield from compare("broken link", broken, planted)


def headings(items: list[Any]) -> list[tuple[str, str]]:
    return [(item["document"], item["heading"]) for item in items]


def table_defects(section: Section) -> Iterator[str]:
    block: list[str] = []
    for line in [*section.text.splitlines(), ""]:
        if line.startswith("|"):
            block.append(line)
            continue
        if block and (len(block) < 2 or not DELIMITER_ROW.fullmatch(block[1])):
            yield "no delimiter row"
        elif block and not block[0].replace("|", "").strip():
            yield "blank header row"
        block = []


def check_structure(book: Handbook) -> Iterator[str]:
    sections = list(book.sections())
    yield from compare(
        "orphan heading",
        [(s.document, s.heading) for s in sections if not s.text],
        headings(book.planted["orphan_headings"]),
    )
    yield from compare(
        "giant passage",
        [(s.document, s.heading) for s in sections if len(s.words) > GIANT_WORDS],
        headings(book.planted["giant_passages"]),
    )
    yield from compare(
        "headerless table",
        [(s.document, s.heading, d) for s in sections for d in table_defects(s)],
        [(item["document"], item["heading"], item["defect"]) for item in book.planted["headerless_tables"]],
    )
    yield from compare(
        "stale page",
        [
            (doc.id,)
            for doc in book.documents.values()
            if doc.id not in book.superseded and doc.meta["effective_from"] < STALE_BEFORE
        ],
        [(item["document"],) for item in book.planted["stale_pages"]],
    )


def check_near_duplicates(book: Handbook) -> Iterator[str]:
    shingles: list[tuple[tuple[str, str], set[tuple[str, str, str]]]] = []
    for section in book.sections():
        words = re.findall(r"\w+", section.text.lower())
        grams = set(zip(words, words[1:], words[2:], strict=False))
        shingles.append(((section.document, section.heading), grams))
    found = [
        (*min(one, two), *max(one, two))
        for (one, first), (two, second) in combinations(shingles, 2)
        if len(first & second) > NEAR_DUPLICATE * max(1, len(first | second))
    ]
    planted = [sorted(headings(pair)) for pair in book.planted["near_duplicates"]]
    yield from compare("near-duplicate passages", found, [(*pair[0], *pair[1]) for pair in planted])


def passage_count(book: Handbook) -> int:
    return sum(1 for section in book.sections() if section.text)


def check_counts(book: Handbook) -> Iterator[str]:
    for name, count, minimum in (
        ("documents", len(book.documents), MIN_DOCUMENTS),
        ("passages", passage_count(book), MIN_PASSAGES),
        ("facts", len(book.facts), MIN_FACTS),
    ):
        if count < minimum:
            yield f"only {count} {name}; at least {minimum} are needed"


def unknown_values(book: Handbook) -> list[tuple[str, str]]:
    """Amounts and telephone numbers of current pages that no fact contains."""
    text = "\n".join(str(fact["value"]) for fact in book.facts)
    known = set(MONEY.findall(text)) | set(PHONE.findall(text))
    return sorted(
        {
            (doc.id, value)
            for doc in book.documents.values()
            if doc.id not in book.superseded
            for value in MONEY.findall(doc.body) + PHONE.findall(doc.body)
            if value not in known
        }
    )


def main(arguments: list[str]) -> int:
    default = Path(__file__).resolve().parent / "harbourline"
    book, problems = load(Path(arguments[0]) if arguments else default)
    problems += check_front_matter(book)
    if not problems:  # the remaining checks rely on complete front matter
        for check in (
            check_facts,
            check_contradictions,
            check_links,
            check_structure,
            check_near_duplicates,
            check_counts,
        ):
            problems += check(book)
    for problem in problems:
        print(problem)
    words = sum(len(doc.body.split()) for doc in book.documents.values())
    print(
        f"note: {len(book.documents)} documents, {passage_count(book)} passages, {words} words, {len(book.facts)} facts"
    )
    unknown = unknown_values(book)
    print(f"note: {len(unknown)} amounts or telephone numbers on current pages are not in the fact sheet")
    print(f"{len(problems)} problem(s)" if problems else "ok")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
