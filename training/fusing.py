"""Reading several passages with any BART or T5, and what a model is shown of them.

Fusion-in-decoder (Izacard & Grave 2021) encodes every passage apart with the question and decodes over all of them;
``concat`` is the same with one source that holds them all. B batch, N sources of one example, L tokens of a source,
S = N·L, T target tokens, D model width. This module needs nothing of training, so that serving may use it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutput

from domain.errors import Misconfigured

Fusion = Literal["fid", "concat"]
LAYOUT_FILE = "colloquy.json"
_QUESTION_SHARE = 2  # of the window: question and history take at most one half, so that passages are always seen


@dataclass(frozen=True, slots=True)
class Layout:
    """How question, history and passages become sources. Lengths are in tokens of the model's tokenizer.

    ``prefix`` stands before the question (T5 was trained to be told its task); ``window`` bounds one source,
    ``reply`` what is written.
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
        asked = f"{self.prefix}question: {' '.join([question, *history])}"
        head = _pieces(tokenizer, asked)[: (self.window - len(left) - len(right)) // _QUESTION_SHARE]
        bodies = [_pieces(tokenizer, _described(*passage)) for passage in passages] or [[]]
        room = self.window - len(left) - len(right) - len(head)
        if self.fusion == "fid":
            return [[*left, *head, *body[: self._at_least_one(room, 1)], *right] for body in bodies]
        shares = fair_shares([len(body) for body in bodies], self._at_least_one(room, len(bodies)))
        cut = [token for body, share in zip(bodies, shares, strict=True) for token in body[:share]]
        return [[*left, *head, *cut, *right]]

    def labels(self, tokenizer: Any, reply: str) -> list[int]:
        """The reply's tokens with the special ones the model was trained to write."""
        ids: list[int] = tokenizer(text_target=reply, truncation=True, max_length=self.reply).input_ids
        return ids

    def write(self, folder: Path) -> None:
        """Writes ``colloquy.json``, from which serving reads how the model was taught."""
        (folder / LAYOUT_FILE).write_text(json.dumps(asdict(self), indent=2) + "\n", "utf-8")

    def _at_least_one(self, room: int, passages: int) -> int:
        if room < passages:
            raise Misconfigured(
                f"A window of {self.window} tokens leaves no token for each of {passages} passages; raise --window."
            )
        return room


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


class FusionInDecoder(nn.Module):
    """A thin wrapper that lets ``inner`` (BART, T5, or what is built like them) read (B, N, L).

    Padding sources are never encoded: their states are zero and hidden from the decoder. ``state_dict`` holds every
    tensor once, tied or not, as safetensors demands.
    """

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner
        self.register_state_dict_post_hook(_leave_ties_out)  # type: ignore[no-untyped-call]
        self.register_load_state_dict_pre_hook(_put_ties_back)  # type: ignore[no-untyped-call]

    def encode(self, input_ids: Tensor, attention_mask: Tensor) -> BaseModelOutput:
        """(B, N, L) twice -> states (B, S, D)."""
        b, n, length = input_ids.shape
        ids, mask = input_ids.reshape(b * n, length), attention_mask.reshape(b * n, length)
        real = mask.any(-1)  # (B·N,)
        states = self.inner.get_encoder()(input_ids=ids[real], attention_mask=mask[real]).last_hidden_state
        memory = states.new_zeros(b * n, length, states.shape[-1])
        memory[real] = states
        return BaseModelOutput(last_hidden_state=memory.reshape(b, n * length, -1))

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Any:
        """Labels (B, T) with −100 for padding -> an output with ``loss`` (nats a token) and ``logits`` (B, T, V)."""
        return self.inner(
            encoder_outputs=self.encode(input_ids, attention_mask),
            attention_mask=attention_mask.flatten(1),
            labels=labels,
        )

    def generate(self, input_ids: Tensor, attention_mask: Tensor, **options: Any) -> Tensor:
        """Replies as token ids (B, T); ``options`` as of transformers' ``generate``."""
        written: Tensor = self.inner.generate(
            encoder_outputs=self.encode(input_ids, attention_mask),
            attention_mask=attention_mask.flatten(1),
            **options,
        )
        return written


def _ties(module: nn.Module) -> list[list[str]]:
    """The names of each tensor of ``module`` that has more than one."""
    names: dict[int, list[str]] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    return [group for group in names.values() if len(group) > 1]


def _leave_ties_out(module: nn.Module, state: dict[str, Any], prefix: str, _: Any) -> None:
    for _first, *others in _ties(module):
        for name in others:
            state.pop(prefix + name, None)


def _put_ties_back(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    for first, *others in _ties(module):
        for name in others:
            if prefix + first in state:
                state.setdefault(prefix + name, state[prefix + first])


def _described(heading: str, text: str) -> str:
    """The words of fusion-in-decoder's paper, after a space that keeps byte-level pieces what they are in a text."""
    return f" title: {heading} context: {text}" if heading else f" context: {text}"


def _pieces(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False, truncation=False, verbose=False).input_ids
    return ids


def special_tokens(tokenizer: Any) -> tuple[list[int], list[int]]:
    """What the tokenizer puts before and after a text: <s> and </s> for BART, nothing and </s> for T5."""
    ids: list[int] = tokenizer("").input_ids
    cut = int(bool(ids) and ids[0] in (tokenizer.bos_token_id, tokenizer.cls_token_id))
    return ids[:cut], ids[cut:]
