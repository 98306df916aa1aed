"""CTranslate2 against PyTorch on the same tiny models: what both can do, they do alike."""

from __future__ import annotations

import gc
import json
import math
import shutil
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from threading import Event

import pytest
import torch
from safetensors.torch import load_file, save_file

from domain.errors import Misconfigured
from generation.ctranslate_runtime import CTranslate2Runtime, _Growing, log_sum_exp
from generation.hub_models import open_seq2seq, open_tokenizer
from generation.seq2seq import FusionMode, Seq2SeqRuntime, WritingRequest, Written
from generation.torch_runtime import TorchSeq2SeqRuntime
from tests.generation.taught import LESSONS, taught

FAMILIES = ("bart", "t5", "flan")
PRIOR = (math.log(0.5), math.log(0.3), math.log(0.2))
INT8_TOLERANCE = 0.3  # nats a token: at width 32 a weight's rounding is felt far more than in a real model


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {family: taught(tmp_path_factory.mktemp("models") / family, family) for family in FAMILIES}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("converted")


@pytest.fixture(params=FAMILIES)
def folder(request: pytest.FixtureRequest, models: dict[str, Path]) -> Path:
    return models[request.param]


def exact(folder: Path, cache: Path) -> CTranslate2Runtime:
    return CTranslate2Runtime(folder, cache, compute_type="float32")


def sources(folder: Path) -> tuple[tuple[int, ...], ...]:
    tokenizer = open_tokenizer(folder)
    return tuple(tuple(tokenizer(question).input_ids) for question, _ in LESSONS[:3])


def one_source(folder: Path, which: int = 0, *, beams: int = 1) -> WritingRequest:
    return WritingRequest((sources(folder)[which],), (0.0,), FusionMode.CONCAT, beams, max_tokens=12)


def last(steps: Iterator[str | tuple[Written, ...]]) -> tuple[Written, ...]:
    *_, found = steps
    assert isinstance(found, tuple)
    return found


def assert_alike(found: Written, expected: Written) -> None:
    assert (found.text, found.token_count, found.finished) == (expected.text, expected.token_count, expected.finished)
    assert found.log_probability == pytest.approx(expected.log_probability, abs=1e-3)


def test_one_beam_writes_what_pytorch_writes(folder: Path, cache: Path) -> None:
    ours, torchs = exact(folder, cache), TorchSeq2SeqRuntime(*open_seq2seq(folder))
    for which, (_, answer) in enumerate(LESSONS[:3]):
        (found,) = last(ours.write(one_source(folder, which)))
        (expected,) = last(torchs.write(one_source(folder, which)))
        assert found.text == answer
        assert_alike(found, expected)


def test_the_best_of_four_beams_is_pytorchs_and_none_comes_twice(folder: Path, cache: Path) -> None:
    request = one_source(folder, 1, beams=4)
    found = last(exact(folder, cache).write(request))
    assert_alike(found[0], last(TorchSeq2SeqRuntime(*open_seq2seq(folder)).write(request))[0])
    per_token = [one.log_probability / one.token_count for one in found]
    assert per_token == sorted(per_token, reverse=True)
    assert len({one.text for one in found}) == len(found) > 1


@pytest.mark.parametrize("thorough", [False, True])
def test_rag_sequence_with_one_beam_is_pytorchs(thorough: bool, folder: Path, cache: Path) -> None:
    request = WritingRequest(sources(folder), PRIOR, FusionMode.RAG_SEQUENCE, 1, 12, thorough)
    (found,) = last(exact(folder, cache).write(request))
    (expected,) = last(TorchSeq2SeqRuntime(*open_seq2seq(folder)).write(request))
    assert_alike(found, expected)


