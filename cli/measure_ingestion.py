"""``colloquy bench-ingestion``: how fast documents go in, and what int8 costs in quality."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from cli.console import settings_for_command
from cli.measuring import Output, circumstances, counting, show
from domain.errors import Misconfigured


def bench_ingestion(
    data: Annotated[Path, typer.Option("--data", metavar="PATH", help="Documents, or a file of rows.", readable=False)],
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="How often each system is measured.")] = 3,
    beir: Annotated[
        Path | None,
        typer.Option("--beir", help="Also nDCG@10 on a BEIR folder.", readable=False, show_default=False),
    ] = None,
    output: Output = None,
) -> None:
    """Time the whole ingestion beside SentenceTransformer.encode and FAISS, on the same passages."""
    settings = settings_for_command()
    if not data.exists():
        raise Misconfigured(f"There is no file or folder “{data}”; check the path.")
    from evaluation.ingestion_bench import closeness, int8, measure, passages_of, plain_encoder, report

    cache = settings.data_dir / "models"
    ours = int8(cache)  # converts the weights, if they are not, before anything is timed
    with counting("measuring", "runs") as tell:
        measured = measure(data, partial(int8, cache), rounds, tell)
    close = closeness(passages_of(data, 512), ours, plain_encoder())
    show(report(measured, close, circumstances(settings, data, rounds=rounds)), output)
    if beir is not None:
        _quality(beir, cache, circumstances(settings, beir))


def _quality(folder: Path, cache: Path, facts: dict[str, str]) -> None:
    from corpora.beir import read_beir
    from evaluation.beir import measure, report
    from evaluation.ingestion_bench import int8, plain_encoder

    task = read_beir(folder, "test")
    with counting("encoding", "passages") as tell:
        lines = measure(task, {"int8": int8(cache), "SentenceTransformer": plain_encoder()}, None, tell)
    show(report(lines, len(task.corpus), f"Dense retrieval on BEIR's {folder.name}", facts), None)


def bench_growth(
    data: Annotated[
        Path, typer.Option("--data", metavar="PATH", help="Documents whose sentences are drawn.", readable=False)
    ],
    largest: Annotated[int, typer.Option("--largest", min=1_000, help="Stop at so many passages.")] = 100_000,
    hashing: Annotated[
        bool, typer.Option("--hashing", help="Words hashed to vectors in place of MiniLM: the index's cost alone.")
    ] = False,
    output: Output = None,
) -> None:
    """Grow one knowledge base to 1k, 3k, 10k, 30k and 100k passages; what a passage and a search cost at each size."""
    settings = settings_for_command()
    if not data.exists():
        raise Misconfigured(f"There is no file or folder “{data}”; check the path.")
    from evaluation.ingestion_growth import SIZES, measure, report, sentences_of
    from evaluation.systems import encoder
    from evaluation.word_hashing import WordHashing
    from retrieval.encoders import MINILM_DIMENSION

    used = WordHashing(MINILM_DIMENSION) if hashing else encoder(settings)
    sizes = [size for size in SIZES if size <= largest]
    with counting("growing", "passages") as tell:
        grown = measure(sentences_of(data), used, sizes, tell)
    show(report(grown, circumstances(settings, data, encoder=used.fingerprint)), output)
