"""Approximate nearest neighbours: an index of any family, made once, and what has changed since laid over it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from domain.errors import Misconfigured
from retrieval.dense import NO_IDS, Exact, FlatIndex, Ids, Matrix, all_but, best_of, compared, found_by, prepared
from retrieval.dense_lists import two_step_centroids
from retrieval.index_spec import CODED, LISTED, Family, IndexSpec, Metric

_FAISS: Any = faiss  # its stubs lack much of what is used here
_TRAINING_VECTORS = 64  # a centroid: FAISS asks for 39 at least and uses 256 at most; time grows with them
_TRAINING_CODES = 65_536  # for quantisers without lists
_MOST_TRAINED = 1 << 20  # 1.6 GB of MiniLM's vectors: bounds memory and time however many lists there are
_TWO_STEPS_FROM = 4096  # lists; to find so many centroids at once takes minutes, from 16,384 hours
_GRAPH_FROM = 16_384  # lists; below, comparing all centroids takes less than a millisecond and misses none
_CENTROID_LINKS, _CENTROID_EFFORT = 32, 64  # of the graph over centroids; the effort while vectors are added
_WIDER = 4  # times the effort, when a filter left too few
_GRAPH_EFFORT = 80  # nodes looked at while a graph is built (efConstruction); 40 loses recall, 200 takes twice as long
_VECTORS, _IDS = "vectors.faiss", "ids.npy"


class TrainedIndex:
    """An index of any family, made once from all its vectors.

    Approximate: of the ``k`` nearest some may be missed, how many ``colloquy index tune`` measures. What is found is
    compared again with its whole vectors where the caller has them (``exact``), so scores are then exact.
    """

    def __init__(self, index: Any, ids: Ids, spec: IndexSpec, metric: Metric) -> None:
        """``index``: FAISS's own; ``spec`` with its numbers filled in. See ``build`` and ``load``."""
        self._index, self._ids, self._metric, self.spec = index, ids, metric, spec

    @classmethod
    def build(
        cls,
        spec: IndexSpec,
        metric: Metric,
        sample: Matrix,
        blocks: Iterable[tuple[Ids, Matrix]],
        count: int,
    ) -> TrainedIndex:
        """Learns from ``sample`` (s, D), then takes ``blocks`` of ids (b,) and vectors (b, D), ``count`` in all.

        Memory beyond the index itself: the sample (``training_size`` says how many are of use) and one block.
        Raises ``ValueError`` for an id that comes twice, ``Misconfigured`` for codes longer than the vectors.
        """
        return cls.learnt(spec, metric, sample, count).filled(blocks)

    @classmethod
    def learnt(cls, spec: IndexSpec, metric: Metric, sample: Matrix, count: int) -> TrainedIndex:
        """The first half of ``build``: an index that has learnt from ``sample`` and is still empty."""
        spec = spec.sized(count)
        rows = prepared(np.ascontiguousarray(sample, dtype=np.float32), metric)
        index: Any = _made(spec, metric, rows.shape[1])
        if spec.family in LISTED and _TWO_STEPS_FROM <= spec.lists <= len(rows):
            _place_centroids(index, rows, spec.lists, metric)
        index.train(rows)
        return cls(index, NO_IDS, spec, metric)

    def filled(self, blocks: Iterable[tuple[Ids, Matrix]]) -> TrainedIndex:
        """The second half of ``build``: takes the vectors into this index, which was empty and in memory, and returns
        what may be searched. Raises ``ValueError`` for an id that comes twice."""
        taken: list[Ids] = []
        for ids, vectors in blocks:
            if len(ids):
                rows = prepared(np.ascontiguousarray(vectors, dtype=np.float32), self._metric)
                self._index.add_with_ids(rows, ids)
                taken.append(np.asarray(ids, dtype=np.int64))
        together = np.sort(np.concatenate(taken)) if taken else NO_IDS
        if (together[1:] == together[:-1]).any():
            raise ValueError("an id is given twice")
        return TrainedIndex(self._index, together, self.spec, self._metric)

    def searched_with(self, effort: int, refine: int) -> TrainedIndex:
        """The same index, searched with another effort and as many candidates compared again; nothing is copied."""
        return TrainedIndex(self._index, self._ids, replace(self.spec, effort=effort, refine=refine), self._metric)

    @property
    def ids(self) -> Ids:
        """The ids held, ascending."""
        return self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def search(
        self, query: Matrix, k: int, excluded: Ids | None = None, exact: Exact | None = None
    ) -> tuple[Matrix, Ids]:
        """See ``DenseIndex``. A filter that leaves fewer than ``k`` widens the search until there are ``k`` or all
        lists have been looked into."""
        out = NO_IDS if excluded is None else self._held(excluded)
        wanted = min(k, len(self) - len(out))
        if wanted <= 0:
            return np.zeros(0, dtype=np.float32), NO_IDS
        row, selector = prepared(query, self._metric), all_but(out)
        reach = min(wanted * (self.spec.refine if exact is not None else 1), len(self))
        effort, most = max(self.spec.effort, reach if self.spec.family is Family.HNSW else 1), self._most_effort()
        while True:
            scores, ids = found_by(self._index, row, reach, self._parameters(effort, selector), self._metric)
            if len(ids) >= wanted or effort >= most:
                break
            effort = min(effort * _WIDER, most)
        if exact is not None and len(ids):
            scores = compared(exact(ids), query, self._metric)
        return best_of(scores, ids, k)

    def scores(self, query: Matrix, ids: Ids, exact: Exact | None = None) -> Matrix:
        """The score of each of ``ids`` (n,): exact with ``exact``, else of what the index keeps of them."""
        if not len(ids):
            return np.zeros(0, dtype=np.float32)
        if exact is not None:
            return compared(exact(ids), query, self._metric)
        return compared(self._kept(ids), query, self._metric)

    def with_changes(self, add_ids: Ids, add_vectors: Matrix, remove_ids: Ids) -> LayeredIndex:
        """This index with a flat one over it for what is new."""
        return LayeredIndex(self, NO_IDS, FlatIndex(self._index.d, metric=self._metric)).with_changes(
            add_ids, add_vectors, remove_ids
        )

    @property
    def dimension(self) -> int:
        """Numbers a vector (D)."""
        return int(self._index.d)

    @property
    def metric(self) -> Metric:
        """How vectors are compared."""
        return self._metric

    def save(self, folder: Path) -> None:
        """Writes the index to ``folder``, which exists: FAISS's own file and the ids, as ``load`` reads them."""
        _FAISS.write_index(self._index, str(folder / _VECTORS))
        np.save(folder / _IDS, self._ids)

    @classmethod
    def load(cls, folder: Path, spec: IndexSpec, metric: Metric, *, mapped: bool = True) -> TrainedIndex:
        """What ``save`` wrote for ``spec`` and ``metric``. ``mapped``: ids and the lists of the IVF families are
        mapped, not read, into memory, so that what is never looked into costs none; such an index takes no more
        vectors. Raises ``ValueError`` for what is no such index."""
        flags = _FAISS.IO_FLAG_MMAP if mapped and spec.family in LISTED else 0
        try:
            index: Any = _FAISS.read_index(str(folder / _VECTORS), flags)
            ids: Ids = np.load(folder / _IDS, mmap_mode="r" if mapped else None, allow_pickle=False)
        except (OSError, RuntimeError, EOFError) as error:
            raise ValueError(str(error).strip().splitlines()[-1]) from error
        if ids.dtype != np.int64 or index.ntotal != len(ids):
            raise ValueError(f"it holds {index.ntotal} vectors for {len(ids)} ids")
        return cls(index, ids, spec, metric)

    def _held(self, ids: Ids) -> Ids:
        """Those of ``ids`` that are held, ascending; in time that grows with them, not with the index."""
        wanted = np.unique(ids)
        place = np.minimum(np.searchsorted(self._ids, wanted), max(len(self) - 1, 0))
        return np.asarray(wanted[self._ids[place] == wanted], dtype=np.int64) if len(self) else NO_IDS

    def _kept(self, ids: Ids) -> Matrix:
        inner: Any = _FAISS.extract_index_ivf(self._index) if self.spec.family in LISTED else None
        if inner is not None and inner.direct_map.type == _FAISS.DirectMap.NoMap:
            inner.set_direct_map_type(_FAISS.DirectMap.Hashtable)
        kept: Matrix = self._index.reconstruct_batch(np.ascontiguousarray(ids))
        return kept

    def _most_effort(self) -> int:
        return self.spec.lists if self.spec.family in LISTED else len(self)

    def _parameters(self, effort: int, selector: Any) -> Any:
        if self.spec.family is Family.HNSW:
            graph: Any = _FAISS.SearchParametersHNSW
            return graph(sel=selector, efSearch=effort)
        if self.spec.family not in LISTED:
            plain: Any = _FAISS.SearchParameters
            return plain(sel=selector)
        inner = self._list_parameters(min(effort, self.spec.lists), selector)
        turned: Any = _FAISS.SearchParametersPreTransform
        return turned(index_params=inner) if self.spec.family is Family.OPQ_IVF_PQ else inner

    def _list_parameters(self, lists: int, selector: Any) -> Any:
        listed: Any = _FAISS.SearchParametersIVF
        if self.spec.lists < _GRAPH_FROM:
            return listed(sel=selector, nprobe=lists)
        graph: Any = _FAISS.SearchParametersHNSW
        return listed(sel=selector, nprobe=lists, quantizer_params=graph(efSearch=max(2 * lists, _CENTROID_EFFORT)))


