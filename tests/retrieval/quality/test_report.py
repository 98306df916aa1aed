from __future__ import annotations

import json
from datetime import date

from retrieval.quality.coverage import Asked
from retrieval.quality.findings import Kind, Topic, topic_of
from retrieval.quality.page_html import SHOWN, kind_name, render_report, topic_name
from retrieval.quality.report import QualityReport, Questions, Subject, examine
from tests.retrieval.quality.handbook import FILLER, article
from tests.retrieval.word_encoder import WordEncoder

SUBJECT = Subject("help", "Help <b>& more", date(2026, 6, 1))
EVIL = "<script>alert('x')</script> & \"quotes\""


def examined(**given: object) -> QualityReport:
    pages = [article(f"old-{n}", FILLER, metadata={"updated": "2019-01-01"}) for n in range(SHOWN + 3)]
    asked = (Asked(EVIL, False, 0.0), Asked("hello", True, 1.0))
    questions = Questions(asked, WordEncoder().encode_queries, lambda _: pages[0].passages[0])
    return examine(SUBJECT, pages, {}, questions if given.get("questions", True) else None)


def test_the_json_counts_every_kind_that_was_looked_for_and_holds_every_finding() -> None:
    told = json.loads(json.dumps(examined().as_json()))
    assert (told["schema"], told["knowledge_base"], told["today"]) == (1, "help", "2026-06-01")
    assert (told["documents"], told["passages"]) == (SHOWN + 3, SHOWN + 3)
    assert told["questions"] == {"asked": 2, "unanswered": 1}
    assert told["counts"]["staleness"]["not-updated"] == SHOWN + 3
    assert told["counts"]["conflicts"] == {"value-conflict": 0, "negation-conflict": 0}
    assert "links" not in told["counts"]
    assert "--source" in told["skipped"]["links"]
    stale = [one for one in told["findings"] if one["kind"] == "not-updated"]
    assert len(stale) == SHOWN + 3
    assert set(stale[0]) == {"topic", "kind", "score", "what", "remedy", "facts", "places"}
    places = {"document_id", "title", "source", "passage_id", "span", "section", "text", "marks"}
    assert set(stale[0]["places"][0]) == places


def test_without_questions_coverage_is_not_looked_at_and_the_page_says_how_to() -> None:
    report = examined(questions=False)
    assert Topic.COVERAGE in report.skipped
    assert "Not looked at. No questions were given" in render_report(report)


def test_the_page_escapes_what_documents_and_people_say_and_loads_nothing() -> None:
    page = render_report(examined())
    assert "<script" not in page
    assert "&lt;script&gt;alert(&#x27;x&#x27;)" in page
    assert "Help &lt;b&gt;&amp; more" in page
    assert "default-src 'none'" in page
    for loading in (' src="', "@import", "url(http", "<link"):
        assert loading not in page


def test_the_page_draws_its_pictures_in_its_own_colours_under_ids_of_their_own() -> None:
    page = render_report(examined())
    assert page.count("<svg") == 4
    assert "currentColor" in page
    assert "var(--accent)" in page
    ids = [part.split('"')[0] for part in page.split(' id="')[1:]]
    assert len(ids) == len(set(ids))


def test_a_long_list_is_cut_and_says_so() -> None:
    assert "3 more in the JSON." in render_report(examined())


def test_every_kind_and_topic_has_a_name_and_a_place() -> None:
    assert {topic_of(kind) for kind in Kind} == set(Topic)
    assert all(kind_name(kind) for kind in Kind)
    assert len({topic_name(topic) for topic in Topic}) == len(Topic)


def test_an_empty_knowledge_base_makes_a_page() -> None:
    report = examine(SUBJECT, [], {})
    assert (report.documents, report.findings) == (0, ())
    assert "0 documents" in render_report(report)
