"""Why a turn ended as it did, in plain words, from its trace alone.

No model is asked and nothing is guessed: every number in the text is one of the turn (rounded to two places), every
heading that of a passage the turn found. Where the trace is silent, so is the text. It is English, as the reasons in
the trace are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from domain.answer import Answer, AnswerKind, Candidate, Reason, Weighting
from domain.conversation import Gate, Query, Turn
from domain.passage import RetrievedPassage

ABSTAIN_BELOW = "abstain_below"
"""The name of the threshold among ``Weighting.features``, where the policy leaves it in the trace."""

_LONGEST_NAME = 90  # characters of a heading; the end of a longer one says the least
_FLOOR = 1e-4  # under a logarithm, as in the weighing
_QUOTES = re.compile(r"quote ((?:\d+)(?: \+ \d+)*)")

_DECLINED: Mapping[Reason, str] = {
    Reason.FOREIGN: "The message is about something else than the documents, so nothing was searched.",
    Reason.EMERGENCY: "The message may come from somebody in danger, so nothing was searched.",
    Reason.UNSAFE: "The message asks for help to do harm or for somebody else's data, so nothing was searched.",
    Reason.INJECTION: "The message gives orders to the assistant itself, so nothing was searched.",
}
_HANDED_OVER: Mapping[Reason, str] = {
    Reason.ASKED_FOR_PERSON: "A person was asked for, so the message was passed on.",
    Reason.AFTER_ABSTENTION: "The documents had no sure answer and a person was wanted, so the question was passed on.",
}
_PASSED_ON = "The message was passed on to a person."
_SMALL_TALK = "It is small talk, so nothing was searched."
_STOPPED = "It was stopped while it was being written, so no answer was chosen and nothing is cited."


def plain_words(turn: Turn) -> str:
    """One to four sentences: what was searched if not the message, what the answer stands on, what came next, and how
    the two sides were weighed; or why there is no answer."""
    if turn.stopped:
        return _STOPPED
    answer, asked = turn.answer, _completed(turn.query)
    match answer.kind:
        case AnswerKind.SMALL_TALK:
            return _SMALL_TALK
        case AnswerKind.HANDED_OFF:
            return _HANDED_OVER.get(answer.reason, _PASSED_ON)
        case AnswerKind.CLARIFYING:
            return _joined([asked, _asked_back(answer)])
        case AnswerKind.ABSTAINED:
            return _DECLINED.get(answer.reason) or _joined([asked, *_not_known(turn)])
        case _:
            return _joined([asked, _source(turn), _rival(turn), _weighed(answer)])


def _completed(query: Query) -> str:
    """What became of the message before the search; nothing where it was searched as typed."""
    if query.gate is Gate.RESET:
        return "The message was taken as a new topic, so nothing said before was used."
    if query.gate is not Gate.REWRITE:
        return ""
    said, reason = "The message was completed from the conversation", _line(query.reason).rstrip(".")
    return f"{said}." if not reason or reason == "completed from the conversation" else f"{said}: {reason}."


def _source(turn: Turn) -> str:
    """The cited passages, and how they bear the answer out."""
    answer = turn.answer
    known = {citation.passage_id for citation in answer.citations}
    cited = [one for one in turn.evidence if one.passage.id in known]
    if not cited:
        return ""
    named = _passages(cited)
    if answer.kind is AnswerKind.QUOTED:
        return f"The answer is quoted from {named}."
    weakest = min(citation.support for citation in answer.citations)
    return f"The answer was written from {named}, with support of at least {_number(weakest)} for each sentence."


def _rival(turn: Turn) -> str:
    """The next best answer, and on which of the two sides it fell behind most."""
    weighting = turn.answer.weighting
    best, other = _first_two(weighting)
    if weighting is None or best is None or other is None:
        return ""
    where, weight = _origin(other, turn.evidence), weighting.retrieval_weight
    by_passage = weight * _log_ratio(best.p_retrieval, other.p_retrieval)
    by_text = (1 - weight) * _log_ratio(best.p_generation, other.p_generation)
    if by_text >= by_passage:
        mine, theirs, what = best.p_generation, other.p_generation, "is less likely to be the answer its source gives"
    else:
        mine, theirs, what = best.p_retrieval, other.p_retrieval, "has a source less likely to answer the question"
    if _number(mine) == _number(theirs) or mine <= theirs:
        return f"The next best answer, {where}, weighs almost the same."
    return f"The next best answer, {where}, {what} ({_number(theirs)} against {_number(mine)})."


def _weighed(answer: Answer) -> str:
    """λ with what it weighed, and the confidence that came of it."""
    sure = f"confidence {_number(answer.confidence)}"
    best, _ = _first_two(answer.weighting)
    if answer.weighting is None or best is None:
        return f"{sure[0].upper()}{sure[1:]}."
    how = {"fixed": ", fixed by the operator", "adaptive": ", set for this turn"}.get(answer.weighting.mode, "")
    weight = _number(answer.weighting.retrieval_weight)
    source, text = _number(best.p_retrieval), _number(best.p_generation)
    return f"The source (probability {source}) counted with λ {weight}{how}, the text ({text}) with the rest: {sure}."


def _not_known(turn: Turn) -> list[str]:
    """What was nearest, and how far the best answer stayed below what is asked for."""
    if not turn.evidence:
        return ["Nothing in the documents came near enough, so there was nothing to answer from."]
    nearest, answer = turn.evidence[0], turn.answer
    relevance = nearest.signals.get("relevance")
    sure = "" if relevance is None else f", with probability {_number(relevance)} to answer the question"
    return [f"The nearest passage is {_named(nearest)}{sure}.", _too_unsure(answer, turn.evidence)]


def _too_unsure(answer: Answer, evidence: Sequence[RetrievedPassage]) -> str:
    candidates = answer.weighting.candidates if answer.weighting else ()
    if answer.weighting is None or not candidates:
        return "Nothing in what was found could stand as an answer."
    best = max(candidates, key=lambda one: one.utility)
    origin = _origin(best, evidence)
    where = "there" if origin == f"from {_passages(evidence[:1])}" else f"found, {origin},"
    found = f"The best answer {where} has confidence {_number(answer.confidence)}"
    asked = answer.weighting.features.get(ABSTAIN_BELOW)
    if asked is None or _number(asked) == _number(answer.confidence):
        return f"{found}, too little to be given."
    return f"{found}, where {_number(asked)} is asked for."


def _asked_back(answer: Answer) -> str:
    options = [f"“{_line(option)}”" for option in answer.options]
    meant = f": {_listed(options)}" if options else ""
    said = f"The message can be meant in more than one way{meant}"
    if answer.weighting is None or not answer.weighting.candidates:
        return f"{said}."
    return f"{said}; answered at once, it would have had confidence {_number(answer.confidence)}."


def _first_two(weighting: Weighting | None) -> tuple[Candidate | None, Candidate | None]:
    """The chosen candidate and the best of those that say something else."""
    candidates = weighting.candidates if weighting else ()
    best = next((one for one in candidates if one.chosen), None)
    others = [one for one in candidates if best is not None and one is not best and one.text != best.text]
    return best, max(others, key=lambda one: one.utility, default=None)


def _origin(candidate: Candidate, evidence: Sequence[RetrievedPassage]) -> str:
    """``from passage 3 (Late fees › Ireland)``; candidates count the passages in the order of the evidence, from 1."""
    quoted = _QUOTES.fullmatch(candidate.origin)
    places = [int(number) for number in quoted[1].split(" + ")] if quoted else []
    known = [evidence[place - 1] for place in places if 0 < place <= len(evidence)]
    if known and len(known) == len(places):
        return f"from {_passages(known)}"
    return "a draft of the answerer" if candidate.kind is AnswerKind.GENERATED else "another quote"


def _passages(found: Sequence[RetrievedPassage]) -> str:
    """``passages 1 (Late fees › UK) and 3 (Late fees › Ireland)``."""
    return f"{'passage' if len(found) == 1 else 'passages'} {_listed([_named(one) for one in found])}"


def _named(one: RetrievedPassage) -> str:
    """``3 (Late fees › Ireland)``."""
    name = _line(one.passage.heading)
    return f"{one.rank} ({name})" if name else f"{one.rank}"


def _line(text: str) -> str:
    """One line of text that is not ours, cut where it is very long."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_NAME else f"{line[:_LONGEST_NAME].rstrip()}…"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _joined(sentences: Sequence[str]) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def _number(value: float) -> str:
    return f"{value:.2f}"


def _log_ratio(mine: float, theirs: float) -> float:
    return math.log(max(mine, _FLOOR) / max(theirs, _FLOOR))
