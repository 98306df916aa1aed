"""What there is to ask about: knowledge bases, a search without an answer, documents."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from domain.own_files import check_reachable
from web.api.desk import Asking, Desk
from web.api.models import DocumentOut, KnowledgeBaseList, KnowledgeBaseOut, PassageOut, SearchOut
from web.api.problems import Refused, responses

BaseName = Annotated[str, Path(max_length=200)]
Offset = Annotated[int, Query(ge=0, le=2**31)]


def add_knowledge(router: APIRouter, desk: Desk) -> None:
    """Adds the routes about knowledge bases."""
    service = desk.service

    @router.get("/knowledge-bases", responses=responses(), tags=["knowledge"])
    def knowledge_bases() -> KnowledgeBaseList:
        """What can be asked about."""
        return KnowledgeBaseList(knowledge_bases=[KnowledgeBaseOut.of(info) for info in service.knowledge_bases()])

    @router.get("/knowledge-bases/{knowledge_base}/search", responses=responses(404), tags=["knowledge"])
    def search(
        caller: Asking,
        knowledge_base: BaseName,
        q: Annotated[str, Query(min_length=1, max_length=4000, description="what to look for")],
        k: Annotated[int, Query(ge=1, le=50, description="passages at most")] = 5,
    ) -> SearchOut:
        """The passages that answer, best first, without an answer written from them."""
        check_reachable(knowledge_base, caller.owner)
        found = service.search(knowledge_base, q, k)
        return SearchOut(passages=[PassageOut.of(passage) for passage in found])

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
