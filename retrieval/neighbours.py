"""What stands around a passage, attached for whoever writes the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from domain.conversation import Query
from domain.errors import Misconfigured
from domain.passage import Passage, RetrievedPassage
from domain.protocols import Retriever

Extent = Literal["window", "section"]
_HEADER = "table_header"


class Readable(Protocol):
    """A moment of a knowledge base whose documents can be read."""

    def rows_of(self, document_ids: Sequence[str]) -> Sequence[int]: ...

    def passages(self, rows: Sequence[int]) -> Mapping[int, Passage]: ...

    def text_of(self, document_id: str) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """How much is attached. ``window``: up to ``neighbours`` passages on each side; ``section``: as far as the
    passage's own section reaches. Never above ``max_words`` in all, the passage itself included: what a model reads is
    bounded, and of a text cut at its end the passage itself could be what is lost."""

    extent: Extent = "window"
    neighbours: int = 1
    max_words: int = 180


class ExpandedRetriever:
    """Another retriever's passages with what stands around them. Ids, order, scores and signals stay as they are.

    ``text`` is the document's own from the first passage attached to the last, and ``span`` where that is, so a
    citation still points at its place. No stretch comes twice: what was found, or attached further up, is not attached
    again. A passage whose document has changed since, or does not hold its text at ``span``, stays as it was.
    """

    def __init__(
        self,
        inner: Retriever,
        snapshots: Callable[[], AbstractContextManager[Readable]],
        surroundings: Surroundings = Surroundings(),
    ) -> None:
        if surroundings.neighbours < 0 or surroundings.max_words < 1:
            raise Misconfigured(
                f"Attaching neighbours needs neighbours ≥ 0 and max_words ≥ 1; got {surroundings.neighbours} and "
                f"{surroundings.max_words}."
            )
        self._inner, self._snapshots, self._surroundings = inner, snapshots, surroundings

    def retrieve(self, query: Query, k: int) -> Sequence[RetrievedPassage]:
        found = self._inner.retrieve(query, k)
        if not found:
            return []
        taken = {one.passage.id for one in found}
        with self._snapshots() as snapshot:
            documents = {id_: _read(snapshot, id_) for id_ in {one.passage.document_id for one in found}}
        return [self._expanded(one, documents[one.passage.document_id], taken) for one in found]

    def _expanded(self, one: RetrievedPassage, document: _Document, taken: set[str]) -> RetrievedPassage:
        place = document.place_of(one.passage)
        if place is None:
            return one
        first, last = self._run(document, place, taken)
        taken.update(passage.id for passage in document.passages[first : last + 1])
        return replace(one, passage=document.joined(place, first, last))

    def _run(self, document: _Document, place: int, taken: set[str]) -> tuple[int, int]:
        """The first and the last passage of what is attached around ``place``, grown by turns after and before it."""
        first = last = place
        sides = [1, -1]
        while sides:
            side = sides.pop(0)
            wider = (first, last + 1) if side > 0 else (first - 1, last)
            if self._allowed(document, place, wider, wider[side > 0], taken):
                first, last = wider
                sides.append(side)
        return first, last

    def _allowed(self, document: _Document, place: int, run: tuple[int, int], added: int, taken: set[str]) -> bool:
        how = self._surroundings
        if not 0 <= added < len(document.passages) or document.passages[added].id in taken:
            return False
        if how.extent == "window" and abs(added - place) > how.neighbours:
            return False
        if how.extent == "section" and document.passages[added].section != document.passages[place].section:
            return False
        return len(document.joined(place, *run).text.split()) <= how.max_words and document.holds(added)


@dataclass(frozen=True, slots=True)
class _Document:
    text: str
    passages: Sequence[Passage]

    def place_of(self, passage: Passage) -> int | None:
        """Where the passage stands among the others; None when it is not there as it was found."""
        place = next((i for i, one in enumerate(self.passages) if one.id == passage.id), None)
        return place if place is not None and self.passages[place] == passage and self.holds(place) else None

    def holds(self, place: int) -> bool:
        """Whether the document has the passage's text at its span, but for a table's header repeated in front."""
        passage = self.passages[place]
        stretch = self.text[slice(*passage.span)]
        return bool(stretch) and passage.text in (stretch, f"{passage.metadata.get(_HEADER, '')}\n{stretch}")

    def joined(self, place: int, first: int, last: int) -> Passage:
        """The passage at ``place`` with all from ``first`` to ``last``; a header repeated at the start stays there."""
        if first == last:
            return self.passages[place]
        start, header = self.passages[first].span[0], self.passages[first].metadata.get(_HEADER, "")
        span = start, self.passages[last].span[1]
        text = f"{header}\n{self.text[slice(*span)]}" if header else self.text[slice(*span)]
        others = {key: value for key, value in self.passages[place].metadata.items() if key != _HEADER}
        metadata = {**others, _HEADER: header} if header else others
        return replace(self.passages[place], text=text, span=span, metadata=metadata)


def _read(snapshot: Readable, document_id: str) -> _Document:
    found = snapshot.passages(list(snapshot.rows_of([document_id]))).values()
    return _Document(snapshot.text_of(document_id) or "", sorted(found, key=lambda passage: passage.span))
