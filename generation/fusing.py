"""The formulas of evidence fusion, and how passages are laid out for a BART or T5.

The formulas have the letters of Lewis et al. (2020, "Retrieval-augmented generation …"):
x the question, z_i one of N passages, y_t the answer's t-th token. All logarithms are natural, everything is
differentiable, and the mask is 1 (or true) where a token counts. B batch, N passages, T tokens, V vocabulary.

    p_rag-sequence(y|x) = Σ_i p(z_i|x) Π_t p(y_t | x, z_i, y_<t)
    p_rag-token(y|x)    = Π_t Σ_i p(z_i|x) p(y_t | x, z_i, y_<t)
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from domain.errors import Misconfigured
from generation.shortening import Readable, Shortened, shorten

Fusion = Literal["fid", "concat"]
LAYOUT_FILE = "colloquy.json"
_QUESTION_SHARE = 2  # of the window: question and history take at most one half, so that passages are always seen

PADDING = -100
"""The label of a target position that does not count, as transformers has it."""


def log_prior(scores: Tensor) -> Tensor:
    """log p(z_i|x) = log softmax of the retrieval scores, (…, N) -> (…, N).

    The scores are logits: inner products as in the paper, or logarithms of what is proportional to probabilities.
    A passage that is not there has the score −∞.
    """
    return scores.log_softmax(-1)


def token_log_probabilities(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """log p(y_t|…) of the labels, and which of them count: logits (…, T, V), labels (…, T) -> (…, T) twice.

    Labels that do not count are ``PADDING``; their log-probability is 0.
    """
    mask = labels != PADDING
    chosen = logits.log_softmax(-1).gather(-1, labels.clamp(min=0)[..., None]).squeeze(-1)
    return chosen.masked_fill(~mask, 0.0), mask


def log_p_rag_sequence(log_p_z: Tensor, log_p_y: Tensor, mask: Tensor) -> Tensor:
    """log p_rag-sequence(y|x): log p(z_i|x) (B, N), log p(y_t|x, z_i, y_<t) (B, N, T), mask (B, T) -> (B,).

    One passage is taken to have produced the whole answer.
    """
    return (log_p_z + log_p_answer(log_p_y, mask)).logsumexp(-1)


def log_p_rag_token(log_p_z: Tensor, log_p_y: Tensor, mask: Tensor) -> Tensor:
    """log p_rag-token(y|x): log p(z_i|x) (B, N), log p(y_t|x, z_i, y_<t) (B, N, T), mask (B, T) -> (B,).

    Every token may come from another passage.
    """
    steps = (log_p_z[..., None] + log_p_y).logsumexp(-2)  # (B, T)
    return torch.where(mask.bool(), steps, torch.zeros_like(steps)).sum(-1)


def log_p_answer(log_p_y: Tensor, mask: Tensor) -> Tensor:
    """Σ_t log p(y_t|x, z_i, y_<t): (B, N, T), mask (B, T) -> (B, N)."""
    return torch.where(mask.bool()[..., None, :], log_p_y, torch.zeros_like(log_p_y)).sum(-1)


def log_p_next_token(log_p_z: Tensor, log_p_v: Tensor) -> Tensor:
    """One step of rag-token: log p(z_i|x) (…, N), log p(v|x, z_i, y_<t) (…, N, V) -> log p(v|x, y_<t) (…, V)."""
    return (log_p_z[..., None] + log_p_v).logsumexp(-2)


@dataclass(frozen=True, slots=True)
class Layout:
    """How question, history and passages become sources. Lengths are in tokens of the model's tokenizer.

    ``prefix`` stands before the question (T5 was trained to be told its task); ``window`` bounds one source,
    ``reply`` what is written. ``fusion`` is ``fid`` for all modes that encode passages apart.
    """

    fusion: Fusion = "fid"
    prefix: str = ""
    window: int = 256
    reply: int = 96

    def sources(
        self,
        tokenizer: Any,
        question: str,
        passages: Sequence[tuple[str, str]],
        history: Sequence[str] = (),
    ) -> list[list[int]]:
        """Token ids of each source: one a (heading, text) passage for ``fid``, one in all for ``concat``.

        ``history``: earlier messages, the newest first, as training rows hold them. What does not fit is cut at the
        end of the question or of a passage, never a whole passage. Raises ``Misconfigured`` when the window leaves
        a passage no token.
        """
        left, right = special_tokens(tokenizer)
        head = self._head(tokenizer, question, history)
        bodies = [_pieces(tokenizer, _described(*passage)) for passage in passages] or [[]]
        rooms = self._rooms(tokenizer, head, [len(body) for body in bodies])
        cut = [body[:room] for body, room in zip(bodies, rooms, strict=True)]
        if self.fusion == "fid":
            return [[*left, *head, *body, *right] for body in cut]
        return [[*left, *head, *(token for body in cut for token in body), *right]]

    def fits(
        self, tokenizer: Any, question: str, passages: Sequence[tuple[str, str]], history: Sequence[str] = ()
    ) -> bool:
        """Whether ``sources`` shows every passage whole."""
        lengths = [_length(tokenizer, *passage) for passage in passages]
        rooms = self._rooms(tokenizer, self._head(tokenizer, question, history), lengths)
        return all(length <= room for length, room in zip(lengths, rooms, strict=True))

    def keeps_question(self, tokenizer: Any, question: str, history: Sequence[str] = ()) -> bool:
        """Whether prefix, question and history fit into their half of the window."""
        return len(_pieces(tokenizer, self._asked(question, history))) <= self._inside(tokenizer) // _QUESTION_SHARE

    def shortened(
        self, tokenizer: Any, question: str, passages: Sequence[Readable], history: Sequence[str] = ()
    ) -> list[Shortened]:
        """The passages as they fit, by the sentences that matter most; ``sources`` then cuts nothing off them."""
        lengths = [_length(tokenizer, one.heading, one.text) for one in passages]
        rooms = self._rooms(tokenizer, self._head(tokenizer, question, history), lengths)
        return [
            shorten(one, room, lambda heading, text: _length(tokenizer, heading, text))
            for one, room in zip(passages, rooms, strict=True)
        ]

    def labels(self, tokenizer: Any, reply: str) -> list[int]:
        """The reply's tokens with the special ones the model was trained to write."""
        ids: list[int] = tokenizer(text_target=reply, truncation=True, max_length=self.reply).input_ids
        return ids

    def write(self, folder: Path) -> None:
        """Writes ``colloquy.json``, from which serving reads how the model was taught."""
        (folder / LAYOUT_FILE).write_text(json.dumps(asdict(self), indent=2) + "\n", "utf-8")

    def _head(self, tokenizer: Any, question: str, history: Sequence[str]) -> list[int]:
        return _pieces(tokenizer, self._asked(question, history))[: self._inside(tokenizer) // _QUESTION_SHARE]

    def _asked(self, question: str, history: Sequence[str]) -> str:
        return f"{self.prefix}question: {' '.join([question, *history])}"

    def _inside(self, tokenizer: Any) -> int:
        left, right = special_tokens(tokenizer)
        return self.window - len(left) - len(right)

    def _rooms(self, tokenizer: Any, head: Sequence[int], lengths: Sequence[int]) -> list[int]:
        """How many tokens each passage may take, the shorter ones of one source leaving theirs to the longer."""
        room = self._inside(tokenizer) - len(head)
        together = 1 if self.fusion == "fid" else len(lengths)
        if room < max(together, 1):
            raise Misconfigured(
                f"A window of {self.window} tokens leaves no token for each of {together} passages; raise --window."
            )
        return [room] * len(lengths) if self.fusion == "fid" else fair_shares(lengths, room)


def read_layout(folder: Path) -> Layout:
    """The layout that ``Layout.write`` left in ``folder``. Raises ``Misconfigured`` when it is missing or damaged."""
    try:
        return Layout(**json.loads((folder / LAYOUT_FILE).read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise Misconfigured(
            f"{folder / LAYOUT_FILE} is missing or damaged ({error}); give a folder that colloquy train wrote."
        ) from error


def fair_shares(lengths: Sequence[int], room: int) -> list[int]:
    """How much of each length is kept when ``room`` is split evenly; what the short ones leave goes to the others.

    The shares are max-min fair: none can grow but at the cost of one that is not larger (to within one token).
    """
    shares = [0] * len(lengths)
    waiting = sorted(range(len(lengths)), key=lambda i: lengths[i])
    for place, i in enumerate(waiting):
        shares[i] = min(lengths[i], room // (len(waiting) - place))
        room -= shares[i]
    return shares


def special_tokens(tokenizer: Any) -> tuple[list[int], list[int]]:
    """What the tokenizer puts before and after a text: <s> and </s> for BART, nothing and </s> for T5."""
    ids: list[int] = tokenizer("").input_ids
    cut = int(bool(ids) and ids[0] in (tokenizer.bos_token_id, tokenizer.cls_token_id))
    return ids[:cut], ids[cut:]


def _described(heading: str, text: str) -> str:
    """The words of fusion-in-decoder's paper, after a space that keeps byte-level pieces what they are in a text."""
    return f" title: {heading} context: {text}" if heading else f" context: {text}"


def _length(tokenizer: Any, heading: str, text: str) -> int:
    return len(_pieces(tokenizer, _described(heading, text)))


def _pieces(tokenizer: Any, text: str) -> list[int]:
    """The text's tokens. A typed "</s>" is text: it must not forge the layout, so no special token comes of it."""
    ids: list[int] = tokenizer(
        text, add_special_tokens=False, truncation=False, verbose=False, split_special_tokens=True
    ).input_ids
    special = {*tokenizer.all_special_ids} - {tokenizer.unk_token_id}
    return [token for token in ids if token not in special]
