"""Files that a person brought along, and everybody else: whatever address they try, there is no such knowledge base.

Ann and Bob have accounts, Olga is an operator, Sue a visitor of another site's page with the chat widget.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from domain.access import Access
from domain.own_files import own_base
from memory.in_memory_accounts import InMemoryAccounts
from memory.passwords import Passwords
from tests.web.api.served import Served
from tests.web.fakes import FakeAssistant

GOOD = "four words that rhyme"
SECRET = "zebra-4711"
LEASE = f"# Lease\n\n## Deposit\n\nThe deposit of {SECRET} is two months of rent.\n".encode()
ONE_JSON = {"accept": "application/json"}
SHOP = "https://shop.example"


class World:
    """A server with a file of Ann's in it."""

    def __init__(self) -> None:
        accounts = InMemoryAccounts(3600, Passwords(passes=1, memory_kib=32))
        ann = accounts.add("ann", GOOD, "reader")
        accounts.add("bob", GOOD, "reader")
        accounts.add("olga", GOOD, "operator")
        access = Access(accounts, hosts=frozenset({"127.0.0.1"}), origins=frozenset({SHOP}))
        self.assistant = FakeAssistant(pause_seconds=0)
        self.served = Served(self.assistant, access=access)
        self.people = {name: self._client(accounts, name) for name in ("ann", "bob", "olga")}
        self.owner, self.base = ann.owner, own_base(ann.owner)
        [self.document] = self.assistant.files.upload(ann.owner, "lease.md", LEASE)

    def _client(self, accounts: InMemoryAccounts, name: str) -> httpx.Client:
        entered = accounts.log_in(name, GOOD)
        assert entered is not None
        return httpx.Client(base_url=self.served.url, timeout=20, cookies={"colloquy_session": entered[0]})

    def filled(self, text: str) -> str:
        return text.replace("BASE", self.base).replace("DOC", self.document.id)

    def close(self) -> None:
        for client in self.people.values():
            client.close()
        self.served.close()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


TRIES = [
    ("GET", "/api/v1/knowledge-bases/BASE/search?q=deposit", None),
    ("GET", "/api/v1/knowledge-bases/BASE/documents", None),
    ("GET", "/api/v1/knowledge-bases/BASE/documents/DOC", None),
    ("GET", "/api/v1/knowledge-bases/BASE/documents/DOC?start=0&end=9999", None),
    ("POST", "/api/v1/conversations/conversation-1/turns", {"message": "the deposit?", "knowledge_base": "BASE"}),
    ("GET", "/v1/models/BASE", None),
    ("POST", "/v1/chat/completions", {"model": "BASE", "messages": [{"role": "user", "content": "the deposit?"}]}),
    ("GET", "/document?kb=BASE&id=DOC", None),
    ("GET", "/document?kb=BASE&id=DOC&start=0&end=40&quote=deposit&part=1", None),
    ("DELETE", "/upload?id=DOC", None),
]
"""(method, address, body) of everything that takes the name of a knowledge base or of a document of one's own."""


@pytest.mark.parametrize("person", ["bob", "olga"])
@pytest.mark.parametrize(("method", "address", "body"), TRIES, ids=range(len(TRIES)))
def test_whoever_is_not_the_owner_finds_nothing_there(
    world: World, person: str, method: str, address: str, body: object
) -> None:
    sent = world.filled(json.dumps(body)).encode() if body else None
    headers = {"content-type": "application/json", **ONE_JSON}
    reply = world.people[person].request(method, world.filled(address), content=sent, headers=headers)
    assert reply.status_code == 404, reply.text
    assert SECRET not in reply.text
    assert world.assistant.files.list(world.owner) == [world.document]


@pytest.mark.parametrize(
    ("method", "address", "body"), [one for one in TRIES if one[0] != "DELETE"], ids=range(len(TRIES) - 1)
)
def test_the_owner_finds_it_at_the_same_address(world: World, method: str, address: str, body: object) -> None:
    sent = world.filled(json.dumps(body)).encode() if body else None
    headers = {"content-type": "application/json", **ONE_JSON}
    reply = world.people["ann"].request(method, world.filled(address), content=sent, headers=headers)
    assert reply.status_code == 200, reply.text


@pytest.mark.parametrize("address", ["/api/v1/knowledge-bases", "/v1/models", "/metrics"])
def test_only_the_owner_is_told_that_it_exists(world: World, address: str) -> None:
    told = {name: world.base in client.get(address).text for name, client in world.people.items()}
    assert told == {"ann": address != "/metrics", "bob": False, "olga": False}


def test_a_visitor_of_another_site_cannot_ask_it(world: World) -> None:
    headers = {"origin": SHOP, "x-colloquy-visitor": "v" * 43, **ONE_JSON}
    asked = {"message": "the deposit?", "knowledge_base": world.base}
    with httpx.Client(base_url=world.served.url, headers=headers) as sue:
        reply = sue.post("/api/v1/conversations/conversation-2/turns", json=asked)
    assert reply.status_code == 404
    assert SECRET not in reply.text


def test_a_forged_archive_that_cites_it_opens_nothing(world: World) -> None:
    ann, bob = world.people["ann"], world.people["bob"]
    asked = {"message": "the deposit?", "knowledge_base": world.base}
    assert ann.post("/api/v1/conversations/conversation-3/turns", json=asked, headers=ONE_JSON).status_code == 200
    archive = ann.get("/api/v1/conversations/conversation-3/export").text
    assert SECRET in archive
    forged = archive.replace(SECRET, "x" * len(SECRET))  # Bob knows the names and not what is in the file
    taken = bob.post("/api/v1/import", content=forged.encode()).json()["id"]
    again = {"message": "what is in it?", "knowledge_base": world.base}
    for reply in (
        bob.get(f"/api/v1/conversations/{taken}"),
        bob.get(f"/follow-ups?conversation={taken}"),
        bob.get(f"/export?c={taken}&kind=md"),
        bob.get(f"/api/v1/conversations/{taken}/export?format=markdown"),
        bob.post(f"/api/v1/conversations/{taken}/turns", json=again, headers=ONE_JSON),
    ):
        assert reply.status_code in (200, 404)
        assert SECRET not in reply.text