class LayeredIndex:
    """A trained index, the ids of it that are gone, and a flat index of what has come."""

    def __init__(self, base: TrainedIndex, gone: Ids, fresh: FlatIndex) -> None:
        self._base, self._gone, self._fresh = base, gone, fresh
        self._ids = np.union1d(np.setdiff1d(base.ids, gone, assume_unique=True), fresh.ids)

    @property
    def ids(self) -> Ids:
        """The ids held, ascending."""
        return self._ids

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def base(self) -> TrainedIndex:
        """The trained index under it."""
        return self._base

    @property
    def changed_share(self) -> float:
        """What has come and gone, as a share of the base: above a tenth or so it should be made anew."""
        return (len(self._gone) + len(self._fresh)) / max(len(self._base), 1)

    def search(
        self, query: Matrix, k: int, excluded: Ids | None = None, exact: Exact | None = None
    ) -> tuple[Matrix, Ids]:
        """See ``DenseIndex``: the best of both."""
        out = self._gone if excluded is None else np.union1d(self._gone, excluded)
        parts = [self._base.search(query, k, out, exact), self._fresh.search(query, k, excluded)]
        return best_of(np.concatenate([s for s, _ in parts]), np.concatenate([i for _, i in parts]), k)

    def scores(self, query: Matrix, ids: Ids, exact: Exact | None = None) -> Matrix:
        """See ``DenseIndex``."""
        fresh = np.isin(ids, self._fresh.ids)
        found = np.empty(len(ids), dtype=np.float32)
        found[fresh] = self._fresh.scores(query, ids[fresh])
        found[~fresh] = self._base.scores(query, ids[~fresh], exact)
        return found

    def with_changes(self, add_ids: Ids, add_vectors: Matrix, remove_ids: Ids) -> LayeredIndex:
        """See ``DenseIndex``; the base is shared, not copied."""
        old = np.intersect1d(remove_ids, self._base.ids)
        fresh = self._fresh.with_changes(add_ids, add_vectors, np.intersect1d(remove_ids, self._fresh.ids))
        return LayeredIndex(self._base, np.union1d(self._gone, old), fresh)


