"""What there is to ask about: knowledge bases, a search without an answer, documents."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from web.api.desk import Asking, Desk
from web.api.models import DocumentList, DocumentOut, KnowledgeBaseList, KnowledgeBaseOut, PassageOut, SearchOut
from web.api.problems import Refused, responses

BaseName = Annotated[str, Path(max_length=200)]
Offset = Annotated[int, Query(ge=0, le=2**31)]


def add_knowledge(router: APIRouter, desk: Desk) -> None:
    """Adds the routes about knowledge bases."""
    service = desk.service

    @router.get("/knowledge-bases", responses=responses(), tags=["knowledge"])
    def knowledge_bases(caller: Asking) -> KnowledgeBaseList:
        """What the caller can ask about: what everybody shares, and the caller's own files."""
        found = service.knowledge_bases(caller.owner)
        return KnowledgeBaseList(knowledge_bases=[KnowledgeBaseOut.of(info) for info in found])

    @router.get("/knowledge-bases/{knowledge_base}/search", responses=responses(404), tags=["knowledge"])
    def search(
        caller: Asking,
        knowledge_base: BaseName,
        q: Annotated[str, Query(min_length=1, max_length=4000, description="what to look for")],
        k: Annotated[int, Query(ge=1, le=50, description="passages at most")] = 5,
    ) -> SearchOut:
        """The passages that answer, best first, without an answer written from them."""
        found = service.search(knowledge_base, q, k, caller.owner)
        return SearchOut(passages=[PassageOut.of(passage) for passage in found])

    @router.get("/knowledge-bases/{knowledge_base}/documents", responses=responses(404), tags=["knowledge"])
    def list_documents(
        caller: Asking,
        knowledge_base: BaseName,
        after: Annotated[str, Query(max_length=1000, description="the id that the page before ended with")] = "",
        limit: Annotated[int, Query(ge=1, le=200, description="documents at most")] = 50,
    ) -> DocumentList:
        """The documents without their texts, by id, page by page."""
        return DocumentList.of(service.documents(knowledge_base, caller.owner, after, limit))

    @router.get(
        "/knowledge-bases/{knowledge_base}/documents/{document_id:path}", responses=responses(404), tags=["knowledge"]
    )
    def document(
        caller: Asking,
        knowledge_base: BaseName,
        document_id: Annotated[str, Path(max_length=1000)],
        start: Offset = 0,
        end: Offset | None = None,
    ) -> DocumentOut:
        """A document, or the stretch of it from ``start`` to ``end``, such as a citation's ``document_span``."""
        found = service.document(knowledge_base, document_id, caller.owner)
        if found is None:
            raise Refused(404, "There is no document of that id in this knowledge base; it may have been taken out.")
        about, text = found
        first = min(start, len(text))
        last = len(text) if end is None else min(max(end, first), len(text))
        return DocumentOut.of(about, text, (first, last))
