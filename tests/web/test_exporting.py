"""A conversation as Markdown and PDF: every word, every source, nothing that runs; what no font can draw is said."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import pytest
from pypdf import PdfReader

from domain.answer import Answer, AnswerKind, Citation
from domain.conversation import Conversation, Query, Turn
from domain.passage import Passage, RetrievedPassage
from web.exporting import file_name, markdown_of
from web.pdf import Fonts, pdf_of, system_fonts
from web.texts import CHINESE
from web.view import View

RULE = "You pay £20."
PASSAGE = Passage("p1", "fees", "Fees", f"First. {RULE}", "fees.md", (0, 19), ("Moving *home*",))
VIEW = View(titles={"help": "Help"}, now=1_785_110_400.0)


def turn(question: str = "what does it cost?", text: str = RULE, marker: int = 1) -> Turn:
    citation = Citation(marker, "p1", (0, len(text)), (7, 19), RULE, 0.9)
    found = (RetrievedPassage(PASSAGE, 1.0, 1),)
    return Turn("t", question, Query(question, question), Answer(text, AnswerKind.QUOTED, (citation,)), found)


def conversation(*turns: Turn, title: str = "Moving") -> Conversation:
    return Conversation("c", "me", title, turns or (turn(),))


def test_markdown_holds_questions_answers_and_sources() -> None:
    assert markdown_of(conversation(), VIEW) == (
        "# Moving\n\n*Questions: 1. Exported on 27 July 2026.*\n\n## what does it cost?\n\nYou pay £20 [1].\n\n"
        "**Sources**\n\n1. Fees › Moving \\*home\\*: “You pay £20.”\n"
    )


def test_markup_of_people_and_documents_does_not_run_in_markdown() -> None:
    text = markdown_of(conversation(turn("<script>x</script> [a](javascript:b)", "<img src=x>"), title="# <b>"), VIEW)
    assert "<script" not in text.replace("\\<", "")
    assert "## \\<script>x\\</script> \\[a\\](javascript:b)" in text
    assert "\n\n\\<img src=x> [1]\n\n" in text
    assert text.startswith("# \\# \\<b>\n")


def test_trimmed_and_stopped_turns_are_told() -> None:
    stopped = replace(turn(text="You"), stopped=True)
    text = markdown_of(replace(conversation(stopped), trimmed=12), VIEW)
    assert "The oldest 12 questions were dropped" in text
    assert "You stopped this answer." in text


def test_a_citation_that_cannot_be_shown_leaves_no_marker_behind() -> None:
    foreign = replace(turn(), evidence=())
    assert "[1]" not in markdown_of(conversation(foreign), VIEW)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Moving home?", "Moving-home.md"),
        ("../../etc/passwd", "etc-passwd.md"),
        ("", "conversation.md"),
        ("搬家要多少钱", "搬家要多少钱.md"),
        ("a" * 200, "a" * 60 + ".md"),
        ('x"\r\nSet-Cookie: y', "x-Set-Cookie-y.md"),
    ],
    ids=["words", "a path", "nothing", "Chinese", "long", "a header"],
)
def test_a_file_name_is_safe_everywhere(title: str, name: str) -> None:
    assert file_name(conversation(title=title), "md") == name


def drawn(what: Conversation, fonts: Fonts, view: View = VIEW) -> str:
    pages = PdfReader(BytesIO(pdf_of(what, view, fonts))).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def test_a_pdf_holds_the_same_with_the_fonts_of_this_machine() -> None:
    text = drawn(conversation(turn("what does it cost — “today”?")), system_fonts())
    assert "what does it cost — “today”? You pay £20 [1]." in text
    assert "[1] Fees › Moving *home*: “You pay £20.”" in text


def test_a_pdf_without_any_font_is_written_in_the_readers_own() -> None:
    text = drawn(conversation(turn("what does it cost — “today”?")), Fonts())
    assert 'what does it cost - "today"? You pay £20 [1].' in text


def test_letters_that_no_font_can_draw_are_said_and_not_dropped() -> None:
    text = drawn(conversation(turn("搬家 cost?")), Fonts())
    assert "?? cost?" in text
    assert "Some letters could not be drawn" in text
    assert "Some letters" not in drawn(conversation(), Fonts())


def test_a_long_conversation_runs_over_pages() -> None:
    many = conversation(*(turn(f"question {number}") for number in range(60)))
    text = drawn(many, Fonts(), replace(VIEW, texts=CHINESE))
    assert [f"question {number} " in text for number in (0, 59)] == [True, True]
    assert len(PdfReader(BytesIO(pdf_of(many, VIEW, Fonts()))).pages) > 2


def test_where_there_are_no_font_folders_there_are_no_fonts() -> None:
    assert system_fonts(("/nowhere",)) == Fonts()
