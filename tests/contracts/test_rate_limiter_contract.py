"""The promises of ``RateLimiter``, put to every implementation, in real time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from domain.accounts import Limit, RateLimiter
from domain.protocols import MemoryLimits
from memory.embedded_server import EmbeddedRedis
from memory.in_memory_accounts import InMemoryRateLimiter
from memory.redis_rate_limits import RedisRateLimiter
from memory.redis_store import RedisConversationStore

HOUR = Limit("turns", 3, 3600)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisConversationStore]:
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield RedisConversationStore(server.url, MemoryLimits(None, 10, 100_000))


@pytest.fixture(params=["in memory", "embedded Redis"])
def limiter(request: pytest.FixtureRequest, store: RedisConversationStore) -> RateLimiter:
    if request.param == "in memory":
        return InMemoryRateLimiter()
    store.run_script("redis.call('FLUSHALL') return 1", [], [])
    return RedisRateLimiter(store.run_script)


def test_as_many_as_the_bucket_holds_get_through_and_the_next_is_told_how_long_to_wait(limiter: RateLimiter) -> None:
    assert [limiter.take("ann", HOUR) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert limiter.take("ann", HOUR) == pytest.approx(1200, abs=5)


def test_a_refusal_costs_nothing(limiter: RateLimiter) -> None:
    waits = [limiter.take("ann", HOUR) for _ in range(10)]
    assert max(waits) <= 1200


def test_subjects_and_limits_have_buckets_of_their_own(limiter: RateLimiter) -> None:
    for _ in range(4):
        limiter.take("ann", HOUR)
    assert limiter.take("bob", HOUR) == 0.0
    assert limiter.take("ann", Limit("log-ins", 3, 3600)) == 0.0
    assert limiter.take("\ud800", HOUR) == 0.0


def test_the_bucket_fills_evenly_and_holds_no_more_than_at_first(limiter: RateLimiter) -> None:
    quick = Limit("quick", 2, 0.4)
    assert [limiter.take("ann", quick) for _ in range(2)] == [0.0, 0.0]
    wait = limiter.take("ann", quick)
    assert 0 < wait <= 0.2
    time.sleep(wait + 0.01)
    assert limiter.take("ann", quick) == 0.0
    time.sleep(1.0)
    assert [limiter.take("ann", quick) == 0.0 for _ in range(3)] == [True, True, False]


def test_a_limit_of_none_counts_nothing(limiter: RateLimiter) -> None:
    assert {limiter.take("ann", Limit("turns", 0, 60)) for _ in range(50)} == {0.0}


def test_of_those_who_take_at_once_no_more_get_through_than_it_holds(limiter: RateLimiter) -> None:
    told: list[float] = []
    threads = [threading.Thread(target=lambda: told.append(limiter.take("ann", HOUR))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(wait == 0.0 for wait in told) == 3


def test_nothing_is_kept_of_a_subject_whose_bucket_is_full_again(store: RedisConversationStore) -> None:
    store.run_script("redis.call('FLUSHALL') return 1", [], [])
    limiter = RedisRateLimiter(store.run_script)
    limiter.take("ann", Limit("quick", 2, 0.2))
    assert store.run_script("return redis.call('DBSIZE')", [], []) == 1
    time.sleep(0.3)
    assert store.run_script("return redis.call('DBSIZE')", [], []) == 0


def test_strangers_do_not_fill_the_memory() -> None:
    now = 0.0
    limiter = InMemoryRateLimiter(lambda: now)
    for n in range(10_001):
        now = float(n)
        limiter.take(f"stranger {n}", Limit("turns", 1, 5.0))
    assert len(limiter._buckets) < 20
