"""REINFORCE: its formulas, its baselines, and that what is rewarded becomes likelier."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from generation.fusing import log_prior
from tests.training.joint_toys import PASSAGES, QUESTIONS, copy_writer, f1
from training.joint_data import JointQuestion
from training.joint_reward import Baseline, Read, Reinforce, Reward, mean_of_the_others, reinforce_loss
from training.joint_writers import Writer


def test_the_loss_weighs_the_log_probability_by_what_beats_the_baseline() -> None:
    log_p = torch.tensor([-1.0, -2.0], requires_grad=True)
    loss = reinforce_loss(log_p, torch.tensor([1.0, 0.25]), torch.tensor([0.5, 0.75]))
    assert loss.item() == pytest.approx(-(0.5 * -1.0 + -0.5 * -2.0) / 2)  # −0.25
    loss.backward()  # type: ignore[no-untyped-call]
    assert log_p.grad is not None
    assert log_p.grad.tolist() == pytest.approx([-0.25, 0.25])


def test_the_mean_baseline_leaves_a_reward_out_of_its_own() -> None:
    assert mean_of_the_others(torch.tensor([1.0, 0.0, 0.5])).tolist() == pytest.approx([0.25, 0.75, 0.5])
    assert mean_of_the_others(torch.tensor([0.7])).tolist() == [0.0]


def test_a_right_answer_from_a_passage_that_does_not_say_so_earns_less() -> None:
    reward = Reward(f1, support_weight=0.5)
    question = JointQuestion("what does the card cost", ("£6",), frozenset([0]))
    assert reward("£6", question, ("Card fees", "A new card costs £6.")) == 1.5
    assert reward("£6", question, ("Card fees", "A new card costs £12.")) == 1.0
    assert reward("£12", question, ("Card fees", "A new card costs £12.")) == 0.5
    assert reward("", question, ("Card fees", "A new card costs £6.")) == 0.0


_COLOURS = (["red"], ["green"], ["blue"])


def batch(writer: Writer, scores: Tensor) -> Read:
    """As many questions as there are ``scores``, each with its own passage and the next."""
    questions = QUESTIONS[: len(scores)]
    places = torch.tensor([[n, (n + 1) % len(PASSAGES)] for n in range(len(scores))])
    sources = [
        source
        for question, row in zip(questions, places.tolist(), strict=True)
        for source in writer.sources(question.text, [PASSAGES[place] for place in row])
    ]
    return Read(questions, PASSAGES, places, log_prior(scores), writer.read(sources))


@pytest.mark.parametrize("baseline", ["self-critical", "mean"])
def test_the_rewarded_answer_becomes_likelier(baseline: Baseline, tmp_path: Path) -> None:
    torch.manual_seed(11)
    writer = copy_writer()
    colours = writer.tokenizer.convert_tokens_to_ids(["red", "green", "blue"])
    reward = Reward(lambda told, wanted: float(told.split()[:1] in _COLOURS), support_weight=0.0)  # whatever was asked
    reinforce = Reinforce(reward, baseline, most=1)
    scores = torch.zeros(8, 2)

    def p_colour() -> float:
        writer.eval()
        with torch.no_grad():
            log_p = writer.writing(batch(writer, scores).memory)(torch.full((16,), writer.start))
        writer.train()
        return float(log_p[:, colours].exp().sum(-1).mean())

    before = p_colour()
    optimizer = torch.optim.AdamW(writer.parameters(), lr=1e-2)
    for _ in range(15):
        optimizer.zero_grad()
        reinforce.loss(writer, batch(writer, scores)).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert before < 0.25
    assert p_colour() > 2 * before


def test_the_passage_whose_answers_are_rewarded_is_drawn_nearer() -> None:
    torch.manual_seed(11)
    writer, scores = copy_writer(frozen=True).requires_grad_(False), torch.zeros(4, 2, requires_grad=True)
    # The reward is for the passage alone: its text holds the word that only passage n holds for question n.
    reward = _OfThePassage()
    reinforce = Reinforce(reward, "mean", most=2)
    optimizer = torch.optim.SGD([scores], lr=2.0)
    for _ in range(30):
        optimizer.zero_grad()
        reinforce.loss(writer, batch(writer, scores)).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert (scores.softmax(-1)[:, 0] > 0.7).all()


class _OfThePassage(Reward):
    """1 for the passage that answers, whatever was written."""

    def __init__(self) -> None:
        super().__init__(f1)

    def __call__(self, text: str, question: JointQuestion, passage: tuple[str, str]) -> float:
        return float(question.answers[0] in passage[1])
