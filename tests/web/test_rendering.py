"""Turns, sources, frame and marked text as HTML: what is shown, and that nothing untrusted becomes markup."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import pytest

from domain.answer import Answer, AnswerKind, Citation, Reason
from domain.conversation import Conversation, ConversationSummary, Gate, Query, Trace, Turn
from domain.events import AnswerDelta, PassagesRetrieved, QueryRewritten
from domain.passage import Document, Passage, Place, RetrievedPassage
from domain.protocols import KnowledgeBaseInfo, MemoryLimits
from web.answer_text import cited_text, linked
from web.frame import render_first_visit, render_header
from web.marked_text import Mark, marked_text
from web.rendering import (
    Progress,
    confidence_word,
    dots,
    render_failure,
    render_progress,
    render_transcript,
    render_turn,
)
from web.sidebar import render_sidebar, render_sidebar_failure
from web.sources import document_url, locate, render_card, render_document, render_sources
from web.texts import CHINESE, ENGLISH, Language, choose_language
from web.view import View, kept, size, written_date

RULE = "You keep your contract if covered. If not, you pay half price."
DAY = 86_400
VIEW = View(titles={"hb": "Harbourline help"}, now=20_000 * DAY + 3600)


def passage(name: str = "p1", text: str = RULE, start: int = 100) -> RetrievedPassage:
    inside = Passage(name, "moving", "Moving home", text, "moving.md", (start, start + len(text)), ("Notice",))
    return RetrievedPassage(inside, 4.2, 1, {"relevance": 0.934})


def citation(sentence: tuple[int, int], quote: tuple[int, int], marker: int = 1, name: str = "p1") -> Citation:
    return Citation(marker, name, sentence, quote, RULE[slice(*quote)], 0.9)


def turn(text: str = RULE, *citations: Citation, kind: AnswerKind = AnswerKind.GENERATED) -> Turn:
    answer = Answer(text, kind, citations, 0.86)
    query = Query("early fee when moving", "what if i move?", Gate.REWRITE, "a pronoun was resolved", 0.97)
    return Turn("t1", "what if i move?", query, answer, (passage(),), Trace({"total": 0.42}), 0.0, "hb")


FIRST, SECOND = (0, 34), (35, 62)


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html)).strip()


# ---- answers and markers


def test_a_marker_stands_after_its_sentence_and_before_the_full_stop() -> None:
    html = cited_text(turn(RULE, citation(FIRST, FIRST)), ENGLISH)
    assert text_of(html) == "You keep your contract if covered [1]. If not, you pay half price."


def test_each_cited_sentence_is_lit_together_with_its_own_quote_only() -> None:
    shown = turn(RULE, citation(FIRST, FIRST), citation(SECOND, SECOND))
    answer, sources = cited_text(shown, ENGLISH), render_sources(shown, VIEW)
    assert re.findall(r'class="sentence" data-citation="([^"]+)"', answer) == ["0", "1"]
    assert re.findall(r'<mark data-citation="([^"]+)">([^<]+)', sources) == [("0", RULE[:34]), ("1", RULE[35:])]


def test_two_sources_of_one_sentence_give_two_markers_in_order() -> None:
    shown = turn(RULE, citation(FIRST, FIRST, 2, "p2"), citation(FIRST, FIRST, 1))
    shown = replace(shown, evidence=(passage(), passage("p2")))
    assert "covered [1] [2]. If" in text_of(cited_text(shown, ENGLISH)).replace("[1][2]", "[1] [2]")


def test_a_citation_of_a_passage_the_turn_did_not_see_is_not_shown() -> None:
    html = render_turn(turn(RULE, citation(FIRST, FIRST, 7, "elsewhere")), VIEW)
    assert "[7]" not in text_of(html)
    assert "from 1 source" not in html


@pytest.mark.parametrize("sentence", [(-3, 5), (10, 10), (40, 400), (9, 2)])
def test_a_citation_outside_the_answer_is_not_shown(sentence: tuple[int, int]) -> None:
    assert text_of(cited_text(turn(RULE, citation(sentence, FIRST)), ENGLISH)) == RULE


def test_overlapping_sentences_lose_no_text() -> None:
    shown = turn(RULE, citation((0, 40), FIRST), citation((20, 62), SECOND))
    assert text_of(cited_text(shown, ENGLISH)).replace(" [1]", "").replace("[1]", "") == RULE


def test_line_breaks_that_only_wrap_the_source_are_not_drawn_but_lists_and_paragraphs_are() -> None:
    html = cited_text(turn("one\ntwo:\n- three\n\nfour"), ENGLISH)
    assert html == "<p>one two:</p><ul><li>three</li></ul><p>four</p>"


def test_copying_takes_the_markers_along() -> None:
    html = render_turn(turn(RULE, citation(FIRST, FIRST)), VIEW)
    assert 'data-copy="You keep your contract if covered [1]. If not' in html


def test_steps_are_a_numbered_list_and_one_citation_of_them_all_is_marked_at_the_end() -> None:
    steps = "Do this:\n2. Open the app.\n3. Choose Wifi."
    html = cited_text(turn(steps, citation((0, len(steps)), FIRST)), ENGLISH)
    assert re.findall(r"<li value=\"(\d)\">", html) == ["2", "3"]
    assert html.count('class="sentence" data-citation="0"') == 3
    assert html.count("[1]</button>") == 1
    assert re.search(r"Choose Wifi<span class=\"markers\">.*\[1\]</button>\.</span></span></li></ol>$", html)


def test_addresses_and_telephone_numbers_can_be_followed() -> None:
    html = linked("See https://example.org/a?b=1&c=2. Call 0800 772 4420 or 1800 946 221, or +44 20 7946 0000.")
    assert re.findall(r'href="([^"]+)"', html) == [
        "https://example.org/a?b=1&amp;c=2", "tel:08007724420", "tel:1800946221", "tel:+442079460000",
    ]  # fmt: skip
    assert html.count('target="_blank" rel="noopener noreferrer"') == 1
    assert "</a>. Call" in html


@pytest.mark.parametrize(
    "text",
    ["[pay](javascript:alert(1))", "[pay](fees.md)", "javascript:alert(1)", "ftp://example.org", "£29 a month",
     "24-month", "0.86", "10 to 32 characters", "account 12345678", "2026-03-01"],
)  # fmt: skip
def test_nothing_else_becomes_a_link(text: str) -> None:
    assert "href" not in linked(text)


def test_an_address_in_an_answer_cannot_break_out_of_its_attribute() -> None:
    html = linked('https://example.org/"onmouseover="alert(1) [x](https://example.org/<b>"q)')
    assert re.findall(r'href="([^"]*)"', html) == ["https://example.org/", "https://example.org/&lt;b&gt;&quot;q"]
    assert "<b>" not in html


def test_markdown_of_a_quoted_sentence_is_drawn() -> None:
    html = linked("Pay **£20** with `PAY-1`, see [the fees](fees.md) or [us](https://example.org).")
    assert "<strong>£20</strong>" in html
    assert "<code>PAY-1</code>" in html
    assert text_of(html) == "Pay £20 with PAY-1, see the fees or us."


# ---- what surrounds the answer


def test_confidence_is_a_word_dots_and_a_number_with_sources_and_seconds() -> None:
    html = render_turn(turn(RULE, citation(FIRST, FIRST)), VIEW)
    assert "●●●●○ sure · 0.86 · from 1 source · 0.4 s" in text_of(html)


@pytest.mark.parametrize(
    ("confidence", "word", "full"),
    [(0.99, "sure", 5), (0.85, "sure", 4), (0.7, "fairly sure", 4), (0.5, "unsure", 2), (0.0, "very unsure", 1)],
)
def test_words_and_dots_follow_the_number(confidence: float, word: str, full: int) -> None:
    assert confidence_word(confidence, ENGLISH) == word
    assert dots(confidence) == "●" * full + "○" * (5 - full)


def test_small_talk_claims_no_confidence() -> None:
    html = render_turn(replace(turn("Hello!", kind=AnswerKind.SMALL_TALK), evidence=()), VIEW)
    assert "sure" not in text_of(html)
    assert "earched" not in text_of(html)
    assert 'class="measure"' not in html
    assert 'details class="sources"' not in html


def test_the_searched_query_is_shown_with_what_the_gate_did_and_why() -> None:
    said = text_of(render_turn(turn(), VIEW))
    assert "Searched: “early fee when moving”" in said
    assert "Rewritten to stand on its own (certainty 0.97) — a pronoun was resolved" in said


def test_a_query_searched_as_typed_is_not_repeated() -> None:
    html = render_turn(replace(turn(), query=Query("what if i move?", "what if i move?")), VIEW)
    assert "Searched as typed" in html
    assert text_of(html).count("what if i move?") == 1


def test_an_abstained_answer_has_another_shape_and_names_what_came_closest() -> None:
    html = render_turn(turn("I could not find this.", kind=AnswerKind.ABSTAINED), VIEW)
    assert 'class="answer abstained"' in html
    assert "Not found in Harbourline help" in html
    assert "Closest:Moving home › Notice" in text_of(html)
    assert "●" not in html


def test_a_heading_that_two_passages_share_is_named_once_among_the_closest() -> None:
    abstained = turn("I could not find this.", kind=AnswerKind.ABSTAINED)
    first = abstained.evidence[0]
    again = replace(first, rank=9, passage=replace(first.passage, id="another"))
    html = render_turn(replace(abstained, evidence=(*abstained.evidence, again)), VIEW)
    listed = html[html.index("Closest:") : html.index("</ul>")]
    assert listed.count(f">{first.passage.heading}<") == 1


def test_an_abstained_answer_without_words_gets_them() -> None:
    html = render_turn(turn("", kind=AnswerKind.ABSTAINED), VIEW)
    assert "I could not find this in Harbourline help." in html


def test_an_abstention_offers_a_person_only_where_one_can_be_asked() -> None:
    offering = Answer("I could not find this.", AnswerKind.ABSTAINED, reason=Reason.UNSURE, offers_person=True)
    html = render_turn(replace(turn(), answer=offering), VIEW)
    assert '<button class="choice" data-say="Ask a person">Ask a person</button>' in html
    assert "data-say" not in render_turn(replace(turn(), answer=replace(offering, offers_person=False)), VIEW)


def test_the_button_sends_the_same_words_in_every_language() -> None:
    offering = Answer("没有找到。", AnswerKind.ABSTAINED, reason=Reason.UNSURE, offers_person=True)
    html = render_turn(replace(turn(), answer=offering), replace(VIEW, texts=CHINESE))
    assert '<button class="choice" data-say="Ask a person">转人工</button>' in html


def test_what_was_declined_was_neither_searched_nor_missing() -> None:
    declined = Answer("Please call for help.", AnswerKind.ABSTAINED, reason=Reason.EMERGENCY, offers_person=True)
    html = render_turn(replace(turn(), answer=declined, evidence=()), VIEW)
    assert 'class="answer declined"' in html
    assert "Not found" not in html
    assert "earched" not in text_of(html)
    assert 'data-say="Ask a person"' in html


def test_a_hand_off_claims_nothing() -> None:
    passed_on = Answer("I have passed it on.", AnswerKind.HANDED_OFF, reason=Reason.ASKED_FOR_PERSON)
    html = render_turn(replace(turn(), answer=passed_on, evidence=()), VIEW)
    assert 'class="answer handed_off"' in html
    assert 'class="measure"' not in html


def test_a_clarifying_question_offers_its_readings_as_buttons() -> None:
    asked = replace(turn(), answer=Answer("Which?", AnswerKind.CLARIFYING, options=("Fibre <100>", "4G")))
    html = render_turn(asked, VIEW)
    assert '<button class="choice">Fibre &lt;100&gt;</button><button class="choice">4G</button>' in html


def test_a_stopped_turn_says_so_and_claims_nothing() -> None:
    html = render_turn(replace(turn("You keep"), stopped=True), VIEW)
    assert "You stopped this answer." in html
    assert "●" not in html


def test_an_answer_that_was_not_saved_says_so() -> None:
    assert ENGLISH.not_stored in render_turn(turn(), VIEW, stored=False)
    waiting = render_turn(turn(), VIEW, stored=False, waiting=True)
    assert ENGLISH.waiting in waiting
    assert ENGLISH.not_stored not in waiting


def test_a_transcript_holds_every_turn_in_order() -> None:
    turns = tuple(replace(turn(), question=f"question {n}") for n in range(3))
    html = render_transcript(Conversation("c", "me", turns=turns), VIEW)
    assert re.findall(r'class="said">([^<]+)', html) == ["question 0", "question 1", "question 2"]


# ---- a turn in the making


def test_progress_names_the_stage_it_is_in() -> None:
    progress = Progress("what if i move?", "hb")
    stages = [progress.stage(ENGLISH)]
    for event in (QueryRewritten(Query("q", "q")), PassagesRetrieved((passage(),) * 5), AnswerDelta("You ")):
        progress = progress.after(event)
        stages.append(progress.stage(ENGLISH))
    assert stages == ["Searching", "Searching", "Reading 5 passages", "Writing"]
    assert progress.after(AnswerDelta("keep")).draft == "You keep"
    silent = Progress("q", "hb").after(PassagesRetrieved((passage(),))).after(AnswerDelta(""))
    assert silent.stage(ENGLISH) == "Writing"
    assert "draft" not in render_progress(silent, VIEW)
    assert replace(progress, stopping=True).stage(ENGLISH) == "Stopping"
    assert 'data-state="working"' in render_progress(progress, VIEW)


def test_a_refused_message_is_shortened_and_offers_no_retry() -> None:
    html = render_failure(Progress("x" * 100_000, "hb"), "Too long.", VIEW, rejected=True)
    assert len(html) < 2_000
    assert "Too long." in html
    assert "data-ask-again" not in html
    assert "data-ask-again" in render_failure(Progress("x", "hb"), "Try later.", VIEW)


# ---- untrusted text


class Markup(HTMLParser):
    """The tags and attribute names a browser would see."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


