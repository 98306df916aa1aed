"""``colloquy train joint``: retriever and answerer learn together, from questions and answers alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.console import note
from cli.run_options import RunOptions, trains
from cli.starts import model_at

if TYPE_CHECKING:
    from evaluation.metrics import Estimate
    from training.joint import JointlyTrained
    from training.joint_data import JointCorpus

_SHARES = (("R@1", "found_first"), ("R@5", "found_in_five"), ("answer F1", "f1"))


@trains("joint", steps=300)
def joint(
    run: RunOptions,
    train: Annotated[
        Path | None,
        typer.Option(
            "--train", help="SQuAD's JSON or packed passages [facts of invented companies].", show_default=False
        ),
    ] = None,
    companies: Annotated[int, typer.Option("--companies", min=1, help="How many, without --train.")] = 2,
    towers: Annotated[
        Path | None, typer.Option("--towers", help="Folder or hub name [MiniLM].", show_default=False)
    ] = None,
    towers_revision: Annotated[
        str | None, typer.Option("--towers-revision", metavar="COMMIT", help="Of their hub name.", show_default=False)
    ] = None,
    mode: Annotated[
        Literal["rag-sequence", "rag-token"], typer.Option("--mode", help="One passage an answer, or one a token.")
    ] = "rag-sequence",
    k: Annotated[int, typer.Option("--k", min=2, help="Passages read a question.")] = 5,
    passages: Annotated[
        Literal["frozen", "refreshed"], typer.Option("--passages", help="Does the passage tower learn, too?")
    ] = "frozen",
    refresh_every: Annotated[
        int, typer.Option("--refresh-every", min=1, help="Steps between new indexes, when refreshed.")
    ] = 50,
    tower_rate: Annotated[float, typer.Option("--tower-rate", min=0, help="Towers' learning rate; 0: still.")] = 5e-5,
    reinforce: Annotated[float, typer.Option("--reinforce", min=0, help="Weight of REINFORCE; 0: none.")] = 0.0,
    baseline: Annotated[
        Literal["self-critical", "mean"], typer.Option("--baseline", help="What a reward is compared with.")
    ] = "self-critical",
    support: Annotated[float, typer.Option("--support", min=0, help="Weight of support in the reward.")] = 0.5,
    window: Annotated[int, typer.Option("--window", min=32, help="Tokens of a source (hub models).")] = 256,
    answer_tokens: Annotated[int, typer.Option("--answer-tokens", min=1, help="Tokens of an answer.")] = 32,
    measured: Annotated[int, typer.Option("--measured", min=1, help="Questions a measurement.")] = 100,
) -> None:
    """Retriever and answerer together: the answer's likelihood teaches which passage to find (RAG)."""
    from evaluation.wording import token_f1
    from training.joint import JointOptions, train_joint
    from training.joint_data import kit_corpus, measured_on, read_corpus

    options = JointOptions(
        start=run.start or Path("models/answerer"),
        towers=str(model_at(towers, towers_revision, "--towers") or ""),
        mode=mode,
        k=k,
        passages=passages,
        refresh_every=refresh_every,
        tower_rate=tower_rate,
        reinforce_weight=reinforce,
        support_weight=support,
        baseline=baseline,
        window=window,
        answer_tokens=answer_tokens,
    )
    corpus = read_corpus(train) if train else kit_corpus(companies, run.settings.seed)
    corpus = measured_on(replace(corpus, learnt=corpus.learnt[: run.limit]), measured)
    _told(run, corpus, options, train_joint(corpus, run.settings, run.destination, options, token_f1))


def _told(run: RunOptions, corpus: JointCorpus, options: object, done: JointlyTrained) -> None:
    """Writes the card, says what changed and where the weights are."""
    from training.cards import write_card
    from training.joint import JointOptions, joint_card

    assert isinstance(options, JointOptions)
    lines = list(_changes(done, [question.group for question in corpus.held_out]))
    write_card(run.destination, replace(joint_card(corpus, options, lines), command=run.command), done.trained)
    for line in lines:
        note(line)
    note(f"The towers, the answerer and their card are in {run.destination}.")


def _changes(done: JointlyTrained, groups: Sequence[str]) -> Iterator[str]:
    """A line a figure: before, after, and the gain question by question, with 95 % intervals over whole groups."""
    from evaluation.metrics import bootstrap_clusters

    for name, field in _SHARES:
        before: Sequence[float] = getattr(done.before, field)
        after: Sequence[float] = getattr(done.after, field)
        gains = [b - a for a, b in zip(before, after, strict=True)]
        first, last, gain = (
            _shown(bootstrap_clusters([100 * value for value in values], groups)) for values in (before, after, gains)
        )
        yield f"{name} {first} -> {last}, gain {gain}, on {len(before)} questions held out"


def _shown(estimate: Estimate) -> str:
    return f"{estimate.mean:.1f} [{estimate.low:.1f}, {estimate.high:.1f}]"
