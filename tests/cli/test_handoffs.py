from __future__ import annotations

import pytest

from cli.handoffs import as_text, find
from domain.answer import Reason
from domain.errors import Misconfigured
from domain.hand_off import Delivery, HandOff, HandOffState
from domain.passage import Place
from memory.hand_off_queue import InMemoryHandOffDesk


def item(item_id: str) -> HandOff:
    place = Place("p1", "d1", "Contact › Shops", "contact.md", (0, 9))
    return HandOff(
        item_id, "f00d", "c1", "shop\x1b[31m in hull?", "Where is the shop in Hull?", Reason.AFTER_ABSTENTION, "kb",
        (place,), 1_790_000_000.0,
    )  # fmt: skip


def test_an_entry_is_shown_with_what_was_searched_and_what_is_near_and_no_control_characters() -> None:
    assert as_text(item("0123456789abcdef")).splitlines() == [
        "01234567  2026-09-21 14:13  open  after_abstention  shop[31m in hull?",
        "    searched: Where is the shop in Hull?",
        "    near: Contact › Shops (contact.md)",
    ]


def test_who_took_it_and_a_webhook_that_failed_are_shown() -> None:
    desk = InMemoryHandOffDesk()
    desk.put(item("x"))
    desk.take("x", "Ann")
    desk.record_delivery("x", Delivery.FAILED, "answered 503")
    taken = desk.get("x")
    assert taken is not None
    assert "taken by Ann" in as_text(taken)
    assert "webhook: answered 503" in as_text(taken)


def test_an_entry_is_found_by_the_beginning_of_its_id() -> None:
    desk = InMemoryHandOffDesk()
    for name in ("abc1", "abc2", "b"):
        desk.put(item(name))
    assert find(desk, "b").id == "b"
    assert find(desk, "abc2").state is HandOffState.OPEN
    with pytest.raises(Misconfigured, match="2 hand-offs begin so"):
        find(desk, "abc")
    with pytest.raises(Misconfigured, match="no hand-off begins so"):
        find(desk, "z")
