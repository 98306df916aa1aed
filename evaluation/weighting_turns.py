"""Turns prepared once for every way of weighing: rewritten, retrieved, read and drafted as the assistant does it.

That part of a turn takes most of a second, the weighing a few milliseconds. So it is done once, kept as JSON lines,
and every setting of the weighing is replayed on the same turns.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from pydantic import TypeAdapter, ValidationError

from corpora.doc2dial import GoldTurn
from domain.conversation import Query, Turn
from domain.errors import Misconfigured
from domain.passage import Passage, RetrievedPassage
from domain.protocols import AnswerGenerator, Draft, Evidence
from evaluation.figures import Tell
from evaluation.fit_weighting import Question, squeezed
from evaluation.quality import ExpectedTurn, QualityConversation, TurnKind
from evaluation.quality_run import has_fact

JUDGED = (TurnKind.ANSWERABLE, TurnKind.UNANSWERABLE)
"""The kinds that have a right answer or none; small talk and turns to be clarified are played and not judged."""

CONVERSED = "quality"
"""The source of turns that come from whole conversations, as they are served."""

OPENED = "first messages"
"""The source of messages that open a conversation: what the quality set's turns meant."""

ARTICLES = "articles"
"""The source of questions about small knowledge bases (``evaluation.small_bases``)."""

