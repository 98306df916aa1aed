"""The knowledge bases: which there are, their documents, and one document with its passages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from domain.passage import Document, Passage
from domain.protocols import KnowledgeBaseInfo
from web.operator.look import Look, address, link, post, table
from web.view import attribute, size

_MOST_LISTED = 500  # documents on a page; beyond that, the box above finds them
_NAME = "[a-z0-9][a-z0-9\\-]{0,62}"


@dataclass(frozen=True, slots=True)
class Takes:
    """What may be uploaded: the endings of files, and the bytes of one."""

    kinds: tuple[str, ...]
    max_bytes: int


def render_bases(bases: Sequence[KnowledgeBaseInfo], look: Look) -> str:
    """All knowledge bases, and the form that makes another."""
    words = look.words
    rows = (
        f'<tr><th scope="row">{link(address("knowledge", info.name), info.title or info.name)}'
        f'<span class="quiet"> {escape(info.name)}</span></th><td>{info.document_count:,}</td>'
        f"<td>{info.passage_count:,}</td><td>{look.time(info.updated_at)}</td></tr>"
        for info in bases
    )
    listed = table(
        [words.knowledge_base, words.documents, words.passages, words.updated], rows, words.tabs["knowledge"]
    )
    none = "" if bases else f'<p class="none">{escape(words.no_bases)}</p>'
    body = (
        f'<label>{escape(words.base_name)}<input name="name" required maxlength="63" pattern="{_NAME}"></label>'
        f'<label>{escape(words.title)}<input name="title" maxlength="120"></label>'
        f'<button class="main">{escape(words.make)}</button>'
    )
    made = post(address("knowledge"), {}, body, "filters inline")
    heading = f"<h1>{escape(words.tabs['knowledge'])}</h1>"
    return f'<div class="column">{heading}{none}{listed}<h2>{escape(words.new_base)}</h2>{made}</div>'


def render_base(
    info: KnowledgeBaseInfo, documents: Sequence[Document], wanted: str, job: str, takes: Takes, look: Look
) -> str:
    """One knowledge base: upload, build anew, report, and the documents whose title or source holds ``wanted``."""
    words = look.words
    found = [one for one in documents if wanted.casefold() in f"{one.title} {one.source} {one.id}".casefold()]
    rows = (_document_row(info.name, one) for one in found[:_MOST_LISTED])
    cut = f'<p class="note">{escape(words.first_of.format(count=_MOST_LISTED, all=len(found)))}</p>' * (
        len(found) > _MOST_LISTED
    )
    search = (
        f'<form class="filters inline" method="get" action="{address("knowledge", info.name)}" role="search">'
        f'<label class="search">{escape(words.find_document)}<input type="search" name="text" '
        f'{attribute("value", wanted)}></label><button class="main">{escape(words.show)}</button></form>'
    )
    listed = table([words.document, words.source, words.holds_for], rows, words.documents) if found else ""
    none = "" if found else f'<p class="none">{escape(words.no_documents)}</p>'
    counted = words.counted.format(documents=f"{info.document_count:,}", passages=f"{info.passage_count:,}")
    return (
        f'<div class="column"><p class="trail">{link(address("knowledge"), words.tabs["knowledge"])} ›</p>'
        f'<header class="bar-head"><h1>{escape(info.title or info.name)}</h1>'
        f'<span class="quiet">{escape(counted)}</span>'
        f"{_tools(info.name, job, look)}</header>{_upload(info.name, takes, look)}{search}{listed}{none}{cut}</div>"
    )


def _tools(name: str, job: str, look: Look) -> str:
    words = look.words
    report = (
        f'<a class="button" target="_blank" rel="noopener" href="{address("knowledge", name, "report")}">'
        f"{escape(words.report)}</a>"
    )
    if job:
        return f'{report}<span class="job" data-job="{address("knowledge", name)}" role="status">{escape(job)}</span>'
    rebuild = post(
        address("knowledge", name, "rebuild"), {}, f'<button class="button">{escape(words.rebuild)}</button>'
    )
    return report + rebuild


def _upload(name: str, takes: Takes, look: Look) -> str:
    words = look.words
    about = words.upload_help.format(kinds=" ".join(takes.kinds), size=size(takes.max_bytes))
    return (
        f'<form class="upload" data-upload="{address("knowledge", name, "upload")}" data-most="{takes.max_bytes}" '
        f"{attribute('data-large', words.too_large.format(size=size(takes.max_bytes)))}>"
        f'<label class="button">{escape(words.upload)}<input type="file" multiple class="unseen" '
        f"{attribute('accept', ','.join(takes.kinds))}></label>"
        f'<span class="quiet">{escape(about)}</span><progress max="1" value="0" hidden '
        f'{attribute("aria-label", words.upload)}></progress><ul class="uploaded" aria-live="polite"></ul></form>'
    )


def _document_row(name: str, one: Document) -> str:
    href = address("knowledge", name, "document", id=one.id)
    facts = " · ".join(f"{key} {value}" for key, value in _telling(one.metadata).items())
    return (
        f'<tr><th scope="row">{link(href, one.title or one.id)}</th><td>{escape(one.source)}</td>'
        f'<td class="quiet">{escape(facts)}</td></tr>'
    )


def _telling(metadata: Mapping[str, str]) -> dict[str, str]:
    return {key: metadata[key] for key in ("product", "region", "audience", "effective_from") if metadata.get(key)}


def render_document_page(info: KnowledgeBaseInfo, found: tuple[Document, str, tuple[Passage, ...]], look: Look) -> str:
    """A document's title and metadata as a form, its passages each with one, and the way to take it out."""
    words, (document, _, passages) = look.words, found
    lines = "\n".join(f"{key}: {value}" for key, value in document.metadata.items())
    described = (
        f'<label>{escape(words.title)}<input name="title" required maxlength="300" '
        f"{attribute('value', document.title)}></label>"
        f'<label>{escape(words.metadata)}<textarea name="metadata" rows="{max(4, len(document.metadata) + 1)}" '
        f'spellcheck="false">{escape(lines)}</textarea></label>'
        f'<p><button class="main">{escape(words.keep)}</button></p>'
    )
    kept = post(address("knowledge", info.name, "describe"), {"id": document.id}, described, "stack")
    delete = post(
        address("knowledge", info.name, "delete"),
        {"id": document.id},
        f'<button class="button danger" {attribute("data-confirm", words.sure_delete)}>'
        f"{escape(words.delete_document)}</button>",
    )
    cards = "".join(_passage(info.name, one, look) for one in passages)
    here = address("knowledge", info.name)
    return (
        f'<div class="column"><p class="trail">{link(address("knowledge"), words.tabs["knowledge"])} › '
        f'{link(here, info.title or info.name)} ›</p><header class="bar-head">'
        f"<h1>{escape(document.title or document.id)}</h1>"
        f"{delete}</header><p class='quiet'>{escape(document.source)} · {escape(document.id)}</p>"
        f'<div class="two"><section><h2>{escape(words.described)}</h2>{kept}</section>'
        f'<section><h2>{escape(words.passages)} <span class="quiet">{len(passages)}</span></h2>'
        f'<p class="help">{escape(words.edit_help)}</p>{cards}</section></div></div>'
    )


def _passage(name: str, one: Passage, look: Look) -> str:
    words = look.words
    rows = min(16, max(3, one.text.count("\n") + len(one.text) // 70 + 1))
    label = words.passage_named.format(name=one.id)
    body = (
        f'<textarea name="text" rows="{rows}" required {attribute("aria-label", label)}>{escape(one.text)}</textarea>'
        f'<p><button class="main">{escape(words.keep)}</button></p>'
    )
    section = " › ".join(one.section) or one.id.rsplit("#", 1)[-1]
    edit = post(address("knowledge", name, "passage"), {"passage": one.id}, body, "stack")
    return (
        f'<details class="fold passage-fold"><summary><b>{escape(section)}</b> '
        f'<span class="quiet">{escape(" ".join(one.text.split())[:140])}</span></summary>{edit}</details>'
    )
