"""One turn as operators see it: what was searched, how long each step took, what was weighed, what was cited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from html import escape

from domain.answer import Answer, Candidate
from domain.conversation import Gate, Query, Turn
from domain.explanation import Explanation
from domain.own_files import is_own
from domain.passage import RetrievedPassage
from domain.permissions import Permission
from domain.turn_log import LoggedTurn
from web.answer_text import cited_text
from web.explanation import render_explanation, signed
from web.operator.look import ROOT, Look, address, badge, link, milliseconds, short, table
from web.operator.mending import render_actions
from web.operator.sessions import verdict_sign
from web.rendering import dots
from web.sources import document_url
from web.view import attribute

_STAGES = ("rewrite", "retrieve", "rerank", "generate", "weigh")


def render_turn(logged: LoggedTurn, turn: Turn, explanation: Explanation | None, look: Look) -> str:
    """Everything that is known of a turn; ``explanation`` None offers to work it out."""
    words = look.words
    parts = [
        _head(logged, turn, look),
        _said(turn.query, turn, look),
        _time(turn.trace.seconds, look),
        _answer(turn, look),
    ]
    if is_own(turn.knowledge_base):  # what a person brought along is theirs: nobody reads it here by accident
        parts.append(f'<p class="none">{escape(words.own_files)}</p>')
    else:
        parts += _traced(logged, turn, explanation, look)
    return f'<article class="turn-detail" {attribute("aria-label", words.turn)}>{"".join(parts)}</article>'


def _traced(logged: LoggedTurn, turn: Turn, explanation: Explanation | None, look: Look) -> list[str]:
    """What was found and weighed, and what can be done about it."""
    return [
        _passages(turn, explanation, look),
        _weighing(turn.answer, look),
        _why(logged.reference, explanation, look),
        render_actions(logged, turn, look) if look.may(Permission.CORRECT) else "",
    ]


def render_no_turn(look: Look, *, gone: bool = False) -> str:
    """What stands where a turn would: a hint, or that it is gone."""
    return f'<p class="none">{escape(look.words.turn_gone if gone else look.words.choose_turn)}</p>'


def _head(logged: LoggedTurn, turn: Turn, look: Look) -> str:
    words = look.words
    sure = f'<span class="sure">{dots(turn.answer.confidence)} {short(turn.answer.confidence)}</span>'
    known = sure if turn.answer.confidence else ""
    every = look.may(Permission.TURNS)
    conversation = link(address(session=logged.session), words.whole_conversation) if every else ""
    comment = ""
    if logged.feedback and (logged.feedback.comment or logged.feedback.reason):
        said = " · ".join(part for part in (logged.feedback.reason, logged.feedback.comment) if part)
        comment = f'<p class="comment">“{escape(said)}”</p>'
    reason = f'<span class="quiet">{escape(words.reasons[turn.answer.reason])}</span>' if turn.answer.reason else ""
    place, tab = (ROOT, "sessions") if every else (address("queue"), "queue")
    back = link(place, f"‹ {words.tabs[tab]}", "back")
    return (
        f'<header class="turn-head">{back}<p class="line">{look.time(logged.asked_at or logged.logged_at)} '
        f"{badge(turn.answer.kind, look)}{known}{verdict_sign(logged, look)}{reason}"
        f'<span class="quiet">{escape(look.base(turn.knowledge_base))}</span>{conversation}</p>'
        f'<h2 class="question">{escape(turn.question)}</h2>{comment}</header>'
    )


def _said(query: Query, turn: Turn, look: Look) -> str:
    words, texts = look.words, look.texts
    gate = texts.gate[Gate(query.gate)]
    why = f" — {escape(query.reason)}" if query.reason else ""
    before = "".join(f"<li>{escape(text)}</li>" for text in query.context)
    history = f"<details><summary>{escape(words.said_before)}</summary><ol>{before}</ol></details>" if before else ""
    return (
        f'<dl class="facts-list"><dt>{escape(words.typed)}</dt><dd>{escape(query.original or turn.question)}</dd>'
        f"<dt>{escape(words.searched)}</dt><dd>{escape(query.text) or '–'} "
        f'<span class="quiet">({escape(gate)}{why}; {escape(words.gate)} {short(query.confidence)})</span>'
        f"{history}</dd></dl>"
    )


def _time(seconds: Mapping[str, float], look: Look) -> str:
    stages = [(name, seconds[name]) for name in _STAGES if name in seconds]
    stages += [(name, value) for name, value in seconds.items() if name not in (*_STAGES, "total")]
    total = seconds.get("total", sum(value for _, value in stages))
    if not total:
        return ""
    strip = "".join(f'<i style="--share:{value / total:.4f}"></i>' for _, value in stages)
    named = "".join(
        f"<li><i></i>{escape(look.words.stages.get(name, name))} <b>{milliseconds(value)}</b></li>"
        for name, value in stages
    )
    return (
        f"<h3>{escape(look.words.time)} <b>{milliseconds(total)}</b></h3>"
        f'<div class="strip" aria-hidden="true">{strip}</div>'
        f'<ol class="stages" {attribute("aria-label", look.words.time)}>{named}</ol>'
    )


def _answer(turn: Turn, look: Look) -> str:
    said = cited_text(turn, look.texts)
    return f'<h3>{escape(look.words.answer)}</h3><div class="answer {turn.answer.kind}">{said}</div>'


def _passages(turn: Turn, explanation: Explanation | None, look: Look) -> str:
    words = look.words
    if not turn.evidence:
        return f'<h3>{escape(words.passages)}</h3><p class="none">{escape(words.no_passages)}</p>'
    effects = {one.passage_id: one.lost_nats for one in explanation.effects} if explanation else {}
    widest = max((abs(value) for value in effects.values()), default=0.0) or 1.0
    used: dict[str, list[int]] = {}
    for citation in turn.answer.citations:
        used.setdefault(citation.passage_id, []).append(citation.marker)
    rows = (_passage(one, turn, used, (effects, widest), look) for one in turn.evidence)
    heads = [words.rank, words.passage, words.dense, words.bm25, words.rerank, words.used]
    heads += [words.effect] if effects else []
    return f"<h3>{escape(words.passages)}</h3>{table(heads, rows, words.passages, 'passages')}"


def _passage(
    one: RetrievedPassage,
    turn: Turn,
    used: Mapping[str, list[int]],
    effects: tuple[Mapping[str, float], float],
    look: Look,
) -> str:
    signals, known = one.signals, effects[0]
    marks = "".join(f"[{n}]" for n in sorted(set(used.get(one.passage.id, ()))))
    href = f"/{document_url(turn.knowledge_base, one.passage, None)}"
    every = " · ".join(f"{escape(name)} {value:.4g}" for name, value in sorted(signals.items()))
    effect = ""
    if known:
        lost = known.get(one.passage.id, 0.0)
        share = abs(lost) / effects[1]
        kind = "needed" if lost >= 0 else "against"
        bar = f'<span class="bar {kind}" style="--share:{share:.3f}" aria-hidden="true"></span>'
        effect = f"<td class='effect'>{escape(look.texts.nats.format(value=signed(-lost)))}{bar}</td>"
    relevance = short(signals["relevance"]) if "relevance" in signals else "–"
    return (
        f'<tr><td>{one.rank}</td><th scope="row"><a target="_blank" rel="noopener" {attribute("href", href)}>'
        f"{escape(one.passage.heading or one.passage.id)}</a><details><summary>{escape(one.passage.id)}</summary>"
        f"<p>{escape(one.passage.text)}</p><p class='quiet'>{every}</p></details></th>"
        f"<td>{_scored(signals, 'dense')}</td><td>{_scored(signals, 'bm25')}</td><td>{relevance}</td>"
        f"<td>{marks or '–'}</td>{effect}</tr>"
    )


def _scored(signals: Mapping[str, float], kind: str) -> str:
    """``.71/2``: the score and, behind the stroke, the rank in that list; a dash where the list does not hold it."""
    score, rank = signals.get(f"{kind}_score"), signals.get(f"{kind}_rank")
    written = "–" if score is None else short(score) if kind == "dense" else f"{score:.1f}"
    return f"{written}/{rank:.0f}" if rank is not None else written


def _weighing(answer: Answer, look: Look) -> str:
    weighing, words = answer.weighting, look.words
    if weighing is None:
        return ""
    rows = (_candidate(one, look) for one in weighing.candidates)
    heads = [words.origin, words.said, words.p_retrieval, words.p_generation, words.utility]
    candidates = table(heads, rows, words.candidates, "candidates") if weighing.candidates else ""
    figures = " · ".join(f"{escape(name)} {value:.4g}" for name, value in sorted(weighing.features.items()))
    removed = "".join(
        f"<li><del>{escape(one.what)}</del> <span class='quiet'>{escape(one.origin)} — {escape(one.why)}</span></li>"
        for one in weighing.removed
    )
    taken = f"<h4>{escape(words.removed)}</h4><ul class='removed'>{removed}</ul>" if removed else ""
    told = words.weight.format(
        value=short(weighing.retrieval_weight), mode=words.modes.get(weighing.mode, weighing.mode)
    )
    return (
        f"<h3>{escape(words.candidates)}</h3>"
        f'<p class="lambda">{escape(told)} <span class="scale" style="--at:{weighing.retrieval_weight:.3f}" '
        f'aria-hidden="true"><i></i></span></p>{candidates}{taken}'
        f'<details class="figures"><summary>{escape(words.figures)}</summary><p class="quiet">{figures}</p></details>'
    )


def _candidate(one: Candidate, look: Look) -> str:
    chosen = f' <span class="chosen">✓ {escape(look.words.chosen)}</span>' if one.chosen else ""
    return (
        f'<tr{" class=chosen-row" if one.chosen else ""}><th scope="row">{escape(one.origin)}{chosen}</th>'
        f"<td>{escape(one.text)}</td><td>{short(one.p_retrieval)}</td><td>{short(one.p_generation)}</td>"
        f"<td>{one.utility:.2f}</td></tr>"
    )


def _why(reference: str, explanation: Explanation | None, look: Look) -> str:
    if explanation is not None:
        return render_explanation(replace(explanation, effects=()), look.texts)  # those stand beside the passages
    href = look.turn(reference, explain=1)
    return (
        f'<h3>{escape(look.texts.why)}</h3><p><a class="button" data-part {attribute("href", href)}>'
        f'{escape(look.words.explain)}</a> <span class="quiet">{escape(look.words.explain_help)}</span></p>'
    )