SentenceModel = Callable[[Sequence[float]], float]
"""The probability that a sentence holds the answer, from its features (``generation.sentence_scoring.FEATURES``)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a turn should come to: ``facts`` the answer must hold, each as its wordings, and ``reply`` a good answer.
    ``gold``: the sentences of the documents that carry them, where they are known. Where there are no facts, ``keys``
    are stretches one of which a right answer holds, and ``passages`` those one of which it cites. Without any of
    them the turn has no answer."""

    reply: str
    facts: tuple[tuple[str, ...], ...] = ()
    gold: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    passages: frozenset[str] = frozenset()

    @property
    def answerable(self) -> bool:
        return bool(self.facts or self.keys or self.passages)

    def is_met_by(self, text: str, cited: Sequence[str]) -> bool:
        """Whether an answer that cites those passages is right."""
        if self.facts:
            return all(has_fact(text, wordings) for wordings in self.facts)
        if self.keys:
            return any(squeezed(key) in squeezed(text) for key in self.keys)
        return not self.passages.isdisjoint(cited)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What there is to weigh for one message.

    ``readings`` are the reader's own; ``features`` has for each passage and sentence what the sentence regression
    sees, so that its weights can still be exchanged.
    """

    query: Query
    evidence: tuple[RetrievedPassage, ...]
    readings: tuple[Evidence, ...]
    features: tuple[tuple[tuple[float, ...], ...], ...]
    drafts: tuple[Draft, ...]

    def scored(self, model: SentenceModel) -> list[Evidence]:
        """The readings with ``model``'s probabilities for the sentences."""
        return [
            replace(reading, sentence_scores=tuple(model(row) for row in rows))
            for reading, rows in zip(self.readings, self.features, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class PreparedTurn:
    """``group`` is the conversation or document it belongs to: what is fitted on one side of it is judged on the
    other. ``source`` names the set."""

    source: str
    group: str
    prepared: Prepared
    wanted: Wanted


class Replays(Protocol):
    """What is asked of the assistant here."""

    def replay(
        self,
        knowledge_base: str,
        question: str,
        history: Sequence[tuple[str, str]],
        *,
        top_k: int = ...,
        until: Literal["rewrite", "retrieve", "answer"] = ...,
    ) -> Turn: ...

    def read(self, question: str, passages: Sequence[Passage]) -> Sequence[Evidence]: ...


class Features(Protocol):
    """``generation.sentence_scoring.SentenceScorer``, as far as it is needed here."""

    def features(
        self, query: Query, evidence: Sequence[RetrievedPassage], readings: Sequence[Evidence], seen: int = ...
    ) -> list[list[tuple[float, ...]]]: ...


@dataclass(frozen=True, slots=True)
class Depths:
    """``shown`` passages are weighed, the first ``read`` drafted from; the reader sees ``exchanges`` before the
    query."""

    shown: int
    read: int
    exchanges: int


class Preparer:
    """Does the slow part of a turn."""

    def __init__(
        self, assistant: Replays, knowledge_base: str, scorer: Features, answerer: AnswerGenerator, depths: Depths
    ) -> None:
        self._assistant, self._knowledge_base, self._scorer = assistant, knowledge_base, scorer
        self._answerer, self._depths = answerer, depths

    def prepare(self, message: str, history: Sequence[tuple[str, str]]) -> Prepared:
        """The message with everything that is weighed."""
        depths = self._depths
        turn = self._assistant.replay(self._knowledge_base, message, history, top_k=depths.shown, until="retrieve")
        evidence = turn.evidence
        readings = self._assistant.read(turn.query.in_context(depths.exchanges), [one.passage for one in evidence])
        rows = self._scorer.features(turn.query, evidence, readings, depths.exchanges)
        return Prepared(
            turn.query,
            evidence,
            tuple(readings),
            tuple(tuple(map(tuple, passage)) for passage in rows),
            _drafts(self._answerer, turn.query.text, evidence[: depths.read]),
        )


def quality_turns(
    conversations: Sequence[QualityConversation],
    prepare: Callable[[str, Sequence[tuple[str, str]]], Prepared],
    reply: Callable[[Prepared], str],
    tell: Tell,
) -> Iterator[PreparedTurn]:
    """The judged turns of the quality set, after the assistant's own earlier replies (``reply``), as they are served
    and measured. Small talk is no history."""
    total, done = sum(len(one.turns) for one in conversations), 0
    for conversation in conversations:
        said: list[tuple[str, str]] = []
        for turn in conversation.turns:
            done += 1
            if turn.kind is not TurnKind.SMALL_TALK:
                prepared = prepare(turn.message, said)
                said.append((turn.message, reply(prepared)))
                if turn.kind in JUDGED:
                    yield PreparedTurn(CONVERSED, conversation.id, prepared, _wanted(turn))
            tell(done, total)


def single_turns(
    questions: Sequence[Question], prepare: Callable[[str, Sequence[tuple[str, str]]], Prepared], tell: Tell
) -> Iterator[PreparedTurn]:
    """Questions that open a conversation."""
    for number, one in enumerate(questions, 1):
        prepared = prepare(one.question, one.history)
        yield PreparedTurn(
            "questions",
            f"question {number}",
            prepared,
            Wanted("", keys=tuple(key for facts in one.facts for key in facts)),
        )
        tell(number, len(questions))


def opening_turns(
    conversations: Sequence[QualityConversation],
    prepare: Callable[[str, Sequence[tuple[str, str]]], Prepared],
    tell: Tell,
) -> Iterator[PreparedTurn]:
    """What each judged turn of ``conversations`` meant, said whole, as a first message of its conversation's group."""
    asked = [(one.id, turn) for one in conversations for turn in one.turns if turn.kind in JUDGED]
    for number, (group, turn) in enumerate(asked, 1):
        yield PreparedTurn(OPENED, group, prepare(turn.query, ()), _wanted(turn))
        tell(number, len(asked))


def grounded_turns(
    turns: Sequence[GoldTurn],
    replies: Mapping[str, str],
    prepare: Callable[[str, Sequence[tuple[str, str]]], Prepared],
    tell: Tell,
) -> Iterator[PreparedTurn]:
    """Turns of Doc2Dial, grouped by document: an answer is right when it cites a passage of the grounding."""
    for number, one in enumerate(turns, 1):
        prepared = prepare(one.turn.question, one.turn.history)
        wanted = Wanted(replies.get(one.turn.id, ""), passages=one.passages)
        yield PreparedTurn("doc2dial", one.turn.document_id, prepared, wanted)
        tell(number, len(turns))


def kept(file: Path, make: Callable[[], Iterator[PreparedTurn]]) -> list[PreparedTurn]:
    """The turns in ``file``; made and written there, whole or not at all, when it does not exist.

    Raises ``Misconfigured`` for a file that is damaged or of another version.
    """
    adapter = TypeAdapter(PreparedTurn)
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        growing = file.with_suffix(f".{os.getpid()}.part")
        with growing.open("wb") as out:
            out.writelines(adapter.dump_json(turn) + b"\n" for turn in make())
        growing.rename(file)
    try:
        return [adapter.validate_json(line) for line in file.read_bytes().splitlines()]
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Misconfigured(f"The prepared turns {file} cannot be read ({first['msg']}); delete the file.") from error


def fingerprint(settings: object, models: Path) -> str:
    """Twelve digits that change with anything that prepared turns depend on but the code: settings, every model's
    weights, the sentence regression."""
    digest = hashlib.sha256(json.dumps(settings, default=str, sort_keys=True).encode())
    for path in sorted([*models.glob("*/model.safetensors"), *models.glob("*/weights.json")]):
        digest.update(path.parent.name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:12]


def _wanted(turn: ExpectedTurn) -> Wanted:
    return Wanted(turn.reply, turn.facts, tuple(gold.sentence for gold in turn.gold))


def _drafts(answerer: AnswerGenerator, question: str, evidence: Sequence[RetrievedPassage]) -> tuple[Draft, ...]:
    drafts: tuple[Draft, ...] = ()
    for piece in answerer.stream(question, (), evidence):
        drafts = piece if isinstance(piece, tuple) else drafts
    return drafts
