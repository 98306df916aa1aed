from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

import pytest
import torch

from bot.assembly_models import MODELS
from domain.answer import Answer, AnswerKind, Citation
from domain.conversation import Query, Turn
from domain.explanation import Explanation, Part
from domain.passage import Passage, RetrievedPassage
from generation.attention import ForcedReading, Target
from generation.explaining import MOST_PASSAGES, Explainer, leaving_one_out, open_explainer
from generation.surface import SourceText
from generation.tokenizing import EncodedSource
from retrieval.encoders import minilm_folder
from retrieval.sentences import sentence_spans


class WordModel:
    """A ``ForcedModel`` of whole words with an obvious rule: a word of the answer costs one nat for every copy of it
    that is hidden, and looks at all words of the source alike; it was copied where it stands, else written."""

    def __init__(self, window: int = 1000) -> None:
        self._window = window
        self.asked: list[EncodedSource] = []

    def source(self, question: str, passages: Sequence[Passage]) -> EncodedSource:
        texts = (question, *(passage.searchable for passage in passages))
        rows = [[None, *_words(0, question), *_words(n, text)[: self._window]] for n, text in enumerate(texts) if n]
        length = max(map(len, rows))
        mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in rows])[None]
        places = tuple(place for row in rows for place in row + [None] * (length - len(row)))
        self.asked.append(EncodedSource(torch.zeros_like(mask), mask, SourceText(texts, places)))
        return self.asked[-1]

    def target(self, answer: str) -> Target:
        places = tuple(place[1:] for place in _words(0, answer) if place)
        self._answer = [answer[slice(*place)] for place in places]
        return Target(tuple(range(len(places) + 1)), (*places, None))

    def read(self, source: EncodedSource, target: Target, shown: torch.Tensor) -> ForcedReading:
        words = [place and source.text.texts[place[0]][place[1] : place[2]] for place in source.text.places]
        holds = torch.tensor([[word == one for one in words] for word in [*self._answer, "</s>"]]).float()  # (T, S)
        visible = (source.attention_mask.bool() & shown[..., None]).flatten(1).float()  # (V, S)
        nats = -((1 - visible) @ holds.T)  # (V, T)
        alike = source.attention_mask.flatten().float().expand(len(holds), -1)
        first = holds * visible[0]
        there = first.sum(1, keepdim=True)
        copied = torch.where(there > 0, first / there.clamp(min=1), torch.zeros_like(first))
        return ForcedReading(nats, alike / alike.sum(1, keepdim=True), copied, (there.squeeze(1) == 0).float())


def _words(text: int, words: str) -> list[tuple[int, int, int] | None]:
    found, at = list[tuple[int, int, int] | None](), 0
    for word in words.split():
        at = words.index(word, at)
        found.append((text, at, at + len(word)))
        at += len(word)
    return found


def passage(number: int, text: str, title: str = "") -> RetrievedPassage:
    return RetrievedPassage(Passage(f"p{number}", "d", title, text, "d.md", (0, len(text))), -number, number)


def turn(answer: str, *evidence: RetrievedPassage, cites: str = "p1", stopped: bool = False) -> Turn:
    cited = (Citation(1, cites, (0, len(answer)), (0, 1), "x", 1.0),)
    said = Answer(answer, AnswerKind.QUOTED, cited, 0.8)
    return Turn("t", "asked", Query("much ?", "asked"), said, evidence, stopped=stopped)


UK, IRELAND = passage(1, "A fee is £6. Pay now.", "Late fees"), passage(2, "Call us.")


def explained(asked: Turn, window: int = 1000) -> Explanation:
    return Explainer(WordModel(window), sentence_spans).explain(asked)


def test_a_passage_is_worth_what_the_answer_loses_without_it() -> None:
    found = explained(turn("A fee is much", UK, IRELAND))
    assert found.log_probability == 0
    # "A", "fee", "is" stand in the first passage; "much" in the question, which every source repeats
    assert [(one.rank, one.lost_nats, one.cited) for one in found.effects] == [(1, 4, True), (2, 1, False)]
    assert found.effects[0].heading == "Late fees"


