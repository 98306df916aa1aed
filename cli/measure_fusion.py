"""``colloquy bench --fusion``: the time of writing, by mode and runtime."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cli.console import assembled, ensure_shipped_bases
from cli.measuring import circumstances, counting

if TYPE_CHECKING:
    from domain.protocols import AnswerGenerator
    from evaluation.reports import Table
    from generation.seq2seq import FusionMode
    from settings import Settings


def fusion_table(settings: Settings, questions: int | None) -> Table:
    """Every way of writing on the bench's first questions that stand alone, ``None``: as many as it usually takes."""
    from bot.assembly_models import Models
    from evaluation import fusion_bench as runs
    from evaluation.bench import load_questions
    from evaluation.fusion import FusionQuestion

    kb, read, beams = settings.knowledge_base, settings.generation.passages, settings.generation.beams
    opening = {one.conversation: one.question for one in reversed(load_questions())}
    asked = list(reversed(opening.values()))[: questions or runs.QUESTIONS]

    def open_mode(mode: FusionMode) -> AnswerGenerator:
        chosen = {"modes": (mode.value,), "profile": "embedded", "max_tokens": runs.TOKENS}
        generation = settings.generation.model_copy(update=chosen)
        return Models(settings.model_copy(update={"generation": generation})).answerer

    with assembled(settings, memory=False) as colloquy, tempfile.TemporaryDirectory() as scratch:
        ensure_shipped_bases(settings, colloquy, {kb})
        found = [FusionQuestion(one, tuple(colloquy.search(kb, one, read)), "") for one in asked]
        bart, t5, converted = (Path(scratch) / name for name in ("bart", "t5", "converted"))
        runs.write_plain_bart(bart)
        runs.write_plain_t5(t5)
        ways = [
            *runs.copy_ways(open_mode),
            *runs.plain_ways("plain BART, 30 M", bart, converted, beams),
            *runs.plain_ways("plain T5, 30 M", t5, converted, beams),
        ]
        with counting("writing", "questions") as tell:
            timed = runs.measure([one for one in found if one.evidence], ways, tell)
    return runs.report(timed, circumstances(settings, passages=read, beams=beams, tokens=runs.TOKENS))
