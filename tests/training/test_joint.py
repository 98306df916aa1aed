"""Joint training: the paper's loss, gradients where they belong, both figures up on a toy, and exact resuming."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerCallback

from domain.errors import Misconfigured
from tests.training.joint_toys import CORPUS, PASSAGES, QUESTIONS, copy_writer, f1, joint, plain_writer, retriever
from tests.training.tiny_models import tiny_bart, tiny_bert
from training.joint import JointOptions, joint_card, joint_model, make_trainer, train_joint
from training.joint_decoding import Mode
from training.joint_model import JointModel
from training.joint_reward import Reinforce, Reward
from training.loop import LoopSettings, newest_checkpoint
from training.towers import encoders


@pytest.fixture(scope="module")
def towers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def answerer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bart(tmp_path_factory.mktemp("bart"))


def settings(folder: Path, steps: int = 4, **more: Any) -> LoopSettings:
    chosen: dict[str, Any] = {"batch_size": 4, "old_rate": 1e-3, "warmup_steps": 0, "device": "cpu", **more}
    return LoopSettings(folder, steps, **{"evaluate_steps": steps, **chosen})


def options(towers: Path, answerer: Path, **more: Any) -> JointOptions:
    return JointOptions(answerer, str(towers), **{"k": 3, "window": 48, "answer_tokens": 4, **more})


@pytest.mark.parametrize("mode", ["rag-sequence", "rag-token"])
def test_the_loss_is_the_papers_on_two_passages(mode: Mode, towers: Path) -> None:
    model = joint(retriever(towers), copy_writer(), k=2, mode=mode).eval()
    question = QUESTIONS[1]
    with torch.no_grad():
        loss = float(model(torch.tensor([1])).loss)
        scores, places = model.retriever([question.text], 2)
        labels = torch.tensor([model.writer.labels("green")])
        p_y = [
            model.writer.log_p_targets(
                model.writer.read(model.writer.sources(question.text, [PASSAGES[place]])), labels
            )[0]
            .exp()
            .tolist()
            for place in places[0].tolist()
        ]
    a, b = scores[0].tolist()
    p_z = [math.exp(a) / (math.exp(a) + math.exp(b)), math.exp(b) / (math.exp(a) + math.exp(b))]
    assert len(p_y[0]) == 2  # the word and the end
    if mode == "rag-sequence":
        p = p_z[0] * p_y[0][0] * p_y[0][1] + p_z[1] * p_y[1][0] * p_y[1][1]
    else:
        p = (p_z[0] * p_y[0][0] + p_z[1] * p_y[1][0]) * (p_z[0] * p_y[0][1] + p_z[1] * p_y[1][1])
    assert loss == pytest.approx(-math.log(p), rel=1e-4)


@pytest.mark.parametrize("mode", ["rag-sequence", "rag-token"])
def test_gradients_of_the_answer_reach_the_question_tower_and_not_a_frozen_passage_tower(
    mode: Mode, towers: Path
) -> None:
    model = joint(retriever(towers), copy_writer(), mode=mode)
    model(torch.tensor([0, 3])).loss.backward()
    pair = encoders(model.retriever.towers)
    moved = [p for p in pair["query"].parameters() if p.grad is not None and p.grad.abs().sum() > 0]
    assert len(moved) > 10
    assert all(p.grad is None for p in pair["document"].parameters())


def test_a_passage_that_makes_the_answer_likelier_is_drawn_nearer(towers: Path) -> None:
    model = joint(retriever(towers), copy_writer(), k=8).eval()
    for parameter in model.writer.parameters():
        parameter.requires_grad_(False)
    scores, places = model.retriever(["what is the card"], 8)
    scores.retain_grad()
    memory = model.writer.read(model.writer.sources("what is the card", [PASSAGES[n] for n in places[0].tolist()]))
    labels = torch.tensor([model.writer.labels("green")] * 8)
    log_p_y = model.writer.log_p_targets(memory, labels).sum(-1)
    (-(scores.log_softmax(-1)[0] + log_p_y).logsumexp(-1)).backward()
    assert scores.grad is not None
    posterior = (scores.detach().log_softmax(-1)[0] + log_p_y).softmax(-1)
    expected = scores.detach().softmax(-1)[0] - posterior  # ∂L/∂s_i = p(z_i|x) − p(z_i|x, y)
    assert torch.allclose(scores.grad[0], expected, atol=1e-5)


def test_the_weight_of_reinforce_adds_to_the_loss(towers: Path) -> None:
    reinforce = Reinforce(Reward(lambda told, wanted: 1.0, 0.0), "mean", 2)
    found, writer = retriever(towers).eval(), copy_writer().eval()
    plain = joint(found, writer, k=2).eval()
    rewarded = joint(found, writer, reinforce, k=2, reinforce_weight=0.5).eval()
    alone = float(plain(torch.tensor([1])).loss.detach())
    # One question: no others to take a mean of, so the baseline is 0 and the reward 1.
    torch.manual_seed(3)
    both = float(rewarded(torch.tensor([1])).loss.detach())
    assert both > alone + 0.1


def test_measuring_counts_what_is_found_and_told_and_changes_nothing(towers: Path) -> None:
    model = joint(retriever(towers), copy_writer())
    index = model.retriever.vectors.clone().mul_(0.5)
    model.retriever.vectors.copy_(index)
    everything = replace(QUESTIONS[0], gold=frozenset(range(8)))
    nothing = replace(QUESTIONS[0], gold=frozenset())
    found = model.outcomes([everything, nothing], lambda told, wanted: 0.25)
    assert found.found_first == (1.0, 0.0)
    assert found.found_in_five == (1.0, 0.0)
    assert found.f1 == (0.25, 0.25)
    assert found.loss[0] == found.loss[1] > 0
    assert torch.equal(model.retriever.vectors, index)
    assert model.training


def test_training_together_finds_and_answers_better(towers: Path) -> None:
    torch.manual_seed(0)
    model = joint(retriever(towers), copy_writer(), k=8)
    before = model.outcomes(QUESTIONS, f1)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-3)
    for _ in range(25):
        optimizer.zero_grad()
        model(torch.arange(8)).loss.backward()
        optimizer.step()
    after = model.outcomes(QUESTIONS, f1)
    assert (sum(before.found_first), sum(after.found_first)) == (6, 8)
    assert sum(after.f1) >= sum(before.f1) + 3


class StopAt(TrainerCallback):  # type: ignore[misc]
    """Ends a run early, as a crash would after its checkpoint."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_training_stop = control.should_training_stop or state.global_step == self.step


