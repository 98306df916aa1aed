"""What an operator changes in one application holds in another on the same Redis."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bot.assembly import Colloquy, assemble
from domain.errors import UnknownKnowledgeBase
from settings import Settings


def begin_a_turn(assistant: Colloquy) -> None:
    """A turn about nothing: it loads no model, and begins as every other does."""
    with pytest.raises(UnknownKnowledgeBase):
        assistant.stream_reply("ann", "c", "How much?", "nothing")


def test_a_setting_that_is_changed_in_one_application_holds_in_another(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    with assemble(settings) as one, assemble(settings) as other:
        rooms = one.operator.settings, other.operator.settings
        begin_a_turn(other)
        rooms[0].change("retrieval.top_k", "7", "Ann")
        rooms[0].change("weighting.abstain_below", "0.25", "Ann")
        deadline = time.monotonic() + 30
        while other.settings.weighting.abstain_below != 0.25 and time.monotonic() < deadline:
            time.sleep(0.1)
            begin_a_turn(other)
        assert (other.settings.retrieval.top_k, other.settings.weighting.abstain_below) == (7, 0.25)
        # whoever changes a setting knows what was changed elsewhere a moment ago
        rooms[0].change("retrieval.top_k", "9", "Ann")
        rooms[1].change("retrieval.top_k", "8", "Bob")
        assert [(who.by, who.old, who.new) for who in rooms[0].audit(1)] == [("Bob", "9", "8")]
