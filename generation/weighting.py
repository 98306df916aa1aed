"""Retrieval weighed against generation: docs/design.md, "Weighting".

For each candidate two probabilities, p_r (this evidence answers this query) and p_g (this text is the answer the
evidence gives). With λ the weight on retrieval the choice is

    argmax  λ · log p_r + (1 − λ) · log p_g

λ is fixed by the operator, or adaptive: each side weighs as much as it is certain, λ = ½ · c_r / (c_r + c_g) with
c = |2p − 1|, so that a probability near one half, which says nothing, has no vote. On the 50 answerable development
questions λ = 0 and 0.3 found the key fact 39 and 38 times, and λ without the ½ (0.5 to 0.7 in most turns) 32 times.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from domain.answer import Answer, AnswerKind, Candidate, Citation, Weighting
from domain.conversation import Query
from domain.passage import RetrievedPassage
from domain.protocols import Draft, Evidence, PassageReader
from generation.quoting import Quote, quotes
from generation.sentence_scoring import SentenceScorer
from generation.support import SUPPORTED_AT, aligned, coverage, missing_specifics, support

Spans = tuple[tuple[int, int], ...]

_CERTAINTY_FLOOR = 0.05  # nobody loses the vote altogether
_CEILING = 0.5  # relevance is near 1 for every article on a subject, so retrieval never outvotes the sentence
_PROBABILITY_FLOOR = 1e-4
_MISSING_SPECIFIC = 0.25  # what is left of p_r when the passage lacks a number, code or name of the question
_VERBATIM = 0.9  # p(text) of a quote: well formed by construction, but perhaps not the whole answer
_ROW = 0.8  # p(text) of a table row: right, but a sentence that says the same reads better
_MIN_DRAFT_WORDS = 3
_ALIGNED_AT = 0.9  # of a draft's words, in order, in its source: this generator may shorten, not yet recompose


@dataclass(frozen=True, slots=True)
class WeightingOptions:
    """``mode`` is ``fixed`` (then ``retrieval_weight`` is λ, 0..1) or ``adaptive``. ``reader_context``: exchanges of
    the conversation that the reader sees with the query, as many as when it ordered the passages."""

    mode: str = "adaptive"
    retrieval_weight: float = 0.5
    reader_context: int = 0


@dataclass(frozen=True, slots=True)
class _Proposal:
    text: str
    kind: AnswerKind
    origin: str
    citations: tuple[Citation, ...]
    p_retrieval: float
    p_generation: float
    p_answered: float  # calibrated: the sentences this rests on hold the answer; what is shown as confidence


class CandidateWeigher:
    """Makes the candidates of a turn (drafts and quotes), cites them, and proposes the best."""

    def __init__(
        self,
        reader: PassageReader,
        split: Callable[[str], Spans],
        options: WeightingOptions = WeightingOptions(),
        scorer: SentenceScorer | None = None,
    ) -> None:
        """``split`` gives the sentence spans of a text; ``scorer`` calibrates the reader's sentence scores, which
        are taken as they are without one."""
        self._reader, self._split, self._options, self._scorer = reader, split, options, scorer

    def propose(self, query: Query, evidence: Sequence[RetrievedPassage], drafts: Sequence[Draft]) -> Answer | None:
        """The best answer with its citations, confidence and weighting; None when there is no candidate.

        Markers count the cited passages in the order of the evidence, from 1.
        """
        if not evidence:
            return None
        seen = self._options.reader_context
        readings = self._reader.read(query.in_context(seen), [one.passage for one in evidence])
        if self._scorer is not None:
            readings = self._scorer.scored(query, evidence, readings, seen)
        trust = [_trusted(query.text, one, reading) for one, reading in zip(evidence, readings, strict=True)]
        proposals = [self._from_quote(quote, evidence, trust) for quote in quotes(evidence, readings)]
        proposals += [p for d in drafts if (p := self._from_draft(d, evidence, readings, trust)) is not None]
        return self._chosen(_merged(proposals), trust) if proposals else None

    def presentable(self, text: str, evidence: Sequence[RetrievedPassage]) -> str:
        """The beginning of a growing draft that may be shown: its complete sentences, as long as each is supported."""
        shown = 0
        for start, end in self._split(text):
            if text[end - 1] not in ".!?" or end == len(text) or not self._is_supported(text[start:end], evidence):
                break
            shown = end
        return text[:shown]

    def _is_supported(self, sentence: str, evidence: Sequence[RetrievedPassage]) -> bool:
        return any(
            support(sentence, one.passage.text[slice(*span)], one.passage.heading) >= SUPPORTED_AT
            for one in evidence
            for span in self._split(one.passage.text)
        )

    def _from_quote(self, quote: Quote, evidence: Sequence[RetrievedPassage], trust: Sequence[float]) -> _Proposal:
        at = next(i for i, one in enumerate(evidence) if one is quote.source)
        covering = (quote.spans[0][0], quote.spans[-1][1])
        citation = Citation(
            marker=at + 1,
            passage_id=quote.source.passage.id,
            sentence=(0, len(quote.text)),
            quote_span=covering,
            quote=quote.source.passage.text[slice(*covering)],
            support=1.0,
        )
        return _Proposal(
            text=quote.text,
            kind=AnswerKind.QUOTED,
            origin=f"quote {at + 1}",
            citations=(citation,),
            p_retrieval=trust[at],
            p_generation=(_ROW if "|" in quote.source.passage.text[slice(*quote.spans[0])] else _VERBATIM)
            * quote.score,
            p_answered=quote.score,
        )

    def _from_draft(
        self, draft: Draft, evidence: Sequence[RetrievedPassage], readings: Sequence[Evidence], trust: Sequence[float]
    ) -> _Proposal | None:
        """The supported sentences of a draft; None when nothing of it is supported or it is no sentence."""
        kept, citations, scores, markers = "", [], [], []
        for start, end in self._split(draft.text):
            sentence = draft.text[start:end]
            best = _best_support(sentence, evidence, readings)
            if best is None or not _is_whole(sentence):
                continue
            at, span, supported, score = best
            if aligned(sentence, evidence[at].passage.text[slice(*span)]) < _ALIGNED_AT:
                continue
            kept = f"{kept} {sentence}".strip()
            place = (len(kept) - len(sentence), len(kept))
            passage = evidence[at].passage
            citations.append(Citation(at + 1, passage.id, place, span, passage.text[slice(*span)], supported))
            scores.append(supported * score)
            markers.append(at)
        if not citations or _repeats(kept):
            return None
        fluency = math.exp(draft.log_probability / max(draft.token_count, 1))
        answered = sum(scores) / len(scores)
        return _Proposal(
            text=kept,
            kind=AnswerKind.GENERATED,
            origin=draft.origin,
            citations=tuple(citations),
            p_retrieval=max(trust[at] for at in markers),
            p_generation=fluency * answered,
            p_answered=answered,
        )

    def _chosen(self, proposals: Sequence[_Proposal], trust: Sequence[float]) -> Answer:
        weighed = [(self._weight(proposal), proposal) for proposal in proposals]
        utilities = [_utility(weight, proposal) for weight, proposal in weighed]
        best = max(range(len(proposals)), key=lambda i: (utilities[i], -i))
        weight, chosen = weighed[best]
        candidates = tuple(
            Candidate(p.text, p.kind, p.origin, p.p_retrieval, p.p_generation, utility, chosen=i == best)
            for i, (p, utility) in enumerate(zip(proposals, utilities, strict=True))
        )
        ordered = sorted(trust, reverse=True)
        features = {
            "p_retrieval": chosen.p_retrieval,
            "p_generation": chosen.p_generation,
            "margin": ordered[0] - ordered[1] if len(ordered) > 1 else ordered[0],
        }
        return Answer(
            text=chosen.text,
            kind=chosen.kind,
            citations=_renumbered(chosen.citations),
            confidence=chosen.p_answered,
            weighting=Weighting(weight, self._options.mode, candidates, features),
        )

    def _weight(self, proposal: _Proposal) -> float:
        """λ for this candidate."""
        if self._options.mode == "fixed":
            return self._options.retrieval_weight
        return adaptive_weight(proposal.p_retrieval, proposal.p_generation)


def adaptive_weight(p_retrieval: float, p_generation: float) -> float:
    """λ = ½ · c_r / (c_r + c_g), c = |2p − 1| but at least ``_CERTAINTY_FLOOR``."""
    certain_r = max(abs(2 * p_retrieval - 1), _CERTAINTY_FLOOR)
    certain_g = max(abs(2 * p_generation - 1), _CERTAINTY_FLOOR)
    return _CEILING * certain_r / (certain_r + certain_g)


def _utility(weight: float, proposal: _Proposal) -> float:
    """λ · log p_r + (1 − λ) · log p_g, natural logarithms."""
    p_r, p_g = max(proposal.p_retrieval, _PROBABILITY_FLOOR), max(proposal.p_generation, _PROBABILITY_FLOOR)
    return weight * math.log(p_r) + (1 - weight) * math.log(p_g)


def _trusted(question: str, retrieved: RetrievedPassage, reading: Evidence) -> float:
    """p_r of one passage: the reader's relevance, lowered where the passage lacks what the question insists on."""
    text = f"{retrieved.passage.heading} {retrieved.passage.text}"
    penalty = _MISSING_SPECIFIC if missing_specifics(question, text) else 1.0
    covered = coverage(question, text)
    return reading.relevance * penalty * (0.5 + 0.5 * covered)


