from __future__ import annotations

import pytest

from memory.redis_addresses import parsed


def test_one_server_is_left_to_the_client() -> None:
    for url in ("redis://localhost:6379/0", "rediss://:p@host", "unix:///run/redis.sock?db=1"):
        address = parsed(url)
        assert (address.kind, address.url, address.hosts) == ("one", url, ())


def test_sentinels_are_read_with_their_service_and_both_passwords() -> None:
    address = parsed(
        "rediss+sentinel://me:p%40ss@a.example,[::1]:7000/my%20service?sentinel_password=q&ssl_cert_reqs=none"
    )
    assert address.kind == "sentinel"
    assert address.hosts == (("a.example", 26379), ("::1", 7000))
    assert address.service == "my service"
    assert address.options == {"ssl": True, "ssl_cert_reqs": "none", "username": "me", "password": "p@ss"}
    assert address.sentinel_options == {"ssl": True, "ssl_cert_reqs": "none", "password": "q"}


def test_nodes_of_a_cluster_are_read() -> None:
    address = parsed("redis+cluster://:secret@a:7000,b")
    assert (address.kind, address.hosts, address.service) == ("cluster", (("a", 7000), ("b", 6379)), "")
    assert address.options == {"password": "secret"}
    assert "secret" not in repr(address.options.keys())


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("redis+sentinel://a:1", "ends in /service"),
        ("redis+cluster://a:1/0", "in its last host"),
        ("redis+sentinel:///service", "'' is no host"),
        ("redis+cluster://a,,b", "'' is no host"),
        ("redis+cluster://a:port", "[Pp]ort"),
        ("redis+cluster://a?db=1", "db is no option"),
        ("http+cluster://a", "write redis\\+cluster://"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parsed(url)
