"""One writer at a time, though Milvus has no locks."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from domain.errors import PartUnavailable
from retrieval.milvus_lease import Lease
from retrieval.milvus_schema import Names, record
from retrieval.milvus_server import MilvusServer
from tests.retrieval.index_places import QUICK, OnMilvus, new_on_milvus
from tests.retrieval.word_encoder import prepared


@pytest.fixture
def place() -> OnMilvus:
    return new_on_milvus()


def test_of_rivals_for_a_lease_one_gets_it(place: OnMilvus) -> None:
    place.store().create("help")
    names = Names.of("help", place.prefix)
    options = replace(QUICK, busy_seconds=1.5, settle_seconds=0.3)
    leases = [Lease(MilvusServer(place.uri, options=options), lambda: names.records) for _ in range(3)]
    got = []

    def take(lease: Lease) -> None:
        try:
            lease.take()
            got.append(lease)
        except PartUnavailable:
            pass

    rivals = [threading.Thread(target=take, args=(lease,)) for lease in leases]
    for rival in rivals:
        rival.start()
    for rival in rivals:
        rival.join()
    assert len(got) <= 1  # none, on a machine so busy that every write takes too long
    for lease in got:
        lease.confirm()
        lease.release()
        with pytest.raises(PartUnavailable, match="took over"):
            lease.confirm()


def test_a_lease_that_nobody_renews_is_taken_over(place: OnMilvus) -> None:
    place.store().create("help")
    reader = place.reader()
    reader.server.upsert(reader.names.records, [record("lease", "lease", 0, 0, payload="somebody")])
    options = replace(QUICK, lease_seconds=1.0, timeout_seconds=0.3, busy_seconds=20)
    lease = Lease(MilvusServer(place.uri, options=options), lambda: reader.names.records)
    started = time.monotonic()
    assert lease.take() is True
    assert 1.0 <= time.monotonic() - started < 20


def test_writers_in_two_processes_take_turns_and_nothing_is_lost(place: OnMilvus) -> None:
    place.store().create("help").close()

    def write(name: str) -> None:
        store = place.store(busy_seconds=60)
        for number in range(3):
            store.open("help").put_many([prepared(f"{name}{number}", f"heron {name}")])
            store.open("help").close()

    writers = [threading.Thread(target=write, args=(name,)) for name in ("a", "b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    base = place.store().open("help")
    assert [document.id for document in base.documents()] == ["a0", "a1", "a2", "b0", "b1", "b2"]
    assert base.info().passage_count == 6
