from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.decoding import Hypothesis, Step
from generation.surface import surface
from generation.tokenizing import EncodedSource, WordPieces
from retrieval.encoders import minilm_folder
from retrieval.sentences import sentence_spans

PIECES = WordPieces(minilm_folder())
HANDBOOK = Path(__file__).parents[2] / "knowledge" / "harbourline"
PUBLIC = Path(__file__).parents[3] / "shared" / "data" / "doc2dial" / "documents"

VERBATIM = [
    "Call 0800 772 4410 or +44 20 7946 0018 (8 am–6 pm).",
    "The fee is £4.50, or €5.20 in Ireland; $6 elsewhere.",
    "See https://www.harbourline.example/help?id=3&x=1 for details.",
    "Visit www.harbourline.co.uk/moving-home today.",
    "Write to billing@harbourline.example within 14 days.",
    "Error E-2107 means that the hub HL-404-B is offline.",
    "Wi-Fi calling works, but 5 GHz doesn't reach far.",
    "You don't pay for the engineer's visit, and customers' homes aren't entered.",
    "Prices rise by 3.9% (CPI + 0.5%) on 31/03/2026.",
    "Say “cancel my plan” or 'stop' or \"end\" to the adviser.",
    "The café in Zürich – and the one in São Paulo – is open.",
    "Speeds: 67/18 Mbps; 36 Mbps on average (e.g. in the evening).",
    "Tariffs cover A/B/C zones, 1,000 minutes and 10 GB at 12:30 p.m. each day.",
    "iPhone 15 and eSIM are supported.",
    "Press *#06# to see the IMEI; dial 1571 for voicemail.",
    "Turkey | C | £6",
    "Charges are ≤ £10, i.e. about 2× the 2025 fee…",
    "The cafe\u0301 takes cards.",
    "Stop. Unplug the hub! Is the light red? Wait 30 seconds.",
]


AWKWARD = [
    "It costs £29\u00a0a\u00a0month and 5\u202f% more.",
    "The e\ufb03cient o\ufb03ce, \ufb01le and \ufb02at.",
    "Soft\u00adhyphen and zero\u200bwidth words.",
    "IBAN GB29 NWBK 6016 1331 9268 19, or IE29AIBK93115212345678.",
    "Smile 😀 and 👩‍👩‍👧 under the 🇮🇪 flag.",
    "naïve façade, Ångström, œuvre, Straße; a\u0301b",
    "5 × 3 = 15 ± 2; 20 °C; ½ price; 40 m²",
    "a\u2011b non\u2011breaking hyphens, 10–20 GB; 5—6; a — b",
    "‘single’ and „German“ quotes, it’s O’Brien’s.",
    "Mail first.last+tag@sub.example.co.uk now.",
    "https://ex.example/a_b-c~d?x=1&y=%20#frag",
    "1,234.56 and 1.234,56; £5/€6/$7; 10 % and 10%",
    "+44 (0)20 7946 0018, ext. 3",
    "A&B at AT&T; C++ and C#; #1 & #2; 50% off*",
    "日本語 text and Привет мир",
]


def copied(encoded: EncodedSource, text_index: int) -> Step:
    """Every token of one of the source's texts, copied from where it stands."""
    ids = encoded.input_ids.flatten().tolist()
    at = [i for i, place in enumerate(encoded.text.places) if place is not None and place[0] == text_index]
    return Step(tuple(ids[i] for i in at), tuple(at))


def spoken(encoded: EncodedSource, *words: str | tuple[str, int]) -> str:
    """Words written from the vocabulary (``"fee"``), or copied from their n-th place in the source (``("Fee", 0)``)."""
    flat, text = encoded.input_ids.flatten().tolist(), encoded.text.texts[1]
    ids: list[int] = []
    positions: list[int] = []
    for word in words:
        if isinstance(word, str):
            written = PIECES.encode_pairs("", [word], 64).input_ids[0, 0].tolist()[2:-1]
            ids, positions = ids + written, positions + [-1] * len(written)
            continue
        start = [match.start() for match in re.finditer(re.escape(word[0]), text)][word[1]]
        places = [
            i for i, p in enumerate(encoded.text.places) if p and p[0] == 1 and start <= p[1] < start + len(word[0])
        ]
        ids, positions = ids + [flat[i] for i in places], positions + places
    return surface(Hypothesis(tuple(ids), tuple(positions), -1.0, True), encoded.text, PIECES.vocabulary)


