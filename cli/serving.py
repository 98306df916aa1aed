"""``colloquy serve``: the page."""

from __future__ import annotations

import socket
from typing import Annotated

import typer

from cli.console import ingestion_bar, note, settings_for_command, working
from cli.options import KnowledgeBase
from domain.errors import Misconfigured


def serve(
    host: Annotated[str | None, typer.Option(help="Where to listen (COLLOQUY_HOST).", show_default=False)] = None,
    port: Annotated[int | None, typer.Option(help="0 takes any free one (COLLOQUY_PORT).", show_default=False)] = None,
    kb: KnowledgeBase = None,
) -> None:
    """Serve the chat page until interrupted."""
    settings = settings_for_command(host=host, port=port, knowledge_base=kb)
    free = free_port(settings.host, settings.port)  # said at once, not after the models have loaded
    settings = settings.model_copy(update={"port": free})
    with working("loading…"):
        from app import launch

    with ingestion_bar() as tell:
        address = f"http://{_in_url(settings.host)}:{free}/"
        launch(settings, tell, lambda: note(f"Colloquy is at {address} (stop it with Ctrl-C).", style="green"))


def free_port(host: str, port: int) -> int:
    """``port``, or a free one for 0. Raises ``Misconfigured`` when nothing can listen there."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen(1)  # two sockets may be bound to one port; only one may listen
            return int(probe.getsockname()[1])
    except OSError as error:
        raise Misconfigured(
            f"Cannot listen on {host} port {port} ({error.strerror or error}); stop the program that uses it, or "
            "choose another with --port or COLLOQUY_PORT (--host or COLLOQUY_HOST for the address)."
        ) from error


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else "127.0.0.1" if host == "0.0.0.0" else host