ATTACK = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


def test_no_text_from_people_models_or_documents_becomes_markup() -> None:
    bad = Passage("p<1>", ATTACK, ATTACK, ATTACK, ATTACK, (0, 9), (ATTACK,), {"product": ATTACK})
    found = RetrievedPassage(bad, 1.0, 1)
    cited = Citation(1, "p<1>", (0, len(ATTACK)), (0, len(ATTACK)), ATTACK, 1.0)
    query = Query(ATTACK, "typed", Gate.REWRITE, ATTACK)
    answers = [Answer(ATTACK, kind, (cited,), 0.5, options=(ATTACK,)) for kind in AnswerKind]
    turns = [Turn("t", ATTACK, query, answer, (found,), knowledge_base=ATTACK) for answer in answers]
    listed = [ConversationSummary(ATTACK, ATTACK, 0.0, 1)]
    info = KnowledgeBaseInfo(ATTACK, ATTACK, 1, 1, 0.0, (ATTACK,))
    pages = [
        *(render_turn(one, VIEW) for one in turns),
        render_progress(Progress(ATTACK, ATTACK, query, (found,), ATTACK), VIEW),
        render_failure(Progress(ATTACK, ATTACK), ATTACK, VIEW),
        render_sidebar(listed, ATTACK, MemoryLimits(60, 1, 1), VIEW),
        render_header([info, info], ATTACK, ENGLISH),
        render_first_visit(info, VIEW),
        render_document((Document(ATTACK, ATTACK, ATTACK), ATTACK), (0, 5), ATTACK, ENGLISH),
    ]
    for html in pages:
        seen = Markup(html)
        assert not {"script", "img"} & seen.tags
        assert not {name for name in seen.attributes if name.startswith("on")}


