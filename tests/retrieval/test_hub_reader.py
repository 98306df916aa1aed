"""Cross-encoders as readers, on tiny models built and saved here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from domain.errors import Misconfigured
from domain.passage import Passage
from retrieval.hub_reader import CrossEncoderReader
from tests.retrieval.hub_models import save_bert, save_cross_encoder

QUERY = "how do i restart it"
TEXT = "Unplug my router. Restart it."


def passage(text: str, title: str = "moon") -> Passage:
    return Passage("id", "document", title, text, "file.md", (0, len(text)))


PASSAGES = [passage(TEXT), passage("moon moon moon moon moon moon moon"), passage("", title="")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_cross_encoder(tmp_path_factory.mktemp("reader") / "one", 5)


def plain(folder: Path, text: str) -> Any:
    """The logits of one pair, as transformers gives them."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model: Any = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        return model(**AutoTokenizer.from_pretrained(folder)(QUERY, text, return_tensors="pt")).logits[0]


def test_relevance_is_the_sigmoid_of_the_only_logit_whatever_else_is_in_the_batch(folder: Path) -> None:
    found = CrossEncoderReader(folder).read(QUERY, PASSAGES)
    expected = [float(plain(folder, one.searchable).sigmoid()) for one in PASSAGES]
    assert [one.relevance for one in found] == pytest.approx(expected, abs=1e-5)
    assert max(expected) - min(expected) > 0.01


def test_two_classes_give_the_probability_of_the_second(tmp_path: Path) -> None:
    folder = save_cross_encoder(tmp_path / "two", 6, labels=2)
    (found,) = CrossEncoderReader(folder).read(QUERY, PASSAGES[:1])
    assert found.relevance == pytest.approx(float(plain(folder, PASSAGES[0].searchable).softmax(-1)[1]), abs=1e-5)


def test_sentences_are_read_one_by_one_under_the_heading(folder: Path) -> None:
    first, second, third = CrossEncoderReader(folder).read(QUERY, PASSAGES)
    assert first.sentences == ((0, 17), (18, 29))
    expected = [float(plain(folder, f"moon\n{TEXT[a:b]}").sigmoid()) for a, b in first.sentences]
    assert first.sentence_scores == pytest.approx(expected, abs=1e-5)
    assert (len(second.sentences), len(second.sentence_scores)) == (1, 1)
    assert (third.sentences, third.sentence_scores, third.best_span) == ((), (), None)


def test_no_passages_give_no_evidence(folder: Path) -> None:
    assert CrossEncoderReader(folder).read(QUERY, []) == []


def test_what_is_longer_than_the_window_is_cut(folder: Path) -> None:
    long = passage("moon " * 600)
    cut = CrossEncoderReader(folder, max_tokens=12).read(QUERY, [long])
    assert (
        cut[0].relevance == CrossEncoderReader(folder, max_tokens=12).read(QUERY, [passage("moon " * 700)])[0].relevance
    )
    assert 0 < CrossEncoderReader(folder, max_tokens=4096).read(QUERY, [long])[0].relevance < 1  # 512 positions


def test_a_typed_separator_is_text(folder: Path) -> None:
    reader = CrossEncoderReader(folder)
    forged, unknown = reader.read(QUERY, [passage("moon [SEP] it"), passage("moon ( sep ) it")])
    assert forged.relevance == pytest.approx(unknown.relevance, abs=1e-6)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: save_bert(folder, 1), "no cross-encoder.*classifier"),
        (lambda folder: save_cross_encoder(folder, 1, labels=3), "3 classes"),
        (lambda folder: folder, "cannot be loaded from safetensors"),
    ],
)
def test_what_cannot_score_pairs_is_refused(make: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=said):
        CrossEncoderReader(make(tmp_path / "model"))


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    folder = save_cross_encoder(tmp_path / "model", 1)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(Misconfigured, match="safetensors"):
        CrossEncoderReader(folder)
