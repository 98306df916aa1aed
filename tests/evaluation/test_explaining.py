from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import Misconfigured
from domain.explanation import Column, Explanation, Part
from evaluation.explaining import draw_explanation, label
from tests.web.explanations import EXPLANATION


def test_the_picture_is_a_png_that_grows_with_the_answer(tmp_path: Path) -> None:
    draw_explanation(EXPLANATION, tmp_path / "why.png")
    data = (tmp_path / "why.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    assert (width, height) == (792, 264)  # 4.5 + 6 columns of 0.45, and 2.4 inches, at 110 dots


def test_a_turn_without_an_answer_cannot_be_drawn(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"no answer to draw \(It is small talk\.\)"):
        draw_explanation(Explanation("It is small talk."), tmp_path / "why.png")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be written"):
        draw_explanation(EXPLANATION, tmp_path / "nowhere" / "why.png")


def test_columns_have_short_names() -> None:
    columns = [Column(Part.QUESTION), Column(Part.HEADING, 2), Column(Part.SENTENCE, 2, 3), Column(Part.REST, 1)]
    assert [label(column) for column in columns] == ["question", "2 heading", "2.3", "1 rest"]
