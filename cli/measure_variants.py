"""``colloquy evaluate retrieval-variants``: every fusion and granularity on Doc2Dial, with and without the reader."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.console import assembled, settings_for_command
from cli.measuring import Doc2DialFolder, Limit, Output, circumstances, counting, show

if TYPE_CHECKING:
    from domain.protocols import Retriever
    from evaluation.retrieval_variants import Base

DOCUMENTS = "public-services"
Ingested = Annotated[str, typer.Option("--kb", help="Where its documents were ingested.")]
Documents = Annotated[
    Literal["dev", "train", "all"], typer.Option("--split", help="Documents held out of training, or the others.")
]
Fusion = Annotated[Literal["rrf", "learned"], typer.Option("--fusion", help="What the granularities stand on.")]
Only = Annotated[
    str, typer.Option("--only", help="Only these ways to search, by name, with commas.", show_default=False)
]
Queries = Annotated[
    Path | None,
    typer.Option("--queries", metavar="FILE.jsonl", help="Keep rewritten queries here.", show_default=False),
]
Indexes = Annotated[
    str, typer.Option("--indexes", metavar="SPECS", help="Index families, between semicolons.", show_default=False)
]


def retrieval_variants(
    data: Doc2DialFolder,
    kb: Ingested = DOCUMENTS,
    split: Documents = "dev",
    limit: Limit = None,
    rerank: Annotated[bool, typer.Option(help="Through the reader, as in a chat.")] = False,
    fusion: Fusion = "learned",
    only: Only = "",
    queries: Queries = None,
    indexes: Indexes = "",
    output: Output = None,
) -> None:
    """R@1/5/10, MRR, documents found, grounding held and p50 of every fusion and granularity, for rewritten queries.

    With --indexes of every index family instead, by vectors alone and fused as it ships.
    """
    settings = settings_for_command(knowledge_base=kb)
    with assembled(settings, memory=False) as colloquy:
        from corpora import doc2dial
        from evaluation.figures import evenly
        from evaluation.metrics import percentile
        from evaluation.retrieval_lines import asked, report, searched
        from evaluation.retrieval_variants import Base, RememberingEncoder, kept_in_files, rewritten, ways
        from evaluation.systems import ServedRewriter, encoder

        base = kept_in_files(colloquy, kb)
        gold = doc2dial.gold_set(evenly(doc2dial.load_turns(data, split), limit), base)
        with counting("rewriting", "turns") as tell:
            turns = [one.turn for one in gold.turns]
            known = rewritten(turns, ServedRewriter(colloquy, kb).query, queries, tell)
        found = asked(gold.turns, known, base)
        encodes = RememberingEncoder(encoder(settings))
        parts = Base(settings, colloquy, base, encodes)
        with ExitStack() as stack:
            if indexes:
                retrievers = _of_families(stack, parts, indexes, rerank=rerank)
            else:
                retrievers = ways(parts, fusion, rerank=rerank)
            chosen = {name: one for name, one in retrievers.items() if not only or name in only.split(",")}
            tell = stack.enter_context(counting("searching", "searches"))
            lines = searched(found, chosen, tell)
    times = f"without encoding the query (median {1000 * percentile(encodes.seconds, 0.5):.0f} ms) and what was read"
    facts = {"p50": times, **circumstances(settings, data, split=split, limit=limit, rerank=rerank, fusion=fusion)}
    show(report(lines, found, f"Ways to search, Doc2Dial, {split} documents", facts), output)


def _of_families(stack: ExitStack, base: Base, indexes: str, *, rerank: bool) -> dict[str, Retriever]:
    from evaluation.index_families import families, made
    from retrieval.base_files import BaseFiles
    from retrieval.hybrid import HybridOptions
    from retrieval.index_spec import Metric, parse_spec

    settings = base.settings
    live = BaseFiles(settings.data_dir / "knowledge", base.knowledge_base.name, 0.0).live()
    assert live is not None  # it is open
    specs = [parse_spec(one) for one in indexes.split(";") if one.strip()]
    bases = stack.enter_context(made(live[0], base.encoder, specs, Metric(settings.retrieval.metric)))
    options = HybridOptions(pool=settings.retrieval.pool, context_weight=settings.retrieval.context_weight)
    return families(bases, base.encoder, options, base.read_again if rerank else lambda inner: inner)
