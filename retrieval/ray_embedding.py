"""Shards embedded by a Ray cluster (Ray Data), for collections that one machine would take days for.

The folder of shards must be on storage that every machine sees under the same path; Colloquy must be installed on
each. Ray is an optional dependency, imported when the engine starts.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from domain.errors import Misconfigured, PartUnavailable
from retrieval.shard_files import ShardFolder
from retrieval.sharding import EncoderMaker, Engine, ShardDone, embed_shard

_ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
"""What Ray reads when it starts on this machine: nothing is told to anybody outside, and its workers, which are all the
work there is, do not stand back behind every other process (they would by 15)."""

INSTALL = 'pip install "colloquy[ray]"'


def on_ray(address: str | None = None, *, workers: int | None = None) -> Engine:
    """An engine: ``workers`` actors on the cluster at ``address`` (``auto``, ``host:6379``, ``ray://host:10001``), each
    with one processor and an encoder of its own; None means as many as the cluster has processors. Without an
    ``address`` Ray runs on this machine alone, and ends with the work.

    The engine raises ``Misconfigured`` when Ray is missing, ``PartUnavailable`` when the cluster does not answer or
    a worker is lost for good.
    """

    def engine(folder: Path, numbers: Sequence[int], make: EncoderMaker) -> Iterator[ShardDone]:
        ray = _ray()
        started = _connect(ray, address)
        try:
            yield from _embedded(ray, folder.resolve(), numbers, make, workers or _processors(ray))
        finally:
            if started:
                ray.shutdown()

    return engine


class ShardActor:
    """What runs on a worker: one encoder, shard after shard."""

    def __init__(self, folder: str, make: EncoderMaker) -> None:
        self._folder, self._encoder = ShardFolder(Path(folder)), make()

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """``number`` (n,) -> ``number``, ``passages`` and ``seconds`` (n,)."""
        done = [embed_shard(self._folder, int(number), self._encoder) for number in batch["number"]]
        return {
            "number": np.array([one.number for one in done]),
            "passages": np.array([one.passages for one in done]),
            "seconds": np.array([one.seconds for one in done]),
        }


def _embedded(ray: Any, folder: Path, numbers: Sequence[int], make: EncoderMaker, workers: int) -> Iterator[ShardDone]:
    rows = [{"number": number} for number in numbers]
    dataset = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        ShardActor,
        fn_constructor_args=(str(folder), make),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=max(1, min(workers, len(rows)))),
        num_cpus=1,
    )
    try:
        for row in dataset.iter_rows():
            yield ShardDone(int(row["number"]), int(row["passages"]), float(row["seconds"]))
    except ray.exceptions.RayError as error:
        raise PartUnavailable(
            f"Ray could not embed all shards of {folder} ({_reason(error)}); see Ray's log, then start the same "
            "command again: finished shards stay."
        ) from error


def _ray() -> Any:
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ModuleNotFoundError as error:
        raise Misconfigured(f"The engine ray needs Ray, which is not installed; install it: {INSTALL}") from error
    return ray


def _connect(ray: Any, address: str | None) -> bool:
    """Whether a connection was made here, and so must be ended here."""
    if ray.is_initialized():
        return False
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    quiet = {"log_to_driver": False, "logging_level": logging.WARNING}
    try:
        ray.init(**({"address": address} if address else {"include_dashboard": False}), **quiet)
    except (ConnectionError, RuntimeError, TimeoutError, ValueError) as error:
        raise PartUnavailable(
            f"The Ray cluster at {address or 'this machine'} does not answer ({_reason(error)}); check the address, or "
            "leave it away to run on this machine."
        ) from error
    return True


def _processors(ray: Any) -> int:
    return int(ray.cluster_resources().get("CPU", 1))


def _reason(error: BaseException) -> str:
    """The last line that says something: Ray puts whole tracebacks into its messages."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:200]
