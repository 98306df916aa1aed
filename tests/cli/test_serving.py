from __future__ import annotations

import socket

import pytest

from cli.serving import free_port
from domain.errors import Misconfigured


def test_a_taken_port_is_named_with_the_ways_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        with pytest.raises(Misconfigured) as caught:
            free_port("127.0.0.1", port)
    told = str(caught.value)
    assert all(part in told for part in (f"port {port}", "--port", "COLLOQUY_PORT"))


def test_a_free_port_is_taken_as_it_is_and_zero_finds_one() -> None:
    found = free_port("127.0.0.1", 0)
    assert found > 0
    assert free_port("127.0.0.1", found) == found


def test_an_address_of_somebody_else_is_refused() -> None:
    with pytest.raises(Misconfigured, match=r"192\.0\.2\.1.*--host"):
        free_port("192.0.2.1", 0)
