"""Hostile requests against the served application, with accounts on: all are refused, and nothing leaks.

One server for the module, on a socket; Ann and Bob have accounts, Olga is an operator. What must never come back to
anybody but Ann is ``SECRET``, which stands in her conversation.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import pytest

from domain.access import Access
from domain.accounts import Limit
from memory.in_memory_accounts import InMemoryAccounts, InMemoryRateLimiter
from memory.passwords import Passwords
from tests.web.api.served import Served
from tests.web.fakes import FakeAssistant

GOOD = "four words that rhyme"
SECRET = "zebra-4711"
TALK = "conversation-of-ann"
ONE_JSON = {"accept": "application/json"}
SCRIPT = "<script>window.hacked=1</script><img src=x onerror=alert(1)>"


class World:
    """The server, and what it takes to be somebody on it."""

    def __init__(self) -> None:
        self.accounts = InMemoryAccounts(3600, Passwords(passes=1, memory_kib=32))
        for name, role in (("ann", "reader"), ("bob", "reader"), ("olga", "operator")):
            self.accounts.add(name, GOOD, role)  # type: ignore[arg-type]
        access = Access(
            self.accounts,
            InMemoryRateLimiter(),
            log_ins=Limit("log-ins", 10_000, 1),
            hosts=frozenset({"127.0.0.1", "help.example"}),
            max_body_bytes=64 * 1024,
            max_upload_bytes=256 * 1024,
        )
        self.served = Served(FakeAssistant(pause_seconds=0), access=access)
        self.url = self.served.url
        self.sessions = {name: self._session(name) for name in ("ann", "bob", "olga")}
        issued = self.accounts.issue_key("bob", "tests")
        assert issued is not None
        self.key = issued[0]
        asked = self.as_user("ann").post(
            f"/api/v1/conversations/{TALK}/turns",
            json={"message": f"moving {SECRET} {SCRIPT}"},
            headers=ONE_JSON,
        )
        assert asked.status_code == 200, asked.text
        self.turn = asked.json()["turn"]["id"]

    def _session(self, name: str) -> str:
        entered = self.accounts.log_in(name, GOOD)
        assert entered is not None
        return entered[0]

    def stranger(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=20)

    def as_user(self, name: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=20, cookies={"colloquy_session": self.sessions[name]})


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World()
    yield world
    world.served.close()


@pytest.fixture(scope="module")
def stranger(world: World) -> Iterator[httpx.Client]:
    with world.stranger() as client:
        yield client


@pytest.fixture(scope="module")
def bob(world: World) -> Iterator[httpx.Client]:
    with world.as_user("bob") as client:
        yield client


@pytest.fixture(scope="module")
def ann(world: World) -> Iterator[httpx.Client]:
    with world.as_user("ann") as client:
        yield client


def leaks_nothing(reply: httpx.Response) -> None:
    """No secret, no traceback, no path of the server, and the headers that every reply carries."""
    said = reply.text + repr(reply.headers)
    for word in (SECRET, "Traceback", "site-packages", "/tests/", ".py"):
        assert word not in said
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors" in reply.headers["content-security-policy"]


# --- nobody comes in without saying who they are ---------------------------------------------------------------------

PLACES = [
    "/", "/config", "/gradio_api/info", "/gradio_api/queue/data?session_hash=x", "/gradio_api/heartbeat/x",
    "/document?kb=harbourline&id=moving", f"/explanation?conversation={TALK}&turn=t", f"/export?c={TALK}",
    "/found?q=zebra", "/api/v1/conversations", f"/api/v1/conversations/{TALK}", "/api/v1/me/data",
    "/api/v1/knowledge-bases", "/v1/models", "/operator", "/operator/knowledge", "/metrics", "/log-out",
    "/static/../settings.toml", "//log-in", "/log-in/", "/log-in/../api/v1/conversations", "/LOG-IN",
    "/log-in%00", "/healthz/../api/v1/conversations", "/%2e%2e/settings.toml",
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_a_stranger_is_let_in_nowhere(world: World, stranger: httpx.Client, place: str) -> None:
    reply = raw(world.url, f"GET {place} HTTP/1.1", "Accept: application/json")
    assert reply.startswith("HTTP/1.1 401 "), reply[:200]
    assert SECRET not in reply


def test_a_person_is_sent_to_the_log_in_page_and_back(stranger: httpx.Client) -> None:
    reply = stranger.get("/?c=abc&d=%22%3E", headers={"accept": "text/html"})
    assert reply.status_code == 303
    assert reply.headers["location"].startswith("/log-in?next=/%3Fc%3Dabc")
    assert '"' not in reply.headers["location"]


@pytest.mark.parametrize("place", ["/healthz", "/log-in"])
def test_health_and_the_log_in_page_tell_nothing_about_anybody(stranger: httpx.Client, place: str) -> None:
    reply = stranger.get(place)
    assert reply.status_code == 200
    leaks_nothing(reply)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "HEAD"])
def test_no_method_gets_around_the_door(stranger: httpx.Client, method: str) -> None:
    assert stranger.request(method, f"/api/v1/conversations/{TALK}").status_code in (401, 405)


# --- made-up, stolen and foreign secrets ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cookie",
    [
        "colloquy_session=" + "a" * 43,
        "colloquy_session=",
        "colloquy_session=admin",
        "colloquy_session=../../ann",
        "colloquy_session=*",
        "colloquy_session=" + "a" * 30_000,
        'colloquy_session="; colloquy_owner=user:1',
        "colloquy_owner=" + "a" * 43,
        "colloquy_owner=user:1; colloquy_session=user:1",
        "colloquy_session=%00%0d%0a",
    ],
    ids=range(10),
)
def test_a_made_up_cookie_is_nobodys(stranger: httpx.Client, cookie: str) -> None:
    reply = stranger.get("/api/v1/conversations", headers={"cookie": cookie})
    assert reply.status_code == 401
    leaks_nothing(reply)


@pytest.mark.parametrize(
    "sent",
    ["Bearer " + "a" * 46, "Bearer", "Basic YW5uOng=", "cq_" + "a" * 43, "Bearer cq_*", "bearer a b"],
)
def test_a_made_up_key_is_nobodys_even_beside_a_good_cookie(bob: httpx.Client, sent: str) -> None:
    reply = bob.get("/api/v1/conversations", headers={"authorization": sent})
    assert (reply.status_code, reply.headers["www-authenticate"]) == (401, 'Bearer realm="colloquy"')


def test_a_session_is_no_key_and_a_key_no_session(world: World, stranger: httpx.Client) -> None:
    by_key = {"authorization": f"Bearer {world.key}"}
    assert stranger.get("/api/v1/conversations", headers=by_key).status_code == 200
    as_cookie = {"cookie": f"colloquy_session={world.key}"}
    assert stranger.get("/api/v1/conversations", headers=as_cookie).status_code == 401
    as_key = {"authorization": f"Bearer {world.sessions['ann']}"}
    assert stranger.get("/api/v1/conversations", headers=as_key).status_code == 401


@pytest.mark.parametrize(
    ("method", "place"),
    [
        ("GET", f"/api/v1/conversations/{TALK}"),
        ("DELETE", f"/api/v1/conversations/{TALK}"),
        ("GET", f"/api/v1/conversations/{TALK}/turns/TURN/trace"),
        ("GET", f"/api/v1/conversations/{TALK}/turns/TURN/explanation"),
        ("GET", f"/api/v1/conversations/{TALK}/export"),
        ("GET", f"/explanation?conversation={TALK}&turn=TURN"),
        ("GET", f"/follow-ups?conversation={TALK}"),
        ("GET", f"/export?c={TALK}&kind=json"),
        ("GET", "/found?q=zebra"),
        ("GET", "/api/v1/me/data"),
        ("GET", "/api/v1/conversations"),
    ],
)
def test_another_owners_conversation_is_as_one_that_never_was(
    world: World, bob: httpx.Client, ann: httpx.Client, method: str, place: str
) -> None:
    reply = bob.request(method, place.replace("TURN", world.turn))
    assert reply.status_code < 500
    assert SECRET not in reply.text
    assert SECRET in ann.get(f"/api/v1/conversations/{TALK}").text


@pytest.mark.parametrize("owner", ["ann", "user:ann", "../ann", "*", "admin"])
def test_no_header_makes_somebody_else_of_the_sender(bob: httpx.Client, owner: str) -> None:
    names = ("x-colloquy-owner", "x-forwarded-user", "x-remote-user", "x-user", "x-colloquy-visitor")
    reply = bob.get(f"/api/v1/conversations/{TALK}", headers=dict.fromkeys(names, owner))
    assert reply.status_code == 404
    leaks_nothing(reply)


@pytest.mark.parametrize("place", ["/operator", "/operator/knowledge", "/operator/settings", "/operator/queue"])
def test_a_reader_sees_nothing_of_the_operators_console(bob: httpx.Client, place: str) -> None:
    reply = bob.get(place, headers={"accept": "text/html"})
    assert reply.status_code in (403, 404)
    assert SECRET not in reply.text


# --- logging in ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "goal",
    [
        "//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/\t/evil.example",
        "\\\\evil.example", "/%0d%0aset-cookie:a=b", "/\r\nset-cookie: a=b", "evil.example", "http:/evil", "", "/ /x",
        "///evil.example", "/\x00", "/" + "a" * 5000, "data:text/html,x",
    ],
    ids=range(16),
)  # fmt: skip
def test_the_log_in_page_leads_nowhere_else(stranger: httpx.Client, goal: str) -> None:
    with httpx.Client(base_url=stranger.base_url) as fresh:
        reply = fresh.post("/log-in", data={"name": "bob", "password": GOOD, "next": goal})
    assert reply.status_code == 303
    place = urlsplit(reply.headers["location"])
    assert (place.scheme, place.netloc) == ("", "")
    assert reply.headers["location"].startswith("/")
    assert not reply.headers["location"].startswith(("//", "/\\"))
    assert reply.headers.get_list("set-cookie") == [reply.headers["set-cookie"]]
    assert "a=b" not in reply.headers["set-cookie"]


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ann", "wrong"), ("nobody", GOOD), ("", ""), ("ann' OR 1=1 --", "x"), ("ann\r\nset-cookie: a=b", "x"),
        ("*", "*"), (SCRIPT, SCRIPT), ("ann", "x" * 5000), ("{ann}", "$(id)"), ("ａｎｎ", GOOD), ("ann\u200b", GOOD),
        ("ann\u0000", GOOD), ("аnn", GOOD),
    ],
    ids=range(13),
)  # fmt: skip
def test_a_wrong_name_or_password_is_told_in_the_same_words(stranger: httpx.Client, name: str, password: str) -> None:
    reply = stranger.post("/log-in", data={"name": name, "password": password, "next": f'/"{SCRIPT}'})
    assert reply.status_code == 401
    assert "Name and password do not go together" in reply.text
    assert "set-cookie" not in reply.headers
    assert SCRIPT not in reply.text
    leaks_nothing(reply)


def test_a_session_cookie_is_out_of_reach_of_scripts_and_other_sites_and_new_at_every_log_in(world: World) -> None:
    with world.stranger() as client:
        planted = {"cookie": "colloquy_session=" + "b" * 43}
        form = {"name": "bob", "password": GOOD}
        first = client.post("/log-in", data=form, headers=planted).headers["set-cookie"]
        second = client.post("/log-in", data=form).headers["set-cookie"]
    assert "b" * 43 not in first
    assert first != second
    for cookie in (first, second):
        assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))


def test_behind_https_cookies_are_secure_and_the_browser_is_told_to_stay_there(world: World) -> None:
    with world.stranger() as client:
        headers = {"x-forwarded-proto": "https"}  # uvicorn believes it of this machine only
        reply = client.post("/log-in", data={"name": "bob", "password": GOOD}, headers=headers)
    assert "Secure" in reply.headers["set-cookie"]
    assert reply.headers["strict-transport-security"] == "max-age=31536000"


def test_whoever_logs_out_is_out_wherever_the_cookie_was_copied_to(world: World) -> None:
    with world.stranger() as client:
        client.post("/log-in", data={"name": "bob", "password": GOOD})
        copied = dict(client.cookies)
        assert client.get("/api/v1/conversations").status_code == 200
        assert client.get("/log-out").status_code == 200  # a link that somebody plants logs nobody out
        assert client.get("/api/v1/conversations").status_code == 200
        client.post("/log-out")
    with httpx.Client(base_url=world.url, cookies=copied) as thief:
        assert thief.get("/api/v1/conversations").status_code == 401


# --- other sites' pages ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "http://127.0.0.1.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example", "sec-fetch-site": "none"},
        {"origin": "file://"},
        {"origin": "https://["},
    ],
    ids=range(9),
)
@pytest.mark.parametrize(
    "place", ["/log-in", "/log-out", "/gradio_api/queue/join", f"/api/v1/conversations/{TALK}/turns", "/upload?name=a"]
)
def test_another_sites_page_changes_nothing(ann: httpx.Client, headers: dict[str, str], place: str) -> None:
    reply = ann.post(place, headers={**headers, "content-type": "text/plain"}, content=b"{}")
    assert reply.status_code == 403
    leaks_nothing(reply)


def test_who_is_refused_may_finish_what_they_were_sending_and_hears_why(world: World) -> None:
    at = urlsplit(world.url)
    head = ("POST /log-in HTTP/1.1", f"Host: {at.netloc}", "Origin: https://evil.example", "Content-Length: 2000")
    with socket.create_connection((str(at.hostname), int(at.port or 0)), timeout=10) as line:
        line.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + b"a" * 1000)
        told = line.recv(4096)
        line.sendall(b"a" * 500)
        line.sendall(b"a" * 500)
        while more := line.recv(4096):  # a server that had closed would reset the connection here
            told += more
    assert told.startswith(b"HTTP/1.1 403 ")
    assert b"another site's page" in told


def test_our_own_page_may(world: World, ann: httpx.Client) -> None:
    headers = {"origin": world.url, "sec-fetch-site": "same-origin"}
    assert ann.post("/api/v1/conversations", headers=headers).status_code == 201


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "", "a b", "[::"])
def test_a_name_that_somebody_made_point_here_is_not_ours(world: World, host: str) -> None:
    reply = raw(world.url, "GET /healthz HTTP/1.1", host=host)
    assert reply.startswith(("HTTP/1.1 421 ", "HTTP/1.1 400 "))


def test_a_name_that_the_settings_add_is_ours(world: World) -> None:
    assert raw(world.url, "GET /healthz HTTP/1.1", host="help.example:443").startswith("HTTP/1.1 200 ")


# --- sizes and shapes ------------------------------------------------------------------------------------------------


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(world: World) -> None:
    reply = raw(world.url, "POST /log-in HTTP/1.1", "Content-Length: 999999999")
    assert reply.startswith("HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "place", ["/log-in", "/gradio_api/queue/join", f"/api/v1/conversations/{TALK}/turns", "/upload?name=a.txt"]
)
def test_a_body_that_never_ends_is_cut_off(ann: httpx.Client, place: str) -> None:
    reply = ann.post(place, content=(b"a" * 65_536 for _ in range(6)))
    assert reply.status_code == 413
    leaks_nothing(reply)


@pytest.mark.parametrize("length", ["-1", "1e3", "0x10", "99999999999999999999", "١"])
def test_a_length_that_is_no_number_is_refused(world: World, length: str) -> None:
    reply = raw(world.url, "POST /log-in HTTP/1.1", f"Content-Length: {length}")
    assert reply.startswith(("HTTP/1.1 400 ", "HTTP/1.1 413 "))


def test_headers_without_end_are_refused(world: World) -> None:
    assert raw(world.url, "GET /healthz HTTP/1.1", f"A: {'a' * 200_000}").startswith(("HTTP/1.1 400 ", "HTTP/1.1 431 "))
    many = "\r\n".join(f"A{n}: b" for n in range(500))
    assert raw(world.url, "GET /healthz HTTP/1.1", many).startswith("HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 60_000,
        b'{"message":' * 5_000,
        b'{"message": NaN}',
        b'{"message": ' + b"9" * 60_000 + b"}",
        b'{"message": ["x"]}',
        b'{"message": "x", "knowledge_base": "../../etc/passwd"}',
        b'{"message": "x", "knowledge_base": {"$ne": ""}}',
        b"\xff\xfe\x00",
        b'{"message": "\\ud800"}',
        b"",
        b"{}",
        b'{"message": ""}',
    ],
    ids=range(12),
)
def test_json_made_to_harm_is_refused(ann: httpx.Client, body: bytes) -> None:
    headers = {"content-type": "application/json", "accept": "application/json"}
    reply = ann.post("/api/v1/conversations/json-of-ann/turns", content=body, headers=headers)
    assert reply.status_code < 500
    leaks_nothing(reply)


@pytest.mark.parametrize(
    "place",
    [
        "/document?kb=harbourline&id=../../settings.toml",
        "/document?kb=../../etc&id=passwd",
        "/document?kb=harbourline&id=%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/document?kb=harbourline&id=file:///etc/passwd",
        "/document?kb=harbourline&id=moving%00.md",
        "/api/v1/knowledge-bases/harbourline/documents/../../../settings.toml",
        "/api/v1/knowledge-bases/harbourline/documents/%2e%2e%2f%2e%2e%2fsettings.toml",
        "/api/v1/knowledge-bases/..%2f..%2fetc/documents/passwd",
        "/api/v1/knowledge-bases/own-0000000000000000000000000000000000000000/search?q=zebra",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=../settings.toml",
        "/gradio_api/proxy=http://169.254.169.254/",
        "/gradio_api/stream/a/b/c/playlist.m3u8",
        "/static/%2e%2e/%2e%2e/settings.toml",
        "/assets/..%2f..%2f..%2fsettings.toml",
        "/api/v1/conversations/..%2f..%2fann",
        "/export?c=../../etc/passwd",
    ],
)
def test_no_path_leads_out_of_the_knowledge_base(ann: httpx.Client, place: str) -> None:
    reply = ann.get(place)
    assert reply.status_code in (400, 403, 404, 405, 422), reply.text[:200]
    assert "root:" not in reply.text
    assert "data_dir" not in reply.text


@pytest.mark.parametrize(
    "name", ["../../evil.sh", "a.exe", "a\x00.md", SCRIPT + ".exe", "/etc/passwd", "a" * 5000 + ".exe"]
)
def test_a_file_with_a_hostile_name_is_refused_or_stored_under_a_tame_one(ann: httpx.Client, name: str) -> None:
    reply = ann.post("/upload", params={"name": name}, content=b"MZ\x90\x00\x00 not a document")
    assert reply.status_code in (400, 422)
    assert reply.headers["content-type"].startswith("application/json")
    leaks_nothing(reply)


# --- what is shown ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place",
    [
        "/document?kb=harbourline&id=router",
        "/document?kb=harbourline&id=router&quote=" + SCRIPT,
        "/document?kb=" + SCRIPT + "&id=" + SCRIPT,
        f"/explanation?conversation={TALK}&turn=" + SCRIPT,
        "/found?q=" + SCRIPT,
        "/log-in?next=/" + SCRIPT,
        "/operator?x=" + SCRIPT,
        "/%3Cscript%3Ealert(1)%3C/script%3E",
    ],
)
def test_nothing_that_was_sent_or_stored_becomes_markup(ann: httpx.Client, place: str) -> None:
    reply = ann.get(place, headers={"accept": "text/html"})
    if reply.headers.get("content-type", "").startswith("text/html"):
        assert "<script>window.hacked" not in reply.text
        assert "onerror=alert(1)>" not in reply.text.replace("&gt;", "")
    assert reply.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("kind", ["md", "json", "pdf"])
def test_an_export_covers_personal_data_where_that_is_asked_for(ann: httpx.Client, kind: str) -> None:
    typed = "moving: write to ann@mail.example about ORD-2026-77"
    sent = ann.post("/api/v1/conversations/export-of-ann/turns", json={"message": typed}, headers=ONE_JSON)
    assert sent.status_code == 200
    asked = {"c": "export-of-ann", "kind": kind}
    plain, covered = ann.get("/export", params=asked), ann.get("/export", params={**asked, "covered": "1"})
    assert plain.headers["content-disposition"].startswith("attachment; ")
    if kind != "pdf":  # whose text is packed
        assert "ann@mail.example" in plain.text
        assert "[e-mail••••••••] about ORD-2026-77" in covered.text.replace("\\", "")  # Markdown escapes brackets
    assert "ann@mail.example" not in covered.text


def test_a_message_in_an_export_is_no_markup_and_is_saved_not_shown(ann: httpx.Client) -> None:
    reply = ann.get(f"/api/v1/conversations/{TALK}")
    assert reply.headers["content-type"] == "application/json"
    assert SCRIPT in json.loads(reply.text)["turns"][0]["question"]


@pytest.mark.parametrize("value", ["en\r\nset-cookie: a=b", "zh%0d%0aset-cookie:%20a=b", "\x00", "é" * 500])
def test_no_header_of_the_request_comes_back_as_one_of_the_reply(world: World, value: str) -> None:
    reply = raw(world.url, f"GET /log-in?next={value.replace(' ', '+')} HTTP/1.1", f"Accept-Language: {value}")
    head = reply.partition("\r\n\r\n")[0].lower()
    assert "set-cookie" not in head


def raw(url: str, request: str, headers: str = "", *, host: str = "127.0.0.1") -> str:
    """The reply to a request that a well-behaved client would not send, as text."""
    place = urlsplit(url)
    assert place.port is not None
    with socket.create_connection(("127.0.0.1", place.port), timeout=10) as connection:
        head = f"{request}\r\nHost: {host}\r\nConnection: close\r\n{headers}" + ("\r\n" if headers else "")
        received = b""
        with suppress(BrokenPipeError, ConnectionResetError):  # it had heard enough
            connection.sendall(f"{head}\r\n".encode("utf-8", "surrogateescape"))
        with suppress(ConnectionResetError):
            while more := connection.recv(65_536):
                received += more
    return received.decode("latin-1")
