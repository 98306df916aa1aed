from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from domain.passage import Passage
from generation.attention import ForcedCopyBart, ForcedSeq2Seq, Target, decoder_states
from generation.copy_bart import CopyBart
from generation.surface import SourceText
from generation.tokenizing import EncodedSource, WordPieces
from retrieval.encoders import minilm_folder
from tests.generation.tiny import tiny_model, tiny_source

WORDS = "question title context : how much is the fee moving £ 20 in uk it ? . call us".split()
PIECES = WordPieces(minilm_folder())


def passage(text: str, title: str = "") -> Passage:
    return Passage("p", "d", title, text, "d.md", (0, len(text)))


def target(*ids: int) -> Target:
    return Target(ids, tuple((n, n + 1) for n in range(len(ids))))


def encoded(ids: torch.Tensor, mask: torch.Tensor) -> EncodedSource:
    return EncodedSource(ids, mask, SourceText((), ()))


def shown(*rows: tuple[int, ...]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.bool)


@pytest.fixture(scope="module")
def model() -> CopyBart:
    return tiny_model(3)


def test_the_decoder_run_at_once_has_transformers_own_states_and_attention(model: CopyBart) -> None:
    ids, mask = tiny_source(7, rows=3)
    memory, _ = model.encode(ids, mask)
    visible = mask.flatten(1).bool()
    targets = torch.tensor([9, 4, 33, 2])
    with torch.inference_mode():
        mine, attended = decoder_states(model, targets, memory, visible)
        model.set_attn_implementation("eager")
        theirs = model.model.decoder(
            input_ids=torch.tensor([[1, 9, 4, 33]]),
            encoder_hidden_states=memory,
            encoder_attention_mask=visible.long(),
            output_attentions=True,
            use_cache=False,
        )
        model.set_attn_implementation("sdpa")
    assert torch.allclose(mine, theirs.last_hidden_state, atol=1e-5)
    assert torch.allclose(
        attended, torch.stack([layer[0].mean(0) for layer in theirs.cross_attentions]).mean(0), atol=1e-6
    )


def test_all_passages_together_give_the_likelihood_the_model_was_trained_on(model: CopyBart) -> None:
    ids, mask = tiny_source(7, rows=3)
    read = ForcedCopyBart(model, PIECES).read(encoded(ids, mask), target(9, 4, 33, 2), shown((1, 1, 1)))
    with torch.inference_mode():
        loss = model(ids, mask, torch.tensor([[9, 4, 33, 2]])).loss
    assert float(read.log_probabilities.sum()) == pytest.approx(-4 * float(loss), abs=1e-4)


def test_a_hidden_passage_leaves_what_the_others_alone_would_give(model: CopyBart) -> None:
    ids, mask = tiny_source(7, rows=3)
    forced = ForcedCopyBart(model, PIECES)
    both = forced.read(encoded(ids, mask), target(9, 4, 2), shown((1, 1, 1), (1, 0, 1), (0, 0, 1)))
    kept = ids[:, [0, 2]], mask[:, [0, 2]]
    without = forced.read(encoded(*kept), target(9, 4, 2), shown((1, 1)))
    last = forced.read(encoded(ids[:, 2:], mask[:, 2:]), target(9, 4, 2), shown((1,)))
    assert torch.allclose(both.log_probabilities[1], without.log_probabilities[0], atol=1e-5)
    assert torch.allclose(both.log_probabilities[2], last.log_probabilities[0], atol=1e-5)
    assert not torch.allclose(both.log_probabilities[0], both.log_probabilities[1], atol=1e-3)


def test_where_each_token_came_from_adds_up_to_its_probability(model: CopyBart) -> None:
    ids, mask = tiny_source(7, rows=2)
    copied_id = int(ids[0, 1, 2])
    read = ForcedCopyBart(model, PIECES).read(encoded(ids, mask), target(copied_id, 60, 2), shown((1, 1)))
    assert read.copied is not None
    assert read.written is not None
    assert torch.allclose(read.copied.sum(1) + read.written, torch.ones(3), atol=1e-5)
    assert torch.allclose(read.attended.sum(1), torch.ones(3), atol=1e-5)
    holding = ids.flatten() == copied_id
    assert float(read.copied[0, ~holding].sum()) == 0  # a place that holds another word was no source of this one
    assert float(read.copied[0, holding].sum()) > 0
    assert bool((ids == 60).any()) or float(read.written[1]) == pytest.approx(1)


