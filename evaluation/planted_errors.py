"""Are errors in Harbourline answers caught by the support check, and true answers let through?

True answers are the replies of the quality set's development half, which people wrote in other words than the
handbook's, and sentences of the handbook, as they stand or shortened. Errors are planted in them by rule
(``evaluation/planting.py``) and by hand (``evaluation/data/planted_errors.jsonl``). Every answer is checked against all
sentences of the passages it rests on. Half of each kind, by a hash of the conversation or page, was for development.

    python -m evaluation.planted_errors
"""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from corpora.records import records
from domain.passage import Passage
from evaluation.figures import Line, table
from evaluation.metrics import bootstrap
from evaluation.planted import HANDBOOK, pages_of
from evaluation.planting import Base, ErrorKind, mixed, plant, shortened
from evaluation.quality import DATA, Gold, QualityConversation, QualitySplit, load_quality
from evaluation.quality_run import gold_index
from evaluation.reports import Table
from generation.quoting import said_alone
from generation.support import SUPPORTED_AT, borne_out, context_of, is_courtesy
from retrieval.sentences import sentence_spans

Half = Literal["development", "held out"]
Scores = Callable[[str, Sequence[tuple[str, str]]], float]
"""The support (0..1) of one sentence by pairs of evidence and context."""

PER_KIND = 60
TRUE_ANSWERS = 300
SEED = 20260301
_FEWEST_WORDS = 6  # of a handbook sentence that can be an answer
_PAGE_TALK = ("this page", "see ", "read ", "the steps are", "the lines below")


@dataclass(frozen=True, slots=True)
class Case:
    """One answer to be judged. ``kind``: what is wrong with it, None for a true one; ``origin``: ``reply``,
    ``sentence``, ``shortened`` or ``by hand``; ``evidence``: pairs of a sentence and what stands over it."""

    id: str
    kind: ErrorKind | None
    origin: str
    text: str
    evidence: tuple[tuple[str, str], ...]
    half: Half


@dataclass(frozen=True, slots=True)
class _Source:
    base: Base
    origin: str
    evidence: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Handbook:
    """``passages`` by id; ``pages``: the text of each document; ``answers``: the sentences of each passage that could
    be answers, with where they start."""

    passages: Mapping[str, Passage]
    pages: Mapping[str, str]
    answers: Mapping[str, tuple[tuple[int, str], ...]]
    find: Callable[[Gold], frozenset[str]]

    @classmethod
    def of(cls, passages: Sequence[Passage]) -> _Handbook:
        known = {one.id: one for one in passages}
        pages: dict[str, str] = {}
        for one in passages:
            pages[one.document_id] = f"{pages.get(one.document_id, '')}\n{one.text}"
        answers = {
            one.id: tuple(
                (start, one.text[start:end])
                for start, end in sentence_spans(one.text)
                if _is_answer(one.text[start:end])
            )
            for one in passages
        }
        return cls(known, pages, answers, gold_index(known))

    def found(self, gold: Sequence[Gold]) -> list[Passage]:
        """The passages that hold the sentences."""
        return [self.passages[name] for one in gold for name in sorted(self.find(one))]


def lexical(sentence: str, evidence: Sequence[tuple[str, str]]) -> float:
    """The check that ships."""
    return borne_out(sentence, evidence)[0]


def cases(handbook: Path = HANDBOOK, data: Path = DATA, split: QualitySplit = "dev") -> list[Case]:
    """Every true answer and every planted one, the same at every call. Raises ``Misconfigured`` when the quality set
    or the errors by hand cannot be read or name what the handbook does not hold."""
    book = _Handbook.of([one for page in pages_of(handbook) for one in page.passages])
    by_hand = _by_hand(data / "planted_errors.jsonl", book)
    sources = _replies(load_quality(split, data), book) + _sentences(book)
    return [*_true(sources), *_planted(sources), *by_hand]


def flagged(case: Case, scores: Scores = lexical) -> bool:
    """Whether a sentence of the answer is not borne out, courtesies apart."""
    said = (case.text[slice(*span)] for span in sentence_spans(case.text))
    return any(not is_courtesy(one) and scores(one, case.evidence) < SUPPORTED_AT for one in said)


def measure(every: Sequence[Case], scores: Scores = lexical) -> list[Line]:
    """A line a kind of error and one a kind of true answer: the share flagged, in each half and together."""
    judged = [(case, flagged(case, scores)) for case in every]
    names = list(dict.fromkeys(name for case in every for name in _groups(case)))
    return [_line(name, [(one, found) for one, found in judged if name in _groups(one)]) for name in names]


def report(lines: Sequence[Line], facts: Mapping[str, str]) -> Table:
    """The lines with what was measured."""
    told = {
        "errors": "flagged is caught; every kind of error should be at 95 % or more",
        "true answers": "flagged is a false alarm; as they stand and shortened, they should be at 5 % or less",
        "seed": str(SEED),
        "threshold": f"{SUPPORTED_AT} of the content, every fact and denial",
    }
    return table("Planted errors", lines, {**told, **facts}, "answers")


def main() -> None:
    """Prints the table; with ``--wrong`` the development cases that are judged wrongly come before it."""
    every = cases()
    if "--wrong" in sys.argv:
        for case in every:
            if case.half == "development" and flagged(case) != (case.kind is not None):
                sys.stdout.write(f"{case.id} {case.kind or 'true'}: {case.text}\n")
    sys.stdout.write(report(measure(every), {}).as_text() + "\n")


