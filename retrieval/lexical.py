"""BM25 by SQLite's FTS5, whose index lives in the catalogue and so changes in the same transaction.

``evaluation/engines.py`` measures it against tantivy and bm25s.
"""

from __future__ import annotations

import itertools
import re
import sqlite3
from collections.abc import Sequence

# The porter stemmer meets "refunds" with "refund"; unicode61 folds case and accents. The triggers keep the index
# equal to the table whoever changes it, cascades included.
LEXICON_SCHEMA = """
CREATE VIRTUAL TABLE lexicon USING fts5(
    heading, text, content='passages', content_rowid='row', tokenize='porter unicode61 remove_diacritics 2'
);
CREATE TRIGGER passage_added AFTER INSERT ON passages BEGIN
    INSERT INTO lexicon(rowid, heading, text) VALUES (new.row, new.heading, new.text);
END;
CREATE TRIGGER passage_removed AFTER DELETE ON passages BEGIN
    INSERT INTO lexicon(lexicon, rowid, heading, text) VALUES ('delete', old.row, old.heading, old.text);
END;
"""

HEADING_WEIGHT = 1.5  # a word of the heading says more of a passage's subject than one of its text
MAX_TERMS = 32  # a pasted page must not cost more than a long question

_FEW = 500  # rows excluded by name in the query; more are passed over as the matches come, best first

_STOP_WORDS = """
a about am an and any are as at be been being but by can could d did do does for from had has have he her him his how
i if in into is it its ll m me my no not of on or our re s she should so some t than that the their them then there
these they this those to us ve was we were what when where which who whom why will with would you your
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())

_WORD = re.compile(r"\w+")


def match_expression(text: str) -> str:
    """The FTS5 query for ``text``: its distinct words, quoted and joined by OR; "" when it has none.

    Stop words are dropped unless there is nothing else. Quoting makes every input harmless.
    """
    return " OR ".join(f'"{word}"' for word in searched_words(text))


def searched_words(text: str) -> list[str]:
    """The first distinct words of ``text``, in small letters, that are no stop words, unless it has no others."""
    words = list(dict.fromkeys(_WORD.findall(text.lower())))
    return ([word for word in words if word not in STOP_WORDS] or words)[:MAX_TERMS]


def bm25_search(
    connection: sqlite3.Connection, text: str, k: int, excluded: Sequence[int] = ()
) -> list[tuple[int, float]]:
    """The ``k`` best (row, BM25) for ``text``, ordered by ``(-score, row)``, without the rows ``excluded``.

    Scores are above zero, higher is better. [] when no word of ``text`` occurs.
    """
    expression = match_expression(text)
    if not expression or k <= 0:
        return []
    few = len(excluded) <= _FEW
    without = f"AND rowid NOT IN ({','.join(str(int(row)) for row in excluded)})" if excluded and few else ""
    limit = "LIMIT ?" if few else ""
    found = connection.execute(
        f"SELECT rowid, -bm25(lexicon, ?, 1.0) AS score FROM lexicon WHERE lexicon MATCH ? {without} "
        f"ORDER BY score DESC, rowid {limit}",
        (HEADING_WEIGHT, expression, *([k] if few else [])),
    )
    if few:
        return [(int(row), float(score)) for row, score in found]
    unwanted = frozenset(excluded)
    kept = ((int(row), float(score)) for row, score in found if row not in unwanted)
    return list(itertools.islice(kept, k))
