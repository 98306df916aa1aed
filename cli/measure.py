"""``colloquy evaluate`` and ``colloquy bench``: how good and how fast, with the settings that made the numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli import measure_answers, measure_parts, measure_policy, measure_variants, measure_weighting
from cli.console import assembled, ensure_shipped_bases, note, progress_bar, settings_for_command
from cli.measure_fusion import fusion_table
from cli.measuring import Output, circumstances, counting, show
from cli.options import KnowledgeBase
from cli.reporting import measure_planted
from domain.errors import Misconfigured

if TYPE_CHECKING:
    from evaluation.reports import Table
    from settings import Settings

evaluations = typer.Typer(help="Measure how good the assistant is.", no_args_is_help=True)
Split = Literal["dev", "train", "test", "all"]


@evaluations.callback()
def _evaluations() -> None:
    """Measure how good the assistant is."""


@evaluations.command()
def retrieval(
    data: Annotated[
        Path | None, typer.Option("--data", help="The Doc2Dial folder.", readable=False, show_default=False)
    ] = None,
    beir: Annotated[
        Path | None, typer.Option("--beir", help="A BEIR folder in its place.", readable=False, show_default=False)
    ] = None,
    kb: Annotated[str, typer.Option("--kb", help="Where Doc2Dial's documents were ingested.")] = "public-services",
    split: Annotated[
        Split | None,
        typer.Option(
            "--split",
            help="Doc2Dial: documents held out of training (dev, the default), or train, or all. BEIR: test, the "
            "default, or another that has judgements.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only so many turns or queries.")] = None,
    output: Output = None,
) -> None:
    """R@1/5/10 and MRR for the last message, the full history and the rewritten query; with --beir nDCG@10 and R@100
    of the encoder alone, beside MiniLM as its package ships it."""
    settings = settings_for_command(knowledge_base=kb)
    if (data is None) == (beir is None):
        raise Misconfigured("Give either --data with the Doc2Dial folder or --beir with a BEIR folder.")
    if data is not None:
        show(_on_doc2dial(settings, data, split or "dev", limit), output)
    elif beir is not None:
        show(_on_beir(settings, beir, split or "test", limit), output)


def _on_doc2dial(settings: Settings, data: Path, split: Split, limit: int | None) -> Table:
    if split == "test":
        raise Misconfigured("Doc2Dial's documents have no split 'test' here; give dev, train or all.")
    kb = settings.knowledge_base
    with assembled(settings, memory=False) as colloquy, counting("searching", "searches") as tell:
        from corpora import doc2dial
        from evaluation.figures import evenly
        from evaluation.retrieval import evaluate, report
        from evaluation.systems import ServedRewriter, retrievers

        gold = doc2dial.gold_set(evenly(doc2dial.load_turns(data, split), limit), colloquy.knowledge.open(kb))
        facts = circumstances(settings, data, split=split, limit=limit)
        lines = evaluate(gold, ServedRewriter(colloquy, kb).query, retrievers(colloquy, kb), tell)
    return report(lines, gold, f"Retrieval on Doc2Dial, {split} documents", facts)


def _on_beir(settings: Settings, folder: Path, split: Split, limit: int | None) -> Table:
    with counting("encoding", "passages") as tell:
        from corpora.beir import read_beir
        from evaluation.beir import measure, report
        from evaluation.systems import encoder, minilm

        task = read_beir(folder, split)
        encoders = {"MiniLM as shipped": minilm(settings), "the product's": encoder(settings)}
        lines = measure(task, encoders, limit, tell)
    facts = circumstances(settings, folder, split=split, limit=limit)
    return report(lines, len(task.corpus), f"Dense retrieval on BEIR's {folder.name}, {split}", facts)


evaluations.command()(measure_parts.rewriting)
evaluations.command()(measure_parts.reading)
evaluations.command()(measure_parts.answerability)
evaluations.command()(measure_parts.support)
evaluations.command()(measure_answers.answering)
evaluations.command("end-to-end")(measure_answers.end_to_end)
evaluations.command()(measure_answers.quality)
evaluations.command("retrieval-variants")(measure_variants.retrieval_variants)
evaluations.command()(measure_answers.fusion)
evaluations.command("planted")(measure_planted)
evaluations.command()(measure_policy.policy)
evaluations.command("planted-errors")(measure_parts.planted_errors)
evaluations.command()(measure_weighting.weighting)


def bench(
    kb: KnowledgeBase = None,
    questions: Annotated[int | None, typer.Option("--questions", min=1, help="Only so many turns.")] = None,
    ingestion: Annotated[bool, typer.Option(help="Measure ingestion too.")] = True,
    fusion: Annotated[
        bool, typer.Option("--fusion", help="In its place: writing, by way of fusion and runtime.")
    ] = False,
    output: Output = None,
) -> None:
    """Time whole turns stage by stage, and ingestion beside plain SentenceTransformer.encode."""
    settings = settings_for_command(knowledge_base=kb)
    if fusion:
        show(fusion_table(settings, questions), output)
        return
    with assembled(settings, memory=True) as colloquy, progress_bar("turns") as bar:
        from bot.shipped import SHIPPED_FOLDER
        from evaluation.bench import ingestion_speed, load_questions, report, resident_mebibytes, time_turns
        from evaluation.systems import encoder

        ensure_shipped_bases(settings, colloquy, {settings.knowledge_base})
        asked = load_questions()[:questions]
        task = bar.add_task("asking", total=len(asked))
        turns = time_turns(colloquy, settings.knowledge_base, asked, lambda: bar.advance(task))
        memory = resident_mebibytes()
        if ingestion:
            note("Measuring ingestion…")
        speed = ingestion_speed(SHIPPED_FOLDER / "harbourline", encoder(settings)) if ingestion else None
        show(report(turns, speed, memory, circumstances(settings)), output)
