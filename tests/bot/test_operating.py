from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.assembly_operating import Desk, changed, open_desk
from domain.answer import AnswerKind
from domain.corrections import CorrectionKind
from domain.errors import DocumentRejected, Misconfigured, UnknownKnowledgeBase
from domain.feedback import Feedback
from domain.hand_off import HandOffState
from domain.operating import Search, Why
from domain.passage import Document
from domain.turn_log import TurnFilter
from memory.corrections_file import CorrectionFile
from settings import Settings
from tests.web.operator.host import Clock, ToyHost, toy_host, turn

NOON = 1_790_078_400.0  # 2026-09-22 12:00 UTC
MOVING, SUNDAY, STAFF = "What does moving cost?", "What is a visit on a Sunday?", "do you price match ex-staff deals"


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def host(tmp_path: Path, clock: Clock) -> Iterator[ToyHost]:
    with toy_host(tmp_path, clock) as made:
        yield made


@pytest.fixture
def desk(host: ToyHost) -> Desk:
    """A desk over three turns: a good answer, a flagged one, and a question without one."""
    host.store.append("ann", "c1", turn(host, "t1", MOVING, AnswerKind.GENERATED, 0.9))
    host.store.append("ann", "c1", turn(host, "t2", SUNDAY, AnswerKind.QUOTED, 0.6))
    host.store.append("bob", "c2", turn(host, "t3", STAFF, AnswerKind.ABSTAINED, 0.2))
    host.feedback.give("ann", "c1", "t2", Feedback("down", "wrong", "last year's fee", NOON + 60))
    return open_desk(host)


def reference(desk: Desk, question: str) -> str:
    return next(one.reference for one in desk.turns.recent(10) if one.question == question)


def waiting(desk: Desk) -> list[tuple[Why, str]]:
    return [(item.why, item.question) for item in desk.queue.items()]


# --- turns -----------------------------------------------------------------------------------------------------------


def test_turns_of_all_people_come_newest_first_and_filtered(desk: Desk) -> None:
    assert [one.question for one in desk.turns.recent(10)] == [STAFF, SUNDAY, MOVING]
    assert [one.question for one in desk.turns.recent(10, where=TurnFilter(verdict="down"))] == [SUNDAY]
    assert [one.question for one in desk.turns.recent(1, desk.turns.recent(10)[0].logged_at)] == [SUNDAY]


def test_a_turn_is_whole_and_explained(desk: Desk) -> None:
    found = desk.turns.get(reference(desk, MOVING))
    assert found is not None
    assert len(found[1].evidence) == 3
    explanation = desk.turns.explain(reference(desk, MOVING))
    assert explanation is not None
    assert explanation.why == "The first passage says it."
    assert desk.turns.get("nowhere") is None
    assert desk.turns.explain("nowhere") is None


def test_personal_data_is_covered_unless_a_setting_says_otherwise(host: ToyHost) -> None:
    host.store.append("ann", "c1", turn(host, "t1", "call me on 07700 900123", AnswerKind.ABSTAINED, 0.2))
    host.feedback.give("ann", "c1", "t1", Feedback("down", "", "I am ann@example.org"))
    covered = open_desk(host)
    logged = covered.turns.recent(1)[0]
    found = covered.turns.get(logged.reference)
    assert found is not None
    assert "900123" not in logged.question + found[1].question + found[1].query.original + found[1].query.text
    (item,) = covered.queue.items()
    assert "900123" not in item.question
    assert "ann@example.org" not in item.said
    safety = host.settings.safety.model_copy(update={"redact_operator": False})
    host.settings = host.settings.model_copy(update={"safety": safety})
    assert open_desk(host).turns.recent(1)[0].question == "call me on 07700 900123"


# --- queue -----------------------------------------------------------------------------------------------------------


def test_the_queue_holds_flagged_and_unanswered_turns_the_longest_waiting_first(desk: Desk) -> None:
    assert waiting(desk) == [(Why.ABSTAINED, STAFF), (Why.FLAGGED, SUNDAY)]
    flagged = desk.queue.items()[1]
    assert (flagged.said, flagged.turn) == ("wrong · last year's fee", reference(desk, SUNDAY))


def test_what_is_taken_and_done_leaves_the_queue(desk: Desk) -> None:
    item = desk.queue.items()[0]
    assert desk.queue.take(item.key, "Ann")
    assert not desk.queue.take(item.key, "Bob")
    taken = desk.queue.items()[0]
    assert (taken.mark.state, taken.mark.by) == (HandOffState.TAKEN, "Ann")
    assert desk.queue.finish(item.key, "Ann")
    assert waiting(desk) == [(Why.FLAGGED, SUNDAY)]
    assert [(one.why, one.question) for one in desk.queue.items(done=True)] == [(Why.ABSTAINED, STAFF)]


