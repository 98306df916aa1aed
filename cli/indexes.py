"""``colloquy index``: which vector index to use, measured on a knowledge base's own vectors or on generated ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.console import assembled, note, settings_for_command, working
from cli.measuring import Output, circumstances, show
from domain.errors import UnknownKnowledgeBase

if TYPE_CHECKING:
    from evaluation.reports import Table
    from retrieval.index_spec import IndexSpec
    from retrieval.index_tuning import Tuning, Wish
    from retrieval.knowledge_base import KnowledgeBaseStore
    from retrieval.milvus_store import MilvusKnowledgeBaseStore
    from settings import Settings

indexes = typer.Typer(help="Choose and measure vector indexes.", no_args_is_help=True)
_BENCH_SPECS = "flat; sq8; hnsw; ivf-flat; ivf-pq; opq-ivf-pq"


@indexes.command()
def tune(
    name: Annotated[str, typer.Argument(help="The knowledge base.")],
    recall: Annotated[float, typer.Option("--recall", help="The share of the k nearest to find, up to 1.")] = 0.98,
    k: Annotated[int, typer.Option("--k", min=1, max=1000, help="How many nearest.")] = 10,
    prefer: Annotated[
        Literal["memory", "speed"], typer.Option("--prefer", help="What the cheapest is measured by.")
    ] = "memory",
    most: Annotated[int, typer.Option("--most", min=1, help="Measure on so many vectors at most.")] = 200_000,
    apply: Annotated[bool, typer.Option("--apply", help="Make the index that was chosen.")] = False,
    output: Output = None,
) -> None:
    """Measure every family of index against exact search on a knowledge base's vectors and name the cheapest that
    finds enough. Exit code 1 says that none does."""
    from retrieval.index_tuning import Wish

    settings = settings_for_command(knowledge_base=name)
    wish = Wish(recall, k, prefer, most)
    tuning = _tuned(settings, name, wish)
    facts = circumstances(settings, recall=recall, k=k, prefer=prefer, vectors=tuning.compared)
    show(_table(name, tuning, wish, facts), output)
    if tuning.chosen is None:
        note(_nothing_found(tuning, wish))
        raise typer.Exit(1)
    _settled(settings, name, tuning.chosen.spec, apply=apply)


@indexes.command()
def bench(
    vectors: Annotated[int, typer.Option("--vectors", min=1, help="How many.")] = 100_000,
    dimension: Annotated[int, typer.Option("--dimension", min=8, help="Numbers a vector.")] = 384,
    specs: Annotated[str, typer.Option("--specs", help="Indexes, between semicolons.")] = _BENCH_SPECS,
    folder: Annotated[Path, typer.Option("--folder", help="Where vectors and indexes go.")] = Path("runs/index-bench"),
    output: Output = None,
) -> None:
    """Build time, memory, recall and speed of indexes over generated vectors that lie as those of texts do.

    A run that was broken off goes on where it stopped. Ten million vectors take 8 GB of disk and each index its own.
    """
    import logging

    settings = settings_for_command()
    logging.getLogger("evaluation.index_bench").setLevel(logging.INFO)
    logging.getLogger("evaluation.index_vectors").setLevel(logging.INFO)
    from evaluation.index_bench import IndexBench, report
    from retrieval.index_spec import parse_spec

    wanted = [parse_spec(one) for one in specs.split(";") if one.strip()]
    measured = IndexBench(folder, vectors, dimension).run(wanted)
    show(report(measured, vectors, circumstances(settings, dimension=dimension)), output)


def _tuned(settings: Settings, name: str, wish: Wish) -> Tuning:
    """Reads the vectors alone: no model is loaded for it, and no index."""
    from retrieval.base_files import BaseFiles
    from retrieval.index_tuning import sample_of
    from retrieval.index_tuning import tune as tuned

    live = BaseFiles(settings.data_dir / "knowledge", name, 0.0).live()
    if live is None:
        raise UnknownKnowledgeBase(
            f"There is no knowledge base {name!r}; make it: colloquy ingest --kb {name} PATH…, or see what there is: "
            "colloquy kb list"
        )
    with working("measuring…"):
        return tuned(sample_of(live[0], wish.most), wish, tell=lambda spec: note(f"Making {spec}…"))


def _settled(settings: Settings, name: str, spec: IndexSpec, *, apply: bool) -> None:
    if not apply:
        note(f'To use it, make it now with --apply, or write into settings.toml under [retrieval]: index = "{spec}"')
        return
    with assembled(settings, memory=False) as colloquy, working("making the index…"):
        made = applied(colloquy.knowledge, name, spec)
    note(f"{name} is searched by {made} from now on.")


def applied(store: KnowledgeBaseStore | MilvusKnowledgeBaseStore, name: str, spec: IndexSpec) -> IndexSpec:
    """Makes the index, which later compactions keep to; returns it with its numbers filled in."""
    return store.compact(name, spec).index


def _table(name: str, tuning: Tuning, wish: Wish, facts: dict[str, str]) -> Table:
    from evaluation.reports import Table

    columns = ("index", f"recall@{wish.k}", "bytes/vector", "p50 ms", "build s", "")
    rows = tuple(
        (
            str(one.spec),
            f"{one.recall:.3f}",
            f"{one.bytes_a_vector:.0f}",
            f"{one.milliseconds:.2f}",
            f"{one.build_seconds:.1f}",
            "chosen" if one is tuning.chosen else "enough" if one.recall >= wish.recall else "",
        )
        for one in tuning.candidates
    )
    chosen = {"chosen": str(tuning.chosen.spec)} if tuning.chosen else {}
    return Table(f"Vector indexes for {name}", columns, rows, {**chosen, **facts}, _data(tuning))


def _data(tuning: Tuning) -> list[dict[str, object]]:
    return [
        {
            "spec": str(one.spec),
            "recall": one.recall,
            "bytes_a_vector": one.bytes_a_vector,
            "milliseconds": one.milliseconds,
            "build_seconds": one.build_seconds,
            "chosen": one is tuning.chosen,
        }
        for one in tuning.candidates
    ]


def _nothing_found(tuning: Tuning, wish: Wish) -> str:
    best = max((one.recall for one in tuning.candidates), default=0.0)
    return (
        f"No index finds {wish.recall} of the {wish.k} nearest; the best finds {best:.3f}. Ask for less with --recall, "
        'or keep the exact one: index = "flat".'
    )
