"""The formulas against sums written out, and against transformers' RAG models."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import DPRConfig, DPRQuestionEncoder, RagConfig, RagSequenceForGeneration, RagTokenForGeneration

from generation.fusing import (
    PADDING,
    log_p_next_token,
    log_p_rag_sequence,
    log_p_rag_token,
    log_prior,
    token_log_probabilities,
)
from generation.seq2seq import FusionMode
from generation.torch_runtime import TorchSeq2SeqRuntime
from tests.generation.tiny_seq2seq import SCORES, Tiny, tiny

P_Z = torch.tensor([[0.75, 0.25]])
P_Y = torch.tensor([[[0.5, 0.2], [0.1, 0.8]]])  # two passages, two tokens
ALL = torch.tensor([[1, 1]])


def test_rag_sequence_is_one_passage_for_the_whole_answer() -> None:
    p = log_p_rag_sequence(P_Z.log(), P_Y.log(), ALL).exp()
    assert p.tolist() == pytest.approx([0.75 * 0.5 * 0.2 + 0.25 * 0.1 * 0.8])


def test_rag_token_is_any_passage_for_every_token() -> None:
    p = log_p_rag_token(P_Z.log(), P_Y.log(), ALL).exp()
    assert p.tolist() == pytest.approx([(0.75 * 0.5 + 0.25 * 0.1) * (0.75 * 0.2 + 0.25 * 0.8)])


@pytest.mark.parametrize("formula", [log_p_rag_sequence, log_p_rag_token])
def test_padding_counts_for_nothing_whatever_stands_there(formula: Any) -> None:
    padded = torch.cat([P_Y.log(), torch.tensor([[[-torch.inf], [-3.0]]])], 2)
    assert formula(P_Z.log(), padded, torch.tensor([[1, 1, 0]])) == pytest.approx(
        float(formula(P_Z.log(), P_Y.log(), ALL))
    )


@pytest.mark.parametrize("formula", [log_p_rag_sequence, log_p_rag_token])
def test_a_passage_without_prior_says_nothing(formula: Any) -> None:
    three = torch.tensor([[0.75, 0.25, 0.0]]).log()
    said = torch.cat([P_Y.log(), torch.full((1, 1, 2), -0.1)], 1)
    assert float(formula(three, said, ALL)) == pytest.approx(float(formula(P_Z.log(), P_Y.log(), ALL)))


@pytest.mark.parametrize("formula", [log_p_rag_sequence, log_p_rag_token])
def test_the_likelihood_teaches_the_retrieval_which_passage_helped(formula: Any) -> None:
    scores = torch.zeros(1, 2, requires_grad=True)
    helpful = torch.tensor([[[0.9, 0.9], [0.1, 0.1]]]).log()
    formula(log_prior(scores), helpful, ALL).sum().backward()
    assert scores.grad is not None
    assert scores.grad[0, 0] > 0 > scores.grad[0, 1]


def test_the_next_token_is_the_mixture_of_what_each_passage_says() -> None:
    said = torch.tensor([[[0.5, 0.5], [0.1, 0.9]]]).log()
    assert log_p_next_token(P_Z.log(), said).exp().tolist()[0] == pytest.approx([0.4, 0.6])


def test_the_prior_is_the_softmax_of_the_scores() -> None:
    assert log_prior(torch.tensor([math.log(3.0), 0.0, -torch.inf])).exp().tolist() == pytest.approx([0.75, 0.25, 0.0])


def test_only_labels_that_are_no_padding_have_a_log_probability() -> None:
    logits = torch.tensor([[[0.0, math.log(3.0)], [5.0, 1.0]]])
    log_p, mask = token_log_probabilities(logits, torch.tensor([[1, PADDING]]))
    assert log_p.tolist()[0] == pytest.approx([math.log(0.75), 0.0])
    assert mask.tolist() == [[True, False]]


@cache
def oracle(kind: type, family: str, seed: int) -> tuple[Any, Tiny]:
    """transformers' own marginalisation around the same BART or T5; its question encoder is never asked."""
    made = tiny(family, seed)
    made.model.config.bos_token_id = made.model.generation_config.bos_token_id  # a T5's config has none, and it is read
    asker = DPRQuestionEncoder(
        DPRConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    )
    config = RagConfig.from_question_encoder_generator_configs(asker.config, made.model.config, n_docs=len(SCORES))
    rag = kind(config=config, question_encoder=asker, generator=made.model).eval()
    if hasattr(rag, "generation_config"):
        rag.generation_config.forced_eos_token_id = None
    return rag, made


def asked(made: Tiny) -> dict[str, Tensor]:
    ids, mask = made.padded(FusionMode.FID)
    return {"context_input_ids": ids, "context_attention_mask": mask, "doc_scores": torch.tensor([SCORES])}


@pytest.mark.parametrize("family", ["bart", "t5"])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("kind", "formula"), [(RagSequenceForGeneration, log_p_rag_sequence), (RagTokenForGeneration, log_p_rag_token)]
)
def test_the_likelihood_is_that_of_transformers_rag(kind: type, formula: Any, family: str, seed: int) -> None:
    rag, made = oracle(kind, family, seed)
    answer = [made.model.config.decoder_start_token_id, *made.tokenizer(text_target="the late bill").input_ids]
    labels = torch.tensor([answer])
    with torch.no_grad():
        theirs = rag(**asked(made), labels=labels).loss
        ids, mask = made.padded(FusionMode.FID)
        logits = made.model(ids, attention_mask=mask, decoder_input_ids=labels[:, :-1].expand(3, -1)).logits
    log_p, counts = token_log_probabilities(logits[None], labels[:, None, 1:].expand(1, 3, -1))
    ours = formula(log_prior(torch.tensor([SCORES])), log_p, counts[:, 0])
    assert ours.tolist() == pytest.approx([-float(theirs)], abs=1e-4)


@pytest.mark.parametrize("family", ["bart", "t5"])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("beams", [1, 3])
def test_rag_token_writes_what_transformers_rag_writes(family: str, seed: int, beams: int) -> None:
    rag, made = oracle(RagTokenForGeneration, family, seed)
    with torch.no_grad():
        ids = rag.generate(**asked(made), num_beams=beams, num_return_sequences=beams, max_length=9, do_sample=False)
    assert written(made, FusionMode.RAG_TOKEN, beams) == distinct(made, ids)


@pytest.mark.parametrize("family", ["bart", "t5"])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("beams", [1, 3])
def test_thorough_rag_sequence_writes_what_transformers_rag_writes(family: str, seed: int, beams: int) -> None:
    rag, made = oracle(RagSequenceForGeneration, family, seed)
    with torch.no_grad():
        ids = rag.generate(
            **asked(made), num_beams=beams, num_return_sequences=beams, max_new_tokens=8, do_sample=False
        )
    theirs = distinct(made, ids)  # they count texts that differ in unseen tokens as several of the K
    assert written(made, FusionMode.RAG_SEQUENCE, beams)[: len(theirs)] == theirs


def written(made: Tiny, mode: FusionMode, beams: int) -> list[str]:
    request = made.request(mode, beams=beams, thorough=True)
    *_, last = TorchSeq2SeqRuntime(made.model, made.tokenizer).write(request)
    assert isinstance(last, tuple)
    return [one.text for one in last]


def distinct(made: Tiny, ids: Tensor) -> list[str]:
    return list(dict.fromkeys(made.tokenizer.decode(one, skip_special_tokens=True).strip() for one in ids))
