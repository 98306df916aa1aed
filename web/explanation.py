"""Why an answer was given, as HTML: plain words, a bar a passage, and two heat maps of words over sentences.

The heat maps are tables whose cells are tinted, so that a screen reader reads them and nothing has to be told twice;
every cell that says something names itself on hover. Colours are the page's own (``static/explanation.css``).
"""

from __future__ import annotations

from html import escape

from domain.explanation import Attention, Column, Explanation, Part, PassageEffect
from web.texts import Look, Texts
from web.view import attribute

_SENTENCES = 6  # shown apart: as many columns as a phone is wide
_WRITTEN_FROM = 0.05  # a smaller share is a tint without a number
_SIGNS = {Part.QUESTION: "?", Part.VOCABULARY: "✎", Part.HEADING: "{rank}H", Part.REST: "{rank}…"}


def render_explanation(explanation: Explanation, texts: Texts) -> str:
    """The whole explanation; only the words where nothing was answered. Everything in it is escaped."""
    parts = [f'<h3>{escape(texts.why)}</h3><p class="why">{escape(explanation.why)}</p>']
    if explanation.effects:
        parts.append(render_effects(explanation.effects, texts))
    for look, picture in ((Look.COPIED, explanation.copied), (Look.ATTENDED, explanation.attended)):
        if picture is not None:
            opened = look is Look.COPIED or explanation.copied is None
            parts.append(render_attention(picture, look, texts, opened=opened))
    return f'<section class="explanation">{"".join(parts)}</section>'


def render_effects(effects: tuple[PassageEffect, ...], texts: Texts) -> str:
    """A row a passage: its place, its heading, a bar, and the change in nats when it is taken away (below 0 where the
    answer loses by it)."""
    widest = max(abs(one.lost_nats) for one in effects) or 1.0
    rows = "".join(_effect(one, widest, texts) for one in effects)
    return (
        f"<h3>{escape(texts.effects)}</h3><p class='help'>{escape(texts.effects_help)}</p>"
        f'<table class="effects"><tbody>{rows}</tbody></table>'
    )


def _effect(one: PassageEffect, widest: float, texts: Texts) -> str:
    cited = f' <span class="cited">{escape(texts.cited)}</span>' if one.cited else ""
    kind = "needed" if one.lost_nats >= 0 else "against"
    bar = f'<span class="bar {kind}" style="--share:{abs(one.lost_nats) / widest:.3f}" aria-hidden="true"></span>'
    return (
        f'<tr><th scope="row"><span class="rank">{one.rank}</span> {escape(one.heading or one.passage_id)}{cited}</th>'
        f"<td>{bar}</td><td>{escape(texts.nats.format(value=signed(-one.lost_nats)))}</td></tr>"
    )


def signed(value: float) -> str:
    """``−4.1``, ``+0.3``, ``0.0``: one decimal, with a true minus."""
    rounded = f"{abs(value):.1f}"
    return rounded if rounded == "0.0" else f"{'−' if value < 0 else '+'}{rounded}"


def render_attention(picture: Attention, look: Look, texts: Texts, *, opened: bool) -> str:
    """A heat map: a row a word, a column a sentence (the ``_SENTENCES`` that matter, the others of a passage in one),
    and what each column is."""
    shown = picture.condensed(_SENTENCES)
    head = "".join(_head(column, texts) for column in shown.columns)
    rows = "".join(_row(word, row, shown.columns, texts) for word, row in zip(shown.words, shown.weights, strict=True))
    caption = f'<caption class="unseen">{escape(texts.attention[look])}</caption>'
    return (
        f'<details class="attention"{" open" if opened else ""}><summary>{escape(texts.attention[look])}</summary>'
        f'<p class="help">{escape(texts.attention_help[look])}</p>'
        f'<div class="heat" tabindex="0" role="group" {attribute("aria-label", texts.attention[look])}><table>{caption}'
        f'<thead><tr><th scope="col">{escape(texts.word)}</th>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
        f"{_legend(shown, texts)}</details>"
    )


def _head(column: Column, texts: Texts) -> str:
    name = _name(column, texts)
    begins = ' class="begins"' if column.part in (Part.HEADING, Part.REST, Part.PASSAGE, Part.VOCABULARY) else ""
    return (
        f'<th scope="col"{begins} {attribute("abbr", name)} {attribute("title", name)}>'
        f'<span aria-hidden="true">{escape(_sign(column))}</span><span class="unseen">{escape(name)}</span></th>'
    )


def _row(word: str, row: tuple[float, ...], columns: tuple[Column, ...], texts: Texts) -> str:
    cells = "".join(_cell(word, weight, column, texts) for weight, column in zip(row, columns, strict=True))
    return f'<tr><th scope="row">{escape(word)}</th>{cells}</tr>'


def _cell(word: str, weight: float, column: Column, texts: Texts) -> str:
    if weight < _WRITTEN_FROM / 10:
        return "<td></td>"
    said = texts.cell.format(word=word, column=_name(column, texts), value=f"{weight:.2f}")
    number = _short(weight) if weight >= _WRITTEN_FROM else ""
    return f'<td style="--w:{weight:.3f}" {attribute("title", said)}>{number}</td>'


def _short(weight: float) -> str:
    """``.42``, and ``1`` where two decimals would be 1.00."""
    return "1" if weight >= 0.995 else f"{weight:.2f}".removeprefix("0")


def _legend(shown: Attention, texts: Texts) -> str:
    items = "".join(
        f"<li><b>{escape(_sign(column))}</b> {escape(_name(column, texts))}{_told(column, texts)}</li>"
        for column in shown.columns
        if column.text or column.part is Part.VOCABULARY
    )
    return f'<ul class="legend">{items}</ul>'


def _told(column: Column, texts: Texts) -> str:
    unread = "" if column.read else f" ({escape(texts.unread)})"
    return f": {escape(' '.join(column.text.split()))}{unread}" if column.text else unread


def _sign(column: Column) -> str:
    sign = _SIGNS.get(column.part, "{rank}·{sentence}" if column.sentence else "{rank}")
    return sign.format(rank=column.rank, sentence=column.sentence)


def _name(column: Column, texts: Texts) -> str:
    return texts.column[column.part].format(rank=column.rank, sentence=column.sentence)
