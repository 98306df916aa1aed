"""A real Redis for the memory's tests, one a session; every test brings an owner of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from domain.answer import Answer, AnswerKind
from domain.conversation import Query, Turn
from memory.embedded_server import EmbeddedRedis


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def owner() -> str:
    return f"owner {uuid4()}"


@pytest.fixture
def make_turn() -> Callable[..., Turn]:
    def make(number: int, text: str = "Sixty days.") -> Turn:
        question = f"Question number {number}?"
        return Turn(f"turn-{number}", question, Query(question, question), Answer(text, AnswerKind.QUOTED))

    return make
