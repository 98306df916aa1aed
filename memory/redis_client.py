"""The one file that knows the redis package: a connection to a single server, a Sentinel service or a Cluster.

Everything is asked for in Lua scripts, which all three run as one instant each; no more than that is asked of them.
Scripts that change what was promised to be kept go through ``run_kept``: it waits, on the very connection that wrote,
until a replica has the change too, where there are replicas.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import redis
from redis.backoff import ExponentialBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import AskError, ClusterDownError, ClusterError, MovedError, RedisClusterException, TryAgainError
from redis.retry import Retry
from redis.sentinel import Sentinel

from domain.errors import ColloquyError, Misconfigured, PartUnavailable
from memory.redis_addresses import Address, masked, parsed

_CONNECT_SECONDS = 2.0
_BACKOFF_BASE_SECONDS = 0.05
_BACKOFF_CAP_SECONDS = 1.0
_RETRIES_OF_ONE = 3
"""Further tries with a single server: 0.7 s of pauses, within which a restarted one is back."""
_RETRIES_OF_MANY = 6
"""Further tries where another server may take over: 3.5 s of pauses."""
_REPLICA_MS = 1000
"""How long a change waits for a replica: far longer than a replica that is well needs, short enough to sit out."""

_MISSING_REPLICA_MS = 20
"""The same once none confirmed: a lonely master should not make every turn wait."""

_log = logging.getLogger(__name__)
_GONE = (redis.ConnectionError, redis.TimeoutError, OSError)
_MOVED = (AskError, ClusterDownError, ClusterError, MovedError, RedisClusterException, TryAgainError)
Word = str | bytes | int | float
T = TypeVar("T")


class RedisConnection:
    """Runs scripts in the Redis at ``url`` (``memory/redis_addresses.py``). Safe for several threads.

    ``timeout_seconds`` bounds the wait for one reply, ``retries`` the further tries with growing pauses; None takes
    what suits the kind of server. ``revive`` is called when all of them failed, before one last try: an embedded
    server's ``start``. Everything raises ``PartUnavailable`` when the server does not answer, or refuses.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_seconds: float = 5.0,
        retries: int | None = None,
        revive: Callable[[], object] | None = None,
    ) -> None:
        self.name = masked(url)
        self._revive, self._timeout_seconds, self._replica_ms = revive, timeout_seconds, _REPLICA_MS
        try:
            address = parsed(url)
            self._kind = address.kind
            usual = _RETRIES_OF_ONE if address.kind == "one" else _RETRIES_OF_MANY
            self._retries = usual if retries is None else retries
            self._sentinel = self._watched(address) if address.kind == "sentinel" else None
            self._service = address.service
            self._seeds = _nodes(address)
            self._options = {**self._patience, **address.options}
            self._client: Any = None if self._seeds else self._single(address)
        except (ValueError, TypeError) as error:
            raise Misconfigured(
                f"COLLOQUY_REDIS_URL is {self.name!r}, which is no Redis address ({error}); write redis://host:6379/0, "
                "rediss://host:6379/0, unix:///path/to/socket, redis+sentinel://host:26379,host:26379/service or "
                "redis+cluster://host:6379,host:6379."
            ) from error

    def run_script(self, script: str, keys: Sequence[str], arguments: Sequence[Word]) -> Any:
        """The server's reply to a Lua script; all ``keys`` lie in one cluster slot."""
        return self._ask(lambda: self._patiently(lambda: self._connected().eval(script, len(keys), *keys, *arguments)))

    def run_kept(self, script: str, keys: Sequence[str], arguments: Sequence[Word]) -> Any:
        """As ``run_script``, and waits for one replica where a Sentinel or a Cluster keeps replicas. One that does
        not confirm within a second is warned about: then only the server that answered has the change."""
        if self._kind == "one":
            return self.run_script(script, keys, arguments)
        return self._ask(lambda: self._patiently(lambda: self._written(script, keys, arguments)))

    def hash_fields(self, wanted: Sequence[tuple[str, str | bytes]]) -> Sequence[bytes | None]:
        """The value of each (key, field), None where there is none; the keys may lie in any slot."""

        def read() -> Sequence[bytes | None]:
            with self._connected().pipeline(transaction=False) as pipe:
                for key, field in wanted:
                    pipe.hget(key, field)
                return list(pipe.execute())

        return self._ask(lambda: self._patiently(read)) if wanted else []

    def facts(self) -> Sequence[Mapping[str, Any]]:
        """What each master says of itself. Raises ``redis``' own errors turned into ``PartUnavailable``."""
        if not self._seeds:
            return [self._ask(lambda: self._client.info())]
        return list(self._ask(lambda: self._connected().info(target_nodes=RedisCluster.PRIMARIES)).values())

    def close(self) -> None:
        """Lets the connections go."""
        if self._client is not None:
            self._client.close()
        if self._sentinel is not None:
            self._sentinel.close()

    @property
    def _patience(self) -> dict[str, Any]:
        backoff = ExponentialBackoff(cap=_BACKOFF_CAP_SECONDS, base=_BACKOFF_BASE_SECONDS)
        return {
            "retry": Retry(backoff, self._retries if self._kind == "one" else 0),  # else: see _patiently
            "socket_timeout": self._timeout_seconds,
            "socket_connect_timeout": min(_CONNECT_SECONDS, self._timeout_seconds),
        }

    def _single(self, address: Address) -> Any:
        if self._sentinel is None:
            return redis.Redis.from_url(address.url, **self._patience)
        return self._sentinel.master_for(self._service, **self._options)  # type: ignore[no-untyped-call]

    def _watched(self, address: Address) -> Sentinel:
        seconds = min(_CONNECT_SECONDS, self._timeout_seconds)
        asked = {"socket_timeout": seconds, "socket_connect_timeout": seconds, "retry": Retry(ExponentialBackoff(), 0)}
        keywords = {**asked, **address.sentinel_options}
        return Sentinel(list(address.hosts), sentinel_kwargs=keywords)  # type: ignore[no-untyped-call]

    def _connected(self) -> Any:
        """The client; a Cluster's can only be made once a node answers."""
        if self._client is None:
            self._client = RedisCluster(startup_nodes=self._seeds, require_full_coverage=False, **self._options)
        return self._client

    def _patiently(self, operation: Callable[[], T]) -> T:
        """The result of ``operation``, tried again while another server takes over; a single one's client does that
        by itself."""
        if self._kind == "one":
            return operation()
        backoff = ExponentialBackoff(cap=_BACKOFF_CAP_SECONDS, base=_BACKOFF_BASE_SECONDS)
        patient = Retry(backoff, self._retries, (*_GONE, *_MOVED))
        return patient.call_with_retry(operation, lambda _: self._look_again())

    def _written(self, script: str, keys: Sequence[str], arguments: Sequence[Word]) -> Any:
        client = self._connected()
        if self._seeds:
            client = client.get_redis_connection(client.get_node_from_key(keys[0]))
        with client.pipeline(transaction=False) as pipe:  # one connection: WAIT speaks of what this one has written
            pipe.eval(script, len(keys), *keys, *arguments)
            pipe.wait(1, self._replica_ms)
            reply, replicas = pipe.execute(raise_on_error=False)
        if isinstance(reply, Exception):
            raise redis.ConnectionError("the master is a replica now") if _is_read_only(reply) else reply
        self._note_replicas(isinstance(replicas, int) and replicas > 0)
        return reply

    def _note_replicas(self, confirmed: bool) -> None:
        """Says once that no replica confirms, and from then on waits for one only a moment, until one does."""
        if not confirmed and self._replica_ms == _REPLICA_MS:
            _log.warning(
                "No replica of %s confirmed a change within %d ms; until one does, one server alone has what comes.",
                self.name,
                _REPLICA_MS,
            )
        self._replica_ms = _REPLICA_MS if confirmed else _MISSING_REPLICA_MS

    def _look_again(self) -> None:
        """Asks who is in charge now."""
        try:
            if self._seeds:
                self._connected().nodes_manager.initialize()
            else:
                self._client.connection_pool.disconnect(inuse_connections=False)
        except (*_GONE, *_MOVED) as error:  # nobody knows yet; the next try asks again
            _log.debug("%s does not say who is in charge: %s", self.name, _reason(error))

    def _ask(self, operation: Callable[[], Any]) -> Any:
        """The result of ``operation``, every failure of Redis turned into ``PartUnavailable``."""
        try:
            return self._with_revival(operation)
        except (*_GONE, *_MOVED, ColloquyError) as error:
            raise PartUnavailable(
                f"The conversation memory does not answer ({self.name}): {_reason(error)}. Colloquy keeps trying; "
                "check that the Redis server runs and that its disk is not full."
            ) from error
        except redis.RedisError as error:
            raise PartUnavailable(
                f"The conversation memory refuses ({self.name}): {_reason(error)}. "
                "Check the Redis server's memory limit, permissions and log."
            ) from error

    def _with_revival(self, operation: Callable[[], T]) -> T:
        try:
            return operation()
        except _GONE:
            if self._revive is None:
                raise
        self._revive()
        return operation()


def _nodes(address: Address) -> list[ClusterNode]:
    hosts = address.hosts if address.kind == "cluster" else ()
    return [ClusterNode(host, port) for host, port in hosts]  # type: ignore[no-untyped-call]


def _is_read_only(error: Exception) -> bool:
    """Whether a write reached a server that has been made a replica; older servers say so inside a script's error."""
    return "READONLY" in str(error)


def _reason(error: Exception) -> str:
    return str(error).rstrip(". ") or type(error).__name__
