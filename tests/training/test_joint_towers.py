"""The retriever of joint training: what learns, what stays still, and an index that follows the passage tower."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.training.joint_toys import PASSAGES, QUESTIONS, retriever
from tests.training.tiny_models import tiny_bert
from training.joint_towers import Retriever, open_towers
from training.tower_export import export_sentence_transformers, export_towers
from training.towers import TowerOptions, build_towers, encoders

ASKED = [question.text for question in QUESTIONS]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("bert"))


def gradients(found: Retriever, tower: str) -> list[Tensor]:
    return [p.grad for p in encoders(found.towers)[tower].parameters() if p.grad is not None and p.grad.abs().sum() > 0]


def push(scores: Tensor) -> None:
    scores.log_softmax(-1)[:, 0].sum().backward()  # type: ignore[no-untyped-call]


def test_the_search_is_exact_and_its_scores_are_scaled_cosines(start: Path) -> None:
    found = retriever(start).eval()
    with torch.no_grad():
        scores, places = found(ASKED, 3)
    q = torch.tensor(found.towers.encode_query(ASKED, normalize_embeddings=True))
    p = torch.tensor(found.towers.encode_document([text for _, text in PASSAGES], normalize_embeddings=True))
    best = (20 * q @ p.T).topk(3)
    assert torch.equal(places, best.indices)
    assert torch.allclose(scores, best.values, atol=1e-4)


def test_no_more_passages_are_found_than_there_are(start: Path) -> None:
    scores, places = retriever(start)(ASKED[:2], 50)
    assert scores.shape == places.shape == (2, len(PASSAGES))


def test_a_frozen_passage_tower_gets_no_gradient_and_the_question_tower_does(start: Path) -> None:
    found = retriever(start)
    scores, _ = found(ASKED, 3)
    push(scores)
    assert len(gradients(found, "query")) > 10
    assert gradients(found, "document") == []


def test_a_shared_tower_is_parted_when_its_passage_side_is_to_keep_still(start: Path) -> None:
    found = retriever(start)
    pair = encoders(found.towers)
    assert pair["query"] is not pair["document"]
    before = found.vectors.clone()
    with torch.no_grad():
        for parameter in pair["query"].parameters():
            parameter.add_(0.1)
    found.refresh()
    assert torch.equal(found.vectors, before)


def test_a_refreshed_passage_tower_learns_from_the_passages_that_were_found(start: Path) -> None:
    found = Retriever(build_towers(TowerOptions(str(start), "separate")), [text for _, text in PASSAGES], "refreshed")
    found.refresh()
    scores, _ = found(ASKED[:2], 3)
    push(scores)
    assert len(gradients(found, "query")) > 10
    assert len(gradients(found, "document")) > 10


def test_scores_that_learn_are_those_of_the_tower_as_it_is_now(start: Path) -> None:
    found = retriever(start, "refreshed").eval()
    with torch.no_grad():
        stale, places = found(ASKED, 3)
    fresh, same = found(ASKED, 3)
    assert torch.equal(same, places)
    assert torch.allclose(fresh, stale, atol=1e-4)  # nothing has moved yet
    with torch.no_grad():
        found.vectors.mul_(0.5).add_(0.3 * torch.randn(found.vectors.shape))
    anew, places = found(ASKED, len(PASSAGES))
    order = places.argsort(1)
    assert torch.allclose(
        anew.gather(1, order)[:, :8], _all_scores(found), atol=1e-4
    )  # whatever the index holds, the scores are the towers' own


def _all_scores(found: Retriever) -> Tensor:
    q = torch.tensor(found.towers.encode_query(ASKED, normalize_embeddings=True))
    p = torch.tensor(found.towers.encode_document([text for _, text in PASSAGES], normalize_embeddings=True))
    return 20 * q @ p.T


def test_a_refreshed_index_finds_the_vectors_that_moved(start: Path) -> None:
    found = retriever(start, "refreshed").eval()
    with torch.no_grad():
        rows = found.vectors.clone()
        found.vectors.copy_(rows.roll(1, 0))  # as old as an index can be: every passage under another's number
        _, stale = found(ASKED, 1)
        found.refresh()
        _, fresh = found(ASKED, 1)
    assert torch.allclose(found.vectors, rows, atol=1e-5)
    assert torch.equal(stale.squeeze(1), (fresh.squeeze(1) + 1) % len(PASSAGES))


def test_the_index_is_part_of_what_is_saved(start: Path) -> None:
    found = retriever(start)
    state = {name: value.clone() for name, value in found.state_dict().items()}
    found.vectors.zero_()
    found.load_state_dict(state)
    assert found.vectors.abs().sum() > 1


def test_towers_open_in_every_form_they_are_written_in(start: Path, tmp_path: Path) -> None:
    model = build_towers(TowerOptions(str(start), "separate"))
    export_sentence_transformers(model, tmp_path / "st")
    assert torch.allclose(
        torch.tensor(open_towers(str(tmp_path / "st")).encode_query(ASKED)),
        torch.tensor(model.encode_query(ASKED)),
        atol=1e-6,
    )


def test_the_shipped_form_opens_and_an_empty_name_is_minilm(tmp_path: Path) -> None:
    minilm = open_towers("")
    export_towers(minilm, TowerOptions(), tmp_path / "lean", tmp_path)
    again = open_towers(str(tmp_path / "lean"))
    assert torch.allclose(
        torch.tensor(again.encode_query(ASKED[:1])), torch.tensor(minilm.encode_query(ASKED[:1])), atol=5e-3
    )
