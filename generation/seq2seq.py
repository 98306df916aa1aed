"""Writing with an encoder-decoder, whatever runs it: the values and the promise that PyTorch and CTranslate2 share.

How the evidence is fused (``FusionMode``), with N passages z_i of prior p(z_i | x) = softmax of the retrieval scores:

- ``concat``: one source that holds all passages.
- ``fid``: passages encoded apart, decoded together (Izacard & Grave 2021, "Leveraging passage retrieval …").
- ``rag-sequence``: p(y|x) = Σ_i p(z_i|x) Π_t p(y_t | x, z_i, y_<t)  (Lewis et al. 2020, "Retrieval-augmented …").
- ``rag-token``: p(y|x) = Π_t Σ_i p(z_i|x) p(y_t | x, z_i, y_<t)  (ibid.).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from domain.errors import Misconfigured

_PRIOR_TOLERANCE = 1e-3  # float32's softmax over any number of passages is nearer to 1 than that


class FusionMode(StrEnum):
    """How several passages become one answer; a closed choice."""

    CONCAT = "concat"
    FID = "fid"
    RAG_SEQUENCE = "rag-sequence"
    RAG_TOKEN = "rag-token"


@dataclass(frozen=True, slots=True)
class WritingRequest:
    """What is to be written from.

    ``sources``: token ids with their special tokens, one source a passage (``concat``: one in all), none empty.
    ``log_prior``: natural log p(z_i | x) of each, summing to 1 as probabilities. ``thorough``: rag-sequence scores
    every hypothesis under every passage, the paper's "thorough decoding"; fast decoding counts a hypothesis under
    the passages whose beam held it.
    """

    sources: tuple[tuple[int, ...], ...]
    log_prior: tuple[float, ...]
    mode: FusionMode = FusionMode.FID
    beams: int = 4
    max_tokens: int = 256
    thorough: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """One text. ``log_probability`` is natural, summed over ``token_count`` tokens, the end-of-text token included
    where ``finished``."""

    text: str
    log_probability: float
    token_count: int
    finished: bool = True


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """Token ids without the decoder's start token and without the end token, and their summed natural
    log-probability, the end token's included where ``finished``; unfinished ones were cut off by the limit."""

    ids: tuple[int, ...]
    log_probability: float
    finished: bool

    @property
    def token_count(self) -> int:
        """The tokens ``log_probability`` is summed over."""
        return len(self.ids) + self.finished

    @property
    def score(self) -> float:
        """Log-probability per token, by which beams are compared."""
        return self.log_probability / max(self.token_count, 1)


class Seq2SeqRuntime(Protocol):
    """Runs one BART or T5.

    1. ``write`` yields growing text of the best hypothesis, then one tuple of all, best first, none twice.
    2. Closing the iterator stops the work, at the latest one decoding step later.
    3. A mode outside ``modes`` raises ``Misconfigured`` naming those that work.
    4. ``score`` gives the natural log p(text | source), summed over the text's tokens, for each source alone.
    """

    @property
    def modes(self) -> frozenset[FusionMode]: ...

    def write(self, request: WritingRequest) -> Iterator[str | tuple[Written, ...]]: ...

    def score(self, sources: Sequence[Sequence[int]], text: str) -> tuple[float, ...]: ...


def check_request(request: WritingRequest, modes: frozenset[FusionMode]) -> None:
    """Raises ``Misconfigured`` when ``request`` cannot be written: a mode outside ``modes``, no or empty sources, a
    prior that does not fit them, more than one source for ``concat``, or limits below 1."""
    wrong = _wrong_limits(request) or _wrong_sources(request)
    if request.mode not in modes:
        wrong = f"The model cannot write by {request.mode}; ask for one of: {', '.join(sorted(modes))}."
    if wrong:
        raise Misconfigured(wrong)


def _wrong_limits(request: WritingRequest) -> str:
    if request.beams < 1:
        return f"{request.beams} beams were asked for; give 1 or more."
    return f"{request.max_tokens} tokens were asked for; give 1 or more." if request.max_tokens < 1 else ""


def _wrong_sources(request: WritingRequest) -> str:
    n, priors = len(request.sources), len(request.log_prior)
    if not n:
        return "There is nothing to write from; give at least one source."
    if empty := [i for i, source in enumerate(request.sources) if not source]:
        return f"Source {empty[0]} of {n} is empty; give it at least one token."
    if request.mode is FusionMode.CONCAT and n > 1:
        return f"{n} sources were given for concat, which reads one; join them."
    if priors != n:
        return f"{priors} prior log-probabilities were given for {n} sources; give one each."
    total = sum(math.exp(one) for one in request.log_prior)
    return "" if abs(total - 1) <= _PRIOR_TOLERANCE else f"The prior sums to {total:.4g}; normalise it to 1."
