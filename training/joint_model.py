"""Retriever and answerer as one model whose loss is that of RAG (Lewis et al. 2020).

loss = −log p_rag(y|x) (+ w · REINFORCE), with p(z|x) the softmax of the retrieval scores of the k nearest passages.
So a passage that makes the right answer likelier is drawn nearer to the question, though nobody said that it answers.
B questions, N = k passages of each, T tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from generation.fusing import PADDING, log_p_rag_sequence, log_p_rag_token, log_prior
from training.batches import pad
from training.joint_data import JointQuestion, Passage
from training.joint_decoding import Mode, marginal_answers
from training.joint_reward import AnswerF1, Read, Reinforce
from training.joint_towers import Retriever
from training.joint_writers import Writer

_FIGURES_AT_A_TIME = 8  # questions

_LOG_P: dict[Mode, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "rag-sequence": log_p_rag_sequence,
    "rag-token": log_p_rag_token,
}


@dataclass(frozen=True, slots=True)
class Marginal:
    """``mode``: what is marginalised over. ``k``: passages a question. ``reinforce_weight``: 0 leaves REINFORCE out.
    ``most``: tokens of a written answer."""

    mode: Mode
    k: int
    reinforce_weight: float = 0.0
    most: int = 32


@dataclass
class JointOutput:
    """``loss``: nats an answer, plus what REINFORCE adds."""

    loss: Tensor


@dataclass(frozen=True, slots=True)
class Outcomes:
    """One number a question, 0..1 each, in their order: whether the nearest passage, or one of the five nearest,
    answers; the F1 of the written answer; and its loss in nats."""

    found_first: tuple[float, ...]
    found_in_five: tuple[float, ...]
    f1: tuple[float, ...]
    loss: tuple[float, ...]


class JointModel(nn.Module):
    """``passages`` are the corpus that ``retriever`` searches; ``questions`` are learnt from, by number."""

    def __init__(
        self,
        retriever: Retriever,
        writer: Writer,
        passages: Sequence[Passage],
        questions: Sequence[JointQuestion],
        marginal: Marginal,
        reinforce: Reinforce | None = None,
    ) -> None:
        super().__init__()
        self.retriever, self.writer = retriever, writer
        self._passages, self._questions = passages, questions
        self._marginal, self._reinforce = marginal, reinforce

    def forward(self, rows: Tensor) -> JointOutput:
        """The mean loss over the questions of numbers ``rows`` (B,)."""
        questions = [self._questions[row] for row in rows.tolist()]
        read = self._read(questions)
        loss = self._losses(read).mean()
        if self._reinforce is not None and self._marginal.reinforce_weight:
            loss = loss + self._marginal.reinforce_weight * self._reinforce.loss(self.writer, read)
        return JointOutput(loss)

    @torch.no_grad()
    def outcomes(self, questions: Sequence[JointQuestion], f1: AnswerF1) -> Outcomes:
        """How well ``questions`` are answered now, by an index made of the passage tower as it is now."""
        learning, index = self.training, self.retriever.vectors.clone()
        self.eval()
        self.retriever.refresh()
        found = [
            row
            for first in range(0, len(questions), _FIGURES_AT_A_TIME)
            for row in self._rows(questions[first : first + _FIGURES_AT_A_TIME], f1)
        ]
        self.retriever.vectors.copy_(index)  # measuring must not change what is learnt
        self.train(learning)
        return Outcomes(*(tuple(column) for column in zip(*found, strict=True)))

    def _read(self, questions: Sequence[JointQuestion]) -> Read:
        scores, places = self.retriever([question.text for question in questions], self._marginal.k)
        sources = [
            source
            for question, row in zip(questions, places.tolist(), strict=True)
            for source in self.writer.sources(question.text, [self._passages[place] for place in row])
        ]
        return Read(questions, self._passages, places, log_prior(scores), self.writer.read(sources))

    def _losses(self, read: Read) -> Tensor:
        """−log p(y|x) of the first right answer to each question, (B,)."""
        b, n = read.log_p_z.shape
        labels = pad([self.writer.labels(question.answers[0]) for question in read.questions], PADDING)
        labels = labels.to(read.log_p_z.device)  # (B, T)
        log_p_y = self.writer.log_p_targets(read.memory, labels.repeat_interleave(n, 0)).reshape(b, n, -1)
        return -_LOG_P[self._marginal.mode](read.log_p_z, log_p_y, labels != PADDING)

    def _rows(self, questions: Sequence[JointQuestion], f1: AnswerF1) -> list[tuple[float, float, float, float]]:
        read = self._read(questions)
        answers = marginal_answers(self.writer, read.memory, read.log_p_z, self._marginal.mode, self._marginal.most)
        told = [f1(self.writer.text(ids), q.answers) for ids, q in zip(answers, questions, strict=True)]
        _, nearest = self.retriever([question.text for question in questions], 5)
        hits = [[float(place in q.gold) for place in row] for q, row in zip(questions, nearest.tolist(), strict=True)]
        losses = self._losses(read).tolist()
        return [(hit[0], max(hit), one, loss) for hit, one, loss in zip(hits, told, losses, strict=True)]
