from __future__ import annotations

import pytest

from generation.binding import misbound

UNIT = "The unit costs £55 in the UK and €65 in Ireland."
LIGHT = "The light is green for a strong signal, yellow for a fair signal and red for a weak signal."
ROW = "Fibre 300: Price €42, Average download 300 Mbps, Minimum download 180 Mbps."


@pytest.mark.parametrize(
    ("sentence", "evidence", "why"),
    [
        ("The unit costs £55 in Ireland.", UNIT, "in the evidence “£55” does not belong to “Ireland”"),
        ("Green means a weak signal.", LIGHT, "in the evidence “Green” does not belong to “weak”"),
        ("The minimum is 300 Mbps.", ROW, "in the evidence “300 Mbps” does not belong to “minimum”"),
    ],
)
def test_what_the_evidence_keeps_apart_must_not_be_put_together(sentence: str, evidence: str, why: str) -> None:
    assert misbound(sentence, evidence) == why


@pytest.mark.parametrize(
    ("sentence", "evidence"),
    [
        ("The unit costs £55 in the UK.", UNIT),
        ("The unit costs €65 in Ireland and £55 in the UK.", UNIT),
        ("A red light means a weak signal.", LIGHT),
        ("Fibre 300 has 300 Mbps and a minimum of 180 Mbps.", ROW),
        ("Saturday visits are in Cork.", "Visits are on Monday, with Saturday visits in Dublin, Cork and Galway."),
        ("It costs £9.", "It costs £5."),  # nothing to tear apart: the amount itself is another
    ],
)
def test_what_belongs_together_may_be_said_together(sentence: str, evidence: str) -> None:
    assert misbound(sentence, evidence) is None
