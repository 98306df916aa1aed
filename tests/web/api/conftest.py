"""One served application for all these tests: a second of building, and nothing in it outlives a test that matters."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.web.api.served import Served
from tests.web.fakes import FakeAssistant


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    served = Served(FakeAssistant(pause_seconds=0, slow_seconds=0.15, knowledge_bases_count=2))
    yield served
    served.close()


@pytest.fixture(scope="session")
def client(served: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, timeout=20) as client:
        yield client
