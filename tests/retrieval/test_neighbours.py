from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from domain.conversation import Query
from domain.errors import Misconfigured
from domain.passage import Passage, RetrievedPassage
from retrieval.chunking import chunk
from retrieval.knowledge_base import KnowledgeBase, KnowledgeBaseStore
from retrieval.neighbours import ExpandedRetriever, Surroundings
from retrieval.prepared import PreparedDocument
from retrieval.readers import ParsedDocument, open_documents
from tests.retrieval.word_encoder import WordEncoder

PAGE = """# Moving

## Notice

Tell us two weeks before you move. We need the new address. {notice}

## Fees

Moving costs twenty pounds in the first year. {fees}

It is free after that. {free}

Students never pay for moving. {students}

## Table

Place | Fee | Remark
--- | --- | ---
{rows}
"""


def filler(word: str, count: int) -> str:
    return " ".join([word] * count) + "."


@pytest.fixture
def document(tmp_path: Path) -> PreparedDocument:
    (tmp_path / "moving.md").write_text(
        PAGE.format(
            notice=filler("notice", 20),
            fees=filler("fees", 20),
            free=filler("free", 20),
            students=filler("students", 20),
            rows="\n".join(f"Town{n} | £{n} | by appointment only" for n in range(12)),
        )
    )
    [parsed] = open_documents(tmp_path / "moving.md", tmp_path)
    assert isinstance(parsed, ParsedDocument)
    return PreparedDocument(parsed.document, parsed.text, chunk(parsed, target_words=30, max_words=45), "hash")


@pytest.fixture
def base(tmp_path: Path, document: PreparedDocument) -> KnowledgeBase:
    base = KnowledgeBaseStore(tmp_path / "bases", WordEncoder()).create("help")
    base.put_many([document])
    return base


class Fixed:
    """Finds these passages, whatever is asked."""

    def __init__(self, *passages: Passage) -> None:
        self._found = [RetrievedPassage(one, 1 / n, n, {"relevance": 0.5}) for n, one in enumerate(passages, start=1)]

    def retrieve(self, query: Query, k: int) -> Sequence[RetrievedPassage]:
        return self._found[:k]


def expanded(base: KnowledgeBase, *passages: Passage, **how: object) -> list[RetrievedPassage]:
    surroundings = Surroundings(**how)  # type: ignore[arg-type]
    return list(ExpandedRetriever(Fixed(*passages), base.snapshot, surroundings).retrieve(Query("x", "x"), 9))


def holding(document: PreparedDocument, words: str) -> int:
    return next(n for n, one in enumerate(document.passages) if words in one.text)


def test_a_window_is_the_stretch_from_the_passage_before_to_the_one_after(
    base: KnowledgeBase, document: PreparedDocument
) -> None:
    middle = holding(document, "free after")
    before, found, after = document.passages[middle - 1 : middle + 2]
    [one] = expanded(base, found)
    assert (one.passage.id, one.score, one.rank, one.signals) == (found.id, 1.0, 1, {"relevance": 0.5})
    assert one.passage.span == (before.span[0], after.span[1])
    assert one.passage.text == document.text[slice(*one.passage.span)]
    for part in (before, found, after):
        assert part.text in one.passage.text


def test_a_section_reaches_as_far_as_its_heading_holds(base: KnowledgeBase, document: PreparedDocument) -> None:
    fees = [one for one in document.passages if one.section[-1] == "Fees"]
    assert len(fees) == 3
    [one] = expanded(base, fees[0], extent="section")
    assert one.passage.span == (fees[0].span[0], fees[-1].span[1])
    assert "Tell us two weeks" not in one.passage.text


def test_no_more_is_attached_than_may_be_read(base: KnowledgeBase, document: PreparedDocument) -> None:
    middle = holding(document, "free after")
    found, after = document.passages[middle], document.passages[middle + 1]
    room = len(document.text[found.span[0] : after.span[1]].split())
    [one] = expanded(base, found, max_words=room)
    assert one.passage.span == (found.span[0], after.span[1])
    [alone] = expanded(base, found, max_words=room - 1)
    assert len(alone.passage.text.split()) <= room - 1
    [least] = expanded(base, found, max_words=1)
    assert least.passage == found


def test_no_stretch_comes_twice(base: KnowledgeBase, document: PreparedDocument) -> None:
    first = holding(document, "twenty pounds")
    one, two = expanded(base, document.passages[first], document.passages[first + 2], neighbours=2)
    assert one.passage.span[1] <= two.passage.span[0]
    assert "free after" in one.passage.text
    assert "free after" not in two.passage.text


def test_what_was_found_itself_is_not_attached(base: KnowledgeBase, document: PreparedDocument) -> None:
    first = holding(document, "twenty pounds")
    one, two = expanded(base, document.passages[first], document.passages[first + 1])
    assert one.passage.span[1] == document.passages[first].span[1]
    assert two.passage.span[0] == document.passages[first + 1].span[0]


def test_rows_keep_the_names_of_their_columns(base: KnowledgeBase, document: PreparedDocument) -> None:
    later = next(n for n, one in enumerate(document.passages) if "table_header" in one.metadata)
    assert "table_header" in document.passages[later + 1].metadata
    [two_parts] = expanded(base, document.passages[later + 1], document.passages[later - 1])[:1]
    header = document.passages[later].metadata["table_header"]
    assert two_parts.passage.text == f"{header}\n{document.text[slice(*two_parts.passage.span)]}"
    assert two_parts.passage.metadata["table_header"] == header
    [whole] = expanded(base, document.passages[later])[:1]
    assert whole.passage.text == document.text[slice(*whole.passage.span)]
    assert header in whole.passage.text
    assert "table_header" not in whole.passage.metadata


def test_a_passage_whose_document_has_changed_or_gone_stays_as_it_was(
    base: KnowledgeBase, document: PreparedDocument
) -> None:
    found = document.passages[holding(document, "free after")]
    changed = PreparedDocument(document.document, "X" + document.text, document.passages, "other")
    base.put_many([changed])
    assert [one.passage for one in expanded(base, found)] == [found]
    base.delete(document.document.id)
    assert [one.passage for one in expanded(base, found)] == [found]


def test_nothing_found_has_no_surroundings(base: KnowledgeBase) -> None:
    assert expanded(base) == []


def test_less_than_nothing_is_refused(base: KnowledgeBase) -> None:
    with pytest.raises(Misconfigured, match="neighbours"):
        expanded(base, neighbours=-1)
