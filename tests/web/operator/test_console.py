"""The operators' console in a real browser, over real stores (``host.py``): each tab, each action, each look."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import httpx
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from domain.answer import AnswerKind
from domain.hand_off import HandOffState
from domain.turn_log import TurnFilter
from tests.end_to_end.browsing import DESKTOP, PHONE, chromium, needs_chromium
from tests.web.operator.host import Clock, OperatedService, ToyHost, filled, toy_host, turn
from web.server import build_app, listen

pytestmark = needs_chromium
PATIENCE_MS = 15_000
MOVING = "What does moving cost?"
STAFF = "do you price match ex-staff deals"


@contextmanager
def served(service: OperatedService) -> Iterator[str]:
    """The whole application on a free port."""
    listener = listen("127.0.0.1", 0)
    app = build_app(service, default_knowledge_base="help")
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
    listener.close()


class Console:
    """What the tests of this module share: the host behind the page, and where the page is."""

    def __init__(self, host: ToyHost, url: str) -> None:
        self.host, self.url = host, url

    @property
    def operator(self) -> str:
        return f"{self.url}/operator"


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    now = time.time()
    clock = Clock(now)
    with toy_host(tmp_path_factory.mktemp("console"), clock) as host:
        desk = filled(host, clock, now)
        with served(OperatedService(desk)) as url:
            yield Console(host, url)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(PATIENCE_MS) as opened:
        yield opened


@pytest.fixture(scope="module")
def shared(browser: Browser, console: Console) -> Iterator[Page]:
    """One page for the module: what each test needs of it, it opens itself."""
    context = browser.new_context(viewport=DESKTOP, color_scheme="light")  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    yield page
    context.close()


@pytest.fixture
def page(shared: Page, console: Console) -> Iterator[Page]:
    """The shared page, which may neither raise an error nor ask another host for anything."""
    wrong: list[str] = []
    foreign: list[str] = []

    def look(url: str) -> None:
        if not url.startswith((console.url, "data:", "blob:")):
            foreign.append(url)

    shared.on("pageerror", lambda error: wrong.append(str(error)))
    shared.on("request", lambda request: look(request.url))
    yield shared
    assert (wrong, foreign) == ([], [])


def reference(console: Console, question: str, kind: AnswerKind | None = None) -> str:
    """The newest turn of that question."""
    kinds = frozenset({kind}) if kind else frozenset()
    found = console.host.turn_log.recent(100, where=TurnFilter(kinds=kinds))
    return next(one.reference for one in found if one.question == question)


def open_turn(page: Page, console: Console, question: str) -> str:
    ref = reference(console, question)
    page.goto(f"{console.operator}?turn={ref}")
    return ref


# --- sessions --------------------------------------------------------------------------------------------------------


def test_a_turn_opens_beside_the_list_and_has_an_address(page: Page, console: Console) -> None:
    page.goto(console.operator)
    expect(page.locator("#turn")).to_contain_text("Choose a turn")
    page.locator(".turn-row", has_text=MOVING).first.click()
    expect(page.locator("#turn .question")).to_have_text(MOVING)
    assert f"turn={reference(console, MOVING)}" in page.url
    expect(page.locator(".turn-row[aria-current]")).to_contain_text(MOVING)
    page.go_back()
    expect(page.locator("#turn")).to_contain_text("Choose a turn")


def test_filters_narrow_the_list_and_stand_in_the_address(page: Page, console: Console) -> None:
    page.goto(console.operator)
    page.select_option("select[name=kind]", "abstained")
    page.wait_for_url("**kind=abstained**")
    assert set(page.locator(".turn-row .kind").all_inner_texts()) == {"not answered"}
    page.goto(f"{console.operator}?verdict=down")
    assert set(page.locator(".turn-row .verdict").all_inner_texts()) == {"− bad"}
    page.fill("input[name=text]", "unicorns")
    page.press("input[name=text]", "Enter")
    expect(page.locator(".list .none")).to_contain_text("No turns here")


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("text=price+match", STAFF),
        ("confidence=0.9-1", MOVING),
        ("kind=quoted,clarifying", "A red light, what now?"),
        ("kb=nowhere", None),
        ("since=2020-01-01&until=2020-01-31", None),
        ("since=yesterday&confidence=high", "hello"),
    ],
)
def test_every_filter_works_without_a_script(console: Console, query: str, first: str | None) -> None:
    html = httpx.get(f"{console.operator}?{query}").text
    rows = html.split('<span class="asked">')[1:]
    if first is None:
        assert rows == []
    else:
        questions = [row.split("<")[0] for row in rows]
        assert first in questions
        assert len(questions) < 26 or "yesterday" in query


def test_a_new_turn_appears_by_itself_and_is_announced(page: Page, console: Console) -> None:
    page.goto(console.operator)
    before = page.locator(".turn-row").count()
    question = "Is there a <b>new</b> question?"
    console.host.store.append("carol", "c9", turn(console.host, "new1", question, AnswerKind.GENERATED, 0.8))
    expect(page.locator(".turn-row").first).to_contain_text(question)
    expect(page.locator("#announcer")).to_have_text("1 new")
    assert page.locator(".turn-row").count() == before + 1
    page.wait_for_timeout(2200)
    assert page.locator(".turn-row").count() == before + 1
    console.host.store.delete("carol", "c9")


def test_older_turns_are_a_page_away(page: Page, console: Console) -> None:
    for number in range(40):
        console.host.store.append("dave", "c8", turn(console.host, f"m{number}", "again?", AnswerKind.GENERATED, 0.8))
    page.goto(console.operator)
    assert page.locator(".turn-row").count() == 40
    page.get_by_role("link", name="Older turns").click()
    expect(page.locator(".turn-row").first).to_contain_text("hello")
    console.host.store.delete("dave", "c8")


def test_a_turn_that_is_gone_is_said(page: Page, console: Console) -> None:
    page.goto(f"{console.operator}?turn=nowhere")
    expect(page.locator("#turn")).to_contain_text("This turn is gone")


# --- one turn --------------------------------------------------------------------------------------------------------


def test_a_turn_shows_everything_that_is_in_its_trace(page: Page, console: Console) -> None:
    open_turn(page, console, MOVING)
    detail = page.locator(".turn-detail")
    for said in (
        f"{MOVING} for Fibre 100", "it leans on what was said", "gate .97", "520 ms", "rewrite 61 ms", "write 210 ms",
        ".71/1", "14.2/1", ".93", "[1]", "λ .71, adaptive", "beam 1 ✓ chosen", "quote 1", "and so on and so",
        "whole conversation",
    ):  # fmt: skip
        expect(detail).to_contain_text(said)
    page.get_by_text("All figures the confidence came from").click()
    expect(detail).to_contain_text("gap 1.2")
    page.locator(".passages details summary").first.click()
    expect(detail).to_contain_text("fusion_score 0.03")


def test_why_is_worked_out_on_demand(page: Page, console: Console) -> None:
    open_turn(page, console, MOVING)
    assert page.locator(".explanation").count() == 0
    page.get_by_role("link", name="Work out why").click()
    expect(page.locator(".explanation .why")).to_have_text("The first passage says it.")
    expect(page.locator(".passages td.effect").first).to_contain_text("−3.1 nats")
    expect(page.locator(".explanation .heat").first).to_be_visible()


def test_a_corrected_answer_is_kept_to_learn_from(page: Page, console: Console) -> None:
    open_turn(page, console, MOVING)
    page.get_by_text("Correct the answer", exact=True).click()
    form = page.locator("form[action$='/answer']")
    form.locator("textarea").fill("Moving costs twenty pounds.")
    form.locator("select").select_option(index=1)
    form.locator("[name=note]").fill("see the fee list")
    form.get_by_role("button", name="Keep").click()
    expect(page.locator(".said")).to_contain_text("Kept")
    kept = (console.host.settings.data_dir / "corrections.jsonl").read_text("utf-8").splitlines()[-1]
    assert "Moving costs twenty pounds." in kept
    assert "see the fee list" in kept
    assert '"by": "local"' in kept


def test_a_wrong_passage_is_kept_to_learn_from(page: Page, console: Console) -> None:
    open_turn(page, console, MOVING)
    page.get_by_text("Wrong passage", exact=True).click()
    form = page.locator("form[action$='/wrong-passage']")
    form.locator("select").select_option(index=2)
    form.get_by_role("button", name="Keep").click()
    expect(page.locator(".said")).to_contain_text("Kept")
    kept = (console.host.settings.data_dir / "corrections.jsonl").read_text("utf-8").splitlines()[-1]
    assert '"kind": "wrong_passage"' in kept


def test_a_mended_passage_changes_the_document(page: Page, console: Console) -> None:
    open_turn(page, console, "What is a visit on a Sunday?")
    page.get_by_text("Mend the document", exact=True).click()
    page.locator(".mending .fold .fold summary", has_text="Engineer visits").click()
    form = page.locator("form[action$='/passage']", has=page.locator("[name=passage][value^='visits#']"))
    form.locator("textarea").fill("A visit costs ninety euros on a Sunday.")
    form.get_by_role("button", name="Keep").click()
    expect(page.locator(".said")).to_contain_text("The document says so from now on")
    found = console.host.knowledge.open("help").document("visits")
    assert found is not None
    assert found[1] == "A visit costs ninety euros on a Sunday."


def test_a_page_is_added_where_the_documents_lack_it(page: Page, console: Console) -> None:
    open_turn(page, console, STAFF)
    page.get_by_text("Add to the knowledge base", exact=True).click()
    form = page.locator("form[action$='/page']")
    form.locator("[name=title]").fill("Price match")
    form.locator("textarea").fill("We price match no other company.")
    form.get_by_role("button", name="Keep").click()
    expect(page.locator(".said")).to_contain_text("The page is in the knowledge base")
    assert console.host.knowledge.open("help").document("uploads/answer-price-match.md") is not None


def test_what_cannot_be_put_right_is_said_in_words(console: Console) -> None:
    ref = reference(console, MOVING)
    reply = httpx.post(f"{console.operator}/turns/{ref}/answer", data={"text": "  "})
    assert reply.status_code == 400
    assert "The answer is empty" in reply.text
    gone = httpx.post(f"{console.operator}/turns/nowhere/answer", data={"text": "x"})
    assert gone.status_code == 400
    assert "is gone" in gone.text


# --- queue -----------------------------------------------------------------------------------------------------------


def test_a_question_is_taken_noted_and_done(page: Page, console: Console) -> None:
    page.goto(f"{console.operator}/queue")
    card = page.locator(".queue-card", has_text="Can somebody call me back?")
    expect(card).to_contain_text("asked for a person")
    count = page.locator(".queue-card").count()
    card.get_by_role("button", name="Take").click()
    expect(page.locator(".said")).to_have_text("It is yours.")
    expect(card).to_contain_text("taken by local")
    card.locator("[name=text]").fill("called at noon")
    card.get_by_role("button", name="Keep").click()
    expect(card.locator("[name=text]")).to_have_value("called at noon")
    card.get_by_role("button", name="Done").click()
    expect(page.locator(".queue-card")).to_have_count(count - 1)
    assert console.host.hand_offs.list(HandOffState.DONE)[0].question == "Can somebody call me back?"
    page.get_by_role("link", name="Finished").click()
    expect(page.locator(".queue-card")).to_contain_text("Can somebody call me back?")


def test_a_flagged_turn_says_what_was_wrong_and_opens(page: Page, console: Console) -> None:
    page.goto(f"{console.operator}/queue")
    card = page.locator(".queue-card", has_text="that is last year's fee").first
    card.get_by_role("link", name="Open the turn").click()
    expect(page.locator("#turn .comment")).to_contain_text("that is last year's fee")


def test_a_turn_is_sent_to_a_person(page: Page, console: Console) -> None:
    open_turn(page, console, "A red light, what now?")
    page.get_by_role("button", name="Send to a person").click()
    expect(page.locator(".said")).to_contain_text("It waits in the queue")
    assert console.host.hand_offs.list(HandOffState.OPEN)[-1].question == "A red light, what now?"


# --- knowledge -------------------------------------------------------------------------------------------------------


def test_files_are_uploaded_with_what_is_refused_named(page: Page, console: Console, tmp_path: Path) -> None:
    good, bad = tmp_path / "Parking.md", tmp_path / "broken.pdf"
    good.write_text("# Parking\n\nParking behind the shop is free.\n", "utf-8")
    bad.write_bytes(b"no PDF at all")
    page.goto(f"{console.operator}/knowledge/help")
    before = page.locator("main tbody tr").count()
    page.locator("input[type=file]").set_input_files([good, bad])
    expect(page.locator(".uploaded li")).to_have_count(2)
    expect(page.locator(".uploaded li").first).to_have_text("Parking.md: Parking")
    expect(page.locator(".uploaded li.trouble")).to_contain_text("broken.pdf")
    expect(page.locator("main tbody tr")).to_have_count(before + 1)
    page.fill("input[name=text]", "parking")
    page.press("input[name=text]", "Enter")
    expect(page.locator("main tbody tr")).to_have_count(1)


def test_a_document_is_described_mended_and_deleted(page: Page, console: Console) -> None:
    httpx.post(f"{console.operator}/knowledge/help/upload?file=Shops.md", content=b"# Shops\n\nThe shop is in Hull.\n")
    page.goto(f"{console.operator}/knowledge/help/document?id=uploads/Shops.md")
    page.fill("input[name=title]", "Our shops")
    page.fill("textarea[name=metadata]", "region: UK\naudience: all")
    page.locator("form[action$='/describe'] button").click()
    expect(page.locator("h1")).to_have_text("Our shops")
    page.locator(".passage-fold summary").click()
    page.fill(".passage-fold textarea", "The shop is in Leeds.")
    page.locator(".passage-fold button").click()
    expect(page.locator(".said")).to_contain_text("The document says so")
    found = console.host.knowledge.open("help").document("uploads/Shops.md")
    assert found is not None
    assert (found[0].title, dict(found[0].metadata)) == ("Our shops", {"region": "UK", "audience": "all"})
    assert found[1].endswith("The shop is in Leeds.")
    page.get_by_role("button", name="Delete the document").click()
    assert console.host.knowledge.open("help").document("uploads/Shops.md") is not None
    page.get_by_role("button", name="Sure? Delete it").click()
    expect(page.locator(".said")).to_have_text("The document is gone.")
    assert console.host.knowledge.open("help").document("uploads/Shops.md") is None


def test_a_knowledge_base_is_made_and_built_anew(page: Page, console: Console) -> None:
    page.goto(f"{console.operator}/knowledge")
    page.fill("input[name=name]", "notes")
    page.fill("input[name=title]", "Team notes")
    page.get_by_role("button", name="Make").click()
    page.get_by_role("link", name="Team notes").click()
    expect(page.locator("h1")).to_have_text("Team notes")
    page.get_by_role("button", name="Build anew").click()
    expect(page.locator("main .said", has_text="0 passages were encoded anew")).to_be_visible()


def test_the_report_is_a_page_of_its_own(console: Console) -> None:
    reply = httpx.get(f"{console.operator}/knowledge/help/report", timeout=30)
    assert reply.status_code == 200
    assert "Help pages" in reply.text
    assert STAFF in reply.text


@pytest.mark.parametrize(
    ("path", "data", "told"),
    [
        ("knowledge", {"name": "Not A Name"}, "no name for a knowledge base"),
        ("knowledge/help/describe", {"id": "router", "title": "T", "metadata": "no colon"}, "is no metadata"),
        ("knowledge/help/describe", {"id": "router", "title": " "}, "title is empty"),
        ("knowledge/help/passage", {"passage": "gone#1", "text": "x"}, "is not there any more"),
        ("knowledge/help/delete", {"id": "gone"}, "no document “gone” any more"),
        ("knowledge/nope/rebuild", {}, "no knowledge base"),
        ("queue/take", {"key": "x"}, "none of the queue"),
        ("settings", {"key": "host", "value": "x"}, "set it in settings.toml"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(console: Console, path: str, data: dict[str, str], told: str) -> None:
    reply = httpx.post(f"{console.operator}/{path}", data=data)
    assert reply.status_code == 400
    assert told in reply.text


def test_an_upload_that_is_refused_says_why(console: Console) -> None:
    def sent(name: str, file: str) -> httpx.Response:
        return httpx.post(f"{console.operator}/knowledge/{name}/upload?file={file}", content=b"MZ")

    assert (sent("help", "a.exe").status_code, "cannot be read" in sent("help", "a.exe").text) == (400, True)
    assert sent("help", "../../a.exe").status_code == 400
    assert sent("nope", "a.md").status_code == 400


# --- playground, dashboards, settings --------------------------------------------------------------------------------


def test_the_playground_shows_every_way_and_what_differs(page: Page, console: Console) -> None:
    page.goto(f"{console.operator}/playground")
    page.fill("input[name=question]", "what does moving cost")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".trial")).to_have_count(4)
    expect(page.locator(".trial.current h2")).to_have_text("Learned fusion · read again")
    expect(page.locator(".trial").first).to_contain_text("ms")
    assert page.locator(".trial .moved.new").count() > 0
    page.fill("input[name=only]", "region==IE")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".trial").nth(3).locator("li a")).to_have_count(1)


def test_each_point_of_a_dashboard_opens_its_turns(page: Page, console: Console) -> None:
    page.goto(f"{console.operator}/dashboards")
    expect(page.locator(".chart")).to_have_count(3)
    for number in range(3):
        page.goto(f"{console.operator}/dashboards")
        page.locator(".chart").nth(number).locator("a").last.click()
        page.wait_for_selector(".turn-row")
    page.goto(f"{console.operator}/dashboards")
    page.get_by_role("link", name="slowest turn").last.click()
    expect(page.locator("#turn .question")).to_be_visible()
    page.goto(f"{console.operator}/dashboards")
    page.locator(".topics summary").first.click()
    page.locator(".topics ul a").first.click()
    expect(page.locator("#turn .kind")).to_have_text("not answered")


def test_figures_are_also_a_table(page: Page, console: Console) -> None:
    page.goto(f"{console.operator}/dashboards")
    page.locator(".as-table summary").nth(1).click()
    table = page.locator(".as-table").nth(1)
    expect(table).to_contain_text(".80 – 1")
    expect(table.locator("tbody tr")).to_have_count(5)


def test_a_setting_changes_for_the_next_turn_and_the_audit_says_who(page: Page, console: Console) -> None:
    page.goto(f"{console.operator}/settings")
    before = console.host.settings.weighting.abstain_below
    form = page.locator("form", has=page.locator("[value='weighting.abstain_below']"))
    form.locator("[name=value]").fill("0.65")
    form.get_by_role("button", name="Change").click()
    expect(page.locator(".said")).to_have_text("Holds from the next turn on.")
    expect(page.locator(".knobs")).to_contain_text(f"changed from {before}")
    row = page.locator(".audit tbody tr").first
    expect(row).to_contain_text("local")
    expect(row).to_contain_text("weighting.abstain_below")
    expect(row).to_contain_text("0.65")
    assert console.host.settings.weighting.abstain_below == 0.65


# --- for everyone ----------------------------------------------------------------------------------------------------


def test_the_console_speaks_chinese_and_remembers_the_look(page: Page, console: Console) -> None:
    page.goto(console.operator)
    page.get_by_role("button", name="Switch the language to 中文").or_(page.locator("[data-do=language]")).first.click()
    expect(page.locator("nav a").first).to_have_text("会话")
    assert page.locator("html").get_attribute("lang") == "zh"
    page.locator("[data-do=language]").click()
    expect(page.locator("nav a").first).to_have_text("Sessions")
    page.locator("[data-do=dark]").click()
    page.goto(f"{console.operator}/settings")
    assert page.locator("html").get_attribute("data-mode") == "dark"
    page.locator("[data-do=dark]").click()


def test_everything_is_reached_by_keyboard(page: Page, console: Console) -> None:
    page.goto(console.operator)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    row = page.locator(".turn-row").first
    row.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#turn .question")).to_be_visible()
    expect(page.locator("#turn")).to_be_focused()


@pytest.mark.parametrize("look", ["light", "dark"])
def test_no_page_has_a_serious_accessibility_violation(browser: Browser, console: Console, look: str) -> None:
    context = browser.new_context(viewport=DESKTOP, color_scheme=look)  # type: ignore[arg-type]
    page, found = context.new_page(), {}
    rules = {"resultTypes": ["violations"]} | ({"runOnly": ["color-contrast"]} if look == "dark" else {})
    for name in places(console):
        page.goto(f"{console.operator}{name}")
        results = Axe().run(page, options=rules).response["violations"]
        serious = [one for one in results if one["impact"] in ("serious", "critical")]
        if serious:
            found[name] = [(one["id"], one["nodes"][0]["html"][:160]) for one in serious]
    context.close()
    assert found == {}


def test_nothing_is_wider_than_a_phone(browser: Browser, console: Console) -> None:
    context = browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
    page, wide = context.new_page(), {}
    for name in places(console):
        page.goto(f"{console.operator}{name}")
        over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if over > 0:
            wide[name] = over
    context.close()
    assert wide == {}


def places(console: Console) -> list[str]:
    """Every page of the console, each with something on it."""
    return [
        "", f"?turn={reference(console, MOVING)}&explain=1", "/queue", "/knowledge", "/knowledge/help",
        "/knowledge/help/document?id=moving", "/playground?question=what+does+moving+cost&kb=help", "/dashboards",
        "/settings",
    ]  # fmt: skip
