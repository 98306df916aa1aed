"""Retrieval weighed against generation: docs/design.md, "Weighting".

For each candidate two probabilities, p_r (this evidence answers this query) and p_g (this text is the answer the
evidence gives). With λ the weight on retrieval the choice is

    argmax  λ · log p_r + (1 − λ) · log p_g

λ is fixed by the operator, or adaptive: predicted from the figures of the turn (``BALANCE``). p_r, p_g, λ and the
confidence come from what was fitted on development turns (``generation.calibration``). Where nothing was fitted rules
hold: p_r and p_g as ``generation.candidates`` computes them, each side weighs as much as it is certain, λ = ½ · c_r /
(c_r + c_g) with c = |2p − 1|, so that a probability near one half, which says nothing, has no vote, and the confidence
is that of the sentences behind the answer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from domain.answer import Answer, AnswerKind, Candidate, Citation, Weighting
from domain.conversation import Gate, Query
from domain.passage import Passage, RetrievedPassage
from domain.protocols import Draft, PassageReader
from generation.calibration import AnswerWeights, logit
from generation.candidates import FURTHER_PART, Found, Proposal, candidates, found
from generation.citing import Citer, Split, pieces_of
from generation.opposites import reversed_actions
from generation.sentence_scoring import SentenceScorer

BALANCE = (
    *("relevance", "lead", "agreement", "covered", "score", "fluency", "support", "drafts", "follow_up", "rewritten"),
)
"""The figures of a turn that λ is predicted from."""

CONFIDENCE = ("answered", "lead", "parts", "further", "gap", "untold", "rewritten", "follow_up")
"""The figures of the chosen candidate and its turn that the confidence is predicted from."""

_CERTAINTY_FLOOR = 0.05  # nobody loses the vote altogether
_CEILING = 0.5  # relevance is near 1 for every article on a subject, so retrieval never outvotes the sentence
_PROBABILITY_FLOOR = 1e-4
_NO_DRAFT = -3.0  # nats a token: as a draft that the model itself did not believe in
_REVERSED = 0.25  # what is left of the confidence of an answer that tells how to do the opposite of what was asked
_WIDEST_GAP = 3.0  # nats: the choice is clear, and how clear says no more


@dataclass(frozen=True, slots=True)
class WeightingOptions:
    """``mode`` is ``fixed`` (then ``retrieval_weight`` is λ, 0..1) or ``adaptive``. ``reader_context``: exchanges of
    the conversation that the reader sees with the query, as many as when it ordered the passages."""

    mode: str = "adaptive"
    retrieval_weight: float = 0.5
    reader_context: int = 0


class CandidateWeigher:
    """Makes the candidates of a turn (drafts and quotes), cites them, and proposes the best."""

    def __init__(
        self,
        reader: PassageReader,
        split: Split,
        options: WeightingOptions = WeightingOptions(),
        scorer: SentenceScorer | None = None,
        fitted: AnswerWeights | None = None,
    ) -> None:
        """``split`` gives the sentence spans of a text; ``scorer`` calibrates the reader's sentence scores, which
        are taken as they are without one; without ``fitted`` the rules hold."""
        self._reader, self._split, self._options, self._scorer = reader, split, options, scorer
        self._fitted = fitted

    def propose(self, query: Query, evidence: Sequence[RetrievedPassage], drafts: Sequence[Draft]) -> Answer | None:
        """The best answer with its citations, confidence and weighting; None when there is no candidate.

        Markers count the cited passages in the order of the text, from 1.
        """
        if not evidence:
            return None
        seen = self._options.reader_context
        readings = self._reader.read(query.in_context(seen), [one.passage for one in evidence])
        if self._scorer is not None:
            readings = self._scorer.scored(query, evidence, readings, seen)
        turn = found(query, evidence, readings)
        made, removed = candidates(turn, drafts, self._split)
        best = chosen(turn, made, self._options, self._fitted)
        if best is None or best.weighting is None:
            return best
        return replace(best, weighting=replace(best.weighting, removed=removed))

    def presentable(self, text: str, evidence: Sequence[RetrievedPassage]) -> str:
        """The beginning of a growing draft that may be shown: its complete sentences, as long as each is supported."""
        shown = 0
        for start, end in self._split(text):
            if text[end - 1] not in ".!?" or end == len(text) or not self._is_supported(text[start:end], evidence):
                break
            shown = end
        return text[:shown]

    def _is_supported(self, sentence: str, evidence: Sequence[RetrievedPassage]) -> bool:
        return _is_borne_out(sentence, tuple(one.passage for one in evidence), self._split)


@lru_cache(maxsize=256)  # a growing draft is asked about at every token
def _is_borne_out(sentence: str, passages: tuple[Passage, ...], split: Split) -> bool:
    every = (piece for at, one in enumerate(passages) for piece in pieces_of(at, one, split(one.text)))
    return Citer(every).objection(sentence) == ""


def chosen(
    turn: Found, made: Sequence[Proposal], options: WeightingOptions, fitted: AnswerWeights | None = None
) -> Answer | None:
    """The best of ``made`` as an answer with the whole weighing; None when there is nothing to choose from."""
    if not made:
        return None
    judged = [calibrated(one, fitted) for one in made]
    of_turn = turn_figures(turn, judged)
    weights = [_weight(one, of_turn, options, fitted) for one in judged]
    utilities = [utility(weight, one) for weight, one in zip(weights, judged, strict=True)]
    best = max(range(len(judged)), key=lambda i: (utilities[i], -i))
    turned = float(reversed_actions(turn.query.text, [judged[best].text]))
    figures = {**chosen_figures(judged, utilities, best, of_turn), "reversed": turned}
    candidates = tuple(
        Candidate(one.text, one.kind, one.origin, one.p_retrieval, one.p_generation, worth, chosen=i == best)
        for i, (one, worth) in enumerate(zip(judged, utilities, strict=True))
    )
    confidence = judged[best].p_answered if fitted is None else fitted.sure(figures)
    confidence *= _REVERSED if turned else 1.0
    return Answer(
        text=judged[best].text,
        kind=judged[best].kind,
        citations=_renumbered(judged[best].citations),
        confidence=confidence,
        weighting=Weighting(weights[best], options.mode, candidates, figures),
    )


def calibrated(proposal: Proposal, fitted: AnswerWeights | None) -> Proposal:
    """The candidate with p_r and p_g as they were fitted; as it is where nothing was."""
    if fitted is None:
        return proposal
    return replace(
        proposal,
        p_retrieval=fitted.retrieval.probability(proposal.features),
        p_generation=fitted.writing.probability(proposal.features) * FURTHER_PART ** proposal.features["parts"],
    )


def adaptive_weight(p_retrieval: float, p_generation: float) -> float:
    """The rule: λ = ½ · c_r / (c_r + c_g), c = |2p − 1| but at least ``_CERTAINTY_FLOOR``."""
    certain_r = max(abs(2 * p_retrieval - 1), _CERTAINTY_FLOOR)
    certain_g = max(abs(2 * p_generation - 1), _CERTAINTY_FLOOR)
    return _CEILING * certain_r / (certain_r + certain_g)


def utility(weight: float, proposal: Proposal) -> float:
    """λ · log p_r + (1 − λ) · log p_g, natural logarithms."""
    p_r, p_g = max(proposal.p_retrieval, _PROBABILITY_FLOOR), max(proposal.p_generation, _PROBABILITY_FLOOR)
    return weight * math.log(p_r) + (1 - weight) * math.log(p_g)


def turn_figures(turn: Found, made: Sequence[Proposal]) -> dict[str, float]:
    """The values of ``BALANCE``, and what else the confidence wants to know of a turn (``gate``, ``reset``)."""
    query, drafted = turn.query, [one for one in made if one.kind is AnswerKind.GENERATED]
    relevance = sorted((reading.relevance for reading in turn.readings), reverse=True)
    first = made[0].features
    rewritten = query.text.strip() != query.original.strip()
    return {
        "relevance": logit(relevance[0]),
        "lead": relevance[0] - relevance[1] if len(relevance) > 1 else relevance[0],
        "agreement": first.get("agreement", 0.0),
        "covered": turn.sources[0].figures["covered"],
        "score": max(one.features.get("score", 0.0) for one in made),
        "fluency": max((one.features.get("fluency", 0.0) for one in drafted), default=_NO_DRAFT),
        "support": max((one.features.get("support", 0.0) for one in drafted), default=0.0),
        "drafts": float(len(drafted)),
        "follow_up": float(bool(query.context)),
        "rewritten": float(rewritten),
        "gate": query.confidence if rewritten else 1.0,
        "reset": float(query.gate is Gate.RESET),
    }


def chosen_figures(
    made: Sequence[Proposal], utilities: Sequence[float], best: int, turn: Mapping[str, float]
) -> dict[str, float]:
    """Every figure of the candidate ``best``, those of ``CONFIDENCE`` among them, for the trace: its probabilities,
    its features, how far it is before the best that cites other sentences (``gap``, nats), and the turn's."""
    one, places = made[best], _places(made[best])
    rivals = [u for u, other in zip(utilities, made, strict=True) if places.isdisjoint(_places(other))]
    return {
        **{f"turn_{name}": value for name, value in turn.items()},
        **one.features,
        **{name: turn[name] for name in ("rewritten", "gate", "follow_up", "reset")},
        "p_retrieval": one.p_retrieval,
        "p_generation": one.p_generation,
        "p_answered": one.p_answered,
        "answered": logit(one.p_answered),
        "margin": turn["lead"],
        "gap": min(utilities[best] - max(rivals), _WIDEST_GAP) if rivals else _WIDEST_GAP,
    }


def _weight(
    proposal: Proposal, turn: Mapping[str, float], options: WeightingOptions, fitted: AnswerWeights | None
) -> float:
    """λ for this candidate: the same for all of a turn but where the rule holds."""
    if options.mode == "fixed":
        return options.retrieval_weight
    if fitted is not None:
        return fitted.balance.probability(turn)
    return adaptive_weight(proposal.p_retrieval, proposal.p_generation)


def _places(proposal: Proposal) -> frozenset[tuple[str, tuple[int, int]]]:
    return frozenset((citation.passage_id, citation.quote_span) for citation in proposal.citations)


def _renumbered(citations: tuple[Citation, ...]) -> tuple[Citation, ...]:
    """Markers 1, 2, … in the order the answer cites, so that no number is missing."""
    order: dict[str, int] = {}
    for citation in citations:
        order.setdefault(citation.passage_id, len(order) + 1)
    return tuple(replace(citation, marker=order[citation.passage_id]) for citation in citations)
