"""Beam search over any next-token distribution: what lives, what ended, what is certain.

The rule is transformers' (``early_stopping=False``, ``length_penalty=1``), so that the same model writes the same
text: of 2K continuations the K best may end, the K best that do not end go on, and the search is over when K texts
have ended and the best live one, per token, is behind the last of them. K beams, V vocabulary.
"""

from __future__ import annotations

from torch import Tensor, tensor

from generation.seq2seq import Hypothesis


class Beams:
    """The beams of one text: ``live`` token ids, best first, with ``scores`` (K,), and the ``done`` hypotheses.

    ``forced`` begins every text; its tokens have log-probability 0, since nothing was chosen.
    """

    def __init__(self, width: int, ends: frozenset[int], forced: tuple[int, ...] = ()) -> None:
        self.live: list[tuple[int, ...]] = [forced]
        self.scores = tensor([0.0])
        self.done: list[Hypothesis] = []
        self._width, self._ends = width, ends
        self._is_over = False

    @property
    def is_over(self) -> bool:
        """True when nothing live can still be among the results."""
        return self._is_over or not self.live

    def advance(self, log_p: Tensor, *, last: bool = False) -> list[int]:
        """One token more: log p(v|…) (K, V) for each live beam -> the former beam that each new one continues.

        ``last``: the limit is reached, so that what has not ended is cut off here.
        """
        total = self.scores.to(log_p)[:, None] + log_p
        best, flat = total.flatten().topk(min(2 * self._width, total.numel()))
        chosen = list(zip(best.tolist(), *_places(flat, log_p.shape[1]), strict=True))
        self._end(chosen[: self._width], last=last)
        alive = [one for one in chosen if one[2] not in self._ends and one[0] > float("-inf")][: self._width]
        self.live = [(*self.live[parent], token) for _, parent, token in alive]
        self.scores = tensor([score for score, *_ in alive])
        self._is_over = last or self._is_settled()
        return [parent for _, parent, _ in alive]

    def _end(self, chosen: list[tuple[float, int, int]], *, last: bool) -> None:
        for score, parent, token in chosen:
            if token in self._ends:
                self.done.append(Hypothesis(self.live[parent], score, True))
            elif last:
                self.done.append(Hypothesis((*self.live[parent], token), score, False))
        self.done = sorted(self.done, key=lambda one: -one.score)[: self._width]

    def _is_settled(self) -> bool:
        if len(self.done) < self._width or not self.live:
            return not self.live
        greedy = self._width == 1  # one beam takes the likeliest token, and stops where that is the end
        return greedy or float(self.scores[0]) / len(self.live[0]) <= self.done[-1].score

    def certain(self) -> tuple[int, ...]:
        """The longest common beginning of all live beams, which no further step can take back from them."""
        if not self.live:
            return ()
        shortest, longest = min(self.live), max(self.live)
        same = (i for i, (a, b) in enumerate(zip(shortest, longest, strict=True)) if a != b)
        return shortest[: next(same, len(shortest))]


def _places(flat: Tensor, vocabulary: int) -> tuple[list[int], list[int]]:
    return (flat // vocabulary).tolist(), (flat % vocabulary).tolist()
