"""One question through every way of searching, side by side, with what differs from the way turns are answered."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from domain.operating import Search, Trial
from domain.passage import RetrievedPassage
from domain.protocols import KnowledgeBaseInfo
from web.operator.look import Look, address, milliseconds, select, short
from web.sources import document_url
from web.view import attribute

MOST = 20  # passages a list: four lists of more are no longer compared by eye


def render_playground(search: Search, trials: Sequence[Trial], bases: Sequence[KnowledgeBaseInfo], look: Look) -> str:
    """The form, and what each way found."""
    words = look.words
    names = [(info.name, info.title or info.name) for info in bases]
    counts = [(str(n), str(n)) for n in (3, 5, 10, MOST)]
    form = (
        f'<form class="filters inline" method="get" action="{address("playground")}">'
        f'<label class="search">{escape(words.question)}<input type="search" name="question" maxlength="500" required '
        f"{attribute('value', search.question)}></label>"
        f"{select('kb', words.knowledge_base, names, search.knowledge_base)}"
        f"{select('top_k', words.how_many, counts, str(search.top_k))}"
        f'<label>{escape(words.only)}<input name="only" maxlength="200" placeholder="region=UK" '
        f"{attribute('value', ' '.join(search.only))}></label>"
        f'<button class="main">{escape(words.run)}</button></form>'
    )
    if not trials:
        return f'<div class="column wide-column">{form}<p class="none">{escape(words.playground_help)}</p></div>'
    lists = "".join(_trial(one, trials[0], search, look) for one in trials)
    return f'<div class="column wide-column">{form}<div class="trials">{lists}</div></div>'


def _trial(one: Trial, current: Trial, search: Search, look: Look) -> str:
    words = look.words
    way = f"{words.fusions[one.fusion]} · {words.reranked if one.reranked else words.not_reranked}"
    now = f'<span class="chosen">{escape(words.as_now)}</span>' if one.current else ""
    before = {passage.passage.id: passage.rank for passage in current.passages}
    items = "".join(_found(passage, before, one, search, look) for passage in one.passages)
    none = "" if one.passages else f'<p class="none">{escape(words.nothing_found)}</p>'
    found = {passage.passage.id for passage in one.passages}
    lost = [passage for passage in current.passages if passage.passage.id not in found]
    missing = "".join(f"<li>{escape(passage.passage.heading)}</li>" for passage in lost)
    gone = (
        f'<p class="lost">{escape(words.lost)}</p><ul class="lost">{missing}</ul>' if lost and not one.current else ""
    )
    return (
        f'<section class="trial{" current" if one.current else ""}"><h2>{escape(way)}</h2>'
        f'<p class="line"><b>{milliseconds(one.seconds)}</b> {now}</p>{none}<ol>{items}</ol>{gone}</section>'
    )


def _found(passage: RetrievedPassage, before: dict[str, int], trial: Trial, search: Search, look: Look) -> str:
    href = f"/{document_url(search.knowledge_base, passage.passage, None)}"
    relevance = passage.signals.get("relevance")
    score = short(relevance) if relevance is not None else f"{passage.score:.2f}"
    moved = "" if trial.current else _moved(passage, before, look)
    return (
        f'<li><span class="place">{passage.rank}</span><span>'
        f'<a target="_blank" rel="noopener" {attribute("href", href)}>'
        f"{escape(passage.passage.heading or passage.passage.id)}</a> {moved}"
        f'<span class="quiet excerpt">{escape(" ".join(passage.passage.text.split())[:110])}</span></span>'
        f'<span class="number">{score}</span></li>'
    )


def _moved(passage: RetrievedPassage, before: dict[str, int], look: Look) -> str:
    rank = before.get(passage.passage.id)
    if rank is None:
        return f'<span class="moved new">{escape(look.words.only_here)}</span>'
    if rank == passage.rank:
        return ""
    sign, steps = ("▲", rank - passage.rank) if rank > passage.rank else ("▼", passage.rank - rank)
    said = (look.words.higher if sign == "▲" else look.words.lower).format(count=steps)
    return f'<span class="moved {"up" if sign == "▲" else "down"}" {attribute("title", said)}>{sign}{steps}</span>'
