from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.tokenizing import CLS, PAD, SEP, WordPieces
from retrieval.encoders import minilm_folder

PIECES = WordPieces(minilm_folder())


def test_the_vocabulary_lists_the_pieces_by_id() -> None:
    assert len(PIECES.vocabulary) == 30522
    assert [PIECES.vocabulary[i] for i in (PAD, CLS, SEP)] == ["[PAD]", "[CLS]", "[SEP]"]
    assert PIECES.vocabulary[PIECES.vocabulary.index("fibre")] == "fibre"


def test_pieces_are_counted_without_separators() -> None:
    assert PIECES.count("") == 0
    assert PIECES.count("Wi-Fi works.") == 5


def test_a_pair_is_laid_out_as_the_models_were_trained() -> None:
    encoded = PIECES.encode_pairs("How much?", ["Fibre 100", "It is £29."], 64)
    first, second = encoded.input_ids[0].tolist()
    assert encoded.input_ids.shape == encoded.attention_mask.shape == (1, 2, len(first))
    names = [PIECES.vocabulary[token] for token in first]
    assert names[:8] == ["[CLS]", "how", "much", "?", "[SEP]", "fibre", "100", "[SEP]"]
    assert set(names[8:]) == {"[PAD]"}
    assert PAD not in second
    assert encoded.attention_mask[0, 0].tolist() == [1] * 8 + [0] * (len(first) - 8)


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=60), st.lists(st.text(max_size=120), min_size=1, max_size=4), st.integers(12, 64))
def test_every_place_points_at_the_characters_of_its_token_and_nothing_exceeds_the_limit(
    first: str, seconds: list[str], limit: int
) -> None:
    encoded = PIECES.encode_pairs(first, seconds, limit)
    ids = encoded.input_ids.flatten().tolist()
    assert encoded.input_ids.shape[2] <= limit
    assert len(encoded.text.places) == len(ids)
    assert encoded.text.texts == (first, *seconds)
    for row, place in enumerate(encoded.text.places):
        if place is None:
            assert ids[row] in (CLS, SEP, PAD)
            continue
        index, start, end = place
        assert index in (0, row // encoded.input_ids.shape[2] + 1)
        assert 0 <= start < end <= len(encoded.text.texts[index])


def test_places_hold_the_words() -> None:
    encoded = PIECES.encode_pairs("Café?", ["The ÉCLAIR costs £4.50"], 64)
    pairs = [
        (PIECES.vocabulary[token], encoded.text.texts[place[0]][place[1] : place[2]])
        for token, place in zip(encoded.input_ids.flatten().tolist(), encoded.text.places, strict=True)
        if place is not None
    ]
    assert pairs[0] == ("cafe", "Café")
    assert "".join(said for _, said in pairs[2:]) == "TheÉCLAIRcosts£4.50"


def test_a_long_question_is_cut_to_a_third_and_the_passage_to_what_is_left() -> None:
    encoded = PIECES.encode_pairs("why " * 100, ["because " * 100], 30)
    ids = encoded.input_ids[0, 0].tolist()
    assert len(ids) == 30
    assert ids.index(SEP) == 11
    assert ids[-1] == SEP


@pytest.mark.parametrize("text", ["[CLS] [SEP] [PAD]", "[MASK]"])
def test_marks_typed_by_a_person_do_not_break_the_layout(text: str) -> None:
    encoded = PIECES.encode_pairs(text, [text], 64)
    ids = encoded.input_ids[0, 0].tolist()
    assert (ids[0], ids[-1]) == (CLS, SEP)
    assert ids.count(CLS) == 1
    assert ids.count(SEP) == 2
    assert encoded.attention_mask.min() == 1