def read_back(sentence: str, before: str = "", after: str = "") -> str:
    encoded = PIECES.encode_pairs("What?", [f"{before}{sentence}{after}"], 400)
    places = encoded.text.places
    step = copied(encoded, 1)
    inside = [
        (token, at)
        for token, at in zip(step.ids, step.positions, strict=True)
        if (place := places[at]) and len(before) <= place[1] < len(before) + len(sentence)
    ]
    ids, positions = zip(*inside, strict=True)
    return surface(Step(ids, positions), encoded.text, PIECES.vocabulary)


@pytest.mark.parametrize("text", VERBATIM)
def test_copied_text_comes_back_as_it_stands_in_the_source(text: str) -> None:
    assert read_back(text) == text


@pytest.mark.parametrize("text", VERBATIM)
def test_copied_text_does_not_mind_what_stands_around_it(text: str) -> None:
    assert read_back(text, "Prices and fees\nAs of today. ", " More on page 2.") == text


def handbook_sentences() -> list[str]:
    found: list[str] = []
    for file in sorted(HANDBOOK.rglob("*.md")):
        body = file.read_text("utf-8").rpartition("\n---\n")[2]
        found += [body[start:end] for start, end in sentence_spans(body)]
    return [one for one in found if re.search(r"\w", one)]


SENTENCES = handbook_sentences()


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SENTENCES))
def test_every_sentence_of_the_handbook_survives_tokens_and_back(sentence: str) -> None:
    expected = " ".join(sentence.split())
    got = read_back(sentence, "Heading\n", "\nAnother line.")
    assert got == expected or got == expected[0].upper() + expected[1:]


def real_sentences(most: int) -> list[str]:
    """Sentences of the handbook and, where the public data are here, of Doc2Dial's pages, spread evenly."""
    pages = sorted(PUBLIC.rglob("*.md")) if PUBLIC.exists() else []
    texts = (file.read_text("utf-8") for file in pages)
    others = [text[start:end] for text in texts for start, end in sentence_spans(text)]
    every = [one for one in dict.fromkeys(SENTENCES + others) if re.search(r"\w", one) and len(one) < 900]
    return [every[i * len(every) // most] for i in range(most)] if len(every) > most else every


def test_two_thousand_real_sentences_survive_tokens_and_back() -> None:
    sentences = real_sentences(2000)
    assert len(sentences) >= 1500
    changed = [one for one in sentences if read_back(one, "Heading\n", "\nMore.") not in as_read(one)]
    assert changed == []


def test_real_sentences_survive_being_copied_by_turns_from_two_places() -> None:
    chance = random.Random(7)
    sentences = real_sentences(600)
    assert [one for one in sentences if (got := by_turns(one, chance)) and got not in as_read(one)] == []


def as_read(sentence: str) -> tuple[str, str]:
    """White space as one space each; with or without a capital at the beginning."""
    plain = " ".join(sentence.split())
    return plain, plain[0].upper() + plain[1:]


def by_turns(sentence: str, chance: random.Random) -> str:
    """The sentence read back from a source that holds it twice, changing between the two every fourth token or so;
    "" where the two are cut into pieces differently."""
    before, between = "Heading of it\n", "\nThen says: "
    encoded = PIECES.encode_pairs("What?", [f"{before}{sentence}{between}{sentence} More."], 1024)
    starts = len(before), len(before) + len(sentence) + len(between)
    halves = [
        [at for at, p in enumerate(encoded.text.places) if p and p[0] == 1 and start <= p[1] < start + len(sentence)]
        for start in starts
    ]
    if len(halves[0]) != len(halves[1]):
        return ""
    side, chosen = 0, []
    for pair in zip(*halves, strict=True):
        side = 1 - side if chance.random() < 0.25 else side
        chosen.append(pair[side])
    ids = encoded.input_ids.flatten().tolist()
    return surface(Step(tuple(ids[at] for at in chosen), tuple(chosen)), encoded.text, PIECES.vocabulary)


@pytest.mark.parametrize("text", AWKWARD)
def test_awkward_characters_come_back_as_they_stand(text: str) -> None:
    assert read_back(text, "Heading\n", "\nMore.") in as_read(text)


def test_a_seam_needs_the_whole_word() -> None:
    encoded = PIECES.encode_pairs("?", ["Send data. A plan costs £9. Plan a call"], 32)
    assert spoken(encoded, ("a call", 0), ("costs £9", 0)) == "A call costs £9"


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SENTENCES), st.sampled_from(SENTENCES))
def test_two_sentences_from_different_places_stay_two_sentences(one: str, other: str) -> None:
    if one[-1] not in ".!?" or re.search(r"\b(etc|no|St)\.$", one):
        return
    encoded = PIECES.encode_pairs("What?", [one, other], 400)
    first, second = copied(encoded, 1), copied(encoded, 2)
    both = surface(Step(first.ids + second.ids, first.positions + second.positions), encoded.text, PIECES.vocabulary)
    assert both.lower() == " ".join(f"{one} {other}".split()).lower()


