"""BART and T5 written step by step: against transformers' ``generate``, and against the formulas."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from domain.errors import Misconfigured
from generation.fusing import log_p_rag_sequence, log_p_rag_token
from generation.seq2seq import FusionMode, WritingRequest, Written
from generation.torch_fid import FusionInDecoder
from generation.torch_runtime import TorchSeq2SeqRuntime
from tests.generation.tiny_seq2seq import Tiny, tiny
from tests.training.tiny_models import WORDS

CASES = [(family, seed) for family in ("bart", "t5") for seed in range(3)]
FAMILIES = pytest.mark.parametrize(("family", "seed"), CASES)
MODES = pytest.mark.parametrize("mode", list(FusionMode))


@cache
def opened(family: str, seed: int) -> tuple[Tiny, TorchSeq2SeqRuntime]:
    made = tiny(family, seed)
    return made, TorchSeq2SeqRuntime(made.model, made.tokenizer)


def written(runtime: TorchSeq2SeqRuntime, request: WritingRequest) -> tuple[Written, ...]:
    *_, last = runtime.write(request)
    assert isinstance(last, tuple)
    return last


@FAMILIES
@pytest.mark.parametrize("mode", [FusionMode.CONCAT, FusionMode.FID])
@pytest.mark.parametrize("beams", [1, 4])
def test_concat_and_fid_write_what_generate_writes(family: str, seed: int, mode: FusionMode, beams: int) -> None:
    made, runtime = opened(family, seed)
    ids, mask = made.padded(mode)
    with torch.no_grad():
        theirs: Any = FusionInDecoder(made.model).generate(
            ids[None], mask[None], num_beams=beams, num_return_sequences=beams, max_new_tokens=8, do_sample=False,
            output_scores=True, return_dict_in_generate=True,
        )  # fmt: skip
    texts = [made.tokenizer.decode(one, skip_special_tokens=True).strip() for one in theirs.sequences]
    ours = written(runtime, made.request(mode, beams=beams))
    assert [one.text for one in ours] == list(dict.fromkeys(texts))
    if beams > 1:
        scores = dict(zip(reversed(texts), reversed(theirs.sequences_scores.tolist()), strict=True))
        assert [one.log_probability / one.token_count for one in ours] == pytest.approx(
            [scores[one.text] for one in ours], abs=1e-4
        )


def under_each(made: Tiny, text: str, *, finished: bool) -> tuple[Tensor, Tensor]:
    """log p(y_t|x, z_i, y_<t) (1, N, T) by one plain forward pass without a cache, and a mask of ones (1, T)."""
    ids = made.tokenizer(text, add_special_tokens=False).input_ids + [made.model.config.eos_token_id] * finished
    labels = torch.tensor([ids])
    start = torch.tensor([[made.model.config.decoder_start_token_id, *ids[:-1]]])
    sources, mask = made.padded(FusionMode.FID)
    with torch.no_grad():
        logits = made.model(sources, attention_mask=mask, decoder_input_ids=start.expand(3, -1)).logits
    return logits.log_softmax(-1).gather(2, labels.expand(3, -1)[..., None]).squeeze(2)[None], torch.ones(1, len(ids))


def spelt(made: Tiny, one: Written) -> bool:
    """Whether the text's tokens are those that were written: random models write unseen and odd ones too."""
    words = one.text.split()
    return set(words) <= set(WORDS) and len(words) + one.finished == one.token_count


@FAMILIES
@pytest.mark.parametrize(
    ("mode", "formula"), [(FusionMode.RAG_SEQUENCE, log_p_rag_sequence), (FusionMode.RAG_TOKEN, log_p_rag_token)]
)
def test_every_hypothesis_carries_the_probability_of_the_formula(
    family: str, seed: int, mode: FusionMode, formula: object
) -> None:
    made, runtime = opened(family, seed)
    log_p_z = torch.tensor([made.log_prior(mode)])
    assert callable(formula)
    for one in written(runtime, made.request(mode, max_tokens=5, thorough=True)):
        if spelt(made, one):
            expected = formula(log_p_z, *under_each(made, one.text, finished=one.finished))
            assert one.log_probability == pytest.approx(float(expected), abs=1e-3)


def test_some_hypotheses_are_compared_with_the_formula() -> None:
    """The test before this one leaves out those whose text does not spell their tokens; not all of them."""
    found = [
        spelt(made, one)
        for made, runtime in (opened(*case) for case in CASES)
        for one in written(runtime, made.request(FusionMode.RAG_TOKEN, max_tokens=5))
    ]
    assert sum(found) >= len(CASES)


@FAMILIES
def test_fast_decoding_counts_a_text_under_the_passages_whose_beam_held_it(family: str, seed: int) -> None:
    made, runtime = opened(family, seed)
    request = made.request(FusionMode.RAG_SEQUENCE, beams=3, max_tokens=5)
    expected: dict[str, float] = {}
    for source, prior in zip(request.sources, request.log_prior, strict=True):
        for one in written(runtime, replace(request, sources=(source,), log_prior=(0.0,))):
            before = expected.get(one.text, -math.inf)
            expected[one.text] = float(torch.tensor([before, prior + one.log_probability]).logsumexp(0))
    fast = written(runtime, request)
    assert [one.log_probability for one in fast] == sorted((one.log_probability for one in fast), reverse=True)
    if len(expected) == len({text for text in expected if text}):  # an empty text may be several different ones
        assert {one.text: one.log_probability for one in fast} == pytest.approx(
            {one.text: expected[one.text] for one in fast}, abs=1e-3
        )
    thorough = {one.text: one.log_probability for one in written(runtime, replace(request, thorough=True))}
    assert all(thorough[one.text] >= one.log_probability - 1e-3 for one in fast if one.text in thorough)


