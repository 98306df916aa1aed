"""Turns as HTML. Pure functions: values in, escaped HTML out; nothing here knows Gradio or the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape

from domain.answer import NOT_SEARCHED, Answer, AnswerKind, Reason
from domain.conversation import Conversation, Gate, Query, Turn
from domain.events import AnswerDelta, AnswerFinished, PassagesRetrieved, QueryRewritten, TurnEvent
from domain.passage import RetrievedPassage
from domain.protocols import ANSWERED
from web.answer_text import cited_text
from web.sources import document_url, render_found, render_sources, usable_citations
from web.texts import Texts
from web.turn_actions import render_actions
from web.view import View, attribute, probability

_SURE_FROM = (0.85, 0.65, 0.4)  # lower bounds of "sure", "fairly sure", "unsure"; below is "very unsure"
_ECHO_CHARACTERS = 160  # of a message that was refused; the whole of it is still in the box
_CLOSEST = 3
_NOT_LOOKED_FOR = NOT_SEARCHED | {Reason.ASKED_FOR_PERSON, Reason.AFTER_ABSTENTION}  # so nothing was "not found"
ASK_A_PERSON = "Ask a person"
"""What the button under an abstention sends; ``bot/handing_off.py`` takes it for a request."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A turn that is being worked on, as far as it has come. ``replaces``: the id of the turn it takes the place of;
    ``queued``: its place in the line, 0 once its work has begun."""

    question: str
    knowledge_base: str
    query: Query | None = None
    evidence: tuple[RetrievedPassage, ...] | None = None
    draft: str = ""
    writing: bool = False
    stopping: bool = False
    replaces: str = ""
    queued: int = 0

    def after(self, event: TurnEvent) -> Progress:
        """This turn once ``event`` has happened. The finished answer is drawn from its turn, so it changes nothing."""
        match event:
            case QueryRewritten(query):
                return replace(self, query=query)
            case PassagesRetrieved(passages):
                return replace(self, evidence=passages)
            case AnswerDelta(text):
                return replace(self, draft=self.draft + text, writing=True)  # also without text: a sign of life
            case AnswerFinished():
                return self

    def stage(self, texts: Texts) -> str:
        """What is happening now, in words."""
        if self.stopping:
            return texts.stopping
        if self.queued:
            return texts.queued.format(position=self.queued)
        if self.writing:
            return texts.writing
        if self.evidence is None:
            return texts.searching
        return texts.reading.format(count=len(self.evidence)) if self.evidence else texts.reading_nothing


def render_transcript(conversation: Conversation, view: View) -> str:
    """Every stored turn, oldest first; above them where a branch came from, and how many turns are gone."""
    notes = [_branched(conversation, view), _trimmed(conversation.trimmed, view.texts)]
    return "".join([*notes, *(render_turn(turn, view) for turn in conversation.turns)])


def _branched(conversation: Conversation, view: View) -> str:
    if conversation.branched_from is None:
        return ""
    title = view.conversation_titles.get(conversation.branched_from)
    said = escape(view.texts.actions.branched)
    if title is None:
        return f'<p class="note branched">{said}</p>'
    link = f'<button class="link" {attribute("data-open", conversation.branched_from)}>{escape(title)}</button>'
    return f'<p class="note branched">{escape(view.texts.actions.branched_from)} {link}</p>'


def _trimmed(count: int, texts: Texts) -> str:
    return f'<p class="note">{escape(texts.actions.trimmed.format(count=count))}</p>' if count else ""


def render_turn(turn: Turn, view: View, stored: bool = True, waiting: bool = False) -> str:
    """One finished or stopped turn with everything that belongs to it. One that is not ``stored`` may be ``waiting``
    to be, until memory is back."""
    aside = _is_aside(turn.answer)
    body = ["" if aside else _searched(turn.query, view.texts), _answer(turn, view)]
    if turn.stopped:
        body.append(f'<p class="note">{escape(view.texts.stopped)}</p>')
    if not stored:
        body.append(f'<p class="note warning">{escape(view.texts.waiting if waiting else view.texts.not_stored)}</p>')
    body += ["" if aside else _measure(turn, view.texts), render_actions(turn, view, stored), _sources(turn, view)]
    state = "stopped" if turn.stopped else turn.answer.kind.value
    return _frame(turn.question, "".join(body), view.texts, state, turn.knowledge_base, turn.id)


def render_progress(progress: Progress, view: View) -> str:
    """A turn in the making: the question, what is happening, and the draft so far."""
    searched = _searched(progress.query, view.texts) if progress.query else ""
    draft = f'<div class="answer draft">{escape(progress.draft)}<i class="caret"></i></div>' if progress.draft else ""
    stage = f'<p class="progress"><i class="pulse"></i>{escape(progress.stage(view.texts))}</p>'
    return _frame(progress.question, f"{searched}{draft}{stage}", view.texts, "working", progress.knowledge_base)


def render_failure(progress: Progress, message: str, view: View, rejected: bool = False) -> str:
    """A turn that came to nothing; ``rejected`` puts the message back into the box instead of offering a retry."""
    question = progress.question
    if len(question) > _ECHO_CHARACTERS:
        question = question[:_ECHO_CHARACTERS].rsplit(maxsplit=1)[0] + " …"
    retry = "" if rejected else f'<button class="quiet" data-ask-again>{escape(view.texts.ask_again)}</button>'
    body = f'<div class="answer failure" role="alert"><p>{escape(message)}</p>{retry}</div>'
    return _frame(question, body, view.texts, "rejected" if rejected else "failed", progress.knowledge_base)


def render_stopped(progress: Progress, view: View) -> str:
    """A stopped turn that the store has not confirmed yet: what had been written, and that it was stopped."""
    draft = f'<div class="answer">{escape(progress.draft)}</div>' if progress.draft else ""
    note = view.texts.stopped if progress.draft else f"{view.texts.stopped} {view.texts.nothing_written}"
    searched = _searched(progress.query, view.texts) if progress.query else ""
    body = f'{searched}{draft}<p class="note">{escape(note)}</p>'
    return _frame(progress.question, body, view.texts, "stopped", progress.knowledge_base)


def render_found_passages(progress: Progress, view: View) -> str:
    """The sources of a turn in the making, as the panel shows them."""
    if not progress.evidence:
        return ""
    cards = render_found(progress.evidence, view, progress.knowledge_base)
    return f'<details class="sources">{_sources_summary(len(progress.evidence), view.texts)}{cards}</details>'


def confidence_word(confidence: float, texts: Texts) -> str:
    """The word for a calibrated probability."""
    level = next((n for n, bound in enumerate(_SURE_FROM) if confidence >= bound), len(_SURE_FROM))
    return texts.sure[level]


def dots(confidence: float) -> str:
    """Five dots, at least one of them full."""
    full = min(5, max(1, round(confidence * 5)))
    return "●" * full + "○" * (5 - full)


def _frame(question: str, body: str, texts: Texts, state: str, knowledge_base: str, turn_id: str = "") -> str:
    which = f"{attribute('data-turn', turn_id)} {attribute('data-knowledge-base', knowledge_base)}"
    return (
        f'<section class="turn" data-state="{state}" {which}>'
        f'<div class="question"><h3>{escape(texts.you)}</h3><p class="said">{escape(question)}</p></div>'
        f"{body}</section>"
    )


def _searched(query: Query, texts: Texts) -> str:
    if not query.text.strip():
        return ""
    certainty = texts.gate_confidence.format(value=probability(query.confidence))
    reason = f" — {query.reason}" if query.reason else ""
    as_typed = query.text.strip() == query.original.strip()
    line = texts.gate[Gate.KEEP] if as_typed else f"{texts.searched}: “{query.text}”"
    return (
        f'<details class="searched"><summary>{escape(line)}</summary>'
        f"<p>{escape(texts.gate[Gate(query.gate)])} ({escape(certainty)}){escape(reason)}</p></details>"
    )


def _is_aside(answer: Answer) -> bool:
    """Whether nothing was searched and nothing is claimed."""
    return answer.kind in (AnswerKind.SMALL_TALK, AnswerKind.HANDED_OFF) or answer.reason in _NOT_LOOKED_FOR


def _answer(turn: Turn, view: View) -> str:
    if turn.answer.kind is AnswerKind.ABSTAINED and turn.answer.reason in _NOT_LOOKED_FOR:
        return f'<div class="answer declined">{cited_text(turn, view.texts)}</div>{_person(turn.answer, view.texts)}'
    match turn.answer.kind:
        case AnswerKind.ABSTAINED:
            return _abstained(turn, view)
        case AnswerKind.CLARIFYING:
            options = "".join(f'<button class="choice">{escape(option)}</button>' for option in turn.answer.options)
            return f'<div class="answer">{cited_text(turn, view.texts)}</div><p class="choices">{options}</p>'
        case kind:
            return f'<div class="answer {kind.value}">{cited_text(turn, view.texts)}</div>'


def _abstained(turn: Turn, view: View) -> str:
    """Not an answer, and it must not look like one."""
    texts, title = view.texts, view.title(turn.knowledge_base)
    said = turn.answer.text or texts.not_found_text.format(title=title)
    apart = {one.passage.heading: one for one in reversed(turn.evidence)}  # the best passage of each heading
    nearest = sorted(apart.values(), key=lambda one: one.rank)[:_CLOSEST]
    closest = "".join(
        f'<li><a class="open" target="_blank" rel="noopener" '
        f"{attribute('href', document_url(turn.knowledge_base, r.passage, None))}>{escape(r.passage.heading)}</a></li>"
        for r in nearest
    )
    near = f"<p>{escape(texts.closest)}:</p><ul>{closest}</ul>" if closest else ""
    heading = escape(texts.not_found.format(title=title))
    said_aloud = f'<div class="answer abstained"><h4>{heading}</h4><p>{escape(said)}</p>{near}</div>'
    return said_aloud + _person(turn.answer, texts)


def _person(answer: Answer, texts: Texts) -> str:
    """The button that asks for a person. What it sends is the same in every language, because the policy reads it."""
    if not answer.offers_person:
        return ""
    button = f'<button class="choice" {attribute("data-say", ASK_A_PERSON)}>{escape(texts.ask_a_person)}</button>'
    return f'<p class="choices">{button}</p>'


def _measure(turn: Turn, texts: Texts) -> str:
    """``●●●●○ sure · 0.86 · from 2 sources · 0.4 s``; no claim of confidence where nothing is claimed."""
    answer, parts = turn.answer, list[str]()
    if answer.kind in ANSWERED and not turn.stopped:
        value = probability(answer.confidence)
        help_text = texts.confidence_help.format(value=value, percent=round(float(value) * 100))
        parts.append(
            f'<span class="sure" {attribute("title", help_text)}><span aria-hidden="true">{dots(answer.confidence)}'
            f"</span> {escape(confidence_word(answer.confidence, texts))} · {value}</span>"
        )
        count = len({citation.passage_id for citation in usable_citations(turn).values()})
        if count:
            parts.append(escape(texts.from_one_source if count == 1 else texts.from_sources.format(count=count)))
    seconds = _seconds(turn.trace.seconds)
    if seconds:
        parts.append(escape(texts.seconds.format(value=f"{seconds:.1f}")))
    return f'<p class="measure">{" · ".join(parts)}</p>' if parts else ""


def _seconds(stages: Mapping[str, float]) -> float:
    return stages["total"] if "total" in stages else sum(stages.values())


def _sources(turn: Turn, view: View) -> str:
    if not turn.evidence:
        return ""
    summary = _sources_summary(len(turn.evidence), view.texts)
    return f'<details class="sources">{summary}{render_sources(turn, view)}{_weighing(turn, view.texts)}</details>'


def _sources_summary(count: int, texts: Texts) -> str:
    return f'<summary>{escape(texts.sources)} <span class="count">{count}</span></summary>'


def _weighing(turn: Turn, texts: Texts) -> str:
    answer = turn.answer
    if answer.weighting is None:
        return ""
    weight = texts.weight.format(value=probability(answer.weighting.retrieval_weight))
    return f'<p class="weighing">{escape(weight)} · {escape(texts.kind[AnswerKind(answer.kind)])}</p>'
