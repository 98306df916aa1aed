from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from transformers import BertConfig, BertModel

from generation.copy_bart import CopyBart, copy_bart_config, start_from_bert
from tests.generation.tiny import PAD, START, tiny_config, tiny_model, tiny_source


def states_of(model: CopyBart, ids: Tensor, mask: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The decoder's states (B, T, D), copy attention (B, T, S) and gate (B, T, 1), spelt out."""
    memory, _ = model.encode(ids, mask)
    start = torch.full_like(targets[:, :1], START)
    state = model.model.decoder(
        input_ids=torch.cat([start, targets[:, :-1]], 1),
        encoder_hidden_states=memory,
        encoder_attention_mask=mask.flatten(1),
        use_cache=False,
    ).last_hidden_state
    attention, written = model.copy_head(state, model.copy_keys(ids, memory), memory, model.copyable(ids, mask))
    return state, attention, written


def mixture(model: CopyBart, ids: Tensor, mask: Tensor, targets: Tensor) -> Tensor:
    """g · P_vocab + (1 − g) · Σ a over the whole vocabulary, (B, T, V), straight from the formula."""
    state, attention, g = states_of(model, ids, mask, targets)
    one_hot = functional.one_hot(ids.flatten(1), model.config.vocab_size).float()  # (B, S, V)
    mixed: Tensor = g * model.lm_head(state).softmax(-1) + (1 - g) * attention @ one_hot
    return mixed


TARGETS = torch.tensor([[7, 12, 50, 2]])


@pytest.mark.parametrize("seed", range(5))
def test_the_probability_of_the_targets_is_that_of_the_whole_mixture(seed: int) -> None:
    model, (ids, mask) = tiny_model(seed), tiny_source(seed)
    targets = torch.cat([ids[0, :, 1:4].reshape(1, -1), TARGETS], 1)  # some stand in the source, some do not
    with torch.inference_mode():
        state, attention, written = states_of(model, ids, mask, targets)
        found = model.target_probability(state, targets, ids.flatten(1), attention, written)
        whole = mixture(model, ids, mask, targets)
    assert torch.allclose(whole.sum(-1), torch.ones(whole.shape[:2]), atol=1e-5)
    assert torch.allclose(found, whole.gather(2, targets[..., None]).squeeze(2), atol=1e-6)


def test_the_loss_is_the_mean_over_real_targets_only() -> None:
    model, (ids, mask) = tiny_model(1), tiny_source(1)
    with torch.inference_mode():
        short = model(ids, mask, TARGETS).loss
        padded = model(ids, mask, torch.cat([TARGETS, torch.full((1, 3), -100)], 1)).loss
        expected = -mixture(model, ids, mask, TARGETS).gather(2, TARGETS[..., None]).log().mean()
    assert short.item() == pytest.approx(expected.item(), abs=1e-5)
    assert padded.item() == pytest.approx(short.item(), abs=1e-5)


def test_the_gates_cross_entropy_is_added_when_asked_for() -> None:
    model, (ids, mask) = tiny_model(2), tiny_source(2)
    with torch.inference_mode():
        plain, gated = model(ids, mask, TARGETS), model(ids, mask, TARGETS, gate_labels=torch.tensor([2]))
    expected = functional.cross_entropy(plain.gate_logits, torch.tensor([2]))
    assert gated.loss.item() - plain.loss.item() == pytest.approx(expected.item(), abs=1e-5)
    assert plain.gate_logits.shape == (1, 3)


def test_every_parameter_of_the_copy_head_learns() -> None:
    model, (ids, mask) = tiny_model(3), tiny_source(3)
    targets = torch.cat([ids[0, :, 1:4].reshape(1, -1), TARGETS], 1)
    model(ids, mask, targets, gate_labels=torch.tensor([0])).loss.backward()
    for name, parameter in [*model.copy_head.named_parameters(), *model.gate_head.named_parameters()]:
        if name != "key.bias":  # a constant added to every key changes no softmax
            assert parameter.grad is not None, name
            assert parameter.grad.abs().sum() > 0, name


def test_padding_is_never_copied_and_never_read() -> None:
    model, (ids, mask) = tiny_model(4), tiny_source(4)
    wider = torch.cat([ids, torch.full((1, 2, 5), PAD)], 2)
    with torch.inference_mode():
        tight = model(ids, mask, TARGETS).loss
        loose = model(wider, (wider != PAD).long(), TARGETS).loss
        _, attention, _ = states_of(model, wider, (wider != PAD).long(), TARGETS)
    assert loose.item() == pytest.approx(tight.item(), abs=1e-5)
    special = (wider == PAD) | (wider == model.config.bos_token_id) | (wider == model.config.eos_token_id)
    assert attention[0, :, special.flatten()].abs().max() == 0


def test_a_row_of_padding_beside_the_passages_changes_nothing() -> None:
    model, (ids, mask) = tiny_model(5), tiny_source(5)
    more = torch.cat([ids, torch.full((1, 2, ids.shape[2]), PAD)], 1)
    with torch.inference_mode():
        alone = model(ids, mask, TARGETS)
        beside = model(more, (more != PAD).long(), TARGETS)
    assert beside.loss.item() == pytest.approx(alone.loss.item(), abs=1e-5)
    assert torch.allclose(beside.gate_logits, alone.gate_logits, atol=1e-5)


def test_passages_are_encoded_apart() -> None:
    model, (ids, mask) = tiny_model(6), tiny_source(6, rows=3)
    with torch.inference_mode():
        together, _ = model.encode(ids, mask)
        alone, _ = model.encode(ids[:, 1:2], mask[:, 1:2])
    length = ids.shape[2]
    assert torch.allclose(together[:, length : 2 * length - 1], alone[:, : length - 1], atol=1e-5)


def tiny_bert(layers: int) -> BertModel:
    torch.manual_seed(9)
    bert = BertModel(
        BertConfig(
            vocab_size=64,
            hidden_size=32,
            num_hidden_layers=layers,
            num_attention_heads=4,
            intermediate_size=64,
            max_position_embeddings=64,
        ),
        add_pooling_layer=False,
    ).eval()
    with torch.no_grad():
        for parameter in bert.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return bert


def test_an_encoder_started_from_bert_has_berts_hidden_states() -> None:
    bert, model = tiny_bert(3), CopyBart(tiny_config()).eval()
    start_from_bert(model, dict(bert.state_dict()))
    ids, mask = tiny_source(7)
    with torch.inference_mode():
        memory, _ = model.encode(ids, mask)
        expected = bert(input_ids=ids[0], attention_mask=mask[0]).last_hidden_state
    real = mask.flatten(1).bool()
    gap = (memory[real] - expected.reshape(1, -1, 32)[real]).abs().max()
    assert gap <= 1e-3


def test_decoder_layers_start_from_encoder_layers_spread_over_the_depth() -> None:
    bert = tiny_bert(6)
    weights = dict(bert.state_dict())
    model = CopyBart(tiny_config(encoder_layers=6, decoder_layers=3))
    start_from_bert(model, weights)
    for ours, theirs in enumerate((0, 2, 4)):
        layer = model.model.decoder.layers[ours]
        assert torch.equal(layer.fc1.weight, weights[f"encoder.layer.{theirs}.intermediate.dense.weight"])
        query = weights[f"encoder.layer.{theirs}.attention.self.query.weight"]
        assert torch.equal(layer.self_attn.q_proj.weight, query)
        assert torch.equal(layer.encoder_attn.q_proj.weight, query)


def test_embeddings_are_shared_by_encoder_decoder_and_output() -> None:
    model = CopyBart(tiny_config())
    start_from_bert(model, dict(tiny_bert(3).state_dict()))
    table = model.model.shared.weight.data_ptr()
    assert model.lm_head.weight.data_ptr() == table
    assert model.model.encoder.embed_tokens.weight.data_ptr() == table
    assert model.model.decoder.embed_tokens.weight.data_ptr() == table


def test_the_shipped_configuration_is_minilms() -> None:
    config = copy_bart_config()
    assert (config.d_model, config.encoder_layers, config.encoder_ffn_dim, config.vocab_size) == (384, 6, 1536, 30522)
    assert not config.normalize_before
    assert config.normalize_embedding
    assert not config.scale_embedding
