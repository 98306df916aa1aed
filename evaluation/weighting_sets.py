"""The sets of turns that the weighing is measured and fitted on: prepared once, kept under the data directory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot.assembly import Colloquy, assemble
from bot.assembly_models import MODELS, Models
from corpora import doc2dial
from evaluation.answering import responses
from evaluation.figures import evenly
from evaluation.fit_weighting import QUESTIONS, load_questions
from evaluation.quality import QualitySplit, load_quality
from evaluation.small_bases import SmallBase, small_bases, small_turns
from evaluation.weighting_turns import (
    Depths,
    Prepared,
    PreparedTurn,
    Preparer,
    fingerprint,
    grounded_turns,
    kept,
    opening_turns,
    quality_turns,
    single_turns,
)
from generation.calibration import open_answer_weights
from generation.candidates import found, proposals
from generation.sentence_scoring import open_weights
from generation.weighting import WeightingOptions, chosen
from retrieval.library import Library
from retrieval.sentences import sentence_spans
from settings import Settings

HANDBOOK, PUBLIC = "harbourline", "public-services"
ANSWERS = MODELS / "weighting" / "answers.json"
_NOT_FOUND = "I could not find a sure answer to this in Harbourline help."
_log = logging.getLogger(__name__)

Prepare = Callable[[str, Sequence[tuple[str, str]]], Prepared]


@dataclass(frozen=True, slots=True)
class Making:
    """Turns by name: read where they are kept in ``folder`` under ``mark``, else made."""

    colloquy: Colloquy
    settings: Settings
    folder: Path
    mark: str
    ready: Callable[[], object]

    def questions(self) -> list[PreparedTurn]:
        asked = load_questions()[: len(QUESTIONS.read_text("utf-8").split("\n")) - 1]  # then come quality turns
        return self._kept("questions", HANDBOOK, lambda prepare: single_turns(asked, prepare, _tell))

    def quality(self, split: QualitySplit) -> list[PreparedTurn]:
        reply = _replying(self.settings)
        return self._kept(split, HANDBOOK, lambda prepare: quality_turns(load_quality(split), prepare, reply, _tell))

    def openings(self) -> list[PreparedTurn]:
        return self._kept("openings", HANDBOOK, lambda prepare: opening_turns(load_quality("dev"), prepare, _tell))

    def articles(self, file: Path) -> list[PreparedTurn]:
        def made() -> Iterator[PreparedTurn]:
            own = self.settings.model_copy(update={"data_dir": self.folder / "articles"})  # not among people's bases
            with assemble(own, memory=False) as colloquy:
                making = replace(self, colloquy=colloquy, settings=own)
                yield from small_turns(small_bases(file), making.small_base, _tell)

        return kept(self.folder / f"articles-{self.mark}.jsonl", made)

    def small_base(self, base: SmallBase) -> Prepare:
        """Makes the base where there is none of its name yet."""
        knowledge = self.colloquy.knowledge
        if base.name not in knowledge.names():
            knowledge.create(base.name, base.title)
            Library(knowledge, max_bytes=len(base.page)).upload(base.name, "article.md", base.page)
        return self._preparer(base.name).prepare

    def public(self, data: Path, limit: int | None) -> list[PreparedTurn]:
        def make(prepare: Prepare) -> Iterator[PreparedTurn]:
            asked = evenly(doc2dial.load_turns(data, "dev"), limit)
            gold = doc2dial.gold_set(asked, self.colloquy.knowledge.open(PUBLIC))
            return grounded_turns(gold.turns, responses(data), prepare, _tell)

        return self._kept(f"public-{limit or 'all'}", PUBLIC, make)

    def _kept(
        self, name: str, knowledge_base: str, make: Callable[[Prepare], Iterator[PreparedTurn]]
    ) -> list[PreparedTurn]:
        def made() -> Iterator[PreparedTurn]:
            if knowledge_base == HANDBOOK:
                self.ready()
            return make(self._preparer(knowledge_base).prepare)

        return kept(self.folder / f"{name}-{self.mark}.jsonl", made)

    def _preparer(self, knowledge_base: str) -> Preparer:
        retrieval, read = self.settings.retrieval, self.settings.generation.passages
        depths = Depths(retrieval.top_k, read, retrieval.reader_context)
        scorer = self.colloquy.sentence_scorer(knowledge_base)
        return Preparer(self.colloquy, knowledge_base, scorer, Models(self.settings).answerer, depths)


def served_sentences() -> Callable[[Sequence[float]], float]:
    """The sentence regression that ships."""
    return open_weights(MODELS / "weighting" / "weights.json").probability


def _replying(settings: Settings) -> Callable[[Prepared], str]:
    """What the assistant replies, as history for the next turn, by the weights that ship now."""
    served, fitted = served_sentences(), open_answer_weights(ANSWERS)
    options = WeightingOptions(settings.weighting.mode, settings.weighting.retrieval_weight)

    def reply(prepared: Prepared) -> str:
        if not prepared.evidence:
            return _NOT_FOUND
        seen = found(prepared.query, prepared.evidence, prepared.scored(served))
        answer = chosen(seen, proposals(seen, prepared.drafts, sentence_spans), options, fitted)
        sure = answer is not None and answer.confidence >= settings.weighting.abstain_below
        return answer.text if answer is not None and sure else _NOT_FOUND

    return reply


def mark_of(settings: Settings) -> str:
    return fingerprint(settings.model_dump(mode="json", exclude={"redis_url", "data_dir"}), MODELS)


def _tell(done: int, total: int) -> None:
    if done % 20 == 0 or done == total:
        _log.info("prepared %d of %d turns", done, total)
