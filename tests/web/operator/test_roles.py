"""Who may do what in the console: the roles of accounts, put into the scope as ``web/entrance.py`` does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from bot.assembly_operating import open_desk
from domain.accounts import Role
from domain.answer import AnswerKind
from domain.conversation import Conversation
from domain.errors import PartUnavailable
from domain.feedback import Feedback
from domain.own_files import own_base
from domain.permissions import NEEDED, Permission
from tests.web.operator.host import Clock, ToyHost, toy_host, turn
from web.identity import CALLER, Caller
from web.operator.routes import add_operator


class Opened:
    """The console for a caller of any role."""

    def __init__(self, host: ToyHost) -> None:
        self.host, self.app = host, FastAPI()
        add_operator(self.app, open_desk(host))

    def as_(self, role: Role) -> TestClient:
        async def asked(scope: Scope, receive: Receive, send: Send) -> None:
            scope[CALLER] = Caller("user:1", role, f"the-{role}")
            await self.app(scope, receive, send)

        return TestClient(asked, follow_redirects=False)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    with toy_host(tmp_path_factory.mktemp("roles"), Clock(1_790_078_400.0)) as host:
        host.store.append("ann", "c1", turn(host, "t1", "Is it open?", AnswerKind.ABSTAINED, 0.2))
        yield Opened(host)


PLACES = ("/operator", "/operator/queue", "/operator/knowledge", "/operator/playground", "/operator/dashboards",
          "/operator/settings", "/operator/knowledge/help", "/operator/rows?after=0")  # fmt: skip


@pytest.mark.parametrize(
    ("role", "open_to"), [("reader", ()), ("agent", ("/operator/queue",)), ("operator", PLACES), ("admin", PLACES)]
)
def test_each_role_sees_what_is_its_own(opened: Opened, role: Role, open_to: tuple[str, ...]) -> None:
    client = opened.as_(role)
    seen = {place: client.get(place).status_code for place in PLACES}
    assert seen == {place: 200 if place in open_to else 403 for place in PLACES}


def test_a_refusal_says_which_role_is_needed_and_nothing_else(opened: Opened) -> None:
    reply = opened.as_("reader").get("/operator")
    assert "needs the role “operator”" in reply.text
    assert "Is it open?" not in reply.text


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("/operator/settings", "admin"),
        ("/operator/queue/take", "agent"),
        ("/operator/queue/done", "agent"),
        ("/operator/knowledge/help/rebuild", "operator"),
        ("/operator/knowledge/help/delete", "operator"),
        ("/operator/knowledge/help/upload?file=a.md", "operator"),
        ("/operator/turns/x/answer", "operator"),
        ("/operator/turns/x/hand-over", "operator"),
    ],
)
def test_nobody_changes_what_is_not_theirs_to_change(opened: Opened, path: str, needed: Role) -> None:
    below: dict[Role, Role] = {"admin": "operator", "operator": "agent", "agent": "reader"}
    assert opened.as_(below[needed]).post(path, content=b"").status_code == 403
    assert opened.as_(needed).post(path, content=b"").status_code in (303, 400)


def test_every_permission_has_its_least_role() -> None:
    assert {one.value: NEEDED[one] for one in Permission} == {
        "queue": "agent",
        "cases": "agent",
        "turns": "operator",
        "correct": "operator",
        "knowledge": "operator",
        "playground": "operator",
        "dashboards": "operator",
        "see_settings": "operator",
        "change_settings": "admin",
    }


def test_an_agent_reads_the_turns_of_the_queue_with_their_sources_and_no_others(opened: Opened) -> None:
    store, log = opened.host.store, opened.host.turn_log
    store.append("bob", "c2", turn(opened.host, "t2", "Does a visit cost euros?", AnswerKind.GENERATED, 0.9))
    places = {one.question: f"/operator/queue/turns/{one.reference}" for one in log.recent(10)}
    waiting, answered = places["Is it open?"], places["Does a visit cost euros?"]
    agent = opened.as_("agent")
    queue = agent.get("/operator/queue").text
    assert waiting in queue
    assert "/operator/dashboards" not in queue
    shown = agent.get(waiting)
    assert shown.status_code == 200
    assert "bm25" in shown.text.lower()
    assert "/wrong-passage" not in shown.text  # putting right is the operators'
    assert (agent.get(answered).status_code, "euros" in agent.get(answered).text) == (403, False)
    reference = answered.rsplit("/", 1)[1]
    assert opened.as_("operator").post(f"/operator/turns/{reference}/hand-over").status_code == 303
    assert "Does a visit cost euros?" in agent.get(answered).text
    assert opened.as_("reader").get(waiting).status_code == 403


def test_an_agent_takes_notes_and_finishes_what_waits(opened: Opened) -> None:
    agent, host = opened.as_("agent"), opened.host
    reference = next(one.reference for one in host.turn_log.recent(10) if one.question == "Is it open?")
    key = f"turn:{reference}"
    for action, more in (("take", {}), ("note", {"text": "called back"}), ("done", {})):
        assert agent.post(f"/operator/queue/{action}", data={"key": key, **more}).status_code == 303
    mark = host.book.marks()[key]
    assert (mark.state.value, mark.by, mark.note) == ("done", "the-agent", "called back")
    assert agent.get(f"/operator/queue/turns/{reference}").status_code == 200


def test_what_is_in_a_persons_own_files_is_not_shown(opened: Opened) -> None:
    asked = turn(opened.host, "t3", "What does my contract say?", AnswerKind.ABSTAINED, 0.1)
    opened.host.store.append("cat", "c3", replace(asked, knowledge_base=own_base("cat")))
    reference = next(one.reference for one in opened.host.turn_log.recent(1))
    for role in ("admin", "agent"):
        text = opened.as_(role).get(f"/operator/queue/turns/{reference}").text
        assert "files of a person&#x27;s own" in text
        assert "A person&#x27;s own files" in text
        assert own_base("cat") not in text
        assert not any(one.passage.text[:40] in text for one in asked.evidence)
        assert own_base("cat") not in opened.as_(role).get("/operator/queue").text


def test_what_was_imported_is_neither_listed_nor_counted_nor_queued(opened: Opened) -> None:
    host, desk = opened.host, open_desk(opened.host)

    def seen() -> tuple[list[str], int, int]:
        listed = [one.reference for one in desk.turns.recent(50)]
        return listed, desk.overviews.overview(4000).turns, len(desk.queue.items())

    before = seen()
    forged = turn(host, "t9", "Forged elsewhere?", AnswerKind.ABSTAINED, 0.1)
    host.store.put("dan", Conversation("c9", "dan", "Imported", (forged,)))
    assert host.feedback.give("dan", "c9", "t9", Feedback("down"))
    assert seen() == before
    assert before[1] > 0


def test_who_changed_a_setting_is_named(opened: Opened) -> None:
    sent = {"key": "retrieval.top_k", "value": "7"}
    reply = opened.as_("admin").post("/operator/settings", data=sent)
    assert (reply.status_code, reply.headers["location"]) == (303, "/operator/settings?said=changed")
    entry = opened.host.book.audit(1)[0]
    assert (entry.by, entry.what, entry.old, entry.new) == ("the-admin", "retrieval.top_k", "5", "7")
    assert "disabled" in opened.as_("operator").get("/operator/settings").text


def test_a_part_that_is_down_is_said_and_nothing_more(opened: Opened) -> None:
    class Down:
        def __getattr__(self, name: str) -> object:
            raise PartUnavailable("redis://secret-host does not answer")

    app = FastAPI()
    add_operator(app, replace(open_desk(opened.host), turns=Down()))  # type: ignore[arg-type]
    reply = TestClient(app).get("/operator?turn=x&part=true")
    assert reply.status_code == 503
    assert "secret-host" not in reply.text
