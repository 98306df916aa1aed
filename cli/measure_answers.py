"""``colloquy evaluate`` for whole answers: on Doc2Dial, and on the quality set of the product."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.console import assembled, ensure_shipped_bases, note, settings_for_command
from cli.measuring import Doc2DialFolder, Limit, Output, circumstances, counting, show
from cli.starts import Revision, model_at
from domain.errors import Misconfigured

if TYPE_CHECKING:
    from bot.assembly import Colloquy
    from domain.protocols import AnswerGenerator
    from evaluation.answering import Replied, Reply
    from settings import Settings

DOCUMENTS = "public-services"
HANDBOOK = "harbourline"
Ingested = Annotated[str, typer.Option("--kb", help="Where its documents were ingested.")]
Half = Literal["dev", "train", "all"]
Documents = Annotated[Half, typer.Option("--split", help="Documents held out of training, or the others.")]


def answering(
    data: Doc2DialFolder, kb: Ingested = DOCUMENTS, split: Documents = "dev", limit: Limit = None, output: Output = None
) -> None:
    """F1 and BLEU of the reply to each Doc2Dial turn, given the passages that answer it."""
    settings = settings_for_command(knowledge_base=kb)
    with assembled(settings, memory=False) as colloquy:
        from evaluation.answering import gold_of, measure, passages_of, report

        passages = passages_of(colloquy.knowledge.open(kb))
        replies = _replies(
            colloquy,
            (data, kb, split, limit),
            lambda turn: colloquy.replay(kb, turn.turn.question, turn.turn.history, passages=gold_of(turn, passages)),
        )
    facts = circumstances(settings, data, split=split, limit=limit)
    show(report(measure(replies), f"Answers from the gold passage, Doc2Dial, {split} documents", facts), output)


def end_to_end(
    data: Doc2DialFolder, kb: Ingested = DOCUMENTS, split: Documents = "dev", limit: Limit = None, output: Output = None
) -> None:
    """F1, BLEU and coverage of the whole pipeline on Doc2Dial: rewritten, searched, answered or abstained."""
    settings = settings_for_command(knowledge_base=kb)
    with assembled(settings, memory=False) as colloquy:
        from evaluation.answering import measure, report

        replies = _replies(
            colloquy,
            (data, kb, split, limit),
            lambda turn: colloquy.replay(kb, turn.turn.question, turn.turn.history),
        )
    facts = circumstances(settings, data, split=split, limit=limit)
    show(report(measure(replies), f"Whole pipeline, Doc2Dial, {split} documents", facts), output)


def quality(
    split: Annotated[Literal["dev", "test", "all"], typer.Option("--split", help="Which half of the set.")] = "dev",
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, help="Only so many conversations.", show_default=False),
    ] = None,
    transcripts: Annotated[
        Path | None,
        typer.Option("--transcripts", metavar="FILE.md", help="Write every turn verbatim here.", show_default=False),
    ] = None,
    output: Output = None,
) -> None:
    """Whole conversations about the handbook: rewritten, found, right, supported, refused, and how sure."""
    settings = settings_for_command(knowledge_base=HANDBOOK)
    from bot.shipped import SHIPPED_FOLDER
    from evaluation import quality_report
    from evaluation.answering import passages_of
    from evaluation.figures import evenly
    from evaluation.quality import check_gold, load_quality
    from evaluation.quality_run import gold_index, missing_gold, play

    every = load_quality(split)
    check_gold(every, SHIPPED_FOLDER / HANDBOOK)
    conversations = evenly(every, limit)
    with assembled(settings, memory=False) as colloquy, counting("asking", "turns") as tell:
        ensure_shipped_bases(settings, colloquy, {HANDBOOK})
        passages_with = gold_index(passages_of(colloquy.knowledge.open(HANDBOOK)))
        missing = missing_gold(conversations, passages_with)
        played = play(colloquy, HANDBOOK, conversations, passages_with, tell)
    facts = circumstances(settings, split=split, limit=limit, gold_not_found=missing)
    show(quality_report.report(played, f"Quality, Harbourline {split}", facts), output)
    if transcripts is not None:
        _write(transcripts, quality_report.transcripts(played))


def fusion(
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only so many.", show_default=False)] = None,
    answerer: Annotated[
        Path | None,
        typer.Option("--answerer", help="A BART or T5 in place of what ships: folder or hub name.", show_default=False),
    ] = None,
    revision: Revision = None,
    output: Output = None,
) -> None:
    """concat, fid, rag-sequence and rag-token on the handbook's standalone questions: F1 of the draft, time, memory."""
    settings = settings_for_command(knowledge_base=HANDBOOK)
    folder = model_at(answerer, revision, "--answerer")
    from evaluation import fusion as runs
    from evaluation.bench import resident_mebibytes
    from evaluation.figures import evenly
    from evaluation.quality import TurnKind, load_quality

    openings = [one.turns[0] for one in load_quality("all") if one.turns[0].kind is TurnKind.ANSWERABLE]
    with assembled(settings, memory=False) as colloquy, counting("writing", "modes") as tell:
        ensure_shipped_bases(settings, colloquy, {HANDBOOK})
        asked = [
            runs.FusionQuestion(
                one.query, tuple(colloquy.search(HANDBOOK, one.query, settings.retrieval.top_k)), one.reply
            )
            for one in evenly(openings, limit)
        ]

        lines = runs.measure(asked, lambda mode: writing_by(mode, settings, folder), resident_mebibytes, tell)
    named = answerer.name if answerer else "the one that ships"
    show(runs.report(lines, circumstances(settings, limit=limit, answerer=named)), output)


def writing_by(mode: str, settings: Settings, folder: Path | None) -> AnswerGenerator:
    """The answerer that fuses by ``mode``: the model in ``folder`` on PyTorch, which can all of them, or what ships."""
    from bot.assembly_models import Models

    generation = settings.generation.model_copy(update={"modes": (mode,), "profile": "hub" if folder else "embedded"})
    hub = settings.hub.model_copy(update={"answerer": str(folder), "modes": (mode,), "runtime": "pytorch"})
    return Models(settings.model_copy(update={"generation": generation, "hub": hub})).answerer


def _replies(colloquy: Colloquy, chosen: tuple[Path, str, Half, int | None], reply: Reply) -> list[Replied]:
    """The reply to each turn of the data set whose grounding was found in the knowledge base."""
    from corpora import doc2dial
    from evaluation.answering import reply_to_all, responses
    from evaluation.figures import evenly

    data, kb, split, limit = chosen
    turns = evenly(doc2dial.load_turns(data, split), limit)
    gold = doc2dial.gold_set(turns, colloquy.knowledge.open(kb))
    with counting("answering", "turns") as tell:
        return reply_to_all(gold.turns, responses(data), reply, tell)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise Misconfigured(
            f"The transcripts “{path}” cannot be written ({error.strerror}); name a file in a folder that can be."
        ) from error
    note(f"The transcripts are in {path}.")
