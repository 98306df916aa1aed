"""Colloquy in one place: settings, then the parts they make, then the page. ``make run`` starts this."""

from __future__ import annotations

import sys
from collections.abc import Callable
from threading import Thread

from bot.assembly import assemble
from bot.shipped import ensure_shipped
from retrieval.ingestion import IngestProgress
from settings import Settings
from web.options import ServiceOptions
from web.server import serve


def launch(
    settings: Settings,
    progress: Callable[[IngestProgress], None] | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve the page until interrupted; ``progress`` follows the first ingestion, ``ready`` comes before serving."""
    with assemble(settings) as colloquy:
        access = colloquy.guard.access()  # who may not come in is said before anything takes time
        for _ in ensure_shipped(colloquy, settings.data_dir, progress=progress):
            pass
        Thread(target=colloquy.dialogue, args=(settings.knowledge_base,), daemon=True).start()  # models load meanwhile
        ready()
        options = ServiceOptions(**settings.web.model_dump())
        where = (settings.host, settings.port)
        serve(colloquy, *where, default_knowledge_base=settings.knowledge_base, options=options, access=access)


if __name__ == "__main__":
    from cli.main import main

    sys.exit(main(["serve", *sys.argv[1:]]))