def test_a_turn_that_is_handed_over_waits_once(desk: Desk) -> None:
    item = desk.queue.hand_over(reference(desk, STAFF), "Ann")
    assert (item.question, item.sources[0].document_id) == (STAFF, "moving")
    assert waiting(desk) == [(Why.FLAGGED, SUNDAY), (Why.HANDED_OFF, STAFF)]
    handed = desk.queue.items()[1]
    assert handed.turn == reference(desk, STAFF)
    assert desk.queue.take(handed.key, "Bob")
    desk.queue.note(handed.key, "Bob", "  called back  ")
    taken = desk.queue.items()[1]
    assert (taken.mark.state, taken.mark.by, taken.mark.note) == (HandOffState.TAKEN, "Bob", "called back")
    assert desk.queue.finish(handed.key, "Bob")
    assert waiting(desk) == [(Why.FLAGGED, SUNDAY)]


def test_a_key_that_the_queue_did_not_make_is_refused(desk: Desk) -> None:
    for act in (desk.queue.take, desk.queue.finish):
        with pytest.raises(Misconfigured, match="none of the queue's"):
            act("anything", "Ann")
    assert not desk.queue.take("hand-off:nowhere", "Ann")
    with pytest.raises(Misconfigured, match="is gone"):
        desk.queue.hand_over("nowhere", "Ann")


# --- corrections -----------------------------------------------------------------------------------------------------


def test_a_right_answer_is_kept_with_the_passage_that_says_so(desk: Desk, host: ToyHost) -> None:
    ref = reference(desk, SUNDAY)
    found = desk.turns.get(ref)
    assert found is not None
    right, cited = found[1].evidence[1].passage, found[1].evidence[0].passage
    made = desk.corrections.answer(ref, "Ann", " A visit costs more. ", right.id, "see the fee list")
    assert (made.kind, made.answer, made.note, made.turn) == (
        CorrectionKind.ANSWER, "A visit costs more.", "see the fee list", ref,
    )  # fmt: skip
    assert made.right is not None
    assert made.right.passage_id == right.id
    assert [one.passage_id for one in made.wrong] == [cited.id]
    assert list(CorrectionFile(host.settings.data_dir / "corrections.jsonl").all()) == [made]
    assert list(desk.corrections.recent(5)) == [made]


def test_a_wrong_passage_is_kept_with_the_question(desk: Desk) -> None:
    ref = reference(desk, MOVING)
    found = desk.turns.get(ref)
    assert found is not None
    made = desk.corrections.wrong_passage(ref, "Ann", found[1].evidence[2].passage.id)
    assert (made.kind, made.query, made.history) == (
        CorrectionKind.WRONG_PASSAGE, f"{MOVING} for Fibre 100", ("And before?",),
    )  # fmt: skip
    assert [one.text for one in made.wrong] == [found[1].evidence[2].passage.text]


def test_a_mended_passage_is_what_the_documents_say_from_then_on(desk: Desk) -> None:
    ref = reference(desk, SUNDAY)
    made = desk.corrections.passage(ref, "Ann", "visits#1", "A visit costs ninety euros on a Sunday.")
    page = desk.library.page("help", "visits")
    assert page is not None
    assert page[1] == "A visit costs ninety euros on a Sunday."
    assert made.right is not None
    assert made.right.text == page[1]
    entry = desk.settings.audit(1)[0]
    assert (entry.by, entry.what, entry.old, entry.new) == (
        "Ann", "document help/visits", "A visit costs sixty euros on a weekday.", page[1],
    )  # fmt: skip


def test_an_added_page_is_found_by_the_next_search(desk: Desk) -> None:
    made = desk.corrections.page(reference(desk, STAFF), "Ann", "Price match", "We price match no other company.")
    assert made.right is not None
    assert made.right.document_id == "uploads/answer-price-match.md"
    best = desk.playground.run(Search("help", "price match company"))[0].passages[0]
    assert best.passage.text == "We price match no other company."


def test_what_cannot_be_put_right_is_said(desk: Desk) -> None:
    ref = reference(desk, MOVING)
    with pytest.raises(DocumentRejected, match="answer is empty"):
        desk.corrections.answer(ref, "Ann", " ")
    with pytest.raises(DocumentRejected, match="did not see the passage"):
        desk.corrections.answer(ref, "Ann", "x", "elsewhere#1")
    with pytest.raises(DocumentRejected, match="20,001 characters"):
        desk.corrections.page(ref, "Ann", "T", "x" * 20_001)
    with pytest.raises(Misconfigured, match="is gone"):
        desk.corrections.wrong_passage("nowhere", "Ann", "moving#1")
    assert list(desk.corrections.recent(5)) == []


# --- knowledge bases -------------------------------------------------------------------------------------------------


