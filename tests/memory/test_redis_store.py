from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from domain.conversation import Turn
from domain.errors import Misconfigured, PartUnavailable
from domain.feedback import Feedback
from domain.protocols import MemoryLimits
from memory.codec import encode_turn
from memory.embedded_server import EmbeddedRedis
from memory.redis_addresses import masked
from memory.redis_feedback import RedisFeedback
from memory.redis_keys import SCHEMA_VERSION, conversation_keys, digest, erased_key
from memory.redis_store import RedisConversationStore

LIMITS = MemoryLimits(ttl_seconds=None, max_turns=100, max_bytes=1_000_000)


@pytest.fixture
def store(server: EmbeddedRedis) -> RedisConversationStore:
    return RedisConversationStore(server.url, LIMITS)


@pytest.fixture
def client(server: EmbeddedRedis) -> redis.Redis:
    return redis.Redis.from_url(server.url, decode_responses=True)


def all_keys(client: redis.Redis) -> set[str]:
    """Those of conversations; the operators' list of references lies beside them, bounded by its capacity."""
    return {str(key) for key in client.keys("*") if "{log}" not in str(key)}


class LossyLine:
    """A line to the server that is cut, once, after a script has run and before its answer is through."""

    def __init__(self, path: Path, server: Path) -> None:
        self.path, self.cuts = path, 0
        self._server = server
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(caller,), daemon=True).start()

    def _carry(self, caller: socket.socket) -> None:
        with caller, socket.socket(socket.AF_UNIX) as server:
            server.connect(str(self._server))
            while request := caller.recv(1_000_000):
                server.sendall(request)
                answer = server.recv(1_000_000)
                if b"RPUSH" in request and self.cuts == 0:
                    self.cuts += 1
                    return
                caller.sendall(answer)


@pytest.fixture
def line(server: EmbeddedRedis, tmp_path: Path) -> Iterator[LossyLine]:
    lossy = LossyLine(tmp_path / "line.sock", server.socket_path)
    yield lossy
    lossy.close()


def test_an_append_whose_acknowledgment_was_lost_is_stored_once(
    line: LossyLine, store: RedisConversationStore, owner: str, make_turn: Callable[..., Turn]
) -> None:
    RedisConversationStore(f"unix://{line.path}", LIMITS).append(owner, "c", make_turn(1))
    assert line.cuts == 1
    assert store.load(owner, "c").turns == (make_turn(1),)


def test_names_are_not_readable_from_keys_and_share_a_slot(
    store: RedisConversationStore, client: redis.Redis, owner: str, make_turn: Callable[..., Turn]
) -> None:
    before = all_keys(client)
    store.append(owner, "secret conversation", make_turn(1))
    keys = all_keys(client) - before
    assert len(keys) == 5
    assert all(key.startswith("colloquy:v1:{") for key in keys)
    assert len({key[key.index("{") : key.index("}")] for key in keys}) == 1
    assert not any(owner in key or "secret" in key for key in keys)


def test_deleting_leaves_no_key_behind(
    store: RedisConversationStore, client: redis.Redis, owner: str, make_turn: Callable[..., Turn]
) -> None:
    before = all_keys(client)
    for name in ("a", "b", "c"):
        store.append(owner, name, make_turn(1))
    store.delete(owner, "a")
    store.erase(owner)
    left = all_keys(client) - before
    assert len(left) == 1  # the mark that keeps what waits elsewhere from coming back
    assert left.pop().endswith(":erased")


def test_the_mark_of_an_erasure_lives_as_long_as_a_turn_may_wait(
    server: EmbeddedRedis, client: redis.Redis, owner: str
) -> None:
    for ttl, low, high in ((5000, 4_900_000, 5_000_000), (None, -1, -1)):
        RedisConversationStore(server.url, MemoryLimits(ttl, 10, 10_000)).erase(owner)
        assert low <= client.pttl(erased_key(owner)) <= high


def test_every_key_of_a_conversation_expires_at_one_instant(
    server: EmbeddedRedis, client: redis.Redis, owner: str, make_turn: Callable[..., Turn]
) -> None:
    before = all_keys(client)
    RedisConversationStore(server.url, MemoryLimits(50, 10, 10_000)).append(owner, "c", make_turn(1))
    left = {client.pttl(key) for key in all_keys(client) - before}
    assert 49_000 < min(left) <= max(left) <= 50_000
    assert max(left) - min(left) < 100


