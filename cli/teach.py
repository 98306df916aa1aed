"""``colloquy train``: the models that ship, and yours, trained with the project's own commands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.console import note
from cli.run_options import RunOptions, trains
from cli.starts import Revision, model_at
from cli.teach_joint import joint

Rows = Annotated[
    list[Path] | None,
    typer.Option("--train", "--rows", help="BEIR folder, DPR's JSON, or JSON Lines; may be repeated."),
]
training = typer.Typer(help="Train the models, from public data or your own.", no_args_is_help=True)
training.command()(joint)


@training.command()
@trains("rewriter", steps=2400)
def rewriter(run: RunOptions) -> None:
    """History and message to a standalone question, with the gate (keep, rewrite, reset)."""
    data = run.data_folder()
    from training.rewriter import CARD, train_rewriter

    _carded(run, CARD, train_rewriter(data, run.settings, run.destination, run.limit, run.start))


@training.command()
@trains("reader", steps=3000)
def reader(run: RunOptions) -> None:
    """Relevance, evidence sentences and answer spans from one cross-encoder: reranking, quotes, citations."""
    data = run.data_folder()
    from training.reader import CARD, train_reader

    _carded(run, CARD, train_reader(data, run.settings, run.destination, run.limit, run.start))


@training.command()
@trains("answerer", steps=3000)
def answerer(
    run: RunOptions,
    fusion: Annotated[
        Literal["fid", "concat"], typer.Option("--fusion", help="How a hub model reads several passages.")
    ] = "fid",
    prefix: Annotated[
        str | None, typer.Option("--prefix", help="The task in words, before each source of a T5.", show_default=False)
    ] = None,
    window: Annotated[int, typer.Option("--window", min=32, help="Tokens of a source (hub models).")] = 256,
    passages: Annotated[int, typer.Option("--passages", min=1, help="Passages read together (hub models).")] = 3,
) -> None:
    """Question and passages to a reply: our copy BART, or with --start any BART or T5 by hub name or folder."""
    data = run.data_folder()
    from training.answerer import CARD, train_answerer
    from training.denoising import is_copy_bart

    if run.start is None or is_copy_bart(run.start):
        _carded(run, CARD, train_answerer(data, run.settings, run.destination, run.limit, run.start))
        return
    from training.seq2seq import Seq2SeqOptions, train_seq2seq
    from training.starts import model_name

    options = Seq2SeqOptions(
        str(run.start), fusion=fusion, prefix=prefix, window=window, passages=passages, limit=run.limit
    )
    card = replace(
        CARD, architecture=f"{model_name(run.start)}, {fusion}.", limits=("as the model it was started from.",)
    )
    _carded(run, card, train_seq2seq(data, run.settings, run.destination, options))


@training.command()
@trains("denoising", steps=3000)
def denoising(
    run: RunOptions,
    tokens: Annotated[int, typer.Option("--tokens", min=16, help="Tokens of a piece of text.")] = 192,
) -> None:
    """Pre-training on plain text before `train answerer`: text infilling (BART), span corruption (T5)."""
    data = run.data_folder()
    from training.denoising import CARD, DenoisingOptions, train_denoising

    options = DenoisingOptions(start=str(run.start) if run.start else None, tokens=tokens, limit=run.limit)
    _carded(run, CARD, train_denoising(data, run.settings, run.destination, options))


@training.command("bi-encoder")
@trains("bi-encoder", steps=2000)
def bi_encoder(
    run: RunOptions,
    train: Rows = None,
    development: Annotated[
        Path | None, typer.Option("--development", help="Rows held out, for their loss.", show_default=False)
    ] = None,
    negatives: Annotated[int, typer.Option("--negatives", min=0, help="Hard negatives a row.")] = 1,
    towers: Annotated[Literal["shared", "separate"], typer.Option("--towers", help="One encoder, or two.")] = "shared",
    similarity: Annotated[Literal["dot", "cosine", "l2"], typer.Option("--similarity", help="Of vectors.")] = "cosine",
    pooling: Annotated[Literal["mean", "cls"], typer.Option("--pooling", help="Of states; DPR's is cls.")] = "mean",
    loss: Annotated[Literal["nll", "hinge", "bce"], typer.Option("--loss", help="In-batch, DPR's is nll.")] = "nll",
    mini_batch: Annotated[int, typer.Option("--mini-batch", min=0, help="Cache gradients in pieces of so many.")] = 0,
    interpolate: Annotated[
        float, typer.Option("--interpolate", min=0, max=1, help="Share of what was learnt in what is written.")
    ] = 1.0,
    sentence_transformers: Annotated[
        Path | None, typer.Option("--export-sentence-transformers", help="Write that form too.", show_default=False)
    ] = None,
    dpr: Annotated[
        Path | None, typer.Option("--export-dpr", help="Write DPR's two encoders too.", show_default=False)
    ] = None,
) -> None:
    """Two towers for search by meaning (DPR), from public data, DPR's files, BEIR folders or JSON Lines."""
    from training.bi_encoder import BiEncoderOptions, train_bi_encoder
    from training.retrieval_data import RowSources
    from training.towers import TowerOptions

    options = BiEncoderOptions(
        RowSources(run.data, tuple(train or ()), development, negatives),
        TowerOptions(str(run.start or ""), towers, similarity, pooling),
        loss=loss,
        mini_batch=mini_batch,
        interpolate=interpolate,
        sentence_transformers=sentence_transformers,
        dpr=dpr,
    )
    train_bi_encoder(options, run.settings, run.destination, run.limit)
    note(f"The weights and their card are in {run.destination}.")