def test_a_run_that_was_broken_off_ends_with_the_same_bytes(towers: Path, answerer: Path, tmp_path: Path) -> None:
    # Broken off at step 3, where the index is as old as step 2: it must come from the checkpoint, not from the weights.
    chosen = options(towers, answerer, passages="refreshed", refresh_every=2, reinforce_weight=0.1)
    train_joint(CORPUS, settings(tmp_path / "whole", 4), tmp_path / "a", chosen, f1)
    rehearsal = settings(tmp_path / "broken", 4, save_steps=3)
    torch.manual_seed(0)
    model = joint_model(CORPUS, rehearsal, chosen, f1)
    trainer = make_trainer(model, len(QUESTIONS), rehearsal, chosen)
    trainer.add_callback(StopAt(3))
    model.retriever.refresh()
    trainer.train()
    assert newest_checkpoint(tmp_path / "broken") == tmp_path / "broken" / "checkpoint-3"
    train_joint(CORPUS, rehearsal, tmp_path / "b", chosen, f1)
    written = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.safetensors"))
    assert len(written) >= 2
    for name in written:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_both_models_are_written_with_their_curve_and_go_on_from_there(
    towers: Path, answerer: Path, tmp_path: Path
) -> None:
    done = train_joint(CORPUS, settings(tmp_path / "run", 2), tmp_path / "made", options(towers, answerer), f1)
    assert done.trained.steps == 2
    assert set(done.trained.best) == {"step", "dev_loss", "dev_F1", "dev_R@1", "dev_R@5"}
    assert len(done.before.f1) == len(done.after.f1) == len(CORPUS.held_out)
    made = tmp_path / "made"
    assert (made / "generator" / "curve.png").is_file()
    again = options(made / "towers", made / "generator")
    model = joint_model(CORPUS, settings(tmp_path / "next"), again, f1)
    model.retriever.refresh()
    found = model.outcomes(CORPUS.held_out, f1)
    assert found.loss == pytest.approx(done.after.loss, abs=1e-3)


@pytest.mark.parametrize("rates", [{"tower_rate": 0.0}, {"tower_rate": 1e-3}])
def test_a_rate_of_zero_keeps_its_part_still(
    rates: dict[str, float], towers: Path, answerer: Path, tmp_path: Path
) -> None:
    still = settings(tmp_path / "run", 2, old_rate=0.0 if rates["tower_rate"] else 1e-3)
    chosen = options(towers, answerer, **rates)
    model = joint_model(CORPUS, still, chosen, f1)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.retriever.refresh()
    make_trainer(model, len(QUESTIONS), still, chosen).train()
    moved = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    towers_moved = any(name.startswith("retriever.towers") for name in moved)
    writer_moved = any(name.startswith("writer") for name in moved)
    assert (towers_moved, writer_moved) == (bool(rates["tower_rate"]), not rates["tower_rate"])


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"k": 1}, "--k is 1"),
        ({"refresh_every": 0}, "--refresh-every is 0"),
        ({"reinforce_weight": -1.0}, "--reinforce is -1"),
        ({"support_weight": -1.0}, "--support is -1"),
        ({"tower_rate": float("nan")}, "--tower-rate is nan"),
        ({"answer_tokens": 0}, "--answer-tokens is 0"),
        ({"window": 1000}, "--window"),
        ({"start": Path("nowhere")}, "nowhere"),
        ({"towers": str(Path(__file__).parent)}, "cannot be loaded"),
    ],
)
def test_options_that_cannot_work_are_refused(
    wrong: dict[str, Any], named: str, towers: Path, answerer: Path, tmp_path: Path
) -> None:
    chosen = replace(options(towers, answerer), **wrong)
    with pytest.raises(Misconfigured, match=named):
        train_joint(CORPUS, settings(tmp_path / "run"), tmp_path / "made", chosen, f1)
    assert not (tmp_path / "made").exists()


def test_nothing_that_learns_is_refused(towers: Path, answerer: Path, tmp_path: Path) -> None:
    still = settings(tmp_path / "run", old_rate=0.0)
    with pytest.raises(Misconfigured, match="Every learning rate is 0"):
        train_joint(CORPUS, still, tmp_path / "made", options(towers, answerer, tower_rate=0.0), f1)


def test_the_card_names_the_corpus_and_how_it_was_learnt(towers: Path, answerer: Path) -> None:
    card = joint_card(CORPUS, options(towers, answerer, mode="rag-token", reinforce_weight=0.2), ["R@1 up"])
    assert card.sources == ("toys",)
    assert "rag-token over 3 passages, REINFORCE with weight 0.2" in card.architecture
    assert card.figures == ("R@1 up",)


def test_a_plain_model_learns_too(towers: Path, answerer: Path) -> None:
    model: JointModel = joint(retriever(towers), plain_writer(answerer))
    model(torch.tensor([0, 1])).loss.backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in model.writer.parameters())
    assert any(p.grad is not None for p in encoders(model.retriever.towers)["query"].parameters())
