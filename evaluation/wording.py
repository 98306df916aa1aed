"""How near a text is to the one that was wanted: the measures of answers (SQuAD) and of rewrites (BLEU, ROUGE)."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU

from evaluation.metrics import Estimate

BLEU_RESAMPLES = 1000  # sacrebleu's own number
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalised(text: str) -> str:
    """Lower case, without punctuation and articles, single spaces: what SQuAD compares (Rajpurkar et al. 2016)."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(told: str, wanted: Sequence[str]) -> float:
    """1.0 when ``told`` is one of ``wanted`` after SQuAD's normalisation, else 0.0."""
    return float(any(normalised(told) == normalised(one) for one in wanted))


def token_f1(told: str, wanted: Sequence[str]) -> float:
    """The highest F1 of ``told``'s words with those of one of ``wanted``, after SQuAD's normalisation; where one side
    has no words, 1.0 if the other has none either."""
    return max((_f1(normalised(told).split(), normalised(one).split()) for one in wanted), default=0.0)


def same_text(left: str, right: str) -> bool:
    """Whether both say the same but for case, spacing and the marks at the end."""
    return _plain(left) == _plain(right)


def rouge1_recall(told: str, wanted: str) -> float:
    """ROUGE-1 recall (Lin 2004), unstemmed: the share of ``wanted``'s words that ``told`` has."""
    return float(_rouge().score(wanted, told)["rouge1"].recall)


def corpus_bleu(told: Sequence[str], wanted: Sequence[str], seed: int = 0) -> Estimate:
    """Lower-cased corpus BLEU as sacrebleu computes it, 0..1, with the interval of resampled corpora; NaN without
    texts."""
    if not told:
        return Estimate(float("nan"), float("nan"), float("nan"))
    score = BLEU(lowercase=True).corpus_score(list(told), [list(wanted)]).score
    counts = np.asarray([_counts(one, other) for one, other in zip(told, wanted, strict=True)])
    drawn = np.random.default_rng(seed).integers(0, len(counts), (BLEU_RESAMPLES, len(counts)))
    low, high = np.percentile([_bleu(counts[rows].sum(axis=0).tolist()) for rows in drawn], [2.5, 97.5])
    return Estimate(float(score) / 100, float(low), float(high))


def _f1(told: Sequence[str], wanted: Sequence[str]) -> float:
    shared = sum((Counter(told) & Counter(wanted)).values())
    if not told or not wanted:
        return float(not told and not wanted)
    return 2 * shared / (len(told) + len(wanted))


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(" .?!")


def _counts(told: str, wanted: str) -> list[int]:
    """What BLEU adds up over a corpus: right and all n-grams for n = 1..4, and both lengths."""
    score = _sentence_bleu().sentence_score(told, [wanted])
    return [*map(int, score.counts), *map(int, score.totals), int(score.sys_len), int(score.ref_len)]


def _bleu(counts: Sequence[int]) -> float:
    right, total, (told, wanted) = list(counts[:4]), list(counts[4:8]), counts[8:]
    return float(BLEU.compute_bleu(right, total, told, wanted, smooth_method="exp").score) / 100


@cache
def _sentence_bleu() -> Any:
    return BLEU(lowercase=True, effective_order=True)  # the counts are the same; without it sacrebleu warns


@cache
def _rouge() -> Any:
    return RougeScorer(["rouge1"], use_stemmer=False)
