"""Drafts from any runtime: what the model is shown, by which modes, and where a draft came from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

import pytest

from domain.errors import Misconfigured
from domain.passage import RetrievedPassage
from domain.protocols import Draft
from generation.fusing import Layout
from generation.seq2seq import FusionMode, WritingRequest, Written
from generation.seq2seq_answering import NO_PROMPT, Prompt, Seq2SeqAnswerer, WritingOptions, passage_prior
from generation.torch_runtime import TorchSeq2SeqRuntime
from tests.generation.evidence import ToldReader, passage
from tests.generation.tiny_seq2seq import Tiny, tiny

EVIDENCE = [passage(1, "the late bill costs nine pounds", "fee"), passage(2, "closed sunday", "desk")]
ALL = tuple(FusionMode)


class Telling:
    """Writes what it was told for a mode, a word at a time, and keeps what it was asked."""

    def __init__(self, **texts: tuple[Written, ...]) -> None:
        self._texts = {FusionMode(name.replace("_", "-")): said for name, said in texts.items()}
        self.asked: list[WritingRequest] = []

    @property
    def modes(self) -> frozenset[FusionMode]:
        return frozenset(self._texts)

    def write(self, request: WritingRequest) -> Iterator[str | tuple[Written, ...]]:
        self.asked.append(request)
        said = self._texts[request.mode]
        words = said[0].text.split()
        yield from (" ".join(words[:n]) for n in range(1, len(words) + 1))
        yield said

    def score(self, sources: Sequence[Sequence[int]], text: str) -> tuple[float, ...]:
        return (0.0,) * len(sources)


@cache
def bart() -> Tiny:
    return tiny("bart", 0)


def drafts(answerer: Seq2SeqAnswerer, evidence: Sequence[RetrievedPassage] = EVIDENCE) -> tuple[Draft, ...]:
    *_, last = answerer.stream("what fee", [], evidence)
    assert isinstance(last, tuple)
    return last


def told(
    runtime: Telling,
    *modes: FusionMode,
    window: int = 60,
    reader: ToldReader | None = None,
    prompt: Prompt = NO_PROMPT,
) -> Seq2SeqAnswerer:
    options = WritingOptions(modes or (FusionMode.FID,))
    return Seq2SeqAnswerer(
        runtime, bart().tokenizer, Layout(window=window), options=options, reader=reader, prompt=prompt
    )


FID = (Written("nine pounds", -1.0, 2), Written("two pounds", -3.0, 2), Written("nine", -4.0, 2, False))
TOKEN = (Written("closed sunday", -0.5, 2), Written("nine pounds", -2.0, 2), Written("", -9.0, 1))


def test_drafts_of_all_modes_come_best_first_and_each_text_once() -> None:
    found = drafts(told(Telling(fid=FID, rag_token=TOKEN), FusionMode.FID, FusionMode.RAG_TOKEN))
    assert [(one.text, one.origin) for one in found] == [
        ("closed sunday", "rag-token beam 1"),
        ("nine pounds", "fid beam 1"),
        ("two pounds", "fid beam 2"),
        ("nine", "fid beam 3, cut off"),
    ]
    assert (found[1].log_probability, found[1].token_count) == (-1.0, 2)


def test_the_text_of_the_first_mode_streams_and_stays_while_the_others_write() -> None:
    stream = told(Telling(fid=FID, rag_token=TOKEN), FusionMode.FID, FusionMode.RAG_TOKEN).stream("q", [], EVIDENCE)
    assert [piece for piece in stream if isinstance(piece, str)] == ["nine", *["nine pounds"] * 3]


def test_without_evidence_there_are_no_drafts() -> None:
    runtime = Telling(fid=FID)
    assert drafts(told(runtime), []) == ()
    assert runtime.asked == []


def test_a_mode_the_runtime_cannot_run_is_refused_at_once() -> None:
    with pytest.raises(Misconfigured, match=r"by rag-token on this runtime; choose of: fid"):
        told(Telling(fid=FID), FusionMode.RAG_TOKEN)
    with pytest.raises(Misconfigured, match="no mode at all"):
        Seq2SeqAnswerer(Telling(fid=FID), bart().tokenizer, Layout(), options=WritingOptions(()))


def test_concat_reads_one_source_and_the_others_one_a_passage() -> None:
    runtime = Telling(fid=FID, concat=FID)
    options = WritingOptions((FusionMode.FID, FusionMode.CONCAT), beams=2, max_tokens=9, concat_window=100)
    drafts(Seq2SeqAnswerer(runtime, bart().tokenizer, Layout(window=40), options=options))
    fid, concat = runtime.asked
    assert (len(fid.sources), len(concat.sources)) == (2, 1)
    assert (fid.beams, fid.max_tokens) == (2, 9)
    assert concat.log_prior == (0.0,)
    text = bart().tokenizer.decode(concat.sources[0])
    assert "nine pounds" in text
    assert "closed sunday" in text
    assert all("what fee" in bart().tokenizer.decode(source) for source in fid.sources)


def test_the_defaults_are_four_beams_and_at_most_256_tokens() -> None:
    runtime = Telling(fid=FID)
    drafts(told(runtime))
    assert (runtime.asked[0].beams, runtime.asked[0].max_tokens) == (4, 256)


LONG = "The shop means no. " * 4 + "Router light red. " + "We send you it. " * 4


def test_what_does_not_fit_is_shortened_by_the_readers_sentences_and_said() -> None:
    runtime = Telling(fid=FID)
    reader = ToldReader({}, {"Router": 0.9})
    found = drafts(told(runtime, window=24, reader=reader), [passage(1, LONG), EVIDENCE[1]])
    text = bart().tokenizer.decode(runtime.asked[0].sources[0])
    assert "router light red" in text
    kept = text.count("shop") + text.count("send") + text.count("router")
    assert found[0].origin == f"fid beam 1, {9 - kept} sentences left out"
    assert all(len(source) <= 24 for source in runtime.asked[0].sources)


def test_without_a_reader_the_beginning_is_kept_and_that_is_said() -> None:
    runtime = Telling(fid=FID)
    found = drafts(told(runtime, window=24), [passage(1, LONG)])
    assert "the shop means no" in bart().tokenizer.decode(runtime.asked[0].sources[0])
    assert found[0].origin == "fid beam 1, 1 sentence left out"


class Unread:
    def read(self, query: str, passages: object) -> list[object]:
        raise AssertionError("nothing needs to be shortened")


def test_what_fits_is_not_read_again() -> None:
    answerer = Seq2SeqAnswerer(Telling(fid=FID), bart().tokenizer, Layout(window=60), reader=Unread())  # type: ignore[arg-type]
    assert len(drafts(answerer)) == 3


def test_a_window_without_room_for_every_passage_is_refused() -> None:
    with pytest.raises(Misconfigured, match="window of 9 tokens"):
        drafts(told(Telling(concat=FID), FusionMode.CONCAT, window=9), EVIDENCE * 3)


def test_the_scores_of_the_search_are_the_prior() -> None:
    scored = [replace(EVIDENCE[0], score=math.log(3.0)), replace(EVIDENCE[1], score=0.0)]
    assert [math.exp(one) for one in passage_prior(scored)] == pytest.approx([0.75, 0.25])


def test_where_the_reader_was_asked_its_relevance_is_the_prior() -> None:
    read = [replace(one, signals={"relevance": p}) for one, p in zip(EVIDENCE, (0.6, 0.2), strict=True)]
    assert [math.exp(one) for one in passage_prior(read)] == pytest.approx([0.75, 0.25])
    half = [read[0], EVIDENCE[1]]
    assert passage_prior(half) == pytest.approx(passage_prior(EVIDENCE))
    sure = [replace(one, signals={"relevance": 0.0}) for one in EVIDENCE]
    assert [math.exp(one) for one in passage_prior(sure)] == pytest.approx([0.5, 0.5])


def test_a_prompt_tells_the_task_and_shows_examples() -> None:
    runtime = Telling(fid=FID)
    prompt = Prompt("answer the question", (("the desk", "what desk", "two"), ("a bill", "what bill", "three")))
    drafts(told(runtime, window=160, prompt=prompt))
    text = bart().tokenizer.decode(runtime.asked[0].sources[0], skip_special_tokens=True)
    assert text.replace(" :", ":") == (
        "answer the question question: what desk context: the desk answer: two "
        "question: what bill context: a bill answer: three question: what fee "
        "title: fee context: the late bill costs nine pounds"
    )


def test_examples_give_way_before_the_question_is_cut() -> None:
    runtime = Telling(fid=FID)
    examples = (("the desk", "what desk", "two"), ("a bill " * 30, "what bill", "three"))
    drafts(told(runtime, window=100, prompt=Prompt("answer the question", examples)))
    text = bart().tokenizer.decode(runtime.asked[0].sources[0])
    assert "two" in text
    assert "three" not in text
    assert "what fee" in text


def test_a_tiny_bart_writes_by_all_four_modes() -> None:
    runtime = TorchSeq2SeqRuntime(bart().model, bart().tokenizer)
    answerer = Seq2SeqAnswerer(
        runtime, bart().tokenizer, Layout(window=60), options=WritingOptions(ALL, beams=2, max_tokens=4)
    )
    *growing, last = answerer.stream("what fee", [], EVIDENCE)
    assert all(isinstance(piece, str) for piece in growing)
    assert isinstance(last, tuple)
    assert len({one.text for one in last}) == len(last) >= 2
    assert all(one.text and 0 < one.token_count <= 4 and one.log_probability < 0 for one in last)
    assert {one.origin.split(" beam ")[0] for one in last} <= {str(mode) for mode in ALL}


def test_closing_the_stream_ends_it() -> None:
    stream = told(Telling(fid=FID)).stream("what fee", [], EVIDENCE)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert list(stream) == []
