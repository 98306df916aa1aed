"""``colloquy search``, ``ingest`` and ``kb``: what the documents say."""

from __future__ import annotations

import time
from contextlib import suppress
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
    progress_bar,
    say,
    say_json,
    settings_for_command,
    summary,
    warn,
    working,
)
from cli.options import AsJson, KnowledgeBase, Only, ValidOn, filtered
from cli.reporting import report_on_base
from cli.sharded import (
    EngineChoice,
    PerShard,
    RayAddress,
    ShardOptions,
    Shards,
    Workers,
    check_options,
    ingest_in_shards,
)
from domain.errors import Misconfigured

if TYPE_CHECKING:
    from domain.protocols import KnowledgeBaseInfo
    from retrieval.watching import Change

bases = typer.Typer(help="List, show, look after and remove knowledge bases.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The knowledge base.")]


def search(
    text: Annotated[str, typer.Argument(help="What to look for.")],
    kb: KnowledgeBase = None,
    k: Annotated[int, typer.Option("--top-k", "-k", min=1, max=100, help="How many passages at most.")] = 5,
    only: Only = None,
    valid_on: ValidOn = None,
    as_json: AsJson = False,
) -> None:
    """Show the passages that answer a query, best first."""
    settings = filtered(settings_for_command(knowledge_base=kb), only, valid_on)
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
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Build it anew beside what is there, and put it in its place when whole.")
    ] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Also remove documents whose files are gone.")] = False,
    shards: Shards = None,
    engine: EngineChoice = "local",
    workers: Workers = None,
    ray_address: RayAddress = None,
    shard_passages: PerShard = 20_000,
    as_json: AsJson = False,
) -> None:
    """Bring a knowledge base up to date with files; what has not changed is left alone.

    Exit code 1 says that some files were skipped; each is named with the reason, and the others are in.
    """
    settings = settings_for_command()
    missing = next((path for path in paths if not path.exists()), None)
    if missing is not None:  # before --rebuild throws anything away
        raise Misconfigured(f"There is no file or folder “{missing}”; check the path.")
    check_options(shards, engine, prune=prune)
    if shards is not None:
        options = ShardOptions(shards, engine, workers, ray_address, shard_passages)
        report = ingest_in_shards(settings, kb, paths, options, rebuild=rebuild)
    else:
        with assembled(settings, memory=False) as colloquy, ingestion_bar() as tell:
            report = colloquy.ingest(kb, paths, rebuild=rebuild, prune=prune, progress=tell)
    for _, reason in report.skipped:
        warn(f"Skipped: {reason}")
    for sentence in report.warnings:
        warn(sentence)
    if as_json:
        say_json({"knowledge_base": kb, **asdict(report)})
    else:
        say(f"{kb}: {summary(report)}")
    if report.skipped:
        raise typer.Exit(1)


bases.command("report")(report_on_base)


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


@bases.command("rebuild")
def rebuild_base(name: Name) -> None:
    """Encode all passages of a knowledge base anew, after a change of encoder or metric; no files are needed.

    It is searched as it was until the new one is whole.
    """
    settings = settings_for_command()
    with assembled(settings, memory=False) as colloquy, progress_bar("passages") as bar:
        task = bar.add_task("encoding", total=None)
        count = colloquy.knowledge.reembed(name, lambda done, total: bar.update(task, completed=done, total=total))
    say(f"{name}: {count} passages encoded anew.")


@bases.command("compact")
def compact_base(
    name: Name,
    index: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="The vector index to make and keep to, such as hnsw or ivf-flat:lists=256; auto: by size again.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Give back the room of deleted documents and make the vector index anew where that is due."""
    from retrieval.index_spec import parse_spec

    spec = None if index in (None, "auto") else parse_spec(index)
    settings = settings_for_command()
    with assembled(settings, memory=False) as colloquy, working("compacting…"):
        done = colloquy.knowledge.compact(name, "auto" if index == "auto" else spec)
    if as_json:
        say_json(
            {"name": name, "bytes_before": done.bytes_before, "bytes_after": done.bytes_after, "index": str(done.index)}
        )
        return
    before, after = done.bytes_before / 2**20, done.bytes_after / 2**20
    say(f"{name}: {before:.1f} MiB before, {after:.1f} MiB now; searched with the index {done.index}.")


@bases.command("watch")
def watch_folder(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder to follow.", show_default=False)],
    kb: Annotated[str, typer.Option("--kb", metavar="NAME", help="The knowledge base; made if there is none.")],
    interval: Annotated[float, typer.Option(min=0.2, max=3600, help="Seconds between two looks.")] = 2.0,
) -> None:
    """Follow a folder until Ctrl-C: files that are new, changed or gone become so in a knowledge base."""
    from retrieval.watching import FolderWatch

    if not folder.is_dir():
        raise Misconfigured(f"There is no folder “{folder}”; check the path.")
    settings = settings_for_command()
    with assembled(settings, memory=False) as colloquy:
        knowledge = colloquy.knowledge
        if kb not in knowledge.names():
            knowledge.create(kb)
        watch = FolderWatch(
            folder,
            lambda: knowledge.open(kb),
            after=lambda: knowledge.open(kb).compact(),
            interval_seconds=interval,
        )
        note(f"Following {folder} in {kb}; Ctrl-C ends it.")
        with suppress(KeyboardInterrupt):
            for change in watch.follow():
                _tell(change)
    note(f"{folder} is no longer followed.")


def _tell(change: Change) -> None:
    if change.reason:
        warn(f"{change.kind.value}: {change.source}: {change.reason}")
    else:
        say(f"{change.kind.value}: {change.source}")


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
