"""The rewriter on a BART or T5: when it is asked, what it reads, and what of its beam is believed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from domain.answer import Answer, AnswerKind
from domain.conversation import Gate, Query, Turn
from generation.ctranslate_runtime import CTranslate2Runtime
from generation.hub_models import open_tokenizer
from generation.hub_rewriting import RewritingOptions, Seq2SeqRewriter
from generation.seq2seq import FusionMode, WritingRequest, Written
from tests.training.tiny_models import tiny_t5


class Telling:
    """A runtime that writes the texts it was given, remembers what it read, and finds every other text as likely as
    ``typed`` (nats)."""

    def __init__(self, *texts: str, typed: float = -9.0, finished: bool = True) -> None:
        self.modes = frozenset({FusionMode.CONCAT})
        self.texts, self.typed, self.finished = texts, typed, finished
        self.read: list[str] = []

    def write(self, request: WritingRequest) -> Iterator[str | tuple[Written, ...]]:
        self.read.append("".join(map(chr, request.sources[0])))
        yield "growing"
        yield tuple(Written(text, -0.5 * (n + 1), 5, self.finished) for n, text in enumerate(self.texts))

    def score(self, sources: Sequence[Sequence[int]], text: str) -> tuple[float, ...]:
        return tuple(self.typed * len(letters(text)) for _ in sources)


def letters(text: str) -> list[int]:
    """A tokenizer for which every character is a token."""
    return [ord(letter) for letter in text]


def told(question: str, answer: str, kind: AnswerKind = AnswerKind.GENERATED) -> Turn:
    return Turn("", question, Query(question, question), Answer(answer, kind))


PRICE = [told("How much is Fibre 100?", "Fibre 100 costs £29 a month.")]
TWO = [told("Do you sell routers?", "We do."), *PRICE]


def rewriter(runtime: Telling, **options: object) -> Seq2SeqRewriter:
    return Seq2SeqRewriter(runtime, letters, RewritingOptions(**options))  # type: ignore[arg-type]


def test_without_history_nothing_is_asked() -> None:
    runtime = Telling("changed")
    query = rewriter(runtime).rewrite("how fast is it?", [])
    assert (query.text, query.gate, query.context, runtime.read) == ("how fast is it?", Gate.KEEP, (), [])


@pytest.mark.parametrize(
    "message", ["Does Wi-Fi calling work in Turkey?", "If my phone is broken, how do I mend it?", "???"]
)
def test_a_message_that_stands_alone_stays_as_typed(message: str) -> None:
    runtime = Telling("changed")
    query = rewriter(runtime).rewrite(message, PRICE)
    assert (query.text, query.gate, runtime.read) == (message, Gate.KEEP, [])
    assert query.context == ("How much is Fibre 100? Fibre 100 costs £29 a month.",)


def test_a_message_that_leans_is_completed() -> None:
    query = rewriter(Telling("how fast is Fibre 100?")).rewrite("how fast is it?", PRICE)
    assert (query.text, query.original, query.gate) == ("how fast is Fibre 100?", "how fast is it?", Gate.REWRITE)
    assert query.reason == "“it” stands for something said before"
    assert query.confidence == pytest.approx(math.exp(-0.5 / 5))


def test_utterances_are_read_oldest_first_and_the_message_last() -> None:
    runtime = Telling("how fast is Fibre 100?")
    rewriter(runtime, instruction="rewrite: ").rewrite("how fast is it?", TWO)
    assert runtime.read == [
        "rewrite: Do you sell routers? ||| We do. ||| How much is Fibre 100? ||| Fibre 100 costs £29 a month. ||| "
        "how fast is it?"
    ]


def test_the_oldest_exchanges_go_first_where_the_window_is_full() -> None:
    runtime = Telling("how fast is Fibre 100?")
    rewriter(runtime, window=80).rewrite("how fast is it?", TWO)
    assert runtime.read == ["How much is Fibre 100? ||| Fibre 100 costs £29 a month. ||| how fast is it?"]


def test_a_message_longer_than_the_window_is_searched_as_typed() -> None:
    runtime = Telling("changed")
    query = rewriter(runtime, window=10).rewrite("how fast is it?", PRICE)
    assert (query.text, query.gate, runtime.read) == ("how fast is it?", Gate.KEEP, [])


def test_an_answer_that_was_none_is_not_read_and_a_long_one_is_shortened() -> None:
    runtime = Telling("how fast is Fibre 100?")
    history = [told("What of Fibre 100?", "I could not find this.", AnswerKind.ABSTAINED), told("Why?", "a b c d")]
    rewriter(runtime, answer_words=2).rewrite("how fast is it?", history)
    assert runtime.read == ["What of Fibre 100? ||| Why? ||| a b ||| how fast is it?"]


def test_the_first_of_the_beam_that_keeps_every_promise_is_taken() -> None:
    runtime = Telling("how fast is Gigabit Max?", "is Fibre 100 cheap?", "how fast is Fibre 100?")
    assert rewriter(runtime).rewrite("how fast is it?", PRICE).text == "how fast is Fibre 100?"


def test_where_all_break_one_the_message_is_searched_as_typed() -> None:
    query = rewriter(Telling("how fast is Gigabit Max?")).rewrite("how fast is it?", PRICE)
    assert (query.text, query.gate) == ("how fast is it?", Gate.KEEP)
    assert "refused because it adds “gigabit”" in query.reason


def test_a_rewrite_that_was_cut_off_is_not_believed() -> None:
    query = rewriter(Telling("how fast is Fibre 100?", finished=False)).rewrite("how fast is it?", PRICE)
    assert query.gate is Gate.KEEP


@pytest.mark.parametrize(("typed", "text"), [(-0.2, "what is the fee?"), (-2.0, "what is the fee of Fibre 100?")])
def test_a_message_that_speaks_of_something_known_changes_only_where_it_is_clearly_less_likely(
    typed: float, text: str
) -> None:
    runtime = Telling("what is the fee of Fibre 100?", typed=typed)
    assert rewriter(runtime).rewrite("what is the fee?", PRICE).text == text


def test_it_runs_on_a_real_model(tmp_path: Path) -> None:
    folder = tiny_t5(tmp_path / "t5")
    tokenizer = open_tokenizer(folder)
    runtime = CTranslate2Runtime(folder, tmp_path / "converted")
    query = Seq2SeqRewriter(runtime, lambda text: tokenizer(text).input_ids).rewrite("what of it?", PRICE)
    assert (query.text, query.gate) == ("what of it?", Gate.KEEP)  # an untaught model says nothing to be believed
