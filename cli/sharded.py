"""``colloquy ingest --shards FOLDER``: large collections, resumable, by several processes or a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.console import ingestion_bar, note, progress_bar
from domain.errors import Misconfigured

if TYPE_CHECKING:
    from domain.protocols import IngestReport, PassageEncoder
    from retrieval.knowledge_base import KnowledgeBaseStore
    from retrieval.living_base import KnowledgeBase
    from retrieval.shard_files import ShardFolder
    from retrieval.sharding import EncoderMaker, Engine
    from settings import Settings

EngineName = Literal["local", "processes", "ray"]
Shards = Annotated[
    Path | None,
    typer.Option("--shards", metavar="FOLDER", help="Embed shard by shard here; goes on where it was killed."),
]
EngineChoice = Annotated[
    EngineName, typer.Option("--engine", help="With --shards: what embeds them; ray needs colloquy[ray].")
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Processes, or Ray's actors; as many as processors by default.")
]
RayAddress = Annotated[
    str | None, typer.Option("--ray-address", metavar="ADDRESS", help="A Ray cluster; this machine by default.")
]
PerShard = Annotated[int, typer.Option("--shard-passages", min=1, help="Passages a shard.")]


@dataclass(frozen=True, slots=True)
class ShardOptions:
    """How ``--shards`` was asked for. ``workers`` None: as many as there are processors."""

    folder: Path
    engine: EngineName = "local"
    workers: int | None = None
    ray_address: str | None = None
    passages_per_shard: int = 20_000


def check_options(shards: Path | None, engine: EngineName, *, prune: bool) -> None:
    """Raises ``Misconfigured`` for options that do not go together."""
    if shards is None and engine != "local":
        raise Misconfigured(f"The engine {engine} works shard by shard; name a folder for them: --shards FOLDER")
    if shards is not None and prune:
        raise Misconfigured("--prune does not go with --shards, which only adds; leave it away, or use --rebuild.")


def ingest_in_shards(
    settings: Settings, kb: str, paths: Sequence[Path], options: ShardOptions, *, rebuild: bool = False
) -> IngestReport:
    """Cuts ``paths`` into shards, embeds them, loads them into ``kb`` and makes its vector index; each step passes
    over what an earlier run has done. The folder of shards may be deleted afterwards."""
    from bot.assembly_models import encoder_maker

    return run_in_shards(settings, kb, paths, options, encoder_maker(settings), rebuild)


def run_in_shards(
    settings: Settings,
    kb: str,
    paths: Sequence[Path],
    options: ShardOptions,
    make: EncoderMaker,
    rebuild: bool = False,
) -> IngestReport:
    """The same with the encoder that ``make`` makes."""
    from retrieval.shard_files import ShardFolder
    from retrieval.sharding import cut, embed, load, planned

    folder = ShardFolder(options.folder)
    with folder.held(planned(paths, make(), passages_per_shard=options.passages_per_shard)):
        with ingestion_bar() as tell:
            cut(paths, folder, tell)
        with progress_bar("shards") as bar:
            task = bar.add_task("embedding", total=folder.count, completed=_embedded(folder))
            for done in embed(folder, make, _engine(options)):
                bar.advance(task)
                note(f"Shard {done.number}: {done.passages} passages in {done.seconds:.0f} s.")
            task = bar.add_task("loading", total=folder.count)
            return load(folder, _opener(settings, kb, rebuild), lambda done, _: bar.update(task, completed=done))


def _embedded(folder: ShardFolder) -> int:
    return sum(folder.is_embedded(number) for number in range(folder.count or 0))


def _engine(options: ShardOptions) -> Engine:
    from retrieval.processors import processors
    from retrieval.ray_embedding import on_ray
    from retrieval.sharding import in_processes, in_this_process

    if options.engine == "ray":
        return on_ray(options.ray_address, workers=options.workers)
    return in_processes(options.workers or processors()) if options.engine == "processes" else in_this_process


def _opener(
    settings: Settings, kb: str, rebuild: bool
) -> Callable[[PassageEncoder], AbstractContextManager[KnowledgeBase]]:
    @contextmanager
    def opened(encoder: PassageEncoder) -> Iterator[KnowledgeBase]:
        from retrieval.index_spec import parse_spec
        from retrieval.knowledge_base import KnowledgeBaseStore

        named = settings.retrieval.index
        index = None if named == "auto" else parse_spec(named)
        store = KnowledgeBaseStore(settings.data_dir / "knowledge", encoder, index=index)
        try:
            with _base(store, kb, rebuild) as base:
                yield base
            store.compact(kb)
        finally:
            store.close()

    return opened


@contextmanager
def _base(store: KnowledgeBaseStore, kb: str, rebuild: bool) -> Iterator[KnowledgeBase]:
    if rebuild:
        with store.rebuilding(kb) as base:
            yield base
        return
    yield store.open(kb) if kb in store.names() else store.create(kb)
