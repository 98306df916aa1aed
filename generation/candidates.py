"""The candidates of a turn: quotes, the best sentences of several quotes together, and what drafts said supportedly.

Each carries its citations and the figures it is weighed by: of its source (``RETRIEVAL``) and of its text
(``WRITING``). Nothing is chosen here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from domain.answer import AnswerKind, Citation, Removal
from domain.conversation import Query
from domain.passage import RetrievedPassage
from domain.protocols import Draft, Evidence
from generation.answer_type import expected_type, has_type
from generation.calibration import logit
from generation.citing import Citer, Fit, Split, pieces_of
from generation.joining import together, worth_telling
from generation.quoting import Quote, quotes
from generation.support import coverage, missing_specifics
from generation.words import content_words

RETRIEVAL = ("relevance", "rank", "lead", "agreement", "covered", "missing")
WRITING = ("score", "further", "drafted", "fluency", "support", "parts", "row", "type", "said_again", "told", "untold")

_MISSING_SPECIFIC = 0.25  # what is left of p_r when the passage lacks a number, code or name of the question
_VERBATIM = 0.9  # p(text) of a quote: well formed by construction, but perhaps not the whole answer
_ROW = 0.8  # p(text) of a table row: right, but a sentence that says the same reads better
FURTHER_PART = 0.9  # p(text) for every further part: who asked one thing reads one sentence rather than three
_SAID_AGAIN = 0.6  # of an answer's content words in one sentence of another passage


@dataclass(frozen=True, slots=True)
class Proposal:
    """One possible answer. ``markers`` of its citations count the evidence from 1; ``passages`` are the indexes of
    the cited ones; ``p_retrieval`` and ``p_generation`` as docs/design.md has them; ``p_answered`` the probability
    that its sentences hold the answer; ``features`` the figures of ``RETRIEVAL`` and ``WRITING``."""

    text: str
    kind: AnswerKind
    origin: str
    citations: tuple[Citation, ...]
    p_retrieval: float
    p_generation: float
    p_answered: float
    features: Mapping[str, float] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Source:
    """One passage as the candidates see it. ``trust`` is p_r by rule: the relevance, lowered where the passage lacks
    what the question insists on; ``figures`` those of ``RETRIEVAL`` but ``lead``; ``words`` the content words of each
    sentence."""

    retrieved: RetrievedPassage
    reading: Evidence
    trust: float
    figures: Mapping[str, float]
    words: tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What a turn found: the query and its passages, in the order of the evidence; at least one."""

    query: Query
    sources: tuple[Source, ...]

    @property
    def evidence(self) -> list[RetrievedPassage]:
        """The passages."""
        return [source.retrieved for source in self.sources]

    @property
    def readings(self) -> list[Evidence]:
        """What the reader says of each."""
        return [source.reading for source in self.sources]


def found(query: Query, evidence: Sequence[RetrievedPassage], readings: Sequence[Evidence]) -> Found:
    """The passages with their figures; ``readings`` have probabilities as sentence scores."""
    return Found(query, tuple(_source(query.text, *one) for one in zip(evidence, readings, strict=True)))


def _source(question: str, retrieved: RetrievedPassage, reading: Evidence) -> Source:
    whole = f"{retrieved.passage.heading} {retrieved.passage.text}"
    missing, covered = missing_specifics(question, whole), coverage(question, whole)
    penalty = _MISSING_SPECIFIC if missing else 1.0
    figures = {
        "relevance": logit(reading.relevance),
        "rank": math.log(retrieved.rank),
        "agreement": _agreement(retrieved.signals),
        "covered": covered,
        "missing": float(len(missing)),
    }
    words = tuple(frozenset(content_words(retrieved.passage.text[slice(*span)])) for span in reading.sentences)
    return Source(retrieved, reading, reading.relevance * penalty * (0.5 + 0.5 * covered), figures, words)


def proposals(turn: Found, drafts: Sequence[Draft], split: Split) -> list[Proposal]:
    """Every candidate, a text once. ``split`` gives the sentence spans of a text."""
    return candidates(turn, drafts, split)[0]


def candidates(turn: Found, drafts: Sequence[Draft], split: Split) -> tuple[list[Proposal], tuple[Removal, ...]]:
    """Every candidate, a text once, and what was taken out of the drafts."""
    told = quotes(turn.evidence, turn.readings)
    made = [_joined(turn, (quote,)) for quote in told]
    made += [_joined(turn, parts) for parts in together(turn.evidence, turn.readings, told)]
    fits = _fitted(turn, drafts, split)
    made += [one for draft, fit in zip(drafts, fits, strict=True) if (one := _drafted(turn, draft, fit)) is not None]
    return _merged(made), tuple(one for fit in fits for one in fit.removed)


def _fitted(turn: Found, drafts: Sequence[Draft], split: Split) -> list[Fit]:
    """What of each draft may be said."""
    if not drafts:
        return []
    sources = [(one.retrieved.passage, one.reading) for one in turn.sources]
    citer = Citer(
        piece
        for at, (passage, reading) in enumerate(sources)
        for piece in pieces_of(at, passage, reading.sentences, reading.sentence_scores)
    )
    texts = [passage.text for passage, _ in sources]
    return [citer.fit(draft, texts, split) for draft in drafts]