def test_an_attribute_cannot_be_left() -> None:
    html = render_sidebar([ConversationSummary("c", '" onmouseover="x', 0.0, 1)], "", MemoryLimits(None, 1, 1), VIEW)
    assert "onmouseover" not in Markup(html).attributes


# ---- sources and documents


def test_a_card_shows_path_match_and_a_link_to_the_cited_place() -> None:
    html = render_sources(turn(RULE, citation(FIRST, SECOND)), VIEW)
    assert "1Moving home › Notice" in text_of(html)
    assert "match 0.93" in html
    link = re.search(r'class="open"[^>]*href="([^"]+)"', html)
    assert link is not None
    where = parse_qs(urlsplit(link.group(1).replace("&amp;", "&")).query)
    assert where["start"] == ["135"]
    assert where["end"] == ["162"]
    assert where["quote"] == ["If not, you pay half price."]


def test_a_score_that_is_no_probability_is_not_shown_as_one() -> None:
    bare = replace(passage(), signals={})
    html = render_sources(replace(turn(), evidence=(bare,)), VIEW)
    assert "4.2" not in html
    assert "rank 1" in html


def test_a_card_names_and_links_every_place_that_says_the_same() -> None:
    twin = Place("p9", "fees<2>", "Fees <old> › Moving", "fees.md", (7, 90))
    html = render_card(replace(passage(), also_in=(twin,)), ENGLISH, "hb")
    assert "The same stands in" in html
    assert "Fees &lt;old&gt; › Moving" in html
    assert "id=fees%3C2%3E&amp;start=7&amp;end=90" in html
    assert 'class="also"' not in render_card(passage(), ENGLISH, "hb")


