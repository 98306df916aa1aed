"""Doc2Dial (Feng et al. 2020) and MultiDoc2Dial (Feng et al. 2021) in their official JSON: questions in conversation,
the stretch of a document that answers each, and what the person in the agent's role replied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from corpora.doc2dial import exchanges
from corpora.records import Record, document

NO_ANSWER = "respond_no_solution"
"""The dialogue act of an agent who says that the documents have no answer."""

SPAN_KEYS = ("sp_id", "id_sp")  # Doc2Dial's and MultiDoc2Dial's name for the same


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """A document: ``spans[span id]`` = (start, end), character offsets in ``text``."""

    id: str
    domain: str
    title: str
    text: str
    spans: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class DialogueTurn:
    """A message of the user that an agent's turn follows.

    ``id`` is ``DIALOGUE_TURN``, as in the shared tasks; ``history`` pairs (user, agent), oldest first. ``grounding`` is
    the stretch of the document from the first span that the reply refers to through the last, as the shared tasks take
    it; "" when the reply refers to none or says that there is no answer. ``document_id`` is the document of the
    reply's first reference, else that of the dialogue, else "".
    """

    id: str
    question: str
    history: tuple[tuple[str, str], ...]
    document_id: str
    grounding: str
    response: str


def read_documents(path: Path) -> dict[str, SourceDocument]:
    """The documents of ``doc2dial_doc.json`` or ``multidoc2dial_doc.json`` by id. Raises ``Misconfigured``."""
    return {
        name: _document(name, domain, entry)
        for domain, entries in document(path).record("doc_data").children()
        for name, entry in entries.children()
    }


def read_dialogues(path: Path, documents: Mapping[str, SourceDocument]) -> Iterator[DialogueTurn]:
    """The turns of ``doc2dial_dial_*.json`` or ``multidoc2dial_dial_*.json``, in the order of the file.

    Raises ``Misconfigured`` for a malformed file, and for a reference that ``documents`` does not resolve.
    """
    domains = document(path).record("dial_data")
    for domain, entry in domains.fields.items():
        if isinstance(entry, list):
            dialogues = ((dialogue, "") for dialogue in domains.records(domain))
        else:
            by_document = domains.record(domain)
            dialogues = ((dialogue, name) for name in by_document.fields for dialogue in by_document.records(name))
        for dialogue, document_id in dialogues:
            yield from _turns(dialogue, document_id, documents)


def _turns(dialogue: Record, document_id: str, documents: Mapping[str, SourceDocument]) -> Iterator[DialogueTurn]:
    turns = list(dialogue.records("turns"))
    said = [f"{turn.text('role')}: {turn.text('utterance')}" for turn in turns]
    for index, (turn, reply) in enumerate(pairwise(turns)):
        if (turn.text("role"), reply.text("role")) == ("user", "agent"):
            where, grounding = _grounding(reply, document_id, documents)
            name = f"{dialogue.name('dial_id')}_{turn.name('turn_id')}"
            history = exchanges(said[:index])
            yield DialogueTurn(name, turn.text("utterance"), history, where, grounding, reply.text("utterance"))


def _grounding(reply: Record, document_id: str, documents: Mapping[str, SourceDocument]) -> tuple[str, str]:
    """The id of the document that the reply refers to, and the stretch of it; further documents do not count."""
    found = [(_document_of(one, document_id), one) for one in reply.records("references")]
    if not found:
        return document_id, ""
    first = found[0][0]
    spans = [_span(one, first, documents) for name, one in found if name == first]
    if reply.text("da", default="") == NO_ANSWER:
        return first, ""
    start, end = min(start for start, _ in spans), max(end for _, end in spans)
    return first, documents[first].text[start:end]


def _document_of(reference: Record, document_id: str) -> str:
    return reference.text("doc_id", default=document_id)


def _span(reference: Record, document_id: str, documents: Mapping[str, SourceDocument]) -> tuple[int, int]:
    key = next((key for key in SPAN_KEYS if key in reference.fields), SPAN_KEYS[0])
    span = reference.name(key)
    if document_id not in documents or span not in documents[document_id].spans:
        raise reference.wrong(f"the file of documents has no span {span!r} in a document {document_id!r}")
    return documents[document_id].spans[span]


def _document(name: str, domain: str, entry: Record) -> SourceDocument:
    text = entry.text("doc_text")
    spans = {span: _offsets(place, len(text)) for span, place in entry.record("spans").children()}
    return SourceDocument(name, domain, entry.text("title"), text, spans)


def _offsets(span: Record, length: int) -> tuple[int, int]:
    start, end = span.number("start_sp"), span.number("end_sp")
    if not 0 <= start <= end <= length:
        raise span.wrong(f"{start:.0f} to {end:.0f} is no stretch of a text of {length} characters")
    return int(start), int(end)
