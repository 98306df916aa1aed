from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.conversation import Query
from domain.errors import DocumentRejected, UnknownKnowledgeBase
from retrieval.hybrid import HybridRetriever
from retrieval.ingestion import ingest
from retrieval.knowledge_base import KnowledgeBaseStore
from retrieval.library import Library, page_source, safe_name
from tests.retrieval.word_encoder import WordEncoder

PRICES = """---
id: prices
title: Prices
region: UK
---

# Moving

Moving home costs twenty pounds. Tell us fourteen days before. {filler}

# Visits

| Visit | Fee |
|---|---|
| weekday | sixty pounds |
| Sunday | ninety pounds |

{filler}
""".replace("{filler}", "Whoever answers the telephone writes down what was agreed and sends it by letter. " * 10)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KnowledgeBaseStore]:
    (tmp_path / "handbook").mkdir()
    (tmp_path / "handbook" / "prices.md").write_text(PRICES, "utf-8")
    made = KnowledgeBaseStore(tmp_path / "bases", WordEncoder())
    ingest([tmp_path / "handbook"], made.create("help"))
    yield made
    made.close()


@pytest.fixture
def library(store: KnowledgeBaseStore) -> Library:
    return Library(store, max_bytes=10_000)


def found(store: KnowledgeBaseStore, words: str) -> str:
    """The text of the passage that comes first."""
    retriever = HybridRetriever(lambda: store.open("help").snapshot(), WordEncoder())
    return retriever.retrieve(Query(words, words), 1)[0].passage.text


def holds_together(library: Library, document_id: str) -> bool:
    """Whether every passage is the slice of the document that its span says, its table's header apart."""
    page = library.page("help", document_id)
    assert page is not None
    return all(
        page[1][slice(*one.span)] == one.text.removeprefix(one.metadata.get("table_header", "")).lstrip("\n")
        for one in page[2]
    )


def test_an_uploaded_page_is_found_by_the_next_search(store: KnowledgeBaseStore, library: Library) -> None:
    stored = library.upload("help", "C:\\papers\\Parking.md", b"# Parking\n\nParking behind the shop is free.\n")
    assert [(one.id, one.title, one.source) for one in stored.documents] == [
        ("uploads/Parking.md", "Parking", "uploads/Parking.md")
    ]
    assert stored.replaced == 0
    assert "behind the shop" in found(store, "parking shop")
    assert [one.title for one in library.documents("help")] == ["Parking", "Prices"]


def test_an_upload_with_a_documents_id_takes_its_place(store: KnowledgeBaseStore, library: Library) -> None:
    stored = library.upload("help", "new.md", PRICES.replace("twenty", "thirty").encode())
    assert (stored.documents[0].id, stored.replaced) == ("prices", 1)
    assert "thirty pounds" in found(store, "moving home")
    assert len(library.documents("help")) == 1


def test_a_file_of_rows_brings_a_document_a_row(library: Library) -> None:
    stored = library.upload("help", "faq.jsonl", b'{"id": "q1", "text": "Opening at nine."}\n{"id": "q2"}\n')
    assert [one.id for one in stored.documents] == ["uploads/faq.jsonl#q1"]
    assert len(stored.refused) == 1


def damaged_docx() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("hello.txt", "no Word document")
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.exe", b"MZ", "is of a kind that cannot be read"),
        ("a.md", b"", "is empty"),
        ("a.md", b"x" * 10_001, "0.0 MiB, more than the 0 MiB"),
        ("a.pdf", b"# no PDF", "a.pdf"),
        ("a.txt", b"%PDF-1.7 and so on", "is a PDF, not text"),
        ("a.docx", damaged_docx(), "a.docx"),
        ("a.md", b"# Only a heading\n", "holds headings but no text|holds no text"),
        ("..", b"text", "is no name for a file"),
        ("", b"text", "is no name for a file"),
    ],
    ids=["kind", "empty", "large", "no PDF", "a PDF called text", "no Word file", "no text", "dots", "no name"],
)
def test_what_cannot_be_read_is_refused_with_the_reason_and_changes_nothing(
    library: Library, name: str, data: bytes, why: str
) -> None:
    with pytest.raises(DocumentRejected, match=why):
        library.upload("help", name, data)
    assert [one.id for one in library.documents("help")] == ["prices"]