def test_passages_that_were_not_used_are_folded_after_the_cited_ones() -> None:
    shown = replace(turn(RULE, citation(FIRST, FIRST, name="p2")), evidence=(passage("p1"), passage("p2")))
    html = render_sources(shown, VIEW)
    assert html.index('data-marker="1"') < html.index("1 more found, not used") < html.index('data-marker=""')


@pytest.mark.parametrize(
    ("span", "quote", "found"),
    [
        ((0, 3), "one", (0, 3)),
        ((4, 7), "one", (0, 3)),  # the text moved: the quote is found again
        ((0, 3), "six", None),
        ((-1, 99), "", None),
        ((0, 3), "", (0, 3)),
    ],
)
def test_a_quote_is_marked_only_where_it_stands(
    span: tuple[int, int], quote: str, found: tuple[int, int] | None
) -> None:
    assert locate("one two", span, quote) == found


def test_a_document_marks_the_cited_stretch_and_says_when_it_has_changed() -> None:
    document = Document("d", "Moving home", "moving.md", {"region": "UK", "product": "all"})
    html = render_document((document, "# Moving\n\nPay half price now."), (10, 24), "Pay half price", ENGLISH)
    assert '<mark data-citation="">Pay half price</mark> now.' in html
    assert "moving.md · UK" in html
    assert "all" not in text_of(html)
    changed = render_document((document, "Nothing of it."), (10, 24), "Pay half price", ENGLISH)
    assert ENGLISH.document_changed in changed
    assert "<mark" not in changed