def _joined(turn: Found, parts: Sequence[Quote]) -> Proposal:
    """One answer of several quotes, each cited for itself. What is not worth telling of them counts all the same."""
    told = worth_telling(turn.query.text, parts)
    text, citations = "", []
    for part in told:
        text = f"{text}\n{part.text}" if text else part.text
        citations.append(_cited(turn, part, (len(text) - len(part.text), len(text))))
    places = [_place(turn, part) for part in parts]
    score = _any_of([part.score for part in parts])
    row = any("|" in citation.quote for citation in citations)
    plain = (_ROW if row else _VERBATIM) * FURTHER_PART ** (len(parts) - 1)
    whole = "\n".join(part.text for part in parts)
    return Proposal(
        text=text,
        kind=AnswerKind.QUOTED,
        origin="quote " + " + ".join(str(citation.marker) for citation in citations),
        citations=tuple(citations),
        p_retrieval=max(turn.sources[place].trust for place in places),
        p_generation=plain * score,
        p_answered=score,
        features=_features(turn, whole, places, [part.score for part in parts]) | {"row": float(row)},
    )


def _place(turn: Found, part: Quote) -> int:
    return next(i for i, one in enumerate(turn.sources) if one.retrieved is part.source)


def _cited(turn: Found, part: Quote, sentence: tuple[int, int]) -> Citation:
    passage, covering = part.source.passage, (part.spans[0][0], part.spans[-1][1])
    return Citation(_place(turn, part) + 1, passage.id, sentence, covering, passage.text[slice(*covering)], 1.0)


def _drafted(turn: Found, draft: Draft, fit: Fit) -> Proposal | None:
    """What may be said of a draft; None where that is nothing."""
    if not fit.sentences:
        return None
    citations, scores = [], []
    for one in fit.sentences:
        piece = one.piece
        passage = turn.sources[piece.at].retrieved.passage
        citations.append(Citation(piece.at + 1, passage.id, one.span, piece.span, piece.text, one.support))
        scores.append(piece.score)
    return _as_proposal(turn, draft, fit.text, citations, scores)


def _as_proposal(
    turn: Found, draft: Draft, text: str, citations: Sequence[Citation], scores: Sequence[float]
) -> Proposal:
    fluency = draft.log_probability / max(draft.token_count, 1)
    supports = [citation.support for citation in citations]
    answered = sum(s * score for s, score in zip(supports, scores, strict=True)) / len(scores)
    places = [citation.marker - 1 for citation in citations]
    drafted = {"drafted": 1.0, "fluency": fluency, "support": min(supports)}
    return Proposal(
        text=text,
        kind=AnswerKind.GENERATED,
        origin=draft.origin,
        citations=tuple(citations),
        p_retrieval=max(turn.sources[place].trust for place in places),
        p_generation=math.exp(fluency) * answered,
        p_answered=answered,
        features=_features(turn, text, places, scores) | drafted,
    )


def _features(turn: Found, text: str, places: Sequence[int], scores: Sequence[float]) -> dict[str, float]:
    """The figures of a candidate that rests on the passages ``places`` and on sentences with ``scores``."""
    source = max((turn.sources[place] for place in places), key=lambda one: one.trust)
    others = [one.reading.relevance for i, one in enumerate(turn.sources) if i not in places]
    question = turn.query.text
    whole = " ".join([*(turn.sources[at].retrieved.passage.heading for at in dict.fromkeys(places)), text])
    return {
        **source.figures,
        "lead": source.reading.relevance - max(others, default=0.0),
        "score": logit(max(scores)),
        "further": logit(_any_of(scores)) - logit(max(scores)),
        "drafted": 0.0,
        "fluency": 0.0,
        "support": 1.0,
        "parts": float(len(scores) - 1),
        "row": 0.0,
        "type": has_type(text, expected_type(question)),
        "said_again": _said_again(turn, text, places),
        "told": coverage(question, whole),
        "untold": float(len(missing_specifics(question, whole))),
    }


def _agreement(signals: Mapping[str, float]) -> float:
    """How far the search by meaning and the one by word agree on a passage, 0..1: the smaller rank over the larger,
    0 where one of them did not find it."""
    ranks = [signals[name] for name in ("dense_rank", "bm25_rank") if name in signals]
    return min(ranks) / max(ranks) if len(ranks) == 2 else 0.0  # two searches


def _said_again(turn: Found, text: str, places: Sequence[int]) -> float:
    """How many other passages have a sentence with most of the words of ``text``: they say much the same."""
    claimed = frozenset(content_words(text))
    others = (one for i, one in enumerate(turn.sources) if i not in places)
    enough = max(_SAID_AGAIN * len(claimed), 1)
    return float(sum(any(len(claimed & words) >= enough for words in one.words) for one in others))


def _merged(made: Sequence[Proposal]) -> list[Proposal]:
    """One proposal a text: where a draft says what a quote says, the likelier of the two stands; where several quotes
    come down to one, what was found with more of them behind it."""
    best: dict[str, Proposal] = {}
    for one in made:
        known = best.get(one.text)
        if known is None or _stands_for(one, known):
            best[one.text] = one
    return list(best.values())


def _stands_for(one: Proposal, known: Proposal) -> bool:
    if one.kind is known.kind is AnswerKind.QUOTED:
        return one.features["parts"] > known.features["parts"]
    return one.p_generation > known.p_generation


def _any_of(probabilities: Sequence[float]) -> float:
    """1 − Π(1 − p): that at least one holds, were they independent."""
    return 1 - math.prod(1 - p for p in probabilities)