def test_thorough_rag_sequence_is_the_papers_sum(folder: Path, cache: Path) -> None:
    runtime = exact(folder, cache)
    request = WritingRequest(sources(folder), PRIOR, FusionMode.RAG_SEQUENCE, 3, 12, thorough=True)
    found = last(runtime.write(request))
    for one in found:
        log_p = runtime.score(request.sources, one.text)
        total = sum(math.exp(z + y) for z, y in zip(PRIOR, log_p, strict=True))
        assert one.log_probability == pytest.approx(math.log(total), abs=1e-3)
    assert [one.log_probability for one in found] == sorted((one.log_probability for one in found), reverse=True)


def test_fast_rag_sequence_counts_a_text_where_a_beam_held_it(folder: Path, cache: Path) -> None:
    runtime = exact(folder, cache)
    request = WritingRequest(sources(folder), PRIOR, FusionMode.RAG_SEQUENCE, 1, 12)
    (found,) = last(runtime.write(request))
    alone = runtime.score(request.sources[:1], found.text)[0]
    assert found.text == LESSONS[0][1]
    assert found.log_probability == pytest.approx(PRIOR[0] + alone, abs=1e-3)


def test_scores_are_pytorchs(folder: Path, cache: Path) -> None:
    ours, torchs = exact(folder, cache), TorchSeq2SeqRuntime(*open_seq2seq(folder))
    for text in ("nine pounds", "closed sunday in two weeks", ""):
        assert ours.score(sources(folder), text) == pytest.approx(torchs.score(sources(folder), text), abs=1e-3)


def test_a_forced_first_token_costs_nothing(models: dict[str, Path], cache: Path, tmp_path: Path) -> None:
    folder = tmp_path / "forced"
    shutil.copytree(models["bart"], folder)
    settings = json.loads((folder / "generation_config.json").read_text("utf-8"))
    (folder / "generation_config.json").write_text(json.dumps({**settings, "forced_bos_token_id": 0}), "utf-8")
    ours, torchs = exact(folder, tmp_path), TorchSeq2SeqRuntime(*open_seq2seq(folder))
    request = one_source(folder)
    assert_alike(last(ours.write(request))[0], last(torchs.write(request))[0])
    assert ours.score(request.sources, "nine pounds") == pytest.approx(
        torchs.score(request.sources, "nine pounds"), abs=1e-3
    )
    unforced = last(exact(models["bart"], cache).write(request))[0]
    assert last(ours.write(request))[0].log_probability > unforced.log_probability + 0.05


def test_int8_writes_the_same_texts_within_a_tolerance(folder: Path, cache: Path) -> None:
    light, whole = CTranslate2Runtime(folder, cache), exact(folder, cache)
    for which in range(3):
        (found,), (expected,) = (last(runtime.write(one_source(folder, which))) for runtime in (light, whole))
        assert found.text == expected.text
        difference = abs(found.log_probability - expected.log_probability) / expected.token_count
        assert 0 < difference < INT8_TOLERANCE


@pytest.mark.parametrize("beams", [1, 3])
def test_the_text_grows_to_the_greedy_one(beams: int, folder: Path, cache: Path) -> None:
    *texts, found = exact(folder, cache).write(one_source(folder, 2, beams=beams))
    growing = [text for text in texts if isinstance(text, str)]
    assert all(later.startswith(earlier) for earlier, later in pairwise(growing))
    assert growing[-1] == LESSONS[2][1]
    assert len(set(growing)) > 4
    assert isinstance(found, tuple)


def test_a_text_cut_off_by_the_limit_says_so(folder: Path, cache: Path) -> None:
    request = replace(one_source(folder, 2), max_tokens=3)
    (found,) = last(exact(folder, cache).write(request))
    assert (found.finished, found.token_count) == (False, 3)
    assert_alike(found, last(TorchSeq2SeqRuntime(*open_seq2seq(folder)).write(request))[0])