def half_of(group: str) -> Half:
    """Which half a conversation or page belongs to."""
    return "held out" if hashlib.sha256(f"planted {group}".encode()).digest()[0] % 2 else "development"


def _groups(case: Case) -> tuple[str, ...]:
    if case.kind is None:
        named = {"reply": "in other words", "sentence": "as they stand", "shortened": "shortened"}[case.origin]
        return ("true: all", f"true: {named}")
    if case.origin == "by hand":
        return ("errors by hand",)
    return ("errors by rule: all", f"error: {case.kind}")


def _line(name: str, judged: Sequence[tuple[Case, bool]]) -> Line:
    measures = {
        f"flagged, {half}": bootstrap([float(found) for case, found in judged if half in (case.half, "all")])
        for half in ("development", "held out", "all")
    }
    return Line(name, len(judged), measures)


def _true(sources: Sequence[_Source]) -> list[Case]:
    """All replies, then handbook sentences up to ``TRUE_ANSWERS``, half of those shortened."""
    chance = random.Random(SEED)
    made = [_case(one, None, "reply", one.base.text) for one in sources if one.origin == "reply"]
    sentences = [one for one in sources if one.origin == "sentence"]
    sentences = chance.sample(sentences, len(sentences))
    cut = [(one, short) for one in sentences if (short := shortened(one.base.text, chance))]
    wanted = max(TRUE_ANSWERS - len(made), 0)
    made += [_case(one, None, "shortened", short) for one, short in cut[: wanted // 2]]
    taken = {one.base.id for one, _ in cut[: wanted // 2]}
    whole = [one for one in sentences if one.base.id not in taken][: TRUE_ANSWERS - len(made)]
    return made + [_case(one, None, "sentence", one.base.text) for one in whole]


def _planted(sources: Sequence[_Source]) -> list[Case]:
    """``PER_KIND`` errors a kind, in replies first (at most half of them), then in sentences."""
    made: list[Case] = []
    for kind in ErrorKind:
        chance = random.Random(f"{SEED} {kind}")
        for origin, most in (("reply", PER_KIND // 2), ("sentence", PER_KIND)):
            some = {one.base.id: one for one in sources if one.origin == origin}
            for base in mixed([one.base for one in some.values()], chance):
                if sum(one.kind is kind for one in made) >= most:
                    break
                if text := plant(kind, base, chance):
                    made.append(_case(some[base.id], kind, origin, text))
    return made


def _case(source: _Source, kind: ErrorKind | None, origin: str, text: str) -> Case:
    name = f"{source.base.id}-{kind or 'true'}"
    return Case(name, kind, origin, text, source.evidence, half_of(source.base.group))


def _by_hand(file: Path, book: _Handbook) -> list[Case]:
    made = []
    for row in records(file):
        where = Gold(row.text("file"), row.text("sentence"))
        found = book.found([where])
        if not found:
            raise row.wrong(f"no passage of {where.file} holds “{where.sentence}”; take a sentence that stands there")
        kind = ErrorKind(row.text("kind"))
        made.append(Case(row.text("id"), kind, "by hand", row.text("text"), _evidence(found), half_of(where.file)))
    return made


def _replies(conversations: Sequence[QualityConversation], book: _Handbook) -> list[_Source]:
    made = []
    for conversation in conversations:
        for number, turn in enumerate(conversation.turns, 1):
            found = book.found(turn.gold)
            if turn.kind == "answerable" and found:
                gold = tuple(one.sentence for one in turn.gold)
                names = (f"{conversation.id}-{number}", conversation.id)
                made.append(_Source(_base(names, turn.reply, gold, found, book), "reply", _evidence(found)))
    return made


def _sentences(book: _Handbook) -> list[_Source]:
    """Every sentence of the handbook that can be an answer by itself, once."""
    made: dict[str, _Source] = {}
    for passage in book.passages.values():
        evidence = _evidence([passage])
        for start, text in book.answers[passage.id]:
            base = _base((f"{passage.id}-{start}", passage.source), text, (text,), [passage], book)
            made.setdefault(text, _Source(base, "sentence", evidence))
    return list(made.values())


def _is_answer(sentence: str) -> bool:
    whole = sentence.endswith(".") and "|" not in sentence and sentence[0].isupper()
    talk = sentence.lower().startswith(_PAGE_TALK)
    return whole and not talk and len(sentence.split()) >= _FEWEST_WORDS


def _base(names: tuple[str, str], text: str, gold: tuple[str, ...], found: Sequence[Passage], book: _Handbook) -> Base:
    """``names``: the id and the group."""
    documents = dict.fromkeys(one.document_id for one in found)
    regions = {one.metadata.get("region", "all") for one in found}
    page = "\n".join(book.pages[document] for document in documents)
    foreign = _foreign(names[0], documents, book)
    return Base(*names, text, gold, page, _one_region(regions), foreign)


def _one_region(regions: set[str]) -> str:
    (region,) = regions if len(regions) == 1 else {"all"}
    return "" if region == "all" else region


def _foreign(name: str, documents: Mapping[str, None], book: _Handbook) -> tuple[str, ...]:
    """Some sentences of other pages, chosen by the name."""
    some = random.Random(name).sample(list(book.passages.values()), min(10, len(book.passages)))
    others = (one for one in some if one.document_id not in documents)
    return tuple(sentence for one in others for _, sentence in book.answers[one.id])


def _evidence(found: Sequence[Passage]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (said_alone(one, span), context_of(one)) for one in dict.fromkeys(found) for span in sentence_spans(one.text)
    )


if __name__ == "__main__":
    main()
