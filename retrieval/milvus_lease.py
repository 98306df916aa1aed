"""One writer at a time on a knowledge base in Milvus, which has neither locks nor compare-and-set.

A writer that finds the lease free writes its name into it, waits longer than such a write takes, and looks again: the
last name written stands, and only its owner goes on (Fischer's algorithm; Lamport, "A fast mutual exclusion
algorithm", 1987). Whoever notices that reading and writing took longer than that wait begins again. A lease that
stays as it is for ``lease_seconds`` belongs to a dead writer; that is measured by the observer's own clock, so that
the clocks of two machines are never compared.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

from domain.errors import PartUnavailable
from retrieval.milvus_filters import quoted
from retrieval.milvus_schema import LEASE, record
from retrieval.milvus_server import MilvusServer

_MINE = f"key == {quoted(LEASE)}"
_POLL_SECONDS = 0.2


class Lease:
    """The right to write one knowledge base. Not for several threads at once; its owner has a lock."""

    def __init__(self, server: MilvusServer, records: Callable[[], str]) -> None:
        """``records`` names the collection that the lease is in."""
        self._server, self._records = server, records
        self._name, self._until = "", 0.0
        self._tried = ""

    @property
    def held(self) -> bool:
        """Whether it is ours for long enough to make another call under it."""
        return bool(self._name) and time.monotonic() + 2 * self._server.options.timeout_seconds < self._until

    def take(self) -> bool:
        """Get it, or keep it; True when somebody else may have written since it was last ours.

        Raises ``PartUnavailable`` when another writer keeps it for ``busy_seconds``.
        """
        if self.held:
            return False
        if self._is_ours() and self._prolonged():
            return False
        self._wait_for_it()
        return True

    def renew(self) -> None:
        """Before another call: prolongs it where it runs out soon. Raises ``PartUnavailable`` when it was lost."""
        if not self.held and not (self._is_ours() and self._prolonged()):
            raise self._lost()

    def confirm(self) -> None:
        """Raises ``PartUnavailable`` unless it is still ours."""
        if not self._is_ours():
            raise self._lost()

    def release(self) -> None:
        """Let others write at once; nothing happens when it is not ours."""
        if self._name and self._stored() == self._name:
            self._server.delete(self._records(), f"{_MINE} and payload == {quoted(self._name)}")
        self._name = ""

    def _is_ours(self) -> bool:
        return bool(self._name) and time.monotonic() < self._until and self._stored() == self._name

    def _prolonged(self) -> bool:
        """False when that took so long that another may have seen it run out."""
        old = self._until
        self._write_name()
        return time.monotonic() < old

    def _lost(self) -> PartUnavailable:
        self._name = ""
        return PartUnavailable(
            "Another process took over writing this knowledge base on Milvus, since this one was too slow; nothing "
            "was changed, try again."
        )

    def _wait_for_it(self) -> None:
        options = self._server.options
        give_up = time.monotonic() + options.busy_seconds
        seen, since = self._stored(), time.monotonic()
        while True:
            before = time.monotonic()
            there = self._stored()
            if there != seen:
                seen, since = there, before
            mine = there == self._tried  # written by us, though the server's answer was lost
            if (not there or mine or before - since >= options.lease_seconds) and self._claim(before):
                return
            if time.monotonic() >= give_up:
                raise PartUnavailable(
                    f"Another process has been writing this knowledge base on Milvus for more than "
                    f"{options.busy_seconds:g} s, or the server {self._server.uri} is very slow; try again later."
                )
            time.sleep(min(_POLL_SECONDS, options.busy_seconds / 10))

    def _claim(self, before: float) -> bool:
        """Whether the name we write now is still there when every rival that saw the lease free has written too."""
        settle = self._server.options.settle_seconds
        name = uuid.uuid4().hex
        self._write_name(name)
        if time.monotonic() - before > settle:  # somebody may have come in meanwhile, and sees our name when committing
            self.release()
            return False
        time.sleep(settle)
        if self._stored() == name:
            return True
        self._name = ""
        return False

    def _write_name(self, name: str | None = None) -> None:
        """A new name each time: that it changes shows others that the owner is alive."""
        name, started = name or uuid.uuid4().hex, time.monotonic()
        self._tried = name
        self._server.upsert(self._records(), [record(LEASE, LEASE, 0, 0, payload=name)])
        self._name, self._until = name, started + self._server.options.lease_seconds

    def _stored(self) -> str:
        found = self._server.newest(self._records(), _MINE, ["payload"])
        return str(found[0]["payload"]) if found else ""