@training.command("mine-negatives")
def mine_negatives(
    output: Annotated[Path, typer.Option("--output", help="Where the rows go (JSON Lines).")],
    rows: Rows = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="The folder of the public training sets.", show_default=False)
    ] = None,
    model: Annotated[
        Path | None, typer.Option("--model", help="Folder or hub name [MiniLM].", show_default=False)
    ] = None,
    revision: Revision = None,
    depth: Annotated[int, typer.Option("--depth", min=1, help="How many nearest passages are looked at.")] = 30,
    count: Annotated[int, typer.Option("--count", min=1, help="How many of them are kept.")] = 4,
    skip_above: Annotated[
        float, typer.Option("--skip-above", min=0, help="Of the positive's score: nearer ones may be answers.")
    ] = 0.95,
) -> None:
    """Hard negatives from a model's own index, for `train bi-encoder --train` and `train cross-encoder --train`."""
    from training.mining import MiningOptions, mine_negatives
    from training.retrieval_data import RowSources

    sources = RowSources(data, tuple(rows or ()))
    folder = str(model_at(model, revision, "--model") or "")
    mined = mine_negatives(sources, output, folder, MiningOptions(depth, count, skip_above))
    note(f"{mined.rows} rows with {mined.negatives} negatives are in {output}; {mined.without} rows found none.")


@training.command("cross-encoder")
@trains("cross-encoder", steps=3000)
def cross_encoder(
    run: RunOptions,
    train: Annotated[
        Path | None, typer.Option("--train", help="Rows in place of --data (JSON Lines).", show_default=False)
    ] = None,
    tokens: Annotated[int, typer.Option("--tokens", min=16, help="Tokens of a pair at most.")] = 256,
    quantize: Annotated[
        Literal["int8"] | None, typer.Option("--quantize", help="Also write it for CTranslate2.", show_default=False)
    ] = None,
) -> None:
    """Reranker and answerability in one: the calibrated probability that a passage answers a query."""
    from training.cross_encoder import CrossEncoderOptions, cross_encoder_card, train_cross_encoder

    options = CrossEncoderOptions(
        start=str(run.start) if run.start else None, tokens=tokens, train=train, limit=run.limit, quantize=quantize
    )
    trained, figures = train_cross_encoder(run.data, run.settings, run.destination, options)
    sources = () if run.data else (train.name,) if train else ()
    _carded(run, cross_encoder_card(figures, sources), trained)


def _carded(run: RunOptions, card: object, trained: object) -> None:
    """Writes the model card beside the weights, and says where both are."""
    from training.cards import Card, write_card
    from training.loop import Trained

    assert isinstance(card, Card)
    assert isinstance(trained, Trained)
    write_card(run.destination, replace(card, command=run.command), trained)
    note(f"The weights and their card are in {run.destination}.")
