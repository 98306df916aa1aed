"""The passages behind an answer: source cards, and the document they were cut from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import urlencode

from domain.answer import Citation
from domain.conversation import Turn
from domain.passage import Document, Passage, RetrievedPassage
from web.marked_text import Mark, marked_text
from web.texts import Texts
from web.view import View, attribute, probability, written_date

_FACTS = ("product", "region")
_SINCE = "effective_from"
_SAYS_NOTHING = frozenset(("", "all", "null", "none"))
_PAGE = re.compile(r"page (\d{1,6})")  # how the reader of PDFs names a page's section
_QUOTE_IN_URL = 400  # characters; enough to find the place again, short enough for any proxy
_VIEWER_CHARACTERS = 120_000  # a browser lays this out at once; longer documents are shown around the citation


def usable_citations(turn: Turn) -> dict[int, Citation]:
    """The citations that can be shown, by their place in ``answer.citations``.

    A citation of a passage that the turn did not see, or of a sentence outside the answer, is not shown.
    """
    seen = {retrieved.passage.id for retrieved in turn.evidence}
    length = len(turn.answer.text)
    return {
        n: citation
        for n, citation in enumerate(turn.answer.citations)
        if citation.passage_id in seen and 0 <= citation.sentence[0] < citation.sentence[1] <= length
    }


def render_sources(turn: Turn, view: View) -> str:
    """All passages of a turn: the cited ones in the order of their markers, then the others, folded."""
    citations = usable_citations(turn)
    markers: dict[str, set[int]] = {}
    for citation in citations.values():
        markers.setdefault(citation.passage_id, set()).add(citation.marker)
    cited = sorted((r for r in turn.evidence if r.passage.id in markers), key=lambda r: min(markers[r.passage.id]))
    others = [r for r in turn.evidence if r.passage.id not in markers]
    cards = [render_card(r, view.texts, turn.knowledge_base, sorted(markers[r.passage.id]), citations) for r in cited]
    return "".join(cards) + _unused(others, turn.knowledge_base, view.texts, bool(cards))


def _unused(others: Sequence[RetrievedPassage], knowledge_base: str, texts: Texts, folded: bool) -> str:
    if not others:
        return ""
    cards = "".join(render_card(r, texts, knowledge_base) for r in others)
    if not folded:
        return cards
    summary = escape(texts.found_not_used.format(count=len(others)))
    return f'<details class="unused"><summary>{summary}</summary>{cards}</details>'


def render_found(evidence: Sequence[RetrievedPassage], view: View, knowledge_base: str) -> str:
    """The passages of a turn that is still being answered: nothing is cited yet."""
    return "".join(render_card(retrieved, view.texts, knowledge_base) for retrieved in evidence)


def render_card(
    retrieved: RetrievedPassage,
    texts: Texts,
    knowledge_base: str,
    markers: Sequence[int] = (),
    citations: Mapping[int, Citation] | None = None,
) -> str:
    """One passage: number, title and section path, its text with the supporting sentences lit, match, link."""
    passage = retrieved.passage
    marks = quote_marks(passage, citations or {})
    numbers = "".join(f'<span class="number">{n}</span>' for n in markers)
    label = attribute("aria-label", texts.source_number.format(number=", ".join(map(str, markers)))) if markers else ""
    url = document_url(knowledge_base, passage, marks[0] if marks else None)
    return (
        f'<article class="card" data-marker="{" ".join(map(str, markers))}" tabindex="-1" {label}>'
        f'<h4>{numbers}<span class="path">{_path(passage)}</span></h4>{_facts(passage, texts)}'
        f'<div class="passage" tabindex="0">{marked_text(passage.text, marks)}</div>'
        f"{_also_in(retrieved, texts, knowledge_base)}"
        f'<p class="foot"><span>{escape(_match(retrieved, texts))}</span>{_link_button(texts) if markers else ""}'
        f'<a class="open" target="_blank" rel="noopener" {attribute("href", url)}>'
        f'{escape(texts.open_document)} <span aria-hidden="true">↗</span></a></p></article>'
    )


def _link_button(texts: Texts) -> str:
    """Copies a link that leads to this citation; the page's script knows the conversation and the turn."""
    copied = attribute("data-copied", texts.actions.link_copied)
    return f"<button data-cite-link {copied}>{escape(texts.actions.copy_link)}</button>"


