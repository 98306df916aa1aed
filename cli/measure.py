"""``colloquy evaluate`` and ``colloquy bench``: how good and how fast, with the settings that made the numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.console import assembled, ensure_shipped_bases, note, progress_bar, say, settings_for_command
from cli.options import KnowledgeBase

if TYPE_CHECKING:
    from bot.assembly import Colloquy
    from domain.conversation import Query
    from evaluation.reports import Table

evaluations = typer.Typer(help="Measure how good the assistant is.", no_args_is_help=True)

Output = Annotated[
    Path | None,
    typer.Option("--output", help="Also write the report here: .md, .json or .txt.", show_default=False),
]


@evaluations.callback()
def _evaluations() -> None:
    """Measure how good the assistant is."""


@evaluations.command()
def retrieval(
    data: Annotated[Path, typer.Option("--data", help="The Doc2Dial folder.", readable=False)],
    kb: Annotated[str, typer.Option("--kb", help="Where its documents were ingested.")] = "public-services",
    split: Annotated[
        Literal["dev", "train", "all"], typer.Option("--split", help="Documents held out of training, or the others.")
    ] = "dev",
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only so many turns.")] = None,
    output: Output = None,
) -> None:
    """R@1/5/10 and MRR for the last message, the full history and the rewritten query."""
    settings = settings_for_command(knowledge_base=kb)
    with assembled(settings, memory=False) as colloquy, progress_bar("searches") as bar:
        from corpora import doc2dial
        from evaluation import reports
        from evaluation.retrieval import evaluate, report
        from evaluation.systems import retrievers

        gold = doc2dial.gold_set(doc2dial.load_turns(data, split)[:limit], colloquy.knowledge.open(kb))
        task = bar.add_task("searching")
        lines = evaluate(
            gold,
            _rewriter(colloquy, kb),
            retrievers(colloquy, kb),
            lambda done, total: bar.update(task, completed=done, total=total),
        )
        facts = {
            "split": split,
            **reports.circumstances(settings.model_dump(mode="json", exclude={"redis_url", "data_dir"})),
        }
        _show(report(lines, gold, f"Retrieval on Doc2Dial, {split} documents", facts), output)


def bench(
    kb: KnowledgeBase = None,
    questions: Annotated[int | None, typer.Option("--questions", min=1, help="Only so many turns.")] = None,
    ingestion: Annotated[bool, typer.Option(help="Measure ingestion too.")] = True,
    output: Output = None,
) -> None:
    """Time whole turns stage by stage, and ingestion beside plain SentenceTransformer.encode."""
    settings = settings_for_command(knowledge_base=kb)
    with assembled(settings, memory=True) as colloquy, progress_bar("turns") as bar:
        from bot.shipped import SHIPPED_FOLDER
        from evaluation import reports
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
        facts = reports.circumstances(settings.model_dump(mode="json", exclude={"redis_url", "data_dir"}))
        _show(report(turns, speed, memory, facts), output)


def _rewriter(colloquy: Colloquy, kb: str) -> Callable[[str, Sequence[tuple[str, str]]], Query]:
    def rewrite(question: str, history: Sequence[tuple[str, str]]) -> Query:
        return colloquy.replay(kb, question, history, until="rewrite").query

    return rewrite


def _show(table: Table, output: Path | None) -> None:
    say(table.as_text())
    if output is not None:
        table.write(output)
        note(f"The report is in {output}.")
