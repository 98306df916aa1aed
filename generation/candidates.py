"""The candidates of a turn: quotes, the best sentences of several quotes together, and what drafts said supportedly.

Each carries its citations and the figures it is weighed by: of its source (``RETRIEVAL``) and of its text
(``WRITING``). Nothing is chosen here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from domain.answer import AnswerKind, Citation
from domain.conversation import Query
from domain.passage import RetrievedPassage
from domain.protocols import Draft, Evidence
from generation.answer_type import expected_type, has_type
from generation.calibration import logit
from generation.quoting import Quote, best_sentences, quotes
from generation.support import SUPPORTED_AT, aligned, coverage, missing_specifics, support
from generation.words import content_words

Spans = tuple[tuple[int, int], ...]
Split = Callable[[str], Spans]

RETRIEVAL = ("relevance", "rank", "lead", "agreement", "covered", "missing")
WRITING = ("score", "further", "drafted", "fluency", "support", "parts", "row", "type", "said_again", "told", "untold")

_MISSING_SPECIFIC = 0.25  # what is left of p_r when the passage lacks a number, code or name of the question
_VERBATIM = 0.9  # p(text) of a quote: well formed by construction, but perhaps not the whole answer
_ROW = 0.8  # p(text) of a table row: right, but a sentence that says the same reads better
FURTHER_PART = 0.9  # p(text) for every further part: who asked one thing reads one sentence rather than three
_MIN_DRAFT_WORDS = 3
_ALIGNED_AT = 0.9  # of a draft's words, in order, in its source: this generator may shorten, not yet recompose
_MOST_PARTS = 3
_JOINED_SHARE = 0.25  # of the best part's score: what is much less likely only makes the answer longer
_MOST_JOINED_WORDS = 90  # longer ones are passages; the passages themselves are beside the answer
_SAID_AGAIN = 0.6  # of an answer's content words in one sentence of another passage
_WORTH_CHECKING = 0.5  # of a draft's content words: a sentence with fewer can neither align with it nor bear it out


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
    told = quotes(turn.evidence, turn.readings)
    made = [_joined(turn, (quote,)) for quote in told]
    made += [_joined(turn, parts) for parts in _together(turn, told)]
    made += [one for draft in drafts if (one := _drafted(turn, draft, split)) is not None]
    return _merged(made)


def _together(turn: Found, told: Sequence[Quote]) -> list[tuple[Quote, ...]]:
    """The two and the three likeliest parts that say different things, the likeliest first."""
    sides = best_sentences(turn.evidence, turn.readings)
    pool = sorted([*told, *sides], key=lambda one: (-one.score, len(one.text)))
    chosen: list[Quote] = []
    for part in pool:
        long = sum(len(one.text.split()) for one in (*chosen, part)) > _MOST_JOINED_WORDS
        weak = bool(chosen) and part.score < _JOINED_SHARE * chosen[0].score
        if not (long or weak or any(_overlap(part, one) for one in chosen)):
            chosen.append(part)
    return [tuple(chosen[:size]) for size in range(2, min(len(chosen), _MOST_PARTS) + 1)]


def _overlap(one: Quote, other: Quote) -> bool:
    """Whether they share a sentence, or one says nothing that the other does not."""
    ours, theirs = set(content_words(one.text)), set(content_words(other.text))
    same_place = one.source is other.source and not set(one.spans).isdisjoint(other.spans)
    return same_place or ours <= theirs or theirs <= ours


def _joined(turn: Found, parts: Sequence[Quote]) -> Proposal:
    """One answer of several quotes, each cited for itself."""
    text, citations = "", []
    for part in parts:
        text = f"{text}\n{part.text}" if text else part.text
        citations.append(_cited(turn, part, (len(text) - len(part.text), len(text))))
    places = [citation.marker - 1 for citation in citations]
    score = _any_of([part.score for part in parts])
    row = any("|" in citation.quote for citation in citations)
    plain = (_ROW if row else _VERBATIM) * FURTHER_PART ** (len(parts) - 1)
    return Proposal(
        text=text,
        kind=AnswerKind.QUOTED,
        origin="quote " + " + ".join(str(place + 1) for place in places),
        citations=tuple(citations),
        p_retrieval=max(turn.sources[place].trust for place in places),
        p_generation=plain * score,
        p_answered=score,
        features=_features(turn, text, places, [part.score for part in parts]) | {"row": float(row)},
    )


def _cited(turn: Found, part: Quote, sentence: tuple[int, int]) -> Citation:
    at = next(i for i, one in enumerate(turn.sources) if one.retrieved is part.source)
    passage, covering = part.source.passage, (part.spans[0][0], part.spans[-1][1])
    return Citation(at + 1, passage.id, sentence, covering, passage.text[slice(*covering)], 1.0)


def _drafted(turn: Found, draft: Draft, split: Split) -> Proposal | None:
    """The supported sentences of a draft; None when nothing of it is supported or it is no sentence."""
    kept, citations, scores = "", [], []
    for start, end in split(draft.text):
        sentence = draft.text[start:end]
        best = _best_support(turn, sentence)
        if best is None or not _is_whole(sentence):
            continue
        at, span, supported, score = best
        passage = turn.sources[at].retrieved.passage
        if aligned(sentence, passage.text[slice(*span)]) < _ALIGNED_AT:
            continue
        kept = f"{kept} {sentence}".strip()
        place = (len(kept) - len(sentence), len(kept))
        citations.append(Citation(at + 1, passage.id, place, span, passage.text[slice(*span)], supported))
        scores.append(score)
    if not citations or _repeats(kept):
        return None
    return _as_proposal(turn, draft, kept, citations, scores)


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


def _best_support(turn: Found, sentence: str) -> tuple[int, tuple[int, int], float, float] | None:
    """(index of the passage, span of the supporting sentence, support, the reader's score of it), or None."""
    claimed = frozenset(content_words(sentence))
    seen = [
        (support(sentence, passage.text[slice(*span)], passage.heading), score, -i, span)
        for i, source in enumerate(turn.sources)
        for passage in [source.retrieved.passage]
        for span, score, words in zip(
            source.reading.sentences, source.reading.sentence_scores, source.words, strict=True
        )
        if len(claimed & words) >= _WORTH_CHECKING * len(claimed)
    ]
    if not seen:
        return None
    supported, score, i, span = max(seen)
    return (-i, span, supported, score) if supported >= SUPPORTED_AT else None


def _is_whole(sentence: str) -> bool:
    """True for something that can stand as a sentence: enough words, a proper end."""
    return len(sentence.split()) >= _MIN_DRAFT_WORDS and sentence.rstrip()[-1:] in ".!?)"


def _repeats(text: str) -> bool:
    words = text.lower().split()
    trigrams = list(zip(words, words[1:], words[2:], strict=False))
    return len(set(trigrams)) < len(trigrams)


def _merged(made: Sequence[Proposal]) -> list[Proposal]:
    """One proposal a text: where a draft says what a quote says, the likelier of the two stands."""
    best: dict[str, Proposal] = {}
    for one in made:
        known = best.get(one.text)
        if known is None or one.p_generation > known.p_generation:
            best[one.text] = one
    return list(best.values())


def _any_of(probabilities: Sequence[float]) -> float:
    """1 − Π(1 − p): that at least one holds, were they independent."""
    return 1 - math.prod(1 - p for p in probabilities)