def test_a_shorter_time_to_live_never_hides_an_older_conversation(
    server: EmbeddedRedis, store: RedisConversationStore, owner: str, make_turn: Callable[..., Turn]
) -> None:
    brief = RedisConversationStore(server.url, MemoryLimits(1, 10, 10_000))
    store.append(owner, "kept for good", make_turn(1))
    brief.append(owner, "brief", make_turn(1))
    time.sleep(1.1)
    assert [summary.id for summary in store.list(owner)] == ["kept for good"]


def test_listing_forgets_what_is_gone(
    store: RedisConversationStore, client: redis.Redis, owner: str, make_turn: Callable[..., Turn]
) -> None:
    store.append(owner, "stays", make_turn(1))
    before = all_keys(client)
    store.append(owner, "goes", make_turn(1))
    client.delete(*(all_keys(client) - before))
    (index,) = [key for key in client.keys("*:conversations") if client.zscore(key, "goes") is not None]
    assert [summary.id for summary in store.list(owner)] == ["stays"]
    assert client.zrange(index, 0, -1) == ["stays"]


def test_a_damaged_turn_is_reported_and_not_skipped(
    store: RedisConversationStore, client: redis.Redis, owner: str, make_turn: Callable[..., Turn]
) -> None:
    before = all_keys(client)
    store.append(owner, "c", make_turn(1))
    (turns_key,) = [key for key in all_keys(client) - before if key.endswith(":turns")]
    client.lset(turns_key, 0, "{half")
    with pytest.raises(PartUnavailable, match="cannot be read"):
        store.load(owner, "c")


def test_ping_marks_the_layout_and_is_silent_when_all_is_well(
    store: RedisConversationStore, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    store.ping()
    store.ping()
    assert client.get("colloquy:schema") == str(SCHEMA_VERSION)
    assert caplog.records == []


def test_ping_refuses_what_a_newer_colloquy_wrote(store: RedisConversationStore, client: redis.Redis) -> None:
    client.set("colloquy:schema", SCHEMA_VERSION + 1)
    try:
        with pytest.raises(Misconfigured, match=rf"layout {SCHEMA_VERSION + 1}.*update Colloquy"):
            store.ping()
    finally:
        client.set("colloquy:schema", SCHEMA_VERSION)


def test_ping_warns_of_a_server_that_may_lose_turns(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with EmbeddedRedis(tmp_path) as careless:
        redis.Redis.from_url(careless.url).config_set("appendonly", "no")
        with caplog.at_level(logging.WARNING):
            RedisConversationStore(careless.url, LIMITS).ping()
    assert "appendonly yes" in caplog.text


@pytest.mark.parametrize("url", ["redis://:s3cret@127.0.0.1:1/0", "unix:///no/such.sock?password=s3cret"])
def test_an_unreachable_address_is_misconfigured_at_start_and_unavailable_later(url: str, owner: str) -> None:
    store = RedisConversationStore(url, LIMITS, retries=1)
    with pytest.raises(Misconfigured, match="unset it to use the built-in server") as at_start:
        store.ping()
    with pytest.raises(PartUnavailable, match="keeps trying") as later:
        store.load(owner, "c")
    for refusal in (at_start, later):
        assert masked(url) in str(refusal.value)
        assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize("url", ["", "localhost:6379", "http://host/", "redis://host:port", "redis://[::1"])
def test_what_is_no_redis_address_is_misconfigured(url: str) -> None:
    with pytest.raises(Misconfigured, match="no Redis address"):
        RedisConversationStore(url, LIMITS)


def test_a_full_server_refuses_turns_with_its_reason_and_still_reads_and_deletes(
    tmp_path: Path, owner: str, make_turn: Callable[..., Turn]
) -> None:
    with EmbeddedRedis(tmp_path) as full:
        store = RedisConversationStore(full.url, LIMITS)
        store.append(owner, "c", make_turn(1))
        redis.Redis.from_url(full.url).config_set("maxmemory", 1)
        with pytest.raises(PartUnavailable, match=r"refuses.*maxmemory.*memory limit"):
            store.append(owner, "c", make_turn(2))
        assert store.load(owner, "c").turns == (make_turn(1),)
        assert [summary.turn_count for summary in store.list(owner)] == [1]
        store.delete(owner, "c")
        assert list(store.list(owner)) == []


def test_a_killed_server_is_revived_in_the_middle_of_a_conversation(
    tmp_path: Path, owner: str, make_turn: Callable[..., Turn]
) -> None:
    with EmbeddedRedis(tmp_path) as server:
        store = RedisConversationStore(server.url, LIMITS, retries=1, revive=server.start)
        store.append(owner, "c", make_turn(1))
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        store.append(owner, "c", make_turn(2))
        assert store.load(owner, "c").turns == (make_turn(1), make_turn(2))


def test_a_server_that_comes_back_is_found_without_a_new_store(
    tmp_path: Path, owner: str, make_turn: Callable[..., Turn]
) -> None:
    server = EmbeddedRedis(tmp_path)
    store = RedisConversationStore(server.start(), LIMITS, retries=0)
    store.append(owner, "c", make_turn(1))
    server.stop()
    with pytest.raises(PartUnavailable):
        store.append(owner, "c", make_turn(2))
    with server:
        assert store.load(owner, "c").turns == (make_turn(1),)
        store.append(owner, "c", make_turn(2))


def test_a_revival_that_fails_is_unavailable_too(tmp_path: Path, owner: str) -> None:
    broken = EmbeddedRedis(tmp_path, executable=tmp_path / "no-such-server")
    store = RedisConversationStore(broken.url, LIMITS, retries=0, revive=broken.start)
    with pytest.raises(PartUnavailable, match="no-such-server"):
        store.load(owner, "c")
    broken.stop()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("redis://user:p%40ss@host:6379/0", "redis://user:***@host:6379/0"),
        ("rediss://:p@host/1?ssl_cert_reqs=none", "rediss://:***@host/1?ssl_cert_reqs=none"),
        ("unix:///run/redis.sock?db=1&password=p", "unix:///run/redis.sock?db=1&password=***"),
        ("unix://me:p@/run/redis.sock", "unix://me:***@/run/redis.sock"),
    ],
)
def test_passwords_are_masked_and_nothing_else(url: str, shown: str) -> None:
    assert masked(url) == shown


