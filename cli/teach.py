"""``colloquy train``: the models that ship, and yours, trained with the project's own commands."""

from __future__ import annotations

from dataclasses import replace

import typer

from cli.console import note
from cli.run_options import RunOptions, trains

training = typer.Typer(help="Train the models, from public data or your own.", no_args_is_help=True)


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
def answerer(run: RunOptions) -> None:
    """Question and passages to a reply."""
    data = run.data_folder()
    from training.answerer import CARD, train_answerer

    _carded(run, CARD, train_answerer(data, run.settings, run.destination, run.limit, run.start))


def _carded(run: RunOptions, card: object, trained: object) -> None:
    """Writes the model card beside the weights, and says where both are."""
    from training.cards import Card, write_card
    from training.loop import Trained

    assert isinstance(card, Card)
    assert isinstance(trained, Trained)
    write_card(run.destination, replace(card, command=run.command), trained)
    note(f"The weights and their card are in {run.destination}.")
