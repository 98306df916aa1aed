"""One explanation with numbers that are easily followed, for everything that draws one."""

from __future__ import annotations

from domain.explanation import Attention, Column, Explanation, Part, PassageEffect

COLUMNS = (
    Column(Part.QUESTION, text="How much?"),
    Column(Part.HEADING, 1, 0, "Fees <b>"),
    Column(Part.SENTENCE, 1, 1, "The fee is £20."),
    Column(Part.SENTENCE, 1, 2, "Call us.", read=False),
    Column(Part.SENTENCE, 2, 1, "It is free."),
    Column(Part.VOCABULARY),
)
COPIED = Attention(
    ("It", "is", "£20<"),
    COLUMNS,
    ((0.0, 0.0, 0.0, 0.0, 0.6, 0.4), (0.0, 0.004, 0.42, 0.0, 0.576, 0.0), (0.0, 0.0, 1.0, 0.0, 0.0, 0.0)),
)
ATTENDED = Attention(("It", "is", "£20<"), COLUMNS[:-1], ((0.2, 0.2, 0.2, 0.2, 0.2),) * 3)
EFFECTS = (
    PassageEffect(1, "p1", "Fees <b>", True, 41.26),
    PassageEffect(2, "p2", "", False, -2.04),
    PassageEffect(3, "p3", "Moving", False, 0.01),
)
EXPLANATION = Explanation("Because <it> stands there.", -7.5, EFFECTS, ATTENDED, COPIED)