@pytest.mark.parametrize(
    "url", ["redis+sentinel://127.0.0.1:1", "redis+cluster://127.0.0.1/3", "redis+cluster://a?x=1"]
)
def test_an_address_of_many_servers_that_cannot_be_read_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"no Redis address.*redis\+sentinel://host:26379,host:26379/service"):
        RedisConversationStore(url, LIMITS)


OLD_APPEND = """
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('RPUSH', KEYS[2], ARGV[2])
redis.call('HINCRBY', KEYS[3], 'bytes', #ARGV[1])
redis.call('HSETNX', KEYS[3], 'title', ARGV[3])
redis.call('HINCRBY', KEYS[3], 'trimmed', 0)
redis.call('HSET', KEYS[3], 'updated_us', '1790000000000000', 'expires_us', '')
redis.call('ZADD', KEYS[4], '1790000000000000', ARGV[4])
"""
"""What layout 1 wrote for a turn: neither rows nor feedback, and no line in the operators' list."""


def test_a_conversation_of_layout_1_is_listed_read_found_and_goes_on(
    store: RedisConversationStore, client: redis.Redis, owner: str, make_turn: Callable[..., Turn]
) -> None:
    turns, ids, about, _, _, index = conversation_keys(owner, "old")
    for number in (1, 2):
        turn = make_turn(number, f"Answer {number}, in STRASSE.")
        client.eval(OLD_APPEND, 4, turns, ids, about, index, encode_turn(turn), turn.id, "Old", "old")
    assert [(one.id, one.title, one.turn_count, one.pinned) for one in store.list(owner)] == [("old", "Old", 2, False)]
    assert [one.id for one in store.search(owner, "straße 2 old")] == ["old"]
    assert list(store.search(owner, "straße 3")) == []
    assert store.search(owner, "straße")[0].id == "old"  # by the rows that the first search made
    assert client.hlen(conversation_keys(owner, "old")[3]) == 2
    assert RedisFeedback(store.connection, store.log_index).give(owner, "old", "turn-1", Feedback("up")) is True
    assert store.delete_turn(owner, "old", "turn-1") is True
    store.append(owner, "old", make_turn(3))
    kept = store.load(owner, "old")
    assert [one.id for one in kept.turns] == ["turn-2", "turn-3"]
    assert (kept.title, kept.trimmed, kept.pinned, kept.branched_from) == ("Old", 0, False, None)
    store.delete(owner, "old")
    assert client.keys(f"*{digest('old')}*") == []


@pytest.mark.parametrize("older", [None, "1"])
def test_data_of_an_older_layout_is_taken_over_and_marked_with_ours(
    server: EmbeddedRedis, client: redis.Redis, older: str | None
) -> None:
    client.delete("colloquy:schema")
    if older is not None:
        client.set("colloquy:schema", older)
    RedisConversationStore(server.url, LIMITS).ping()
    assert client.get("colloquy:schema") == "2"