def endless(models: dict[str, Path], tmp_path: Path) -> Path:
    """A T5 that never ends: whatever the decoder's state, half of all other tokens are likelier than the end."""
    folder = tmp_path / "endless"
    shutil.copytree(models["flan"], folder)
    state = load_file(folder / "model.safetensors")
    direction = torch.ones(state["lm_head.weight"].shape[1]) @ torch.rand(
        32, 32, generator=torch.Generator().manual_seed(1)
    )
    rows = [direction * (1 + token / 100) * (-1) ** token for token in range(len(state["lm_head.weight"]))]
    state["lm_head.weight"] = torch.stack([rows[0], direction * 0, *rows[2:]])
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def idle(runtime: CTranslate2Runtime, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while runtime.is_busy and time.monotonic() < end:
        time.sleep(0.01)
    return not runtime.is_busy


def test_closing_stops_the_work(models: dict[str, Path], tmp_path: Path) -> None:
    folder = endless(models, tmp_path)
    runtime = exact(folder, tmp_path / "converted")
    many = replace(one_source(folder), max_tokens=1_000_000)  # far longer than any test may take
    steps = runtime.write(many)
    for _ in range(5):
        next(steps)
    assert runtime.is_busy
    steps.close()  # type: ignore[attr-defined]
    assert idle(runtime, 5)


def test_what_ctranslate2_calls_back_keeps_no_translator_alive(models: dict[str, Path], cache: Path) -> None:
    """Its own thread may be the last to drop it, and a translator that is destroyed there ends the process."""
    runtime = exact(models["t5"], cache)
    alive, told = weakref.ref(runtime), _Growing(runtime._text).listener(Event())
    del runtime
    gc.collect()
    assert alive() is None
    assert callable(told)


def test_a_search_of_beams_leaves_the_caller_free_to_stop(models: dict[str, Path], tmp_path: Path) -> None:
    folder = endless(models, tmp_path)
    runtime = exact(folder, tmp_path / "converted")
    told = [
        step for step in runtime.write(replace(one_source(folder, beams=4), max_tokens=2500)) if isinstance(step, str)
    ]
    assert told[-1] == told[-2] == told[-3]  # while beams are searched the greedy text stands still, and is told again


@pytest.mark.parametrize("mode", [FusionMode.FID, FusionMode.RAG_TOKEN])
def test_what_needs_encoder_states_is_refused_naming_what_works(mode: FusionMode, folder: Path, cache: Path) -> None:
    with pytest.raises(Misconfigured, match=f"by {mode}; ask for one of: concat, rag-sequence"):
        last(exact(folder, cache).write(replace(one_source(folder), mode=mode)))


def test_more_tokens_than_positions_are_refused(models: dict[str, Path], cache: Path) -> None:
    runtime = exact(models["bart"], cache)
    long = WritingRequest(((5,) * 129,), (0.0,), FusionMode.CONCAT, 1, 12)
    with pytest.raises(Misconfigured, match="129 tokens are more than the model's 128 positions"):
        last(runtime.write(long))
    with pytest.raises(Misconfigured, match="200 tokens are more"):
        last(runtime.write(replace(one_source(models["bart"]), max_tokens=200)))
    with pytest.raises(Misconfigured, match="positions"):
        runtime.score([(5,) * 129], "fee")


def test_no_sources_are_refused(models: dict[str, Path], cache: Path) -> None:
    with pytest.raises(Misconfigured, match="nothing to write from"):
        exact(models["t5"], cache).score([], "fee")


def test_several_threads_may_write_at_once(models: dict[str, Path], cache: Path) -> None:
    runtime: Seq2SeqRuntime = exact(models["t5"], cache)
    requests = [one_source(models["t5"], i % 3, beams=2) for i in range(9)]
    with ThreadPoolExecutor(4) as pool:
        texts = [found[0].text for found in pool.map(lambda request: last(runtime.write(request)), requests)]
    assert texts == [LESSONS[i % 3][1] for i in range(9)]


@pytest.mark.parametrize(
    ("terms", "expected"),
    [([], -math.inf), ([-math.inf], -math.inf), ([0.0, 0.0], math.log(2)), ([-1000.0, -1001.0], -999.6867383124818)],
)
def test_log_sum_exp_neither_overflows_nor_underflows(terms: list[float], expected: float) -> None:
    assert log_sum_exp(terms) == pytest.approx(expected)