def test_places_of_a_source_are_the_characters_of_what_is_searched() -> None:
    forced = ForcedCopyBart(tiny_model(1), PIECES)
    made = forced.source("How much?", [passage("The fee is £20.", "Moving"), passage("Call us.")])
    texts = made.text.texts
    assert texts == ("How much?", "Moving\nThe fee is £20.", "Call us.")
    words = [texts[place[0]][place[1] : place[2]] for place in made.text.places if place]
    assert words[:7] == ["How", "much", "?", "Moving", "The", "fee", "is"]


def test_an_answer_ends_with_the_end_token_and_knows_its_characters() -> None:
    made = ForcedCopyBart(tiny_model(1), PIECES).target("It is £20.")
    assert [place and "It is £20."[slice(*place)] for place in made.places] == ["It", "is", "£2", "0", ".", None]
    assert made.ids[-1] == 2


def word_tokenizer(**special: str) -> PreTrainedTokenizerFast:
    """A fast tokenizer of whole words; those it does not know are [unk]."""
    vocabulary = {word: n for n, word in enumerate(["<pad>", "<s>", "</s>", "<unk>", *WORDS])}
    raw = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    raw.normalizer = normalizers.Lowercase()
    raw.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    begins = "<s> " if "bos_token" in special else ""
    raw.post_processor = processors.TemplateProcessing(
        single=f"{begins}$A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", **special
    )


def plain(kind: str) -> tuple[Any, PreTrainedTokenizerFast]:
    torch.manual_seed(5)
    size = len(WORDS) + 4
    if kind == "t5":
        config = T5Config(
            vocab_size=size, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, decoder_start_token_id=0
        )
        return T5ForConditionalGeneration(config).eval(), word_tokenizer()
    bart = BartConfig(
        vocab_size=size, d_model=16, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, max_position_embeddings=64,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=2, forced_eos_token_id=2,
    )  # fmt: skip
    return BartForConditionalGeneration(bart).eval(), word_tokenizer(bos_token="<s>")


@pytest.mark.parametrize("kind", ["bart", "t5"])
def test_a_plain_model_is_read_as_transformers_reads_it(kind: str) -> None:
    model, tokenizer = plain(kind)
    forced = ForcedSeq2Seq(model, tokenizer)
    source = forced.source("How much is it?", [passage("The fee is £20.", "Moving"), passage("Call us.")])
    answer = forced.target("It is £20.")
    read = forced.read(source, answer, shown((1, 1), (1, 0)))
    one = source.input_ids[0, :1], source.attention_mask[0, :1]
    with torch.inference_mode():
        loss = model(input_ids=one[0], attention_mask=one[1], labels=torch.tensor([answer.ids])).loss
    assert float(read.log_probabilities[1].mean()) == pytest.approx(-float(loss), abs=1e-5)
    assert read.attended.shape == (len(answer.ids), source.attention_mask.numel())
    assert torch.allclose(read.attended.sum(1), torch.ones(len(answer.ids)), atol=1e-5)
    assert float(read.attended[:, ~source.attention_mask.flatten().bool()].abs().sum()) == pytest.approx(0, abs=1e-6)
    assert read.copied is None
    assert model.config._attn_implementation == "sdpa"  # as it was


def test_a_plain_source_knows_heading_and_text_but_not_the_frame() -> None:
    model, tokenizer = plain("bart")
    made = ForcedSeq2Seq(model, tokenizer).source("How much?", [passage("The fee is £20.", "Moving")])
    texts = made.text.texts
    words = [place and texts[place[0]][place[1] : place[2]] for place in made.text.places]
    assert words == [
        None, None, None, "How", "much", "?", None, None, "Moving", None, None,
        "The", "fee", "is", "£20", ".", None,
    ]  # fmt: skip


def test_a_window_cuts_passages_and_leaves_room_for_them() -> None:
    model, tokenizer = plain("bart")
    made = ForcedSeq2Seq(model, tokenizer, window=16).source("how much " * 20, [passage("Call us. " * 20)])
    assert made.input_ids.shape == (1, 1, 16)
    assert sum(place is not None and place[0] == 1 for place in made.text.places) > 3


def test_likelihoods_are_finite_where_the_token_stands_nowhere(model: CopyBart) -> None:
    ids, mask = tiny_source(7, rows=2)
    read = ForcedCopyBart(model, PIECES).read(encoded(ids, mask), target(63, 2), shown((1, 1), (0, 1)))
    assert all(math.isfinite(value) for value in read.log_probabilities.flatten().tolist())
