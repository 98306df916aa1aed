"""``python -m tests.web.demo [PORT]``: the page over the fake assistant, for looking at it by hand."""

from __future__ import annotations

import sys

from tests.web.fakes import FakeAssistant
from web.server import serve

if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 7861
    serve(FakeAssistant(pause_seconds=0.05, knowledge_bases_count=2), port=port, default_knowledge_base="harbourline")