def test_the_only_passage_is_compared_with_an_empty_one() -> None:
    found = explained(turn("A fee is much", UK))
    assert found.log_probability == -1  # "much" of the empty source is hidden
    assert [one.lost_nats for one in found.effects] == [3]
    assert leaving_one_out(1).tolist() == [[True, False], [False, True]]


def test_variants_hide_one_passage_each() -> None:
    assert leaving_one_out(3).int().tolist() == [[1, 1, 1], [0, 1, 1], [1, 0, 1], [1, 1, 0]]


def test_columns_are_the_question_then_heading_and_sentences_of_each_passage() -> None:
    found = explained(turn("A fee", UK, IRELAND)).attended
    assert found is not None
    assert found.words == ("A", "fee")
    assert [(one.part, one.rank, one.sentence, one.text) for one in found.columns] == [
        (Part.QUESTION, 0, 0, "much ?"),
        (Part.HEADING, 1, 0, "Late fees"),
        (Part.SENTENCE, 1, 1, "A fee is £6."),
        (Part.SENTENCE, 1, 2, "Pay now."),
        (Part.SENTENCE, 2, 1, "Call us."),
    ]
    # 4 + 8 + 2 words, the question's counted in both sources; what goes to separators is left out
    assert found.weights[0] == pytest.approx((4 / 14, 2 / 14, 4 / 14, 2 / 14, 2 / 14))


def test_a_word_is_shown_where_it_was_copied_from_or_as_the_models_own() -> None:
    found = explained(turn("fee Call invented", UK, IRELAND)).copied
    assert found is not None
    assert found.columns[-1].part is Part.VOCABULARY
    assert found.weights == ((0, 0, 1, 0, 0, 0), (0, 0, 0, 0, 1, 0), (0, 0, 0, 0, 0, 1))


def test_rows_of_every_picture_and_of_what_is_made_of_it_sum_to_one() -> None:
    found = explained(turn("A fee invented", UK, IRELAND))
    assert found.attended is not None
    assert found.copied is not None
    for picture in (found.attended, found.copied):
        for one in (picture, picture.by_passage(), picture.condensed(1)):
            assert [sum(row) for row in one.weights] == pytest.approx([1, 1, 1])
            assert all(len(row) == len(one.columns) for row in one.weights)


def test_a_picture_can_be_drawn_by_passage_or_with_the_sentences_that_matter() -> None:
    found = explained(turn("A fee invented", UK, IRELAND)).copied
    assert found is not None
    assert [(one.part, one.rank) for one in found.by_passage().columns] == [
        (Part.QUESTION, 0), (Part.PASSAGE, 1), (Part.PASSAGE, 2), (Part.VOCABULARY, 0),
    ]  # fmt: skip
    short = found.condensed(1)
    assert [(one.part, one.rank, one.sentence) for one in short.columns] == [
        (Part.QUESTION, 0, 0), (Part.REST, 1, 0), (Part.SENTENCE, 1, 1), (Part.REST, 2, 0), (Part.VOCABULARY, 0, 0),
    ]  # fmt: skip
    assert short.weights[0] == (0, 0, 1, 0, 0)


def test_a_sentence_that_was_cut_off_is_marked_unread() -> None:
    found = explained(turn("A fee", UK, IRELAND), window=6).attended
    assert found is not None
    assert [one.text for one in found.columns if not one.read] == ["Pay now."]


def test_what_an_answer_cites_is_looked_at_however_far_down_it_stands() -> None:
    many = [passage(n, f"Text {n}.") for n in range(1, MOST_PASSAGES + 4)]
    found = explained(turn("Text", *many, cites=f"p{MOST_PASSAGES + 2}"))
    ranks = [one.rank for one in found.effects]
    assert ranks == [*range(1, MOST_PASSAGES), MOST_PASSAGES + 2]


@pytest.mark.parametrize(
    "asked",
    [
        turn("A fee", stopped=True),
        turn("A fee", UK, stopped=True),
        turn("A fee"),
        turn(" ", UK),
        Turn("t", "hi", Query("hi", "hi"), Answer("Hello!", AnswerKind.SMALL_TALK)),
        Turn("t", "q", Query("q", "q"), Answer("I do not know.", AnswerKind.ABSTAINED), (UK,)),
    ],
)
def test_a_turn_without_an_answer_is_explained_in_words_alone(asked: Turn) -> None:
    found = explained(asked)
    assert found.why
    assert (found.log_probability, found.effects, found.attended, found.copied) == (None, (), None, None)


