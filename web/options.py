"""What whoever starts the server decides about it; each value has its reason in ``settings.toml``, group ``web``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """``turn_limit`` turns are worked on at once over page and API, ``queue_limit`` further ones wait in line.

    A server that goes down finishes its turns for ``shutdown_seconds``, then stops and stores them.
    ``widget_origins``: the sites (``https://shop.example``) whose pages may carry the chat widget.
    """

    turn_limit: int = 16
    queue_limit: int = 256
    shutdown_seconds: float = 20.0
    widget_origins: tuple[str, ...] = ()


DEFAULTS = ServiceOptions()
