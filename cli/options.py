"""Options that several commands share, spelt once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from settings import Settings

KnowledgeBase = Annotated[
    str | None, typer.Option("--kb", metavar="NAME", help="The knowledge base; the default is in settings.toml.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]
Only = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE",
        help="Only documents of this region, audience… (region=UK,IE); KEY==VALUE leaves out those that name none.",
        show_default=False,
    ),
]
ValidOn = Annotated[
    str | None, typer.Option("--valid-on", metavar="DAY", help="Only documents that hold on this day (2026-03-31).")
]


def filtered(settings: Settings, only: Sequence[str] | None, valid_on: str | None) -> Settings:
    """``settings`` with a command's conditions in place of their own. Raises ``Misconfigured`` for unreadable ones."""
    from domain.filters import parse_filter

    changes = {
        "only": settings.retrieval.only if only is None else tuple(only),
        "valid_on": settings.retrieval.valid_on if valid_on is None else valid_on,
    }
    parse_filter(changes["only"], str(changes["valid_on"]))
    return settings.model_copy(update={"retrieval": settings.retrieval.model_copy(update=changes)})
