"""Pairs of query and passage for the reader: where the answer is, or that it is not there.

Positives come with the characters of the answer and of its sentence. Negatives are the passages BM25 ranks near the
query that do not hold the answer: random ones would teach nothing but the topic.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import bm25s

from corpora.jsonl import OWN_DATA, rows
from corpora.service_kits import Handbook, Page, conversations_for, read_kits
from corpora.service_talk import KitTurn, conversation
from corpora.splits import is_development
from domain.conversation import Gate
from retrieval.sentences import sentence_spans

_NEGATIVES = 1  # a positive: more teaches little and costs encoder passes
_NEAR = 12  # how many BM25 neighbours negatives are drawn from
_WINDOW_WORDS = 130  # about what the product's own chunks hold
_SERVICE_TIMES = 4  # few rows, but of near-identical articles, which the public sets lack
_KIT_CONVERSATIONS = 18  # of each company: about as many pairs as of the public sets together
_REWRITTEN = 0.6  # of the queries about kits: as a rewriter would put them; the others as typed, as one may fail to
_LACKING = 0.4  # of their negatives: the page itself without the sentence that answers
_RIVALS = 8  # pages that the nearest other one is chosen from
_AT_MOST = {"squad": 5000, "policyqa": 1500, "qed": 3500, "dstc9": 1500, "medquad": 1200}
_FAQ_ROWS = 3000  # of each question–answer list, so that no source drowns the others


@dataclass(frozen=True, slots=True)
class ReadingRow:
    """``answer``: the span of the answer in ``text`` (None: the passage does not answer). ``evidence``: the stretch
    that bears it out, often a sentence or two (None: not known). ``exact`` is False where the answer's own span is
    not known."""

    query: str
    heading: str
    text: str
    answer: tuple[int, int] | None
    evidence: tuple[int, int] | None
    exact: bool = True


def training_rows(data: Path, seed: int = 0, limit: int | None = None) -> list[ReadingRow]:
    """Every source under ``data`` and our own articles, with their negatives, shuffled by ``seed``.

    Large sources are sampled down to ``_AT_MOST`` positives, so that what is close to the product weighs most. Of the
    kits' conversations only as many as ``limit`` rows need, of which no more will be used (None: all).
    """
    rng = random.Random(seed)
    sources = {
        "squad": list(squad(data / "train" / "qa_squad1_trainpart.jsonl.xz")),
        "policyqa": list(squad(data / "train" / "qa_policyqa_dev.jsonl.xz")),
        "qed": list(qed(data / "train" / "qa_qed_train.jsonl.xz")),
        "covid": list(covid(data / "train" / "qa_covidqa.jsonl.xz")),
        "dstc9": list(faq(data / "train" / "faq_dstc9.jsonl.xz", rng)),
        "medquad": list(faq(data / "train" / "faq_medquad.jsonl.xz", rng)),
        "doc2dial": [row for row in doc2dial(data, rng, development=False) for _ in range(2)],
    }
    found = []
    for name, rows_of in sources.items():
        kept = rng.sample(rows_of, min(_AT_MOST.get(name, len(rows_of)), len(rows_of)))
        found += [*kept, *negatives(kept, rng)]
    found += [row for _ in range(_SERVICE_TIMES) for row in service(rng, development=False)]
    found += kits(rng, development=False, conversations=conversations_for(limit, _KIT_CONVERSATIONS))
    rng.shuffle(found)
    return found


def development_rows(data: Path, seed: int = 1, limit: int = 400) -> dict[str, list[ReadingRow]]:
    """Held-out pairs by source: SQuAD passages never trained on, Doc2Dial documents of the development split."""
    rng = random.Random(seed)
    held_out = {
        "squad": list(squad(data / "train" / "qa_squad1_dev_nosq2.jsonl.xz")),
        "doc2dial": list(doc2dial(data, rng, development=True)),
    }
    pairs = {
        name: [row for pair in zip(found[:limit], negatives(found, rng)[:limit], strict=False) for row in pair]
        for name, found in ((name, rng.sample(found, len(found))) for name, found in held_out.items())
    }
    own = {"service": list(service(rng, development=True)), "kits": kits(rng, development=True)[: 2 * limit]}
    return {**pairs, **{name: found for name, found in own.items() if found}}


def service(rng: random.Random, *, development: bool) -> Iterator[ReadingRow]:
    """The help articles written for this project. Negatives are their near twins (another region, year or model) and
    questions the article nearly answers; one group of articles in five is for development."""
    found = [row for path in sorted(OWN_DATA.glob("service_reading_*.jsonl")) for row in rows(path)]
    articles = [row for row in found if is_development(row["group"]) == development]
    for article in articles:
        heading, text = article["heading"], article["text"]
        twins = [other for other in articles if other["group"] == article["group"] and other is not article]
        for qa in article["qas"]:
            start = text.index(qa["evidence"])
            inside = start + qa["evidence"].index(qa["answer"])
            answer, evidence = (inside, inside + len(qa["answer"])), (start, start + len(qa["evidence"]))
            yield ReadingRow(qa["q"], heading, text, answer, evidence)
            for twin in rng.sample(twins, min(_NEGATIVES, len(twins))):
                yield ReadingRow(qa["q"], twin["heading"], twin["text"], None, None)
        for question in article["unanswerable"]:
            yield ReadingRow(question, heading, text, None, None)


def kits(
    rng: random.Random, *, development: bool, conversations: int = _KIT_CONVERSATIONS, folder: Path = OWN_DATA
) -> list[ReadingRow]:
    """Messages of conversations about invented companies, each with some of what was said before it, against the page
    that answers and one that nearly does: its twin, or the same page without the sentence."""
    found: list[ReadingRow] = []
    for kit in read_kits(development=development, folder=folder):
        for _ in range(conversations):
            book = Handbook(kit, rng)
            for turn in conversation(book, rng):
                found += _kit_pair(turn, book, rng)
    rng.shuffle(found)
    return found


def _kit_pair(turn: KitTurn, book: Handbook, rng: random.Random) -> Iterator[ReadingRow]:
    before = turn.served[-rng.choice((1, 1, 2)) :] if turn.gate is not Gate.RESET else ()
    context = " ".join(f"{asked} {told}".strip() for asked, told in reversed(before))
    query = f"{turn.standalone if rng.random() < _REWRITTEN else turn.message} {context}".strip()
    if not turn.fact:
        near = _nearest(turn.standalone, book.pages, rng)
        yield ReadingRow(query, near.heading, " ".join(near.sentences), None, None)
        return
    page = book.pages[book.page(turn.fact)]
    text = " ".join(page.sentences)
    start = text.index(turn.fact)
    inside = start + turn.fact.index(turn.value)
    answer = (inside, inside + len(turn.value)) if turn.value else (start, start + len(turn.fact))
    evidence = (start, start + len(turn.fact))
    yield ReadingRow(query, page.heading, text, answer, evidence, exact=bool(turn.value))
    others = tuple(sentence for sentence in page.sentences if sentence != turn.fact)
    if others and rng.random() < _LACKING:
        yield ReadingRow(query, page.heading, " ".join(others), None, None)
    elif rivals := [other for other in book.pages if turn.fact not in other.sentences]:
        near = _nearest(turn.fact, rivals, rng)
        yield ReadingRow(query, near.heading, " ".join(near.sentences), None, None)


def _nearest(text: str, pages: Sequence[Page], rng: random.Random) -> Page:
    """Of some of ``pages`` the one with a sentence that shares most words with ``text``."""
    wanted = set(text.lower().split())
    some = rng.sample(list(pages), min(_RIVALS, len(pages)))
    return max(some, key=lambda page: max(len(wanted & set(s.lower().split())) for s in page.sentences))


def negatives(positives: Sequence[ReadingRow], rng: random.Random) -> list[ReadingRow]:
    """For each positive ``_NEGATIVES`` passages of the same source that BM25 ranks near and that lack the answer."""
    passages = sorted({(row.heading, row.text) for row in positives})
    engine = bm25s.BM25()
    engine.index(bm25s.tokenize([f"{h} {t}" for h, t in passages], show_progress=False), show_progress=False)
    queries = bm25s.tokenize([row.query for row in positives], show_progress=False)
    near, _ = engine.retrieve(queries, k=min(_NEAR, len(passages)), show_progress=False, n_threads=1)
    found = []
    for row, neighbours in zip(positives, near, strict=True):
        answer = row.text[slice(*row.answer)].strip().lower() if row.answer else ""
        others = [
            passages[i] for i in neighbours if passages[i][1] != row.text and answer not in passages[i][1].lower()
        ]
        found += [
            ReadingRow(row.query, heading, text, None, None)
            for heading, text in rng.sample(others, min(_NEGATIVES, len(others)))
        ]
    return found


def squad(path: Path) -> Iterator[ReadingRow]:
    for row in rows(path):
        title, text = row.get("title", ""), row["passage"]
        for qa in row["qas"]:
            start = text.find(qa["a"][0]) if qa["a"] else -1
            if start >= 0:
                yield from windowed(qa["q"], title, text, (start, start + len(qa["a"][0])))


def qed(path: Path) -> Iterator[ReadingRow]:
    for row in rows(path):
        start = row["passage"].find(row["a"][0]) if row["a"] else -1
        if start >= 0:
            yield from windowed(row["q"], row["title"], row["passage"], (start, start + len(row["a"][0])))


def covid(path: Path) -> Iterator[ReadingRow]:
    """COVID-QA: windows of long articles around the answer."""
    for row in rows(path):
        for qa in row["qas"]:
            start, answer = qa["s"][0], qa["a"][0]
            if row["passage"][start : start + len(answer)] == answer and len(answer) < 400:
                yield from windowed(qa["q"], "", row["passage"], (start, start + len(answer)))


def faq(path: Path, rng: random.Random) -> Iterator[ReadingRow]:
    """Question–answer lists: the whole answer is the passage; where in it the point stands is not known."""
    found = list(rows(path))
    for row in rng.sample(found, min(_FAQ_ROWS, len(found))):
        text = " ".join(row["a"].split()[:_WINDOW_WORDS])
        name = str(row.get("name") or "")
        query = row["q"] if not name or name.lower() in row["q"].lower() else f"{row['q']} {name.title()}"
        yield ReadingRow(query, name.title(), text, (0, len(text)), None, exact=False)


def doc2dial(data: Path, rng: random.Random, *, development: bool) -> Iterator[ReadingRow]:
    """Service dialogues: the message, with some of what was said before, against a window around its grounding."""
    texts = {row["doc_id"]: row for row in rows(data / "doc2dial" / "documents_index.jsonl.xz")}
    for row in rows(data / "doc2dial" / "turns_open.jsonl.xz"):
        if is_development(row["doc_id"]) == development:
            document = texts[row["doc_id"]]
            span = (row["start"], row["start"] + len(row["grounding"].rstrip()))
            said = [turn.partition(": ")[2] for turn in row["history"]]
            context = " ".join(reversed(said[-rng.choice((0, 1, 2, 4)) or len(said) :]))
            yield from windowed(f"{row['user']} {context}".strip(), document["title"], document["text"], span, False)


sentences = lru_cache(maxsize=256)(sentence_spans)  # a document is asked many questions in a row


def windowed(query: str, heading: str, text: str, answer: tuple[int, int], exact: bool = True) -> Iterator[ReadingRow]:
    """The sentences around the answer, about ``_WINDOW_WORDS`` words, as one row; spans counted anew."""
    spans = sentences(text)
    inside = [i for i, (start, end) in enumerate(spans) if start < answer[1] and end > answer[0]]
    if not inside:
        return
    first, last = inside[0], inside[-1]
    widen_left = (len(query) + answer[0]) % 2 == 0  # neither end of the window always holds the answer
    while (first > 0 or last < len(spans) - 1) and len(text[spans[first][0] : spans[last][1]].split()) < _WINDOW_WORDS:
        if first > 0 and (widen_left or last == len(spans) - 1):
            first -= 1
        else:
            last += 1
        widen_left = not widen_left
    left, right = spans[first][0], spans[last][1]
    evidence = (spans[inside[0]][0] - left, spans[inside[-1]][1] - left)
    yield ReadingRow(query, heading, text[left:right], (answer[0] - left, answer[1] - left), evidence, exact)
