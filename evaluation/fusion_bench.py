"""How long the writing takes, for every way of fusing passages and every runtime: the shipped copy BART, and a plain
BART and T5 on PyTorch and CTranslate2 beside transformers' own ``generate``.

The plain models have no trained weights to answer with: the BART is the shipped answerer without its copy head, the T5
of the same size is noise. What they write says nothing, how long it takes does; they write until the limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.assembly_models import MODELS
from bot.hub_parts import Machine, Named, RuntimeChoice, open_answerer
from domain.conversation import Turn
from domain.passage import RetrievedPassage
from domain.protocols import AnswerGenerator, Draft
from evaluation.figures import Tell
from evaluation.fusion import FusionQuestion, written
from evaluation.metrics import percentile
from evaluation.reports import Table
from generation.hub_models import open_seq2seq
from generation.seq2seq import FusionMode
from generation.seq2seq_answering import NO_PROMPT, Seq2SeqAnswerer, WritingOptions
from generation.weights import open_copy_bart
from retrieval.encoders import minilm_folder

PEER = "transformers generate"
QUESTIONS = 6  # with every way about two minutes on two idle cores
TOKENS = 32  # the median of the shipped answerer's replies is shorter
WINDOW = 512  # all the positions that the BART has
_LIGHT = (FusionMode.CONCAT, FusionMode.RAG_SEQUENCE)  # what CTranslate2 can write by


@dataclass(frozen=True, slots=True)
class Way:
    """One way to write: which model, fused how, run by what; ``open_it`` loads it."""

    model: str
    mode: FusionMode
    runtime: str
    open_it: Callable[[], AnswerGenerator]


@dataclass(frozen=True, slots=True)
class TimedWay:
    """Seconds to the first text and to the end, a question each."""

    way: Way
    first_seconds: tuple[float, ...]
    seconds: tuple[float, ...]


class Generating:
    """transformers' ``generate`` on what ``answerer`` would read: the same source, beams and limit. It tells nothing
    before the end."""

    def __init__(self, answerer: Seq2SeqAnswerer, model: Any, tokenizer: Any) -> None:
        self._answerer, self._model, self._tokenizer = answerer, model, tokenizer

    def stream(
        self,
        question: str,
        history: Sequence[Turn],  # noqa: ARG002  # the protocol's
        evidence: Sequence[RetrievedPassage],
    ) -> Iterator[str | tuple[Draft, ...]]:
        """One tuple with one draft."""
        import torch

        request, _ = self._answerer.request(FusionMode.CONCAT, question, evidence)
        ids = torch.tensor(request.sources)
        with torch.inference_mode():
            made = self._model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                num_beams=request.beams,
                max_new_tokens=request.max_tokens,
                do_sample=False,
                length_penalty=1.0,
            )[0]
        text = self._tokenizer.decode(made, skip_special_tokens=True) or "…"
        yield (Draft(text, 0.0, len(made), "generate"),)


def measure(asked: Sequence[FusionQuestion], ways: Sequence[Way], tell: Tell) -> list[TimedWay]:
    """Every question by every way, question after question, so that whatever else the machine does meanwhile slows all
    ways alike. All are opened and warmed by the first question beforehand."""
    generators = [way.open_it() for way in ways]
    for generator in generators:
        written(generator, asked[0])
    times: list[list[tuple[float, float]]] = [[] for _ in ways]
    for number, question in enumerate(asked, 1):
        for found, generator in zip(times, generators, strict=True):
            _, first, whole = written(generator, question)
            found.append((first or whole, whole))
        tell(number, len(asked))
    return [
        TimedWay(way, tuple(first for first, _ in found), tuple(whole for _, whole in found))
        for way, found in zip(ways, times, strict=True)
    ]


def copy_ways(open_mode: Callable[[FusionMode], AnswerGenerator]) -> list[Way]:
    """The shipped answerer in its four modes."""

    def way(mode: FusionMode) -> Way:
        return Way("copy BART, ships", mode, "PyTorch int8", lambda: open_mode(mode))

    return [way(mode) for mode in FusionMode]


def plain_ways(model: str, folder: Path, converted: Path, beams: int) -> list[Way]:
    """A model in the hub's format: ``generate``, then each runtime by what both can; ``converted`` keeps CTranslate2's
    copy."""

    def opened(mode: FusionMode, runtime: RuntimeChoice) -> Seq2SeqAnswerer:
        options = WritingOptions((mode,), beams, TOKENS, concat_window=WINDOW)
        return open_answerer(Named(str(folder)), Machine(converted, runtime), options, prompt=NO_PROMPT, window=WINDOW)

    def peer() -> AnswerGenerator:
        return Generating(opened(FusionMode.CONCAT, "pytorch"), *open_seq2seq(folder))

    runtimes: Mapping[str, RuntimeChoice] = {"PyTorch float32": "pytorch", "CTranslate2 int8": "ctranslate2"}
    return [
        Way(model, FusionMode.CONCAT, PEER, peer),
        *(
            Way(model, mode, name, lambda mode=mode, chosen=chosen: opened(mode, chosen))  # type: ignore[misc]
            for name, chosen in runtimes.items()
            for mode in _LIGHT
        ),
    ]


def write_plain_bart(folder: Path) -> None:
    """The shipped answerer without its copy head, in the hub's format."""
    from transformers import BartConfig, BartForConditionalGeneration

    copying = open_copy_bart(MODELS / "answerer", minilm_folder())
    kept = {k: v for k, v in copying.config.to_diff_dict().items() if k not in ("architectures", "use_cache")}
    model = BartForConditionalGeneration(BartConfig(**kept))
    model.load_state_dict({k: v for k, v in copying.state_dict().items() if "_head." not in k or k.startswith("lm_")})
    model.tie_weights()
    model.save_pretrained(folder)
    _tokenizer().save_pretrained(folder)


