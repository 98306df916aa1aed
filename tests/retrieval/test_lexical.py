from __future__ import annotations

import sqlite3

import pytest

from retrieval.lexical import LEXICON_SCHEMA, MAX_TERMS, bm25_search, match_expression


@pytest.fixture
def passages() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE passages (row INTEGER PRIMARY KEY, heading TEXT, text TEXT)")
    connection.executescript(LEXICON_SCHEMA)
    rows = [
        (1, "Refunds", "We refund the price within 14 days."),
        (2, "Router lights", "A red light means error E-4102. Restart the router."),
        (3, "Roaming", "Refunds of roaming charges take longer, and roaming is free in Ireland."),
        (4, "Café", "The café by the harbour is closed."),
    ]
    connection.executemany("INSERT INTO passages VALUES (?, ?, ?)", rows)
    return connection


def rows_for(connection: sqlite3.Connection, text: str, k: int = 10) -> list[int]:
    return [row for row, _ in bm25_search(connection, text, k)]


def test_stop_words_are_dropped_and_words_quoted_once() -> None:
    assert match_expression("How do I restart the router? Router!") == '"restart" OR "router"'


def test_a_question_of_stop_words_alone_is_searched_as_it_is() -> None:
    assert match_expression("who are we") == '"who" OR "are" OR "we"'


def test_a_text_without_words_matches_nothing(passages: sqlite3.Connection) -> None:
    assert match_expression(" ?!… ") == ""
    assert rows_for(passages, " ?!… ") == []


def test_a_pasted_page_is_cut_to_so_many_words() -> None:
    assert match_expression(" ".join(f"word{n}" for n in range(500))).count(" OR ") == MAX_TERMS - 1


@pytest.mark.parametrize("hostile", ['"', 'router" OR heading:*', "NEAR(a b)", "heading : x", "a* ^b -c (d)", "NOT"])
def test_the_query_language_of_the_engine_cannot_be_reached(passages: sqlite3.Connection, hostile: str) -> None:
    assert all(score > 0 for _, score in bm25_search(passages, hostile, 5))


def test_word_forms_case_and_accents_meet(passages: sqlite3.Connection) -> None:
    assert rows_for(passages, "REFUNDED")[0] == 1
    assert rows_for(passages, "cafe") == [4]
    assert rows_for(passages, "e-4102") == [2]


def test_a_word_in_the_heading_counts_more(passages: sqlite3.Connection) -> None:
    assert rows_for(passages, "refund") == [1, 3]


def test_scores_fall_and_k_and_exclusions_hold(passages: sqlite3.Connection) -> None:
    found = bm25_search(passages, "refund roaming router", 10)
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    assert bm25_search(passages, "refund roaming router", 1) == found[:1]
    assert bm25_search(passages, "refund roaming router", 10, excluded=[found[0][0]]) == found[1:]
    assert bm25_search(passages, "refund", 0) == []


def test_a_deleted_passage_is_gone_from_the_index(passages: sqlite3.Connection) -> None:
    passages.execute("DELETE FROM passages WHERE row = 1")
    assert rows_for(passages, "refund") == [3]
    passages.execute("INSERT INTO lexicon(lexicon) VALUES ('integrity-check')")
