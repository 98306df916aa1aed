"""``colloquy search``, ``ingest`` and ``kb``: what the documents say."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import showing
from cli.console import (
    assembled,
    ensure_shipped_bases,
    ingestion_bar,
    note,
    say,
    say_json,
    settings_for_command,
    summary,
    warn,
)
from cli.options import AsJson, KnowledgeBase
from domain.errors import Misconfigured

if TYPE_CHECKING:
    from domain.protocols import KnowledgeBaseInfo

bases = typer.Typer(help="List, show and remove knowledge bases.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The knowledge base.")]


def search(
    text: Annotated[str, typer.Argument(help="What to look for.")],
    kb: KnowledgeBase = None,
    k: Annotated[int, typer.Option("--top-k", "-k", min=1, max=100, help="How many passages at most.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Show the passages that answer a query, best first."""
    settings = settings_for_command(knowledge_base=kb)
    if not text.strip():
        raise Misconfigured(f"The query {text!r} is empty; give the words to look for.")
    with assembled(settings, memory=False) as colloquy:
        ensure_shipped_bases(settings, colloquy, {settings.knowledge_base})
        found = colloquy.search(settings.knowledge_base, text, k)
    if as_json:
        say_json([showing.passage_json(one) for one in found])
        return
    for one in found:
        say(showing.passage_text(one))
    if not found:
        note(f"Nothing in {settings.knowledge_base} answers this; try other words.")


def ingest(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Files and folders.", readable=False, show_default=False)
    ],
    kb: Annotated[str, typer.Option("--kb", metavar="NAME", help="The knowledge base; made if there is none.")],
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Throw away what is there and start anew.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Also remove documents whose files are gone.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a knowledge base up to date with files; what has not changed is left alone.

    Exit code 1 says that some files were skipped; each is named with the reason, and the others are in.
    """
    settings = settings_for_command()
    missing = next((path for path in paths if not path.exists()), None)
    if missing is not None:  # before --rebuild throws anything away
        raise Misconfigured(f"There is no file or folder “{missing}”; check the path.")
    with assembled(settings, memory=False) as colloquy, ingestion_bar() as tell:
        report = colloquy.ingest(kb, paths, rebuild=rebuild, prune=prune, progress=tell)
    for _, reason in report.skipped:
        warn(f"Skipped: {reason}")
    if as_json:
        say_json({"knowledge_base": kb, **asdict(report)})
    else:
        say(f"{kb}: {summary(report)}")
    if report.skipped:
        raise typer.Exit(1)


@bases.command("list")
def list_bases(as_json: AsJson = False) -> None:
    """List the knowledge bases."""
    settings = settings_for_command()
    with assembled(settings, memory=False) as colloquy:
        found = [colloquy.knowledge.info(name) for name in colloquy.knowledge.names()]
    if as_json:
        say_json([asdict(info) for info in found])
        return
    for info in found:
        say(_line(info))
    if not found:
        note("There is none yet; make one with: colloquy ingest PATH… --kb NAME")


@bases.command("info")
def info_of_base(name: Name, as_json: AsJson = False) -> None:
    """Show one knowledge base."""
    settings = settings_for_command()
    with assembled(settings, memory=False) as colloquy:
        info = colloquy.knowledge.info(name)
    if as_json:
        say_json(asdict(info))
        return
    say("\n".join([_line(info), *(f"  for example: {example}" for example in info.examples)]))


@bases.command("remove")
def remove_base(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a knowledge base for good. Its source files are not touched."""
    settings = settings_for_command()
    with assembled(settings, memory=False) as colloquy:
        info = colloquy.knowledge.info(name)
        if not yes and not typer.confirm(f"Delete {name} with its {info.document_count} documents?", err=True):
            raise typer.Exit(1)
        colloquy.knowledge.remove(name)
    note(f"{name} is gone.")


def _line(info: KnowledgeBaseInfo) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(info.updated_at))
    return f"{info.name}  {info.title}  {info.document_count} documents, {info.passage_count} passages, updated {when}"