def write_plain_t5(folder: Path) -> None:
    """A T5 of the same width and layers, from noise, in the hub's format."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    tokenizer = _tokenizer()
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=384,
        d_kv=32,
        d_ff=1536,
        num_layers=6,
        num_decoder_layers=3,
        num_heads=12,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
    )
    T5ForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def report(timed: Sequence[TimedWay], facts: Mapping[str, str]) -> Table:
    """A row a way; the ratio is of whole times to those of ``generate`` on the same model, the median of questions."""
    peers = {one.way.model: one.seconds for one in timed if one.way.runtime == PEER}
    rows = tuple(
        (
            one.way.model,
            one.way.mode.value,
            one.way.runtime,
            *(
                f"{1000 * percentile(values, p):.0f}"
                for values in (one.first_seconds, one.seconds)
                for p in (0.5, 0.95)
            ),
            _ratio(one.seconds, peers.get(one.way.model)),
        )
        for one in timed
    )
    columns = ("model", "mode", "runtime", "first text p50 ms", "p95", "whole p50 ms", "p95", "of generate")
    told = {
        "questions": str(len(timed[0].seconds)) if timed else "0",
        "plain models": "the BART is the shipped answerer without its copy head, the T5 noise: times, not answers",
    }
    data = [
        {
            "model": one.way.model,
            "mode": one.way.mode.value,
            "runtime": one.way.runtime,
            "first_seconds": list(one.first_seconds),
            "seconds": list(one.seconds),
        }
        for one in timed
    ]
    return Table("Writing, by mode and runtime", columns, rows, {**told, **facts}, data)


def _ratio(seconds: Sequence[float], peer: Sequence[float] | None) -> str:
    if peer is None:
        return "–"
    return f"{percentile([a / b for a, b in zip(seconds, peer, strict=True)], 0.5):.2f}"


def _tokenizer() -> Any:
    """MiniLM's word pieces, told which of them begins and ends a text."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_file=str(minilm_folder() / "tokenizer.json"),
        bos_token="[CLS]",
        cls_token="[CLS]",
        eos_token="[SEP]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        unk_token="[UNK]",
        model_input_names=["input_ids", "attention_mask"],
    )
