"""The mixture holds every source, Doc2Dial a little under half of it, and development documents stay out."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from corpora.splits import is_development
from domain.errors import Misconfigured
from tests.training.toy_data import TOWNS, pack, write_toy_data
from training.doc2dial_search import Doc2DialSearch, query_forms
from training.retrieval_data import RowSources, gather, mixture, sections, service
from training.retrieval_rows import RetrievalRow

TEXT = "Founding\n\nIt was founded in {year}. The town hall is painted {colour}.\n"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy sets with Doc2Dial's documents as files, and help pages."""
    folder = write_toy_data(tmp_path_factory.mktemp("sets"))
    documents, turns = [], []
    for n, town in enumerate(TOWNS):
        text = f"{town} is a town by the sea. It was founded in {1900 + n}. The hall of {town} is open on Sundays."
        path = folder / "doc2dial" / "documents" / "towns" / f"{town}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {town}\n\n{text}\n", "utf-8")
        file = f"documents/towns/{town}.md"
        documents.append({"doc_id": town, "domain": "towns", "title": town, "file": file, "text": text})
        history = [["user: Where is it?", "agent: By the sea.", "user: Which sea?", "agent: The cold one."], []][n % 2]
        grounding = f"It was founded in {1900 + n}."
        turn = {"id": str(n), "doc_id": town, "history": history, "user": f"since when is {town} there?"}
        turns.append({**turn, "grounding": grounding, "start": text.index(grounding), "response": ""})
    pack(folder / "doc2dial" / "documents_index.jsonl.xz", documents)
    pack(folder / "doc2dial" / "turns_open.jsonl.xz", turns)
    body = "word " * 30
    page = {"t": "Refunds", "x": f"{body}\n\n## How long it takes\n\n{body}days\n\n## Short\n\nToo short.\n"}
    for name in ("va_gov_noleak", "login_gov", "gnome_help", "digital_gov"):
        pack(folder / "train" / f"doc_{name}.jsonl.xz", [page])
    return folder


def test_a_turn_is_asked_as_it_is_served_newest_first() -> None:
    history = [("where?", "here"), ("when?", "now")]
    assert query_forms("why?", history) == ("why?\nwhen? now", "why?\nwhen? now\nwhere? here")
    assert query_forms("why?", []) == ("why?",)
    assert query_forms("why?", history[:1]) == ("why?\nwhere? here",)


def test_training_turns_meet_the_passages_that_answer_them(data: Path) -> None:
    search = Doc2DialSearch(data / "doc2dial")
    rows = search.training_rows()
    towns = [town for town in TOWNS if not is_development(town)]
    assert {row.positive[0] for row in rows} == set(towns)
    assert all(f"since when is {row.positive[0]} there?" in row.query for row in rows)
    assert all("It was founded in" in row.positive[1] for row in rows)
    assert {heading for heading, _ in search.training_pool()} == set(towns)


def test_development_turns_search_the_passages_of_all_documents(data: Path) -> None:
    task = Doc2DialSearch(data / "doc2dial").development()
    towns = [town for town in TOWNS if is_development(town)]
    assert towns
    assert len(task.queries) == len(task.gold) == len(towns)
    assert len(task.passages) == len(TOWNS)
    for query, gold in zip(task.queries, task.gold, strict=True):
        (place,) = gold
        assert task.passages[place].splitlines()[0] in query


def test_the_mixture_holds_the_sources_with_near_negatives(data: Path) -> None:
    own = [RetrievalRow("our own", ("", "row"))]
    rows = mixture(data, Doc2DialSearch(data / "doc2dial"), own, 1, Random(0))
    doc2dial = [row for row in rows if "since when" in row.query]
    assert 0.45 <= len(doc2dial) / len(rows) <= 0.75  # toy sets have too few rows to fill their shares
    assert own[0] in rows
    assert any("How long it takes" in row.query for row in rows)
    assert any(row.query.startswith("Is the hotel in") for row in rows)
    for row in rows:
        assert row.positive not in row.negatives
        assert len(row.negatives) <= 1


def test_a_section_is_asked_by_its_heading_which_it_does_not_repeat(data: Path) -> None:
    found = list(sections(data / "train"))[:2]
    assert [row.query for row in found] == ["Refunds", "Refunds: How long it takes"]
    assert [row.positive[0] for row in found] == ["", "Refunds"]
    assert found[1].positive[1].endswith("days")


def test_twins_are_each_others_negatives_and_no_folder_is_no_rows(tmp_path: Path) -> None:
    group = next(name for name in ("fees", "cards", "plans", "meters") if not is_development(name))
    held_out = next(name for name in map(str, range(100)) if is_development(name))
    rows = [
        {"group": name, "title": "T", "heading": f"{name} › {n}", "text": f"It is {n}.", "unanswerable": [],
         "qas": [{"q": f"how much is {n}", "evidence": f"It is {n}.", "answer": str(n), "reply": ""}]}
        for name in (group, held_out)
        for n in (1, 2, 3)
    ]  # fmt: skip
    assert service(Random(0), 2, tmp_path) == []
    (tmp_path / "service_reading_x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    found = service(Random(0), 2, tmp_path)
    assert [row.positive[0] for row in found] == [f"{group} › {n}" for n in (1, 2, 3)]
    assert set(found[0].negatives) == {(f"{group} › 2", "It is 2."), (f"{group} › 3", "It is 3.")}


def test_files_and_data_come_together_shuffled_and_bounded(data: Path, tmp_path: Path) -> None:
    row = {"query": "from the file", "positive": {"title": "", "text": "yes"}}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    both = RowSources(data, (tmp_path / "rows.jsonl",))
    found = gather(both, seed=1)
    assert found.doc2dial is not None
    assert "from the file" in [one.query for one in found.rows]
    few = gather(both, seed=1, limit=200).rows
    assert gather(both, seed=1, limit=200).rows == few != gather(both, seed=2, limit=200).rows
    assert len(few) == 200
    alone = gather(RowSources(train=(tmp_path / "rows.jsonl",)))
    assert (len(alone.rows), alone.doc2dial) == (1, None)


def test_nothing_to_train_on_is_said() -> None:
    with pytest.raises(Misconfigured, match="--train FILE"):
        gather(RowSources())