def test_a_long_document_is_shown_around_the_citation() -> None:
    text = "word " * 100_000 + "HERE" + " word" * 100_000
    html = render_document((Document("d", "Long", "l"), text), (500_000, 500_004), "HERE", ENGLISH)
    assert '<mark data-citation="">HERE</mark>' in html
    assert ENGLISH.document_cut in html
    assert len(html) < 130_000


def test_an_address_stays_short_however_long_the_quote() -> None:
    assert len(document_url("hb", passage(text="é" * 5_000).passage, None)) < 3_000


# ---- marked text


def test_marks_survive_markdown_without_crossing_tags() -> None:
    html = marked_text("# Fees\nPay **£20** now.", [Mark(7, 22, "0")])
    assert html == ('<p class="heading">Fees</p><p><mark data-citation="0">Pay <strong>£20</strong> now</mark>.</p>')


def test_overlapping_marks_are_cut_into_pieces_that_name_both() -> None:
    html = marked_text("abcdef", [Mark(0, 4, "0"), Mark(2, 6, "1")])
    assert re.findall(r'data-citation="([^"]+)">(\w+)', html) == [("0", "ab"), ("0 1", "cd"), ("1", "ef")]


def test_rows_as_the_readers_of_documents_write_them_are_a_table() -> None:
    text = "Call us.\n\nTeam | Number\nFaults | 1800 946 221\n\nHome | Help pages"
    html = marked_text(text)
    assert "<tr><td>Team</td><td>Number</td></tr>" in html
    assert html.count("<tr>") == 2
    assert "<p>Home | Help pages</p>" in html


