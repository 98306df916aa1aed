"""RAG-sequence over the copy BART: one search a passage, then every text under all passages (Lewis et al. 2020).

This is the paper's thorough decoding: a text costs one pass of the decoder over all passages, little beside the
searches. N passages, L tokens of a passage, T tokens of a text, D width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from generation.copy_bart import CopyBart
from generation.decoding import Hypothesis, Step, beam_search
from generation.fusing import log_p_answer

_FLOOR = 1e-12  # as in decoding: keeps log finite


@torch.inference_mode()
def rag_sequence_search(
    model: CopyBart,
    input_ids: Tensor,
    attention_mask: Tensor,
    *,
    beams: int,
    max_tokens: int,
    log_prior: Sequence[float],
) -> Iterator[Step | tuple[Hypothesis, ...]]:
    """Decodes one example, ``input_ids`` and ``attention_mask`` (1, N, L), log p(z_i|x) of each passage.

    Yields ``Step`` whenever more is certain under the likeliest passage, which is searched first, and the last of
    them again before anything else is done, so that closing the iterator stops the work; then the hypotheses, best
    first by p(y|x). Their positions are those of the passage that best explains them.
    """
    found: dict[tuple[tuple[int, ...], bool], dict[int, Hypothesis]] = {}
    step = Step((), ())
    likeliest, *others = sorted(range(len(log_prior)), key=lambda i: -log_prior[i])
    for i in (likeliest, *others):
        for piece in beam_search(
            model, input_ids[:, i : i + 1], attention_mask[:, i : i + 1], beams=beams, max_tokens=max_tokens
        ):
            if isinstance(piece, tuple):
                for one in piece:
                    found.setdefault((one.ids, one.finished), {})[i] = one
                continue
            step = _moved(piece, i * input_ids.shape[2]) if i == likeliest else step
            yield step
    passages = _Passages.encoded(model, input_ids, attention_mask)
    marginal: list[Hypothesis] = []
    for (ids, finished), by_passage in found.items():
        yield step
        log_p = torch.tensor(log_prior) + passages.log_p(model, ids, finished=finished)  # (N,)
        best = max(by_passage, key=lambda i: float(log_p[i]))
        positions = _shifted(by_passage[best].positions, best * input_ids.shape[2])
        marginal.append(Hypothesis(ids, positions, float(log_p.logsumexp(0)), finished))
    yield tuple(sorted(marginal, key=lambda one: (-one.log_probability, one.ids))[:beams])


def _moved(step: Step, by: int) -> Step:
    return Step(step.ids, _shifted(step.positions, by))


def _shifted(positions: tuple[int, ...], by: int) -> tuple[int, ...]:
    return tuple(place + by if place >= 0 else place for place in positions)


@dataclass(frozen=True, slots=True)
class _Passages:
    """All passages encoded apart: ids, mask (N, L), states and copy keys (N, L, D)."""

    ids: Tensor
    mask: Tensor
    copyable: Tensor
    memory: Tensor
    keys: Tensor

    @classmethod
    def encoded(cls, model: CopyBart, input_ids: Tensor, attention_mask: Tensor) -> _Passages:
        ids, mask = input_ids.transpose(0, 1), attention_mask.transpose(0, 1)  # (N, 1, L)
        memory, _ = model.encode(ids, mask)
        return cls(ids.flatten(1), mask.flatten(1), model.copyable(ids, mask), memory, model.copy_keys(ids, memory))

    def log_p(self, model: CopyBart, text: Sequence[int], *, finished: bool) -> Tensor:
        """log p(y|x, z_i) under each passage (N,), the end token's included where ``finished``."""
        n = len(self.ids)
        targets = torch.tensor([[*text, *([model.config.eos_token_id] if finished else [])]]).expand(n, -1)
        start = torch.full((n, 1), model.config.decoder_start_token_id)
        state = model.model.decoder(
            input_ids=torch.cat([start, targets[:, :-1]], 1),
            encoder_hidden_states=self.memory,
            encoder_attention_mask=self.mask,
            use_cache=False,
        ).last_hidden_state  # (N, T, D)
        attention, written = model.copy_head(state, self.keys, self.memory, self.copyable)
        p = model.target_probability(state, targets, self.ids, attention, written)  # (N, T)
        return log_p_answer(p.clamp(min=_FLOOR).log(), torch.ones(targets.shape[1]))
