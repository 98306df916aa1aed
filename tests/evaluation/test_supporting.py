from __future__ import annotations

from typing import get_args

import pytest

from corpora.support import Support, SupportExample
from evaluation.supporting import measure, report, weakest_sentence, whole_reply

EVIDENCE = "The moving fee is £20. It is charged once. Students pay nothing."


def example(reply: str, label: Support) -> SupportExample:
    return SupportExample("wow", EVIDENCE, "", reply, label)


def test_a_reply_is_as_supported_as_its_best_sentence_or_its_weakest() -> None:
    assert whole_reply("The moving fee is £20.", EVIDENCE) == 1.0
    assert whole_reply("The moving fee is £30.", EVIDENCE) == 0.0
    assert weakest_sentence("The moving fee is £20. Students pay nothing.", EVIDENCE) == 1.0
    assert weakest_sentence("The moving fee is £20. Cats sleep.", EVIDENCE) == 0.0
    assert weakest_sentence("", EVIDENCE) == 0.0


def test_only_fully_attributable_replies_are_positive() -> None:
    examples = [example(str(0.9 - 0.2 * n), label) for n, label in enumerate(get_args(Support))]
    (line,) = measure(examples, {"said": lambda reply, _: float(reply)})
    assert line.measures["AUROC"].mean == 1.0
    assert line.measures["precision"].mean == 0.5  # 0.9 and 0.7 are at least 0.6
    assert line.measures["recall"].mean == 1.0
    assert line.measures["F1"].mean == pytest.approx(2 / 3)
    assert report([line], examples, "Support", {}).facts["positives"].startswith("1 ")
