"""How the server goes down: what it has begun it finishes, for so long; what is left it stops, which stores it."""

from __future__ import annotations

import asyncio
import socket

import uvicorn

from web.running import RunningTurns

_STORE_SECONDS = 5.0  # for stopped turns to be written down
_FLUSH_SECONDS = 0.2  # for the last events to reach their readers
_OPEN_SECONDS = 3  # for requests that are no turns; a page's open stream must not keep the server up


class GracefulServer(uvicorn.Server):
    """A server that finishes its turns before it closes connections. A second Ctrl-C does not wait for them."""

    def __init__(self, config: uvicorn.Config, running: RunningTurns, shutdown_seconds: float) -> None:
        super().__init__(config)
        self._running, self._shutdown_seconds = running, shutdown_seconds

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Takes no connection and no turn any more, then waits for those there are."""
        for server in self.servers:
            server.close()
        self._running.close()
        deadline = asyncio.get_running_loop().time() + self._shutdown_seconds
        while self._running.working and not self.force_exit and asyncio.get_running_loop().time() < deadline:
            await self._running.settled(_FLUSH_SECONDS)
        await asyncio.sleep(_FLUSH_SECONDS)
        if not self.force_exit:
            await self._running.settled(_STORE_SECONDS, stop=True)
        await super().shutdown(sockets)


def run(app: object, listener: socket.socket, running: RunningTurns, shutdown_seconds: float) -> None:
    """Serve ``app`` on ``listener`` until interrupted."""
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]  # any ASGI application
        log_config=None,  # its messages go where ours do, past the filter for secrets and personal data
        log_level="warning",
        access_log=False,  # addresses hold searches and the names of conversations
        timeout_graceful_shutdown=_OPEN_SECONDS,
        server_header=False,
    )
    with listener:
        GracefulServer(config, running, shutdown_seconds).run(sockets=[listener])