def test_a_corrected_passage_is_what_is_found_and_shown(store: KnowledgeBaseStore, library: Library) -> None:
    before = library.page("help", "prices")
    assert before is not None
    moving = next(one for one in before[2] if "twenty" in one.text)
    corrected = library.correct(
        "help", moving.id, "Moving home costs twenty-five pounds, and nothing with a new contract."
    )
    assert corrected.id == moving.id
    assert "nothing with a new contract" in found(store, "moving home")
    page = library.page("help", "prices")
    assert page is not None
    assert "twenty pounds" not in page[1]
    assert "sixty pounds" in page[1]
    assert [one.id for one in page[2]] == [one.id for one in before[2]]
    assert page[0] == before[0]
    assert holds_together(library, "prices")


def test_a_corrected_table_keeps_its_header_once(library: Library) -> None:
    page = library.page("help", "prices")
    assert page is not None
    table = next(one for one in page[2] if "sixty" in one.text)
    library.correct("help", table.id, table.text.replace("sixty", "sixty-five"))
    again = library.page("help", "prices")
    assert again is not None
    assert again[1].count("Visit | Fee") == page[1].count("Visit | Fee") == 1
    assert holds_together(library, "prices")


def test_an_edit_holds_until_the_file_is_read_in_again(
    store: KnowledgeBaseStore, library: Library, tmp_path: Path
) -> None:
    page = library.page("help", "prices")
    assert page is not None
    library.correct("help", page[2][0].id, "Moving is free.")
    ingest([tmp_path / "handbook"], store.open("help"))
    assert "twenty pounds" in found(store, "moving home")


@pytest.mark.parametrize(("passage", "text"), [("prices#nowhere", "x"), ("gone#1", "x"), ("", "x")])
def test_a_passage_that_is_gone_is_not_corrected(library: Library, passage: str, text: str) -> None:
    with pytest.raises(DocumentRejected, match="is not there any more"):
        library.correct("help", passage, text)


def test_a_passage_is_not_emptied(library: Library) -> None:
    page = library.page("help", "prices")
    assert page is not None
    with pytest.raises(DocumentRejected, match="is empty"):
        library.correct("help", page[2][0].id, "  \n ")


def test_another_title_and_metadata_reach_passages_and_filters(store: KnowledgeBaseStore, library: Library) -> None:
    new = library.describe("help", "prices", "  Price\nlist ", {"region": "IE", "effective_from": "2026-03-01"})
    assert (new.title, new.metadata) == ("Price list", {"region": "IE", "effective_from": "2026-03-01"})
    page = library.page("help", "prices")
    assert page is not None
    assert {one.title for one in page[2]} == {"Price list"}
    assert {one.metadata["region"] for one in page[2]} == {"IE"}
    assert holds_together(library, "prices")
    assert store.open("help").document("prices") == (new, page[1])


@pytest.mark.parametrize(
    ("title", "metadata", "why"),
    [
        (" ", {}, "title is empty"),
        ("T", {"a b": "x"}, "cannot be kept"),
        ("T", {"a": "x\ny"}, "cannot be kept"),
        ("T", {"a": "x" * 501}, "cannot be kept"),
    ],
    ids=["no title", "a name with a space", "two lines", "too long"],
)
def test_what_could_be_no_front_matter_is_refused(
    library: Library, title: str, metadata: dict[str, str], why: str
) -> None:
    with pytest.raises(DocumentRejected, match=why):
        library.describe("help", "prices", title, metadata)


def test_a_document_is_taken_out_once(library: Library) -> None:
    library.delete("help", "prices")
    assert list(library.documents("help")) == []
    assert library.page("help", "prices") is None
    with pytest.raises(DocumentRejected, match="no document “prices” any more"):
        library.delete("help", "prices")
    with pytest.raises(DocumentRejected, match="no document “prices” any more"):
        library.describe("help", "prices", "T", {})


def test_an_unknown_knowledge_base_is_said(library: Library) -> None:
    with pytest.raises(UnknownKnowledgeBase):
        library.upload("nope", "a.md", b"text")


def test_a_written_page_reads_back_with_its_title_and_metadata(library: Library) -> None:
    source = page_source('May I bring a "dog"?', "Yes: dogs may come.\n\nCats too.", {"region": "UK"})
    stored = library.upload("help", "answer-dog.md", source)
    assert [(one.title, dict(one.metadata)) for one in stored.documents] == [('May I bring a "dog"?', {"region": "UK"})]
    page = library.page("help", stored.documents[0].id)
    assert page is not None
    assert "Yes: dogs may come." in page[1]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("a\x00b<script>.md", "a-b-script-.md"),
        (".hidden.md", "hidden.md"),
        ("说明 (2).pdf", "说明 (2).pdf"),
        ("x" * 300 + ".md", "x" * 117 + ".md"),
    ],
    ids=["a path", "signs", "hidden", "letters of any language", "long"],
)
def test_a_files_name_keeps_only_what_names_a_file(given: str, kept: str) -> None:
    assert safe_name(given) == kept