def test_every_change_of_a_knowledge_base_is_in_the_audit(desk: Desk) -> None:
    desk.library.create("notes", "Notes", "Ann")
    stored = desk.library.upload("notes", "a.md", b"# Shops\n\nThe shop is in Hull.\n", "Ann")
    assert (stored.titles, stored.replaced) == (("Shops",), 0)
    described = Document("uploads/a.md", "Our shops", "", {"region": "UK"})
    assert desk.library.describe("notes", described, "Bob").title == "Our shops"
    page = desk.library.page("notes", "uploads/a.md")
    assert page is not None
    desk.library.mend("notes", page[2][0].id, "The shop is in Leeds.", "Bob")
    assert desk.library.rebuild("notes", "Ann") == 1
    desk.library.delete("notes", "uploads/a.md", "Bob")
    assert list(desk.library.documents("notes")) == []
    assert [(one.by, one.what) for one in desk.settings.audit(10)] == [
        ("Bob", "document notes/uploads/a.md"),
        ("Ann", "knowledge base notes"),
        ("Bob", "document notes/uploads/a.md"),
        ("Bob", "document notes/uploads/a.md"),
        ("Ann", "upload notes/uploads/a.md"),
        ("Ann", "knowledge base notes"),
    ]


def test_the_report_knows_what_people_asked(desk: Desk) -> None:
    report = desk.library.report("help")
    assert "Help pages" in report
    assert STAFF in report


# --- playground ------------------------------------------------------------------------------------------------------


def test_one_question_goes_through_every_way_the_current_one_first(desk: Desk) -> None:
    trials = desk.playground.run(Search("help", "what does moving cost", top_k=2))
    assert [(one.fusion, one.reranked, one.current) for one in trials] == [
        ("learned", True, True), ("rrf", True, False), ("learned", False, False), ("rrf", False, False),
    ]  # fmt: skip
    assert all(len(one.passages) == 2 for one in trials)
    assert all(one.seconds > 0 for one in trials)


def test_conditions_leave_documents_out(desk: Desk) -> None:
    found = desk.playground.run(Search("help", "what does moving cost", only=("region==IE",)))[3].passages
    assert {one.passage.document_id for one in found} == {"visits"}
    with pytest.raises(Misconfigured, match="cannot be read"):
        desk.playground.run(Search("help", "x", only=("region",)))
    with pytest.raises(UnknownKnowledgeBase):
        desk.playground.run(Search("nope", "x"))


# --- settings --------------------------------------------------------------------------------------------------------


def test_a_setting_that_is_changed_reaches_the_assistant_and_the_audit(desk: Desk, host: ToyHost) -> None:
    desk.settings.change("weighting.abstain_below", " 0.7 ", "Ann")
    desk.settings.change("policy.ask_back", "false", "Bob")
    assert host.settings.weighting.abstain_below == 0.7
    start = str(Settings.model_fields["weighting"].default.abstain_below)
    assert not host.settings.policy.ask_back
    knobs = {one.key: (one.value, one.default) for one in desk.settings.knobs()}
    assert knobs["weighting.abstain_below"] == ("0.7", start)
    assert knobs["policy.ask_back"] == ("false", "true")
    assert [(one.by, one.what, one.old, one.new) for one in desk.settings.audit(5)] == [
        ("Bob", "policy.ask_back", "true", "false"),
        ("Ann", "weighting.abstain_below", start, "0.7"),
    ]


def test_a_value_that_is_there_already_changes_nothing(desk: Desk, host: ToyHost) -> None:
    desk.settings.change("retrieval.top_k", "5", "Ann")
    assert host.reconfigured == []
    assert list(desk.settings.audit(5)) == []


def test_what_was_changed_holds_again_after_a_restart(desk: Desk, host: ToyHost) -> None:
    desk.settings.change("retrieval.fusion", "rrf", "Ann")
    host.settings = Settings(data_dir=host.settings.data_dir)  # as the file has it
    again = open_desk(host)
    assert host.settings.retrieval.fusion == "rrf"
    assert next(one for one in again.settings.knobs() if one.key == "retrieval.fusion").default == "learned"
    assert again.playground.run(Search("help", "moving"))[0].fusion == "rrf"


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("weighting.abstain_below", "1.5", "a number from 0 to 1"),
        ("weighting.abstain_below", "high", "a number from 0 to 1"),
        ("weighting.mode", "clever", "adaptive or fixed"),
        ("retrieval.top_k", "0", "a number from 1 to 20"),
        ("retrieval.top_k", "21", "a number from 1 to 20"),
        ("policy.ask_back", "", "true or false"),
        ("host", "0.0.0.0", "set it in settings.toml"),
        ("retrieval.milvus_uri", "x.db", "set it in settings.toml"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(desk: Desk, host: ToyHost, key: str, value: str, why: str) -> None:
    with pytest.raises(Misconfigured, match=why):
        desk.settings.change(key, value, "Ann")
    assert host.reconfigured == []


def test_a_threshold_takes_the_place_of_a_wanted_precision() -> None:
    settings = Settings()
    wanting = settings.weighting.model_copy(update={"target_precision": 0.8})
    settings = settings.model_copy(update={"weighting": wanting})
    assert changed(settings, "weighting.abstain_below", "0.4").weighting.target_precision is None
    assert changed(settings, "weighting.mode", "fixed").weighting.target_precision == 0.8