@FAMILIES
def test_of_one_passage_all_modes_write_the_same(family: str, seed: int) -> None:
    made, runtime = opened(family, seed)
    one = replace(made.request(FusionMode.FID), sources=made.sources(FusionMode.FID)[:1], log_prior=(0.0,))
    found = {}
    for mode in FusionMode:
        texts = written(runtime, replace(one, mode=mode))
        found[mode] = {text.text: round(text.log_probability, 3) for text in texts}
    assert found[FusionMode.CONCAT] == found[FusionMode.FID] == found[FusionMode.RAG_TOKEN]
    assert found[FusionMode.RAG_SEQUENCE] == found[FusionMode.FID]


@FAMILIES
def test_a_passage_without_prior_is_not_heard_by_rag(family: str, seed: int) -> None:
    made, runtime = opened(family, seed)
    both = made.request(FusionMode.RAG_TOKEN)
    first = written(runtime, replace(both, sources=both.sources[:1], log_prior=(0.0,)))
    silent = written(runtime, replace(both, log_prior=(0.0, -math.inf, -math.inf)))
    assert [one.text for one in silent] == [one.text for one in first]
    assert [one.log_probability for one in silent] == pytest.approx([one.log_probability for one in first], abs=1e-3)


@FAMILIES
@MODES
def test_the_text_grows_and_the_hypotheses_come_last(family: str, seed: int, mode: FusionMode) -> None:
    made, runtime = opened(family, seed)
    *growing, last = runtime.write(made.request(mode, beams=2))
    assert isinstance(last, tuple)
    texts = [piece for piece in growing if isinstance(piece, str)]
    assert len(texts) == len(growing)
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts))
    assert len({one.text for one in last}) == len(last) <= 2
    assert all(0 < one.token_count <= 8 and one.log_probability < 0 for one in last)


def test_greedy_text_is_shown_token_by_token() -> None:
    made, runtime = opened("bart", 0)
    *growing, last = runtime.write(made.request(FusionMode.FID, beams=1, max_tokens=4))
    assert isinstance(last, tuple)
    words = last[0].text.split()
    assert growing == [" ".join(words[:n]) for n in range(1, len(words))]


@MODES
def test_closing_the_stream_stops_the_work_at_once(mode: FusionMode) -> None:
    made, runtime = opened("bart", 0)
    calls = []
    hook = made.model.get_decoder().register_forward_hook(lambda *_: calls.append(1))
    stream = runtime.write(made.request(mode, beams=2, max_tokens=30))
    next(stream)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    hook.remove()
    assert len(calls) == 2
    assert list(stream) == []


@FAMILIES
def test_a_text_is_scored_under_each_source_alone(family: str, seed: int) -> None:
    made, runtime = opened(family, seed)
    sources, text = made.sources(FusionMode.FID), "the late bill"
    labels = made.tokenizer(text_target=text, return_tensors="pt").input_ids
    with torch.no_grad():
        plain = [-float(made.model(torch.tensor([one]), labels=labels).loss) * labels.shape[1] for one in sources]
    assert runtime.score(sources, text) == pytest.approx(plain, abs=1e-3)


def test_a_forced_first_token_is_written_and_costs_nothing() -> None:
    made = tiny("bart", 1)
    made.model.generation_config.forced_bos_token_id = 0
    runtime = TorchSeq2SeqRuntime(made.model, made.tokenizer)
    ids, _ = made.padded(FusionMode.CONCAT)
    theirs = made.model.generate(
        ids, num_beams=3, num_return_sequences=3, max_new_tokens=6, output_scores=True, return_dict_in_generate=True
    )
    ours = written(runtime, made.request(FusionMode.CONCAT, beams=3, max_tokens=6))
    assert [one.log_probability / one.token_count for one in ours] == pytest.approx(
        theirs.sequences_scores.tolist()[: len(ours)], abs=1e-4
    )
    free = opened("bart", 1)[1]
    assert runtime.score(ids.tolist(), "fee")[0] > free.score(ids.tolist(), "fee")[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sources": (), "log_prior": ()}, "nothing to write from"),
        ({"sources": ((5,), (), (6,))}, "Source 1 of 3 is empty"),
        ({"log_prior": (0.0,)}, "1 prior log-probabilities were given for 3 sources"),
        ({"log_prior": (0.0, 0.0, 0.0)}, "sums to 3"),
        ({"mode": FusionMode.CONCAT}, "3 sources were given for concat"),
        ({"beams": 0}, "0 beams"),
        ({"max_tokens": 0}, "0 tokens"),
        ({"max_tokens": 129}, "129 tokens are more than the model's 128"),
        ({"sources": ((5,) * 200, (5,), (5,))}, "200 tokens are more than the model's 128"),
    ],
)
def test_what_cannot_be_written_is_refused_by_name(change: dict[str, object], said: str) -> None:
    made, runtime = opened("bart", 0)
    request = replace(made.request(FusionMode.FID), **change)  # type: ignore[arg-type]
    with pytest.raises(Misconfigured, match=said):
        next(runtime.write(request))


def test_nothing_cannot_be_scored() -> None:
    with pytest.raises(Misconfigured, match="nothing to write from"):
        opened("bart", 0)[1].score([], "text")


def test_gradients_of_the_caller_are_left_on() -> None:
    made, runtime = opened("t5", 0)
    for _ in runtime.write(made.request(FusionMode.RAG_TOKEN, beams=2, max_tokens=3)):
        assert torch.is_grad_enabled()
