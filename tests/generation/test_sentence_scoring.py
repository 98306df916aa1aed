"""The regression over sentences: features with known values, probabilities in their place, files that are damaged."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from domain.conversation import Query
from domain.errors import Misconfigured
from domain.passage import Passage, RetrievedPassage
from domain.protocols import Evidence
from generation.rivals import RivalNames
from generation.sentence_scoring import FEATURES, LogisticWeights, SentenceScorer, TermWeights, open_weights
from generation.words import stem


class InitialEncoder:
    """A text's vector is the share of each letter a–z among the initials of its words, scaled to length 1."""

    dimension = 26
    fingerprint = "initials"

    def encode_queries(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        rows = np.zeros((len(texts), 26), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().split():
                if "a" <= word[0] <= "z":
                    row[ord(word[0]) - ord("a")] += 1
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows / np.maximum(lengths, 1e-9), dtype=np.float32)

    encode_passages = encode_queries


TEXT = "The late fee is £9. This page covers the late fee."
SENTENCES = ((0, 19), (20, 50))
PASSAGE = Passage("fees#1", "fees", "Fees", TEXT, "fees.md", (0, len(TEXT)))
FOUND = RetrievedPassage(PASSAGE, 1.0, 2)
COUNTRIES = [f"{what} in {country}." for what in ("The fee", "A line", "The team") for country in ("Ireland", "Spain")]
FEE = Query("how much is the late fee", "how much is the late fee")
READING = Evidence(0.9, SENTENCES, (0.5, 0.9), None)


def scorer(weights: dict[str, float], bias: float = 0.0) -> SentenceScorer:
    values = tuple(weights.get(name, 0.0) for name in FEATURES)
    terms = TermWeights(["late fee", "late bill", "router light"])
    return SentenceScorer(InitialEncoder(), terms, LogisticWeights(values, bias), RivalNames(COUNTRIES))


def features(question: str, name: str) -> list[float]:
    (rows,) = scorer({}).features(Query(question, question), [FOUND], [READING])
    return [row[FEATURES.index(name)] for row in rows]


def test_each_feature_has_the_value_its_name_says() -> None:
    question = "how much is the late fee"
    assert features(question, "evidence") == pytest.approx([0.0, math.log(9)])
    assert features(question, "covered") == [1.0, 1.0]
    assert features(question, "type") == [1.0, 0.0]
    assert features(question, "navigation") == [0.0, 1.0]
    assert features(question, "missing") == [0.0, 0.0]
    assert features(question, "rank") == pytest.approx([math.log(2)] * 2)
    near, _ = features(question, "nearness")
    assert 0 < near <= 1


def test_a_name_the_sentence_lacks_counts_as_missing() -> None:
    assert features("how much is the late fee in Bristol", "missing") == [1.0, 1.0]


def test_an_action_in_whose_place_its_opposite_stands_counts_as_displaced() -> None:
    text = "Turn on the alarm. Turn the alarm on or off."
    one = RetrievedPassage(Passage("a#1", "a", "Alarms", text, "a.md", (0, len(text))), 1.0, 1)
    seen = Evidence(0.9, ((0, 18), (19, 44)), (0.5, 0.5), None)
    question = "how is the alarm turned off"
    (rows,) = scorer({}).features(Query(question, question), [one], [seen])
    assert [row[FEATURES.index("displaced")] for row in rows] == [1.0, 0.0]


def test_a_name_whose_place_a_rival_takes_counts_as_displaced() -> None:
    text = "The late fee in Ireland is €6. The late fee is £9."
    passage = Passage("fees#1", "fees", "Fees", text, "fees.md", (0, len(text)))
    reading = Evidence(0.9, ((0, 31), (32, 50)), (0.5, 0.5), None)
    query = Query("how much is the late fee in spain", "and in spain?")
    (rows,) = scorer({}).features(query, [RetrievedPassage(passage, 1.0, 1)], [reading])
    assert [row[FEATURES.index("displaced")] for row in rows] == [1.0, 0.0]


def test_rare_words_weigh_more_than_common_ones() -> None:
    terms = TermWeights(["late fee", "late bill", "late reply"])
    assert terms.weight(stem("bill")) > terms.weight(stem("late"))
    assert terms.covered("late bill", "a bill") > 0.5
    assert terms.covered("the of", "anything") == 1.0


def test_scores_become_the_probabilities_of_the_regression_and_nothing_else_changes() -> None:
    (scored,) = scorer({"type": 2.0}, bias=-1.0).scored(FEE, [FOUND], [READING])
    assert scored.sentence_scores == pytest.approx((1 / (1 + math.exp(-1)), 1 / (1 + math.exp(1))))
    assert (scored.relevance, scored.sentences) == (READING.relevance, READING.sentences)


def test_no_evidence_needs_no_encoder() -> None:
    assert scorer({}).scored(FEE, [], []) == []


def test_setting_is_the_nearness_to_the_question_in_its_conversation() -> None:
    query = Query("and zebras?", "and zebras?", context=("late fees for lions",))
    (rows,) = scorer({}).features(query, [FOUND], [READING], 1)
    (alone,) = scorer({}).features(query, [FOUND], [READING], 0)
    place, near = FEATURES.index("setting"), FEATURES.index("nearness")
    assert rows[0][place] > rows[0][near]
    assert alone[0][place] == pytest.approx(alone[0][near])


def test_weights_are_read_by_name(tmp_path: Path) -> None:
    file = tmp_path / "weights.json"
    file.write_text(json.dumps({"weights": dict.fromkeys(FEATURES, 1), "bias": -2}))
    assert open_weights(file) == LogisticWeights((1.0,) * len(FEATURES), -2.0)


@pytest.mark.parametrize("content", ["", "{}", '{"weights": {"evidence": 1}, "bias": 0}', "[1, 2]"])
def test_damaged_weights_are_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "weights.json"
    file.write_text(content)
    with pytest.raises(Misconfigured, match=r"weights\.json"):
        open_weights(file)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"weights\.json"):
        open_weights(tmp_path / "weights.json")


class CountingEncoder(InitialEncoder):
    """Tells how many passages it was given."""

    def __init__(self) -> None:
        self.passages: list[str] = []

    def encode_passages(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        self.passages += texts
        return self.encode_queries(texts)


def test_a_sentence_is_encoded_once_for_all_turns() -> None:
    encoder = CountingEncoder()
    weights = LogisticWeights((0.0,) * len(FEATURES), 0.0)
    kept = SentenceScorer(encoder, TermWeights([]), weights, RivalNames(COUNTRIES))
    first = kept.features(FEE, [FOUND], [READING])
    assert kept.features(FEE, [FOUND, FOUND], [READING, READING]) == first * 2
    assert encoder.passages == ["Fees\nThe late fee is £9.", "Fees\nThis page covers the late fee."]
