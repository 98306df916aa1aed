"""What programs ask for beside a conversation: a history they bring along, and whether work may be sent."""

from __future__ import annotations

from bot.service import BroughtAlong, part_states, told
from domain.errors import PartUnavailable
from domain.protocols import MemoryLimits

LIMITS = MemoryLimits(60, 10, 1000)
LOADING = "The models are still being loaded; ask again in a few seconds."


def down() -> None:
    raise PartUnavailable("Redis does not answer; start it.")


def fine() -> None:
    """Answers."""


def test_what_is_brought_along_is_the_history_whoever_asks_and_nothing_is_added_to_it() -> None:
    store = BroughtAlong([("hi", "hello"), ("moving?", "14 days")], LIMITS)
    store.append("anybody", "", told("more", "and more"))
    turns = store.load("anybody", "").turns
    assert [(turn.question, turn.answer.text) for turn in turns] == [("hi", "hello"), ("moving?", "14 days")]
    assert store.limits == LIMITS


def test_every_part_that_an_answer_needs_says_what_is_missing() -> None:
    def gone() -> None:
        raise AssertionError("opening it would load the encoder")

    early = part_states(fine, gone, opened=False, loaded=False)
    broken = part_states(down, down, opened=True, loaded=True)
    ready = part_states(fine, fine, opened=True, loaded=True)
    said = "Redis does not answer; start it."
    assert [(state.part, state.trouble) for state in early] == [
        ("memory", ""), ("knowledge base", LOADING), ("models", LOADING),
    ]  # fmt: skip
    assert [(state.part, state.trouble) for state in broken] == [
        ("memory", said), ("knowledge base", said), ("models", ""),
    ]  # fmt: skip
    assert [state.ready for state in ready] == [True, True, True]