def test_a_table_keeps_rows_head_and_marks() -> None:
    text = "| Plan | Fee |\n|---|---|\n| Fibre | £20 |\n| 4G | £0 |"
    html = marked_text(text, [Mark(text.index("£20"), text.index("£20") + 3, "2")])
    assert "<tr><th>Plan</th><th>Fee</th></tr>" in html
    assert '<tr><td>Fibre</td><td><mark data-citation="2">£20</mark></td></tr>' in html
    assert html.count("<tr>") == 3


@pytest.mark.parametrize("marks", [[Mark(-5, 2)], [Mark(3, 3)], [Mark(50, 90)], [Mark(5, 1)]])
def test_marks_outside_the_text_do_no_harm(marks: list[Mark]) -> None:
    assert text_of(marked_text("some words", marks)) == "some words"


def test_links_become_their_words() -> None:
    html = marked_text("see [our page](javascript:alert(1)) or [this](https://example.org)")
    assert "href" not in html
    assert "<u>this</u>" in html


# ---- frame


def listed(*ages_days: float) -> list[ConversationSummary]:
    return [ConversationSummary(f"c{n}", f"chat {n}", VIEW.now - age * DAY, 1) for n, age in enumerate(ages_days)]


def test_conversations_are_grouped_by_day_newest_first() -> None:
    html = render_sidebar(listed(3, 0, 1), "c1", MemoryLimits(30 * DAY, 200, 2**20), VIEW)
    assert re.findall(r"<h2>([^<]+)</h2>|data-open=\"([^\"]+)\"", html) == [
        ("Today", ""), ("", "c1"), ("Yesterday", ""), ("", "c2"), ("Earlier", ""), ("", "c0"),
    ]  # fmt: skip
    assert re.search(r'data-open="c1" aria-current="page"', html)
    assert "kept 30 days" in html


def test_today_is_the_day_of_the_person_not_of_the_server() -> None:
    two_hours_ago = listed(2 / 24)  # 23:00 UTC the day before
    limits = MemoryLimits(30 * DAY, 200, 2**20)
    assert "Yesterday" in render_sidebar(two_hours_ago, "", limits, VIEW)
    assert "Today" in render_sidebar(two_hours_ago, "", limits, replace(VIEW, zone_minutes=120))


def test_the_first_visit_says_what_is_known_and_offers_four_questions() -> None:
    info = KnowledgeBaseInfo("hb", "Harbourline help", 1084, 4120, 1_785_110_400.0, tuple("abcdef"))
    html = render_first_visit(info, VIEW)
    assert "1,084 documents, 4,120 passages · last updated 27 July 2026" in text_of(html)
    assert html.count('class="choice"') == 4


def test_a_question_listed_twice_is_offered_once() -> None:
    info = KnowledgeBaseInfo("hb", "Harbourline help", 1, 1, 0.0, ("a", "b", "a"))
    assert re.findall(r'class="choice">(\w)<', render_first_visit(info, VIEW)) == ["a", "b"]