def test_an_explanation_is_json() -> None:
    told = json.loads(json.dumps(asdict(explained(turn("A fee", UK, IRELAND)))))
    assert told["effects"][0]["rank"] == 1
    assert told["copied"]["columns"][1]["part"] == "heading"


# ---- the shipped weights ----------------------------------------------------------------------------------------

HANDBOOK = (
    ("Does the Tern Go work with eSIM?", "Phones that work with eSIM",
     "The Lantern 8 and the Kestrel Mini work with eSIM. The Tern Go does not work with eSIM and needs a plastic SIM."),
    ("How much does 4G Home Unlimited cost in Ireland?", "Prices of 4G Home in Ireland",
     "4G Home Unlimited costs €38 a month in Ireland. Both Irish 4G Home plans have a 12-month contract."),
    ("What does data on a cruise ship cost on a UK plan?", "Price on cruise ships",
     "Data on a cruise ship costs £6.50 for each MB on UK plans. Texts sent from a ship cost 60p on UK plans."),
    ("Does Harbourline offer TV or sports packages?", "No Harbourline TV",
     "Harbourline does not offer TV channels or sports packages. Agents should not quote a price for television."),
    ("How much notice does a move from Galway to Mayo need?", "Notice for an Irish move",
     "Tell Harbourline at least 21 days before you move home in Ireland. You need the Eircode of the new address."),
    ("How much notice must I give to cancel my fibre?", "Notice in the UK",
     "UK customers must give 30 days' notice to cancel fibre. The notice starts on the day you contact Harbourline."),
    ("Can a goodwill credit be paid into my bank account?", "Refund in cash or as credit",
     "Goodwill credits are always applied to the bill and cannot be paid in cash. Other amounts can be refunded."),
    ("What does a red power light on the 4G hub mean?", "Power light",
     "A red power light on the 4G hub means that the wrong power supply is in use. The correct one is marked 12 V."),
    ("What does error HL-401-A mean?", "Account error codes",
     "Error HL-401-A means that the password was wrong five times. Wait 30 minutes and try again."),
    ("When can an Irish complaint be taken to ComReg?", "The regulator in Ireland",
     "You can contact ComReg if an Irish complaint is not resolved after ten working days. ComReg is independent."),
)  # fmt: skip


def handbook_turn(number: int) -> Turn:
    """The question ``number`` with its passage second of three, answered with a sentence of that passage."""
    question = HANDBOOK[number][0]
    places = ((number + 1) % 10, number, (number + 4) % 10)
    evidence = tuple(
        passage(rank, HANDBOOK[place][2], HANDBOOK[place][1]) for rank, place in enumerate(places, start=1)
    )
    sentences = [evidence[1].passage.text[slice(*span)] for span in sentence_spans(evidence[1].passage.text)]
    answer = sentences[1] if number == 0 else sentences[0]
    cited = (Citation(1, "p2", (0, len(answer)), (0, 1), answer, 1.0),)
    return Turn("t", question, Query(question, question), Answer(answer, AnswerKind.QUOTED, cited, 0.8), evidence)


@pytest.mark.models
def test_taking_away_the_passage_an_answer_was_copied_from_costs_most_and_the_others_next_to_nothing() -> None:
    explainer = open_explainer(MODELS / "answerer", minilm_folder(), sentence_spans)
    found = [explainer.explain(handbook_turn(number)) for number in range(len(HANDBOOK))]
    for one in found:
        costs = {effect.rank: effect.lost_nats for effect in one.effects}
        assert max(costs, key=lambda rank: costs[rank]) == 2
        assert costs[2] > 40  # nats
        assert max(abs(costs[1]), abs(costs[3])) < 3
        assert one.copied is not None
        by_passage = one.copied.by_passage()
        totals = [sum(row[i] for row in by_passage.weights) for i in range(len(by_passage.columns))]
        assert totals.index(max(totals)) == [column.rank for column in by_passage.columns].index(2)