def training_size(spec: IndexSpec, count: int) -> int:
    """How many of ``count`` vectors ``TrainedIndex.build`` should learn from."""
    if spec.family in (Family.FLAT, Family.HNSW):
        return min(count, 1)
    lists = spec.sized(count).lists if spec.family in LISTED else 0
    wanted = max(lists * _TRAINING_VECTORS, _TRAINING_CODES if lists == 0 or spec.family in CODED else 0)
    return min(count, max(min(wanted, _MOST_TRAINED), lists))


def _made(spec: IndexSpec, metric: Metric, dimension: int) -> Any:
    """An empty index of FAISS for ``spec``, whose numbers are filled in."""
    kind = _FAISS.METRIC_L2 if metric is Metric.L2 else _FAISS.METRIC_INNER_PRODUCT
    if spec.family in CODED and dimension % spec.code_bytes:
        raise Misconfigured(
            f"An index of codes needs code_bytes that divide the {dimension} numbers of a vector; {spec.code_bytes} "
            "does not."
        )
    m = spec.code_bytes
    lists = f"IVF{spec.lists}" + (f"_HNSW{_CENTROID_LINKS}" if spec.lists >= _GRAPH_FROM else "")
    factory = {
        Family.FLAT: "IDMap2,Flat",
        Family.SQ8: "IDMap2,SQ8",
        Family.HNSW: f"IDMap2,HNSW{spec.links},Flat",
        Family.IVF_FLAT: f"{lists},Flat",
        Family.IVF_PQ: f"{lists},PQ{m}x8",
        Family.OPQ_IVF_PQ: f"OPQ{m},{lists},PQ{m}x8",
    }[spec.family]
    index: Any = _FAISS.index_factory(dimension, factory, kind)
    if spec.family is Family.HNSW:
        _FAISS.downcast_index(index.index).hnsw.efConstruction = _GRAPH_EFFORT
    if spec.family in CODED:
        # The factory turns it on; it orders codes for a filter that is not used here and takes 200 times as long.
        _FAISS.downcast_index(_FAISS.extract_index_ivf(index)).do_polysemous_training = False
    return index


def _place_centroids(index: Any, rows: Matrix, lists: int, metric: Metric) -> None:
    """Gives an untrained ``index`` its centroids, found in two steps; ``train`` leaves them as they are then."""
    turned: Matrix = rows
    if isinstance(index, _FAISS.IndexPreTransform):
        rotation: Any = _FAISS.downcast_VectorTransform(index.chain.at(0))
        rotation.train(rows)
        turned = rotation.apply(rows)
    quantizer: Any = _FAISS.downcast_index(_FAISS.extract_index_ivf(index).quantizer)
    if lists >= _GRAPH_FROM:
        quantizer.hnsw.efConstruction, quantizer.hnsw.efSearch = _GRAPH_EFFORT, _CENTROID_EFFORT
    quantizer.add(two_step_centroids(turned, lists, spherical=metric is not Metric.L2))