def test_each_conversation_can_be_renamed_and_deleted_by_its_menu() -> None:
    html = render_sidebar(listed(0), "", MemoryLimits(30 * DAY, 200, 2**20), VIEW)
    assert 'aria-label="Rename or delete “chat 0”"' in html
    assert re.search(r'<div class="menu" hidden><button class="rename" data-rename="c0"[^>]*>Rename<', html)
    assert 'data-remove="c0" data-confirm="Delete?">Delete<' in html
    assert re.search(r"<summary>kept 30 days <svg.*</summary><p>A conversation is kept 30 days after", html)


def test_a_list_that_cannot_be_had_says_why_and_still_offers_a_new_chat() -> None:
    html = render_sidebar_failure("<Redis> is away", VIEW)
    assert "&lt;Redis&gt; is away" in html
    assert 'data-do="new"' in html


def test_the_console_is_linked_for_whoever_may_open_it_also_while_memory_is_down() -> None:
    limits = MemoryLimits(None, 1, 1)
    for view in (VIEW, replace(VIEW, texts=CHINESE)):
        may = replace(view, console="operator/queue")
        for html in (render_sidebar(listed(0), "", limits, may), render_sidebar_failure("", may)):
            assert '<a href="operator/queue" target="_blank" rel="noopener">' in html
        assert "operator" not in render_sidebar(listed(0), "", limits, view) + render_sidebar_failure("", view)


def test_an_empty_or_missing_knowledge_base_says_so() -> None:
    assert "no documents yet" in render_first_visit(KnowledgeBaseInfo("hb", "", 0, 0, 0.0), VIEW)
    assert ENGLISH.knowledge_base_gone in render_first_visit(None, VIEW)


def test_a_picker_appears_only_where_there_is_a_choice() -> None:
    one, two = (KnowledgeBaseInfo(name, name.title(), 1, 1, 0.0) for name in ("hb", "ps"))
    assert "<select" not in render_header([one], "hb", ENGLISH)
    assert '<option value="ps" selected>Ps</option>' in render_header([one, two], "ps", ENGLISH)


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, "kept until deleted"), (30 * DAY, "kept 30 days"), (7200, "kept 2 hours")]
)
def test_the_time_conversations_are_kept_is_said_in_words(seconds: int | None, words: str) -> None:
    assert kept(MemoryLimits(seconds, 1, 1), ENGLISH) == words


@pytest.mark.parametrize(
    ("value", "english", "chinese"),
    [("2026-03-01", "1 March 2026", "2026 年 3 月 1 日"), ("spring 2026", "spring 2026", "spring 2026")],
)
def test_the_date_a_document_names_is_written_out(value: str, english: str, chinese: str) -> None:
    assert written_date(value, ENGLISH) == english
    assert written_date(value, CHINESE) == chinese


def test_sizes_are_readable() -> None:
    assert [size(100), size(512 * 1024), size(3 * 2**20)] == ["1 KB", "512 KB", "3 MB"]


# ---- languages


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        ("zh", "en", Language.CHINESE),
        (None, "zh-CN,en;q=0.8", Language.CHINESE),
        ("xx", "fr, de", Language.ENGLISH),
        (None, None, Language.ENGLISH),
    ],
)
def test_the_language_is_the_chosen_one_or_the_first_we_speak(
    cookie: str | None, accepted: str | None, language: Language
) -> None:
    assert choose_language(cookie, accepted) is language


def test_both_catalogues_ask_for_the_same_values() -> None:
    for name in ENGLISH.__dataclass_fields__:
        english, chinese = getattr(ENGLISH, name), getattr(CHINESE, name)
        if isinstance(english, str):
            assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", chinese)), name


def test_a_turn_is_drawn_in_chinese_for_a_chinese_view() -> None:
    said = text_of(render_turn(turn(RULE, citation(FIRST, FIRST)), replace(VIEW, texts=CHINESE)))
    assert "有把握 · 0.86 · 依据 1 个来源 · 0.4 秒" in said