def _also_in(retrieved: RetrievedPassage, texts: Texts, knowledge_base: str) -> str:
    """Links to the other places that say the same."""
    if not retrieved.also_in:
        return ""
    quote = retrieved.passage.text
    links = (
        f'<a target="_blank" rel="noopener" '
        f"{attribute('href', _url(knowledge_base, place.document_id, place.span, quote))}>{escape(place.heading)}</a>"
        for place in retrieved.also_in
    )
    return f'<p class="also">{escape(texts.also_in)} {", ".join(links)}</p>'


def quote_marks(passage: Passage, citations: Mapping[int, Citation]) -> list[Mark]:
    """Where the passage bears citations out. A span that does not hold its quote is looked for, else left out."""
    marks = []
    for n, citation in citations.items():
        if citation.passage_id != passage.id:
            continue
        span = locate(passage.text, citation.quote_span, citation.quote)
        if span is not None:
            marks.append(Mark(*span, key=str(n)))
    return sorted(marks, key=lambda mark: mark.start)


def locate(text: str, span: tuple[int, int], quote: str) -> tuple[int, int] | None:
    """``span`` if it holds ``quote`` in ``text``, else where the quote is found, else None."""
    start, end = span
    if 0 <= start < end <= len(text) and (not quote or text[start:end].startswith(quote)):
        return span
    found = text.find(quote) if quote else -1
    return (found, found + max(len(quote), end - start)) if found >= 0 else None


def document_url(knowledge_base: str, passage: Passage, mark: Mark | None) -> str:
    """The address of the document viewer at the marked sentence, or at the passage."""
    first = passage.span[0]
    start, end = (first + mark.start, first + mark.end) if mark else passage.span
    url = _url(knowledge_base, passage.document_id, (start, end), passage.text[start - first : end - first])
    page = next((found[1] for name in passage.section if (found := _PAGE.fullmatch(name))), "")
    return f"{url}&page={page}" if page else url


def _url(knowledge_base: str, document_id: str, span: tuple[int, int], quote: str) -> str:
    where = {
        "kb": knowledge_base,
        "id": document_id,
        "start": span[0],
        "end": span[1],
        "quote": quote[:_QUOTE_IN_URL],
    }
    return f"document?{urlencode(where)}"


def render_document(found: tuple[Document, str], span: tuple[int, int], quote: str, texts: Texts, page: int = 0) -> str:
    """A whole document with the cited stretch marked, and for a PDF the ``page`` it is on (0: none). When the document
    has changed and the quote is gone, says so."""
    document, text = found
    where = locate(text, span, quote)
    note = "" if where else f'<p class="note">{escape(texts.document_changed)}</p>'
    start, end = where or (0, 0)
    first = max(0, start - _VIEWER_CHARACTERS // 2)
    shown = text[first : first + _VIEWER_CHARACTERS]
    if len(shown) < len(text):
        note += f'<p class="note">{escape(texts.document_cut)}</p>'
    marks = [Mark(start - first, end - first)] if where else []
    number = texts.actions.page_number.format(number=page) if page > 0 and where else ""
    parts = (document.source, number, *_values(document.metadata, texts))
    facts = " · ".join(escape(part) for part in parts if part)
    return (
        f'<h2>{escape(document.title or document.id)}</h2><p class="facts">{facts}</p>{note}'
        f'<div class="document passage">{marked_text(shown, marks)}</div>'
    )


def _path(passage: Passage) -> str:
    first, *rest = passage.heading.split(" › ") if passage.heading else [passage.document_id]
    return "".join([f"<b>{escape(first)}</b>", *(f" › {escape(part)}" for part in rest)])


def _values(metadata: Mapping[str, str], texts: Texts) -> list[str]:
    values = [metadata.get(name, "") for name in _FACTS]
    if metadata.get(_SINCE, "").lower() not in _SAYS_NOTHING:
        values.append(texts.since.format(date=written_date(metadata[_SINCE], texts)))
    return [value for value in values if value.lower() not in _SAYS_NOTHING]


def _facts(passage: Passage, texts: Texts) -> str:
    values = _values(passage.metadata, texts)
    return f'<p class="facts">{" · ".join(map(escape, values))}</p>' if values else ""


def _match(retrieved: RetrievedPassage, texts: Texts) -> str:
    # Only the reranker's number is a probability; other scores mean nothing outside their own list.
    if "relevance" in retrieved.signals:
        return texts.match.format(value=probability(retrieved.signals["relevance"]))
    return texts.rank.format(value=retrieved.rank)
