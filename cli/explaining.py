"""``colloquy explain``: one question answered, and why the answer is what it is."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from cli import showing
from cli.console import assembled, ensure_shipped_bases, say, say_json, settings_for_command
from cli.options import AsJson, KnowledgeBase, Only, ValidOn, filtered
from domain.explanation import Attention, Column, Explanation, Part, PassageEffect

if TYPE_CHECKING:
    from collections.abc import Sequence

_BAR_CHARACTERS = 24
_WORD_CHARACTERS = 14
_SENTENCES = 6  # columns of sentences; a terminal of 80 characters holds the others of a passage in one more
_SHADES = " ░▒▓█"


def explain(
    question: Annotated[str, typer.Argument(help="The message.")],
    kb: KnowledgeBase = None,
    only: Only = None,
    valid_on: ValidOn = None,
    as_json: AsJson = False,
) -> None:
    """Answer one question and show why: in words, passage by passage, word by word. Nothing is stored."""
    settings = filtered(settings_for_command(knowledge_base=kb), only, valid_on)
    name = settings.knowledge_base
    with assembled(settings, memory=False) as colloquy:
        ensure_shipped_bases(settings, colloquy, {name})
        turn = colloquy.replay(name, question, [], top_k=settings.retrieval.top_k)
        explanation = colloquy.explain(turn)
    if as_json:
        say_json({**showing.as_json(turn), "explanation": asdict(explanation)})
        return
    say(f"{showing.as_text(turn)}\n\n{as_text(explanation)}")


def as_text(explanation: Explanation) -> str:
    """The words, a bar a passage, and where each word was taken from (or looked, for a model that copies nothing)."""
    parts = [showing.printable(explanation.why)]
    if explanation.effects:
        parts.append("\n".join(["Without the passage the answer's log-probability changes by", *_bars(explanation)]))
    picture = explanation.copied or explanation.attended
    if picture is not None:
        about = "was taken from" if explanation.copied else "looked at"
        parts.append(f"What each word {about} (%)\n{_table(picture.condensed(_SENTENCES))}")
    return "\n\n".join(parts)


def _bars(explanation: Explanation) -> list[str]:
    widest = max(abs(one.lost_nats) for one in explanation.effects) or 1.0
    return [_bar(one, widest) for one in explanation.effects]


def _bar(one: PassageEffect, widest: float) -> str:
    filled = round(_BAR_CHARACTERS * abs(one.lost_nats) / widest)
    heading = showing.printable(one.heading or one.passage_id)
    cited = " (cited)" if one.cited else ""
    change = f"{-one.lost_nats:+.1f}".replace("-", "−")
    known = change if change[1:] != "0.0" else "0.0"
    return f"  {one.rank}  {known:>7} nats  {('█' * filled).ljust(_BAR_CHARACTERS)}  {heading}{cited}"


def _table(picture: Attention) -> str:
    """A line a word; a share below one in a hundred is left blank. Under it, what the columns are."""
    signs = [_sign(column) for column in picture.columns]
    lines = [" " * _WORD_CHARACTERS + "".join(sign.rjust(5) for sign in signs)]
    for word, row in zip(picture.words, picture.weights, strict=True):
        shown = showing.printable(word)[:_WORD_CHARACTERS].ljust(_WORD_CHARACTERS)
        lines.append((shown + "".join(_share(weight) for weight in row)).rstrip())
    return "\n".join([*lines, "", *_legend(picture.columns, signs)])


def _share(weight: float) -> str:
    percent = round(100 * weight)
    shade = _SHADES[min(len(_SHADES) - 1, round(weight * (len(_SHADES) - 1)))]
    return f" {shade}{percent if percent else '':>3}"


def _sign(column: Column) -> str:
    known = {Part.QUESTION: "?", Part.VOCABULARY: "own", Part.HEADING: f"{column.rank}.H", Part.REST: f"{column.rank}…"}
    return known.get(column.part, f"{column.rank}.{column.sentence}")


def _legend(columns: Sequence[Column], signs: Sequence[str]) -> list[str]:
    return [
        f"{sign:>5}  {showing.printable(' '.join(column.text.split()))}"
        for column, sign in zip(columns, signs, strict=True)
        if column.text
    ]
