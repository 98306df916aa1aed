"""One server over the fake assistant a module, for what people do on the page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.end_to_end.fake_page import Served
from tests.web.fakes import FakeAssistant


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    served = Served(FakeAssistant())
    yield served
    served.close()
