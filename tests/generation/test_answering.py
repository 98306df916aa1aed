from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from safetensors.torch import save_file

from domain.errors import Misconfigured
from domain.protocols import Draft
from generation.answering import CopyAnswerer
from generation.copy_bart import CopyBart, copy_bart_config
from generation.seq2seq import FusionMode
from retrieval.encoders import minilm_folder
from tests.generation.evidence import ToldReader, passage


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real size, random decoder: what it says means nothing, how it says it is what is looked at."""
    import torch

    folder = tmp_path_factory.mktemp("answerer")
    torch.manual_seed(1)
    config = copy_bart_config(decoder_layers=1)
    state = {
        name: value.half().contiguous()
        for name, value in CopyBart(config).state_dict().items()
        if name not in {"model.shared.weight", "lm_head.weight"} and "embed_tokens" not in name
    }
    save_file(state, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config.to_diff_dict()), "utf-8")
    return folder


@pytest.fixture(scope="module")
def answerer(weights: Path) -> CopyAnswerer:
    return CopyAnswerer(weights, minilm_folder(), beams=3, max_tokens=6)


EVIDENCE = [passage(1, "The fee is £20.", "Moving"), passage(2, "Call 0800 772 4410.")]


def test_without_evidence_there_are_no_drafts(answerer: CopyAnswerer) -> None:
    assert list(answerer.stream("How much?", [], [])) == [()]


def test_growing_text_comes_first_and_the_drafts_last(answerer: CopyAnswerer) -> None:
    *growing, last = answerer.stream("How much?", [], EVIDENCE)
    assert all(isinstance(piece, str) for piece in growing)
    assert isinstance(last, tuple)
    assert 1 <= len(last) <= 3
    assert all(isinstance(one, Draft) and one.token_count <= 7 for one in last)
    scores = [one.log_probability / one.token_count for one in last]
    assert scores == sorted(scores, reverse=True)
    assert all(math.isfinite(score) and score < 0 for score in scores)


def test_drafts_say_which_beam_they_are_and_whether_they_were_cut_off(answerer: CopyAnswerer) -> None:
    *_, last = answerer.stream("How much?", [], EVIDENCE)
    origins = [one.origin for one in last if isinstance(one, Draft)]
    assert [origin.split(",")[0] for origin in origins] == [f"beam {n}" for n in range(1, len(origins) + 1)]
    assert all(origin.endswith(", cut off") or "," not in origin for origin in origins)


def test_more_evidence_changes_what_is_said_of_the_first(answerer: CopyAnswerer) -> None:
    """The model sees every passage it is given."""

    def first(texts: list[str]) -> float:
        *_, last = answerer.stream("How much?", [], [passage(n, text) for n, text in enumerate(texts)])
        assert isinstance(last, tuple)
        return last[0].log_probability

    assert first(["The fee is £20.", "Call us."]) != pytest.approx(first(["The fee is £20.", "Write now."]), abs=1e-6)


def test_closing_the_stream_ends_it(answerer: CopyAnswerer) -> None:
    stream = answerer.stream("How much?", [], EVIDENCE)
    next(stream)
    assert hasattr(stream, "close")
    stream.close()
    assert list(stream) == []


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"config\.json"):
        CopyAnswerer(tmp_path, minilm_folder())


@pytest.fixture(scope="module")
def in_all_modes(weights: Path) -> CopyAnswerer:
    reader = ToldReader({}, {"£20": 0.9})
    return CopyAnswerer(weights, minilm_folder(), beams=2, max_tokens=3, modes=tuple(FusionMode), reader=reader)


def test_drafts_of_every_mode_say_how_they_were_written(in_all_modes: CopyAnswerer) -> None:
    *growing, last = in_all_modes.stream("How much?", [], EVIDENCE)
    assert all(isinstance(piece, str) for piece in growing)
    assert isinstance(last, tuple)
    assert len({one.text for one in last}) == len(last)
    named = {one.origin.split("beam")[0].strip() for one in last}
    assert named <= {"", "concat", "rag-sequence", "rag-token"}
    assert len(named) > 1


@pytest.mark.parametrize("mode", list(FusionMode))
def test_what_is_too_long_is_shortened_by_its_sentences_and_said(in_all_modes: CopyAnswerer, mode: FusionMode) -> None:
    long = " ".join(["We are open every day of the year."] * 60 + ["The fee is £20."] + ["Call us any time."] * 60)
    shown = in_all_modes._fitting(mode, "How much?", [passage(1, long, "Moving"), *EVIDENCE])
    assert "The fee is £20." in shown[0].text
    assert shown[0].heading == "Moving"
    assert shown[0].text.count(".") + shown[0].left_out == 121
    assert [one.is_whole for one in shown] == [False, True, True]
    source = in_all_modes._encoded(mode, "How much?", shown)
    assert source.input_ids.shape[1:] <= (3, 512)
    assert all(text.endswith(shown[-1].text[-9:]) for text in source.text.texts[-1:])


def test_what_was_left_out_stands_in_the_origin(answerer: CopyAnswerer) -> None:
    *_, last = answerer.stream("How much?", [], [passage(1, "The fee is £20 a day " * 90)])
    assert isinstance(last, tuple)
    assert all(one.origin.endswith(", 1 sentence left out") for one in last)


def test_no_mode_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no mode at all"):
        CopyAnswerer(tmp_path, minilm_folder(), modes=())
