from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from domain.errors import Misconfigured
from domain.passage import Passage
from domain.protocols import Evidence
from retrieval.encoders import minilm_folder
from retrieval.reader import CachedReader, MiniLMReader, _best_span
from retrieval.reader_model import Reader, reader_config
from retrieval.sentences import sentence_spans

WORDS = "encoder.embeddings.word_embeddings.weight"
SCALE, BIAS, TOKENS = 1.5, -0.25, 96


@pytest.fixture(scope="module")
def model() -> Reader:
    """MiniLM under random heads, at the real size."""
    torch.manual_seed(3)
    reader = Reader(reader_config()).eval()
    known = load_file(minilm_folder() / "model.safetensors")
    reader.encoder.load_state_dict({n: v for n, v in known.items() if not n.startswith("pooler")}, strict=False)
    with torch.no_grad():
        for head in (reader.relevance, reader.span, reader.evidence):
            head.weight.normal_(0, 0.3)
    return reader


@pytest.fixture(scope="module")
def shipped(model: Reader, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model the way ``models/reader`` ships it: fp16, word embeddings left to MiniLM."""
    folder = tmp_path_factory.mktemp("reader")
    state = {name: value.half().contiguous() for name, value in model.state_dict().items() if name != WORDS}
    save_file(state, folder / "model.safetensors")
    config = {"relevance_scale": SCALE, "relevance_bias": BIAS, "tokens": TOKENS}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def reader(shipped: Path, cache: Path) -> MiniLMReader:
    return MiniLMReader(shipped, cache, threads=1)


def passage(number: int, text: str, title: str = "") -> Passage:
    return Passage(f"p{number}", "d", title, text, "", (0, len(text)))


TEXTS = [
    "The fee is £20. It is waived for Basics customers.",
    "Call 0800 772 4410.",
    "Café prices rise by 3.9% each April – see the 2026 list. Nothing else changes. Your plan stays as it is.",
    "Country | Zone | Charge\nTurkey | C | £6",
    "x",
]
PASSAGES = [passage(n, text, "Prices" if n % 2 else "") for n, text in enumerate(TEXTS)]
QUERY = "how much is the fee"


def plain(model: Reader, reader: MiniLMReader, query: str, one: Passage) -> tuple[float, list[float]]:
    """Relevance and sentence scores by the PyTorch model, one pair at a time, in float32."""
    pair = reader._pair(query, one)
    with torch.inference_mode():
        said = model(
            torch.tensor([pair.ids]), torch.ones(1, len(pair.ids), dtype=torch.long), torch.tensor([pair.types])
        )
    marks = torch.sigmoid(said.evidence[0]).tolist()
    scores = []
    for start, end in sentence_spans(one.text):
        inside = [
            p for p, place in zip(marks, pair.places, strict=True) if place and place[0] < end and place[1] > start
        ]
        scores.append(sum(inside) / len(inside) if inside else 0.0)
    return float(torch.sigmoid(SCALE * said.relevance[0] + BIAS)), scores


def test_the_int8_reader_says_what_the_pytorch_model_says(model: Reader, reader: MiniLMReader) -> None:
    gaps = []
    for one, evidence in zip(PASSAGES, reader.read(QUERY, PASSAGES), strict=True):
        relevance, scores = plain(model, reader, QUERY, one)
        gaps.append(abs(evidence.relevance - relevance))
        gaps += [abs(ours - theirs) for ours, theirs in zip(evidence.sentence_scores, scores, strict=True)]
    # Random heads are louder than trained ones. Measured: at most 0.027 and 0.011 on average with VNNI instructions,
    # 0.095 and 0.014 with AVX2 alone, whose products of bytes saturate at 16 bits.
    exact = any(torch.cpu.get_capabilities().get(name) for name in ("avx512_vnni", "avx_vnni", "dot"))
    assert max(gaps) < (0.06 if exact else 0.15)
    assert float(np.mean(gaps)) < 0.02


def test_reading_many_is_reading_each(reader: MiniLMReader) -> None:
    many = [*PASSAGES, passage(9, " ".join(TEXTS)), *reversed(PASSAGES)]
    together = reader.read(QUERY, many)
    for one, evidence in zip(many, together, strict=True):
        (alone,) = reader.read(QUERY, [one])
        assert evidence.sentences == alone.sentences
        assert evidence.relevance == pytest.approx(alone.relevance, abs=0.02)
        assert evidence.sentence_scores == pytest.approx(alone.sentence_scores, abs=0.02)


def test_no_passages_are_no_readings(reader: MiniLMReader) -> None:
    assert reader.read(QUERY, []) == []


def test_sentences_are_those_of_the_text_each_with_its_probability(reader: MiniLMReader) -> None:
    for one, evidence in zip(PASSAGES, reader.read(QUERY, PASSAGES), strict=True):
        assert evidence.sentences == sentence_spans(one.text)
        assert len(evidence.sentence_scores) == len(evidence.sentences)
        assert all(0 < score < 1 for score in evidence.sentence_scores)
        assert 0 < evidence.relevance < 1


def test_tokens_point_at_the_characters_of_the_text_past_any_heading(reader: MiniLMReader) -> None:
    for one in PASSAGES:
        pair = reader._pair(QUERY, one)
        words = [one.text[slice(*place)] for place in pair.places if place]
        assert "".join(words) == "".join(one.text.split())


def test_the_best_span_is_whole_words_of_the_text(reader: MiniLMReader) -> None:
    for one, evidence in zip(PASSAGES, reader.read(QUERY, PASSAGES), strict=True):
        assert evidence.best_span is not None
        start, end = evidence.best_span
        assert 0 <= start < end <= len(one.text)
        assert one.text[start:end] == one.text[start:end].strip()
        assert not one.text[start - 1 : start + 1].isalnum() or start == 0
        assert not one.text[end - 1 : end + 1].isalnum() or end == len(one.text)


def test_the_best_span_has_the_highest_sum_among_those_in_order_and_short_enough() -> None:
    logits = np.zeros((40, 2), dtype=np.float32)
    places = [None, None, *((n, n + 1) for n in range(38))]
    logits[39, 0], logits[2, 1] = 9, 9  # an end before the start is no span
    logits[5, 0], logits[9, 1] = 6, 6
    assert _best_span(logits, places) == (3, 8)
    logits[:] = 0
    logits[2, 0], logits[38, 1] = 6, 6  # too far apart
    logits[37, 0] = 1
    assert _best_span(logits, places) == (35, 37)
    assert _best_span(logits, [None] * 40) is None


def test_what_does_not_fit_the_window_scores_nothing(reader: MiniLMReader) -> None:
    long = passage(1, "The hub is grey. " * 60)
    (evidence,) = reader.read(QUERY, [long])
    assert evidence.sentence_scores[0] > 0
    assert evidence.sentence_scores[-1] == 0.0
    assert len(reader._pair("why " * 2000, long).ids) == TOKENS


def test_a_passage_without_text_is_read(reader: MiniLMReader) -> None:
    (evidence,) = reader.read(QUERY, [passage(1, "", "Prices")])
    assert (evidence.sentences, evidence.sentence_scores, evidence.best_span) == ((), (), None)


def test_marks_typed_by_a_person_are_text(reader: MiniLMReader) -> None:
    pair = reader._pair("[SEP] fee [CLS]", passage(1, "Fees [SEP] rise."))
    assert pair.ids.count(102) == 2
    assert pair.ids.count(101) == 1


def test_the_conversion_is_made_once_and_made_again_when_damaged(
    shipped: Path, cache: Path, reader: MiniLMReader
) -> None:
    (converted,) = cache.iterdir()
    before = (converted / "model.bin").stat().st_mtime_ns
    MiniLMReader(shipped, cache, threads=1)
    assert (converted / "model.bin").stat().st_mtime_ns == before
    expected = reader.read(QUERY, PASSAGES[:1])[0].relevance
    (converted / "model.bin").write_bytes(b"not a model")
    again = MiniLMReader(shipped, cache, threads=1)
    assert again.read(QUERY, PASSAGES[:1])[0].relevance == pytest.approx(expected, abs=1e-4)
    assert [entry.name for entry in cache.iterdir()] == [converted.name]


@pytest.fixture
def copy(shipped: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shipped, tmp_path / "copy"))


@pytest.mark.parametrize("config", [None, "{", '{"relevance_scale": 1.0}'])
def test_a_missing_or_damaged_configuration_is_named(copy: Path, cache: Path, config: str | None) -> None:
    (copy / "config.json").unlink()
    if config is not None:
        (copy / "config.json").write_text(config, "utf-8")
    with pytest.raises(Misconfigured, match=r"config\.json is missing or damaged.*git checkout"):
        MiniLMReader(copy, cache)


def test_missing_weights_are_named(copy: Path, cache: Path) -> None:
    (copy / "model.safetensors").unlink()
    with pytest.raises(Misconfigured, match=r"model\.safetensors are missing.*git checkout"):
        MiniLMReader(copy, cache)


@pytest.mark.parametrize("kept", [0, 100, 1_000_000])
def test_truncated_weights_are_called_damaged(copy: Path, cache: Path, kept: int) -> None:
    file = copy / "model.safetensors"
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(Misconfigured, match="damaged"):
        MiniLMReader(copy, cache)


@pytest.mark.parametrize("gone", ["span.bias", "encoder.encoder.layer.3.output.dense.weight"])
def test_weights_of_another_architecture_are_refused(copy: Path, cache: Path, gone: str) -> None:
    state = load_file(copy / "model.safetensors")
    del state[gone]
    save_file(state, copy / "model.safetensors")
    with pytest.raises(Misconfigured, match="do not fit this version"):
        MiniLMReader(copy, cache)


class NotingReader:
    """Relevance by the length of the text; notes what it was asked to read."""

    def __init__(self) -> None:
        self.read_pairs: list[tuple[str, str]] = []

    def read(self, query: str, passages: Sequence[Passage]) -> list[Evidence]:
        self.read_pairs += [(query, one.text) for one in passages]
        return [Evidence(1 / (1 + len(one.text))) for one in passages]


def test_a_cached_reader_reads_each_pair_once_and_says_the_same() -> None:
    inner = NotingReader()
    cached = CachedReader(inner)
    first = cached.read("a", PASSAGES[:3])
    assert cached.read("a", [PASSAGES[2], PASSAGES[4], PASSAGES[0], PASSAGES[4]]) == [
        first[2], Evidence(0.5), first[0], Evidence(0.5),
    ]  # fmt: skip
    assert inner.read_pairs == [("a", text) for text in (*TEXTS[:3], TEXTS[4])]
    cached.read("b", PASSAGES[:1])
    assert inner.read_pairs[-1] == ("b", TEXTS[0])


def test_a_passage_that_changed_under_its_id_is_read_again() -> None:
    inner = NotingReader()
    cached = CachedReader(inner)
    assert cached.read("a", [passage(1, "old")]) != cached.read("a", [passage(1, "newer")])


def test_a_cached_reader_forgets_what_was_asked_longest_ago() -> None:
    inner = NotingReader()
    cached = CachedReader(inner, size=2)
    for number in (0, 1, 0, 2, 0, 1):
        cached.read("a", [PASSAGES[number]])
    assert [text for _, text in inner.read_pairs] == [TEXTS[n] for n in (0, 1, 2, 1)]


def test_more_passages_than_a_cached_reader_keeps_are_all_read() -> None:
    cached = CachedReader(NotingReader(), size=1)
    assert [one.relevance for one in cached.read("a", PASSAGES)] == [1 / (1 + len(text)) for text in TEXTS]
