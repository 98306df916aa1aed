from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from domain.conversation import Turn
from domain.passage import RetrievedPassage
from domain.protocols import AnswerGenerator, Draft
from evaluation.fusion import FusionQuestion
from evaluation.fusion_bench import (
    PEER,
    TimedWay,
    Way,
    copy_ways,
    measure,
    plain_ways,
    report,
    write_plain_bart,
)
from generation.seq2seq import FusionMode
from tests.generation.evidence import passage
from tests.training.tiny_models import tiny_bart, tiny_t5

ASKED = [FusionQuestion("what is the fee?", (passage(1, "the fee is nine pounds"),), "")] * 2


class Saying:
    """Writes one word."""

    def __init__(self, mode: FusionMode, opened: list[FusionMode]) -> None:
        opened.append(mode)

    def stream(
        self, question: str, history: Sequence[Turn], evidence: Sequence[RetrievedPassage]
    ) -> Iterator[str | tuple[Draft, ...]]:
        yield "nine"
        yield (Draft("nine", -1.0, 1, "beam 1"),)


def test_the_shipped_answerer_is_opened_once_a_mode() -> None:
    opened: list[FusionMode] = []
    told: list[tuple[int, int]] = []

    def open_mode(mode: FusionMode) -> AnswerGenerator:
        return Saying(mode, opened)

    timed = measure(ASKED, copy_ways(open_mode), lambda *at: told.append(at))
    assert opened == list(FusionMode)
    assert told == [(1, 2), (2, 2)]
    assert all(0 < first <= whole for one in timed for first, whole in zip(one.first_seconds, one.seconds, strict=True))


@pytest.mark.parametrize("make", [tiny_bart, tiny_t5], ids=["bart", "t5"])
def test_each_runtime_is_timed_beside_generate_on_the_same_model(make: object, tmp_path: Path) -> None:
    assert callable(make)
    ways = plain_ways("tiny", make(tmp_path / "model"), tmp_path / "converted", 2)
    ways = [way for way in ways if way.mode is FusionMode.CONCAT]
    assert [way.runtime for way in ways] == [PEER, "PyTorch float32", "CTranslate2 int8"]
    table = report(measure(ASKED[:1], ways, lambda done, total: None), {"commit": "x"})
    assert table.rows[0][-1] == "1.00"
    assert all(float(row[-1]) > 0 for row in table.rows)
    assert all(len(one["seconds"]) == 1 for one in table.data)


def test_ratios_are_to_generate_on_the_same_model() -> None:
    def timed(model: str, runtime: str, seconds: float) -> TimedWay:
        way = Way(model, FusionMode.CONCAT, runtime, lambda: Saying(FusionMode.CONCAT, []))
        return TimedWay(way, (seconds / 2,) * 3, (seconds,) * 3)

    table = report([timed("a", PEER, 2.0), timed("a", "fast", 0.5), timed("b", "alone", 1.0)], {})
    assert [row[3:] for row in table.rows] == [
        ("1000", "1000", "2000", "2000", "1.00"),
        ("250", "250", "500", "500", "0.25"),
        ("500", "500", "1000", "1000", "–"),
    ]


@pytest.mark.models
def test_the_plain_bart_reads_again_nothing_that_it_has_written(tmp_path: Path) -> None:
    write_plain_bart(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text("utf-8"))
    assert config["use_cache"]  # without it generate takes many times as long, and every ratio flatters us
    assert (config["encoder_layers"], config["decoder_layers"], config["d_model"]) == (6, 3, 384)
