"""Learning from how good the written answer is: REINFORCE (Williams 1992) with a baseline.

The policy draws a passage z ~ p(z|x), then a text y ~ p(y|x,z). B questions, N passages of each, T tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from generation.fusing import PADDING, log_p_answer
from generation.support import support
from training.batches import pad
from training.joint_data import JointQuestion, Passage
from training.joint_decoding import greedy, sampled, written
from training.joint_writers import Memory, Writer

Baseline = Literal["self-critical", "mean"]
AnswerF1 = Callable[[str, Sequence[str]], float]
"""The F1 (0..1) of a text's words with those of the best of the right answers."""


@dataclass(frozen=True, slots=True)
class Reward:
    """r(y) = F1(y, answers) + ``support_weight`` · support(y, passage), 0 and more.

    Support asks whether the passage that was drawn bears the text out: a right answer guessed from a wrong passage
    earns less.
    """

    f1: AnswerF1
    support_weight: float = 0.5

    def __call__(self, text: str, question: JointQuestion, passage: Passage) -> float:
        heading, body = passage
        borne_out = support(text, body, heading) if self.support_weight and text else 0.0
        return self.f1(text, question.answers) + self.support_weight * borne_out


def reinforce_loss(log_p: Tensor, r: Tensor, b: Tensor) -> Tensor:
    """−mean (r − b) · log p of what was drawn, all (B,): its gradient is REINFORCE's estimate.

    The baseline b must not depend on what was drawn, or the estimate is biased.
    """
    return -((r - b).detach() * log_p).mean()


def mean_of_the_others(r: Tensor) -> Tensor:
    """For each of B rewards the mean of the other B − 1; 0 for a single one."""
    if len(r) == 1:
        return torch.zeros_like(r)
    return (r.sum() - r) / (len(r) - 1)


@dataclass(frozen=True, slots=True)
class Read:
    """A batch as it was read: the questions, the corpus, which passages were found (B, N), their log p(z|x) (B, N)
    and the memory of the B·N rows."""

    questions: Sequence[JointQuestion]
    passages: Sequence[Passage]
    places: Tensor
    log_p_z: Tensor
    memory: Memory

    def rows(self, drawn: Tensor) -> Tensor:
        """The row of the passage that was drawn for each question, (B,) -> (B,)."""
        b, n = self.log_p_z.shape
        return torch.arange(b, device=drawn.device) * n + drawn


class Reinforce:
    """The loss of one drawn passage and text a question."""

    def __init__(self, reward: Reward, baseline: Baseline, most: int) -> None:
        self._reward, self._baseline, self._most = reward, baseline, most

    def loss(self, writer: Writer, read: Read) -> Tensor:
        """A scalar with gradients into the writer and, through log p(z|x), into the question tower.

        ``self-critical`` (Rennie et al. 2017): the baseline is the reward of the greedy text from the likeliest
        passage. ``mean``: that of the other questions of the batch.
        """
        drawn = torch.multinomial(read.log_p_z.detach().exp(), 1).squeeze(-1)  # (B,)
        memory = read.memory.rows(read.rows(drawn))
        texts = self._texts(writer, memory, sampled)
        r = self._rewards(writer, read, drawn, texts)
        return reinforce_loss(self._log_p(writer, read, drawn, texts), r, self._base(writer, read, r))

    def _base(self, writer: Writer, read: Read, r: Tensor) -> Tensor:
        if self._baseline == "mean":
            return mean_of_the_others(r)
        likeliest = read.log_p_z.argmax(-1)
        texts = self._texts(writer, read.memory.rows(read.rows(likeliest)), greedy)
        return self._rewards(writer, read, likeliest, texts)

    def _texts(self, writer: Writer, memory: Memory, choose: Callable[[Tensor], Tensor]) -> list[list[int]]:
        learning = writer.training
        writer.eval()  # dropout would make the greedy text another one each time
        texts = written(writer, memory, choose, self._most)
        writer.train(learning)
        return texts

    def _rewards(self, writer: Writer, read: Read, drawn: Tensor, texts: Sequence[list[int]]) -> Tensor:
        places = read.places.gather(1, drawn[:, None]).squeeze(1).tolist()
        found = [
            self._reward(writer.text(text), question, read.passages[place])
            for text, question, place in zip(texts, read.questions, places, strict=True)
        ]
        return torch.tensor(found, device=drawn.device)

    def _log_p(self, writer: Writer, read: Read, drawn: Tensor, texts: Sequence[list[int]]) -> Tensor:
        """log p(z|x) + log p(y|x,z) of what was drawn, (B,)."""
        labels = pad(texts, PADDING).to(drawn.device)
        log_p_y = writer.log_p_targets(read.memory.rows(read.rows(drawn)), labels)  # (B, T)
        log_p_z = read.log_p_z.gather(1, drawn[:, None]).squeeze(1)
        return log_p_z + log_p_answer(log_p_y[:, None], labels != PADDING).squeeze(1)
