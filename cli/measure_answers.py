"""``colloquy evaluate`` for whole answers: on Doc2Dial, and on the quality set of the product."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.console import assembled, ensure_shipped_bases, note, settings_for_command
from cli.measuring import Doc2DialFolder, Limit, Output, circumstances, counting, show
from domain.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.assembly import Colloquy
    from corpora.doc2dial import GoldTurn
    from domain.conversation import Turn

DOCUMENTS = "public-services"
HANDBOOK = "harbourline"
Ingested = Annotated[str, typer.Option("--kb", help="Where its documents were ingested.")]
Documents = Annotated[
    Literal["dev", "train", "all"], typer.Option("--split", help="Documents held out of training, or the others.")
]


def answering(
    data: Doc2DialFolder, kb: Ingested = DOCUMENTS, split: Documents = "dev", limit: Limit = None, output: Output = None
) -> None:
    """F1 and BLEU of the reply to each Doc2Dial turn, given the passages that answer it."""
    from evaluation.answering import gold_of, passages_of

    def given_gold(colloquy: Colloquy) -> Callable[[GoldTurn], Turn]:
        passages = passages_of(colloquy.knowledge.open(kb))

        def reply(turn: GoldTurn) -> Turn:
            asked = turn.turn
            return colloquy.replay(kb, asked.question, asked.history, passages=gold_of(turn, passages))

        return reply

    title = f"Answers from the gold passage on Doc2Dial, {split} documents"
    _doc2dial(_Run(data, kb, split, limit, output), title, given_gold)


def end_to_end(
    data: Doc2DialFolder, kb: Ingested = DOCUMENTS, split: Documents = "dev", limit: Limit = None, output: Output = None
) -> None:
    """F1, BLEU and coverage of the whole pipeline on Doc2Dial: rewritten, searched, answered or abstained."""

    def whole(colloquy: Colloquy) -> Callable[[GoldTurn], Turn]:
        return lambda turn: colloquy.replay(kb, turn.turn.question, turn.turn.history)

    title = f"Whole pipeline on Doc2Dial, {split} documents"
    _doc2dial(_Run(data, kb, split, limit, output), title, whole)
