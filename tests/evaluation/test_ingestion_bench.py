from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from evaluation.ingestion_bench import (
    ENCODING,
    OURS,
    PLAIN,
    Closeness,
    Measured,
    closeness,
    measure,
    passages_of,
    report,
)
from tests.retrieval.word_encoder import WordEncoder


def folder_of(tmp_path: Path) -> Path:
    for n in range(3):
        (tmp_path / f"{n}.md").write_text(f"# Page {n}\n\nA sentence about fee number {n}.\n")
    return tmp_path


def test_the_passages_are_those_that_ingestion_encodes(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    assert passages_of(folder)[0] == "Page 0\nA sentence about fee number 0."
    assert (len(passages_of(folder)), len(passages_of(folder, 2))) == (3, 2)


def test_the_same_vectors_are_as_close_as_can_be_and_others_are_not() -> None:
    texts = ["fee", "court order", "bus"]
    same = closeness(texts, WordEncoder(), WordEncoder())
    assert (same.mean, same.least) == pytest.approx((1, 1))

    class Mirrored(WordEncoder):
        """The vectors of all texts but the first point the other way."""

        def encode_passages(self, texts):  # type: ignore[no-untyped-def]
            return super().encode_passages(texts) * np.where(np.arange(len(texts)) == 0, 1, -1)[:, None]

    other = closeness(texts, WordEncoder(), Mirrored())
    assert (other.mean, other.least) == pytest.approx((-1 / 3, -1))


def test_ratios_are_of_the_same_round_and_figures_are_medians() -> None:
    runs = [
        Measured(system, 100, seconds, peak, 50)
        for system, seconds, peak in [
            (OURS, 1, 200), (PLAIN, 2, 300),
            (OURS, 10, 210), (PLAIN, 30, 310),
            (OURS, 2, 190), (PLAIN, 8, 290),
        ]
    ]  # fmt: skip
    table = report(runs, Closeness(0.99678, 0.9944), {"commit": "abc"})
    assert table.rows == (
        (OURS, "50.0", "3.00", "2.00 – 4.00", "210", "50"),
        (PLAIN, "12.5", "1.00", "1.00 – 1.00", "310", "50"),
    )
    assert table.facts["cosine to float32"] == "mean 0.9968, least 0.9944"


@pytest.mark.models
def test_every_system_takes_its_turn_on_the_same_passages(tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    measured = measure(folder_of(tmp_path), partial(WordEncoder, 16), 1, lambda *done: heard.append(done))
    assert [(one.system, one.passages) for one in measured] == [(OURS, 3), (ENCODING, 3), (PLAIN, 3)]
    assert heard == [(1, 3), (2, 3), (3, 3)]
    assert all(20 < one.idle_mebibytes <= one.peak_mebibytes < 100_000 for one in measured)
