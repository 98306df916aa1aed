"""One knowledge base that can be searched and changed, whichever file it is in at the moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from typing import cast

import numpy as np
import numpy.typing as npt

from domain.errors import PartUnavailable
from domain.passage import Document, Passage
from domain.protocols import PassageEncoder
from retrieval.catalogue import Catalogue, Moment
from retrieval.index_spec import IndexSpec
from retrieval.loaded import Loaded
from retrieval.prepared import PreparedDocument, check_passages
from retrieval.snapshot import Snapshot
from retrieval.sqlite_file import gone

Matrix = npt.NDArray[np.float32]

_LOOKS = 5  # at a knowledge base that is being replaced: each finds a newer one


class KnowledgeBase:
    """One knowledge base: a ``domain.protocols.Index`` that can be searched. Safe for many threads.

    It stays the same when another process rebuilds it: each call uses the files that are in place then.
    """

    def __init__(
        self,
        name: str,
        encoder: PassageEncoder,
        loaded: Callable[[], Loaded],
        writing: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """``loaded`` gives the catalogue in place; ``writing`` holds off whoever would replace it."""
        self.name = name
        self._encoder, self._loaded, self._writing = encoder, loaded, writing

    def put(self, document: Document, text: str, passages: Sequence[Passage], content_hash: str) -> None:
        """Add or replace one document; see ``put_many``."""
        self.put_many([PreparedDocument(document, text, tuple(passages), content_hash)])

    def put_many(self, documents: Sequence[PreparedDocument]) -> None:
        """Add or replace documents, all or none: encode first, then one short transaction.

        Raises ``DocumentRejected`` for a passage of another document or a taken id, ``PartUnavailable`` while
        another process writes or rebuilds; nothing has changed then.
        """
        latest = list({prepared.document.id: prepared for prepared in documents}.values())
        for prepared in latest:
            check_passages(prepared)
        texts = [passage.searchable for prepared in latest for passage in prepared.passages]
        vectors = cast(Matrix, self._encoder.encode_passages(texts)) if texts else self._no_vectors()
        ends = np.cumsum([len(prepared.passages) for prepared in latest], dtype=np.int64)
        with self._writing():
            self._loaded().catalogue.put_many(latest, np.split(vectors, ends)[: len(latest)])

    def delete(self, document_id: str) -> bool:
        """Take a document out; False when there is none."""
        with self._writing():
            return self._loaded().catalogue.delete(document_id)

    def content_hash(self, document_id: str) -> str | None:
        with self._reading() as (_, moment):
            return moment.content_hash(document_id)

    def document(self, document_id: str) -> tuple[Document, str] | None:
        """The document and its full text, or None."""
        with self._reading() as (_, moment):
            return moment.document(document_id)

    def documents(self) -> Iterable[Document]:
        """All documents, by id."""
        with self._reading() as (_, moment):
            return moment.documents()

    def indexed_at(self, document_ids: Sequence[str]) -> Mapping[str, float]:
        """When each of these documents was put, in Unix seconds."""
        with self._reading() as (_, moment):
            return moment.indexed_at(document_ids)

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """One consistent view for the length of the ``with`` block, whatever writers do meanwhile."""
        with self._reading() as (loaded, moment):
            yield loaded.snapshot(moment)

    def compact(self, index: IndexSpec | None = None) -> IndexSpec:
        """Makes the vector index anew where that is due: another one is wanted (``index``, else what was given at the
        start, or it was compacted to, or fits the number of vectors), or a fifth of it has changed. Returns what is
        searched from now on.

        Readers go on with what they have meanwhile; a crash leaves the index before. Raises ``PartUnavailable`` when
        it cannot be written.
        """
        with self._writing(), self._reading() as (loaded, moment):
            return loaded.compact(moment, index)

    def close(self) -> None:
        with suppress(PartUnavailable):
            self._loaded().close()

    @property
    def _catalogue(self) -> Catalogue:
        return self._loaded().catalogue

    @contextmanager
    def _reading(self) -> Iterator[tuple[Loaded, Moment]]:
        """The catalogue in place and a moment of it: one that is replaced between the two is left for the newer."""
        with ExitStack() as stack:
            loaded = self._loaded()
            for _ in range(_LOOKS):
                try:
                    moment = stack.enter_context(loaded.catalogue.moment())
                    break
                except PartUnavailable:
                    known, loaded = loaded, self._loaded()
                    if loaded is known:
                        raise
            else:
                raise gone(loaded.catalogue.path)
            yield loaded, moment

    def _no_vectors(self) -> Matrix:
        return np.zeros((0, self._encoder.dimension), dtype=np.float32)
