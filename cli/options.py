"""Options that several commands share, spelt once."""

from __future__ import annotations

from typing import Annotated

import typer

KnowledgeBase = Annotated[
    str | None, typer.Option("--kb", metavar="NAME", help="The knowledge base; the default is in settings.toml.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]