def _best_support(
    sentence: str, evidence: Sequence[RetrievedPassage], readings: Sequence[Evidence]
) -> tuple[int, tuple[int, int], float, float] | None:
    """(index of the passage, span of the supporting sentence, support, the reader's score of it), or None."""
    found = [
        (support(sentence, one.passage.text[slice(*span)], one.passage.heading), score, -i, span)
        for i, (one, reading) in enumerate(zip(evidence, readings, strict=True))
        for span, score in zip(reading.sentences, reading.sentence_scores, strict=True)
    ]
    if not found:
        return None
    supported, score, i, span = max(found)
    return (-i, span, supported, score) if supported >= SUPPORTED_AT else None


def _is_whole(sentence: str) -> bool:
    """True for something that can stand as a sentence: enough words, a proper end."""
    return len(sentence.split()) >= _MIN_DRAFT_WORDS and sentence.rstrip()[-1:] in ".!?)"


def _repeats(text: str) -> bool:
    words = text.lower().split()
    trigrams = list(zip(words, words[1:], words[2:], strict=False))
    return len(set(trigrams)) < len(trigrams)


def _merged(proposals: Sequence[_Proposal]) -> list[_Proposal]:
    """One proposal a text: where a draft says what a quote says, the likelier of the two stands."""
    best: dict[str, _Proposal] = {}
    for proposal in proposals:
        known = best.get(proposal.text)
        if known is None or proposal.p_generation > known.p_generation:
            best[proposal.text] = proposal
    return list(best.values())


def _renumbered(citations: tuple[Citation, ...]) -> tuple[Citation, ...]:
    """Markers 1, 2, … in the order the answer cites, so that no number is missing."""
    order: dict[str, int] = {}
    for citation in citations:
        order.setdefault(citation.passage_id, len(order) + 1)
    return tuple(replace(citation, marker=order[citation.passage_id]) for citation in citations)