def test_names_keep_their_case_and_copied_sentence_openings_lose_theirs() -> None:
    encoded = PIECES.encode_pairs("?", ["The fee is £60. Cancel in writing. You can cancel Fibre 100 in Ireland."], 64)
    assert spoken(encoded, "so", ("The fee", 0), "in", ("Ireland", 0)) == "So the fee in Ireland"
    assert spoken(encoded, "please", ("Cancel in writing", 0)) == "Please cancel in writing"
    assert spoken(encoded, "keep", ("Fibre 100", 0)) == "Keep Fibre 100"


def test_a_sentence_opens_with_a_capital_wherever_its_first_word_came_from() -> None:
    encoded = PIECES.encode_pairs("?", ["If you move, the fee is £60. Ask us for iPhone covers."], 64)
    assert spoken(encoded, ("the fee is £60.", 0), ("you move", 0), ".") == "The fee is £60. You move."
    assert spoken(encoded, "yes", ".", "it", "does", "!", "really", "?", "ok") == "Yes. It does! Really? Ok"
    assert spoken(encoded, ("iPhone covers", 0)) == "iPhone covers"


def test_written_words_are_joined_as_people_write_them() -> None:
    encoded = PIECES.encode_pairs("?", ["nothing"], 16)
    assert (
        spoken(encoded, "it costs £4.50 (or 4,500 points), doesn't it?")
        == "It costs £4.50 (or 4,500 points), doesn't it?"
    )
    assert spoken(encoded, "pay-as-you-go is 10% off") == "Pay-as-you-go is 10% off"
    assert spoken(encoded, 'say "stop now" to end.') == 'Say "stop now" to end.'
    assert spoken(encoded, "can i say that i agree") == "Can I say that I agree"


def test_word_pieces_of_one_written_word_make_one_word() -> None:
    encoded = PIECES.encode_pairs("?", ["nothing"], 16)
    assert spoken(encoded, "unsubscribable harbourline") == "Unsubscribable harbourline"


def test_a_number_whose_pieces_were_copied_from_different_places_is_still_one_number() -> None:
    encoded = PIECES.encode_pairs("?", ["Pay £4.50 now. Or pay £9.50 later."], 32)
    assert spoken(encoded, "it is", ("£4", 0), (".", 2), ("50", 1)) == "It is £4.50"


def test_an_address_whose_pieces_were_copied_apart_is_still_one_address() -> None:
    encoded = PIECES.encode_pairs("?", ["Go. See www.shop.com. Mail us@shop.com."], 32)
    assert spoken(encoded, ("See www", 0), (".", 0), ("shop", 0), (".", 2), ("com", 1), ".") == "See www.shop.com."


def test_spaced_dashes_keep_their_spaces_and_hyphens_have_none() -> None:
    encoded = PIECES.encode_pairs("?", ["Rent – monthly – is due. The set-up is free."], 32)
    assert spoken(encoded, ("Rent", 0), ("–", 1), ("monthly", 0)) == "Rent – monthly"
    assert spoken(encoded, ("set", 0), "-", ("up", 0)) == "Set-up"


def test_the_vocabularys_marks_are_never_shown() -> None:
    encoded = PIECES.encode_pairs("?", ["one two"], 16)
    marks = [PIECES.vocabulary.index(mark) for mark in ("[UNK]", "[PAD]", "[MASK]", "[unused5]")]
    step = Step((*marks, PIECES.vocabulary.index("two")), (-1,) * 5)
    assert surface(step, encoded.text, PIECES.vocabulary) == "Two"


def test_what_the_vocabulary_lacks_is_copied_whole() -> None:
    assert read_back("Tap the 🛰 icon.") == "Tap the 🛰 icon."


def test_no_tokens_are_no_text() -> None:
    encoded = PIECES.encode_pairs("?", ["one"], 16)
    assert surface(Step((), ()), encoded.text, PIECES.vocabulary) == ""


WORDS = st.sampled_from([i for i, piece in enumerate(PIECES.vocabulary) if piece.strip() and i != 0])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(WORDS, st.integers(-1, 60)), max_size=25))
def test_any_mixture_of_written_and_copied_tokens_gives_clean_text(tokens: list[tuple[int, int]]) -> None:
    encoded = PIECES.encode_pairs("How much?", [" ".join(VERBATIM[:6])], 128)
    step = Step(tuple(one for one, _ in tokens), tuple(at for _, at in tokens))
    text = surface(step, encoded.text, PIECES.vocabulary)
    assert text == " ".join(text.split())
    assert "##" not in text or "#" in {PIECES.vocabulary[one].removeprefix("##") for one, _ in tokens}
