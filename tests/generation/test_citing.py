from __future__ import annotations

import pytest

from domain.answer import Removal
from domain.protocols import Draft
from generation.citing import Citer, Fit, pieces_of
from retrieval.sentences import sentence_spans
from tests.generation.evidence import passage

UK = passage(
    1, "The moving fee is £20. Tell us 14 days before the move. Students pay nothing.", "Moving", region="UK"
).passage
IRELAND = passage(2, "The moving fee is €30 in Ireland. Tell us 30 days before the move.", "Moving in Ireland").passage
LINES = passage(3, "The line is open from 9am to 8pm, Monday to Friday, and from 9am to 5pm on Saturday.").passage
ROWS = passage(4, "Plan | Price\nFibre 100 | £29", "Prices").passage
TEXTS = [UK.text, IRELAND.text, LINES.text, ROWS.text]


def citer() -> Citer:
    made = []
    for at, one in enumerate((UK, IRELAND, LINES, ROWS)):
        made += pieces_of(at, one, sentence_spans(one.text))
    return Citer(made)


def fit(text: str, *, finished: bool = True) -> Fit:
    return citer().fit(Draft(text, -1.0, 5, "beam 1", finished), TEXTS, sentence_spans)


def test_each_sentence_names_the_sentence_of_the_evidence_that_bears_it_out() -> None:
    made = fit("The moving fee is £20. The moving fee is €30 in Ireland.")
    assert made.text == "The moving fee is £20. The moving fee is €30 in Ireland."
    assert [(one.piece.at, one.piece.span, one.span) for one in made.sentences] == [
        (0, (0, 22), (0, 22)),
        (1, (0, 33), (23, 56)),
    ]
    assert made.removed == ()


def test_of_sentences_that_bear_it_out_alike_the_likeliest_is_cited() -> None:
    alike = [passage(n, "The moving fee is £20.", "Moving").passage for n in (1, 2)]

    def cited(*scores: float) -> int:
        pieces = [pieces_of(at, one, ((0, 22),), (scores[at],))[0] for at, one in enumerate(alike)]
        backed = Citer(pieces).backing("The moving fee is £20.")
        assert backed is not None
        return backed.piece.at

    assert cited(0.2, 0.9) == 1
    assert cited(0.5, 0.5) == 0


@pytest.mark.parametrize(
    ("draft", "why"),
    [
        ("The moving fee is £25.", "the evidence says “£20”, not “£25”"),
        ("Students do not pay nothing.", "its words do not stand in this order"),
        ("Do not tell us 14 days before the move.", "the evidence does not deny what the sentence denies"),
        ("Tell us at least 14 days before the wardrobe move.", "its words do not stand in this order"),
        ("The moving fee is £20 on the day of the wardrobe.", "only 56% of it stands in the evidence"),
        ("The fee for moving is £20.", "its words do not stand in this order"),
        ("The moving fee.", "it is no whole sentence"),
        ("The line is open from 9am to 8pm to 8pm to 5pm on Saturday.", "what is left without its repetition"),
        ("I'm sorry to hear that.", "it claims nothing"),
        ("Penguins can sing and dance.", "there is no evidence"),
    ],
)
def test_what_may_not_be_said_goes_with_the_reason(draft: str, why: str) -> None:
    made = fit(draft)
    assert (made.text, made.sentences) == ("", ())
    assert made.removed[-1].why.startswith(why)
    assert made.removed[-1].origin == "beam 1"


def test_the_rest_of_a_draft_stays() -> None:
    made = fit("The moving fee is £99. Tell us 14 days before the move.")
    assert made.text == "Tell us 14 days before the move."
    assert made.removed[0].what == "The moving fee is £99."


def test_a_repetition_at_the_beginning_leaves_the_sentence_whole() -> None:
    made = fit("The moving fee The moving fee is £20.")
    assert made.text == "The moving fee is £20."
    assert made.removed == (Removal("The moving fee The moving fee is £20.", "it says words twice running", "beam 1"),)


def test_what_the_length_limit_cut_off_goes() -> None:
    assert fit("The moving fee is £20. Tell us 14 days before", finished=False).text == "The moving fee is £20."
    assert fit("The moving fee is £20", finished=True).text == "The moving fee is £20."


def test_a_row_is_read_with_the_names_of_its_columns() -> None:
    assert citer().objection("The price of Fibre 100 is £29.") == ""
    assert citer().objection("The price of Fibre 100 is £39.") == "the evidence says “£29”, not “£39”"


def test_a_name_that_stands_over_the_sentence_counts() -> None:
    assert citer().objection("The moving fee is £20 in the UK.") == ""
    assert citer().objection("The moving fee is £20 in Ireland.") != ""
