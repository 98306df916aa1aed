from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Misconfigured
from domain.passage import Document, Passage
from retrieval.chunking import chunk
from retrieval.readers import BlockKind, ParsedDocument, open_documents
from retrieval.readers.parsed import TextBuilder

WORDS_30 = "Each customer may keep the number for as long as the contract runs. " * 2 + "It is free of charge now."


def parse(markdown: str, tmp_path: Path) -> ParsedDocument:
    path = tmp_path / "page.md"
    path.write_text(markdown, encoding="utf-8")
    (parsed,) = open_documents(path, tmp_path)
    assert isinstance(parsed, ParsedDocument)
    return parsed


def passages_of(markdown: str, tmp_path: Path) -> tuple[Passage, ...]:
    return chunk(parse(markdown, tmp_path))


def test_sections_are_not_mixed_and_their_headings_stand_beside_the_text(tmp_path: Path) -> None:
    first, second = passages_of(f"# Moving\n\n## Notice\n\n{WORDS_30}\n\n## Fees\n\n{WORDS_30}", tmp_path)
    assert (first.section, second.section) == (("Notice",), ("Fees",))
    assert first.heading == "Moving › Notice"
    assert first.text == WORDS_30


def test_ids_name_the_section_so_that_other_sections_keep_theirs(tmp_path: Path) -> None:
    before = passages_of(f"# M\n\n## Notice period\n\n{WORDS_30}\n\n## Fees\n\n{WORDS_30}", tmp_path)
    after = passages_of(f"# M\n\n## New\n\n{WORDS_30}\n\n## Fees\n\n{WORDS_30}", tmp_path)
    assert [passage.id for passage in before] == ["page.md#notice-period-1", "page.md#fees-1"]
    assert after[1].id == before[1].id


def test_two_sections_of_one_name_get_different_ids(tmp_path: Path) -> None:
    body = f"## UK\n\n### Fees\n\n{WORDS_30}\n\n## Ireland\n\n### Fees\n\n{WORDS_30}"
    assert [passage.id for passage in passages_of(body, tmp_path)] == ["page.md#fees-1", "page.md#fees-2"]


def test_a_tiny_section_joins_its_sibling_with_both_headings_in_the_text(tmp_path: Path) -> None:
    (only,) = passages_of(f"# M\n\n## Who is covered?\n\nVeterans.\n\n## What do I get?\n\n{WORDS_30}", tmp_path)
    assert only.section == ()
    assert only.text == f"Who is covered?\n\nVeterans.\n\nWhat do I get?\n\n{WORDS_30}"


def test_a_tiny_section_does_not_join_a_section_of_another_parent(tmp_path: Path) -> None:
    body = f"# M\n\n## UK\n\n### Fee\n\nIt is £5.\n\n## Ireland\n\n### Fee\n\n{WORDS_30}"
    assert [passage.section for passage in passages_of(body, tmp_path)] == [("UK", "Fee"), ("Ireland", "Fee")]


def test_a_heading_without_text_is_not_lost(tmp_path: Path) -> None:
    body = f"# M\n\n## Fees\n\n{WORDS_30}\n\n## Call 0800 772 4420"
    assert passages_of(body, tmp_path)[-1].text == "Call 0800 772 4420"


def test_short_blocks_of_a_section_are_packed_together(tmp_path: Path) -> None:
    body = "# M\n\n## S\n\n" + "\n\n".join([WORDS_30] * 6)
    sizes = [len(passage.text.split()) for passage in passages_of(body, tmp_path)]
    assert len(sizes) == 2
    assert max(sizes) - min(sizes) <= 35


def test_a_long_paragraph_is_cut_between_sentences(tmp_path: Path) -> None:
    body = "# M\n\n" + " ".join(f"Sentence number {n} says that the fee is £{n}.50 for customers." for n in range(60))
    passages = passages_of(body, tmp_path)
    assert len(passages) == 6
    assert all(passage.text.startswith("Sentence") and passage.text.endswith("customers.") for passage in passages)


def test_a_lead_in_stays_with_its_first_items(tmp_path: Path) -> None:
    items = "\n".join(f"- document number {n} that proves your name and your address in full" for n in range(40))
    body = f"# M\n\n{WORDS_30}\n\n{WORDS_30}\n\n{WORDS_30}\n\nYou need:\n\n{items}"
    lead = [passage.text for passage in passages_of(body, tmp_path) if "You need:" in passage.text]
    assert len(lead) == 1
    assert "You need:\n\n• document number 0 " in lead[0]


def test_a_long_table_repeats_its_header_in_front_of_each_part(tmp_path: Path) -> None:
    rows = "\n".join(f"| Fibre {n} with router and free delivery | £{n} a month |" for n in range(60))
    parsed = parse(f"# M\n\n| Plan | Price |\n|---|---|\n{rows}", tmp_path)
    first, *others = chunk(parsed)
    assert first.text == parsed.text[slice(*first.span)]
    assert first.text.startswith("Plan | Price\nFibre 0 ")
    assert len(others) >= 3
    for part in others:
        assert part.text == f"Plan | Price\n{parsed.text[slice(*part.span)]}"
        assert part.metadata["table_header"] == "Plan | Price"


def test_a_sentence_longer_than_any_passage_is_cut_between_words(tmp_path: Path) -> None:
    passages = passages_of("word " * 1000, tmp_path)
    assert max(len(passage.text.split()) for passage in passages) <= 180
    assert sum(len(passage.text.split()) for passage in passages) == 1000


def test_passages_carry_the_metadata_of_their_document(tmp_path: Path) -> None:
    (only,) = passages_of("---\nid: fees\ntitle: Fees\nregion: UK\n---\nA fee.", tmp_path)
    assert (only.id, only.document_id, only.title, dict(only.metadata)) == ("fees#1", "fees", "Fees", {"region": "UK"})


def test_impossible_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="target_words is 200 and max_words 100"):
        chunk(parse("text", tmp_path), target_words=200, max_words=100)


SENTENCE = st.integers(1, 60).map(lambda n: "word " * n + "end.")
BLOCK = st.tuples(
    st.sampled_from([BlockKind.HEADING, BlockKind.PARAGRAPH, BlockKind.LIST, BlockKind.TABLE]),
    st.lists(SENTENCE, min_size=1, max_size=12),
    st.integers(1, 4),
)


@given(st.lists(BLOCK, max_size=12), st.integers(1, 120))
def test_every_block_is_in_exactly_one_passage_and_none_is_too_long(
    blocks: list[tuple[BlockKind, list[str], int]], target: int
) -> None:
    builder = TextBuilder()
    for n, (kind, parts, level) in enumerate(blocks):
        if kind is BlockKind.HEADING:
            builder.heading(f"Heading {n}", level)
        else:
            builder.add(
                kind,
                (" " if kind is BlockKind.PARAGRAPH else "\n").join(parts),
                header_rows=int(kind is BlockKind.TABLE),
            )
    parsed = builder.finish(Document("d", "Title", "d.md"))
    passages = chunk(parsed, target_words=target, max_words=max(target, 80))
    covered = [0] * len(parsed.text)
    for passage in passages:
        assert len(passage.text.split()) <= max(target, 80)
        assert passage.text.endswith(parsed.text[slice(*passage.span)])
        for position in range(*passage.span):
            covered[position] += 1
    for block in parsed.blocks:
        held = {covered[n] for n in range(*block.span) if not parsed.text[n].isspace()}
        assert held == {1} if block.kind is not BlockKind.HEADING else held in ({0}, {1})
    assert len({passage.id for passage in passages}) == len(passages)
