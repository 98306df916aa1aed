"""What a Redis address says: one server, a service that Sentinels watch over, or a Cluster.

    redis://host:6379/0   rediss://…   unix:///path/to/socket      one server, as redis-py reads it
    redis+sentinel://host:26379,host:26379/service                 the master of that service, whoever it is now
    redis+cluster://host:6379,host:6379                            any nodes of a Cluster; the others are asked for

``rediss+sentinel`` and ``rediss+cluster`` speak TLS. User and password stand before the first host and are the
servers'; the Sentinels' own are ``?sentinel_username=…&sentinel_password=…``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

_PORTS = {"sentinel": 26379, "cluster": 6379}
_OPTIONS = ("sentinel_username", "sentinel_password", "ssl_ca_certs", "ssl_cert_reqs")


@dataclass(frozen=True, slots=True)
class Address:
    """``hosts`` and what follows are empty for ``one``, whose ``url`` redis-py reads itself. ``options`` are the
    keywords for the servers' connections, ``sentinel_options`` those for the Sentinels'."""

    kind: Literal["one", "sentinel", "cluster"]
    url: str
    hosts: tuple[tuple[str, int], ...] = ()
    service: str = ""
    options: Mapping[str, str | bool] = field(default_factory=dict, repr=False)
    sentinel_options: Mapping[str, str | bool] = field(default_factory=dict, repr=False)


def parsed(url: str) -> Address:
    """The address in ``url``; raises ``ValueError`` for one that names no host, no service or an unknown option."""
    scheme = url.partition("://")[0]
    secure, _, kind = scheme.partition("+")
    if kind not in _PORTS:
        return Address("one", url)
    if secure not in ("redis", "rediss"):
        raise ValueError(f"{scheme} is no scheme; write redis+{kind}:// or rediss+{kind}://")
    parts = urlsplit(url)
    user, _, hosts = parts.netloc.rpartition("@")
    service = unquote(parts.path.strip("/"))
    if (kind == "sentinel") != bool(service):
        raise ValueError("a Sentinel address ends in /service, a Cluster address in its last host")
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := given.keys() - set(_OPTIONS):
        raise ValueError(f"{min(unknown)} is no option of a {kind} address; it takes {', '.join(_OPTIONS)}")
    tls: dict[str, str | bool] = {"ssl": True} if secure == "rediss" else {}
    tls |= {name: value for name, value in given.items() if name.startswith("ssl_")}
    watchers = {name.removeprefix("sentinel_"): v for name, v in given.items() if name.startswith("sentinel_")}
    named = tuple(_host(one, _PORTS[kind]) for one in hosts.split(","))
    return Address(
        "sentinel" if kind == "sentinel" else "cluster", url, named, service, tls | _user(user), tls | watchers
    )


def masked(url: str) -> str:
    """``url`` with its passwords, wherever a Redis address may hold one, replaced by ``***``."""
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        return "an address that cannot be read"
    netloc = parts.netloc
    if password is not None:
        user, _, _ = netloc.rpartition("@")[0].partition(":")
        netloc = f"{user}:***@{netloc.rpartition('@')[2]}"
    query = parts.query
    if "password" in query:
        pairs = [(k, "***" if "password" in k else v) for k, v in parse_qsl(query, keep_blank_values=True)]
        query = urlencode(pairs, safe="*")
    return f"{parts.scheme}://{netloc}{parts.path}{'?' if query else ''}{query}" if parts.scheme else parts.path


def _host(text: str, usual_port: int) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError(f"{text!r} is no host; write host:{usual_port}")
    return parts.hostname, parts.port or usual_port


def _user(text: str) -> dict[str, str | bool]:
    name, _, password = text.partition(":")
    pairs = {"username": unquote(name), "password": unquote(password)}
    return {key: value for key, value in pairs.items() if value}
