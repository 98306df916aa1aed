"""A folder of public training sets in miniature: the same files and shapes, a handful of invented rows each."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterable
from pathlib import Path
from typing import Any

COLOURS = ("red", "green", "blue", "amber", "white", "violet", "grey", "brown")
TOWNS = ("Aldry", "Benholt", "Corvick", "Dunmere", "Elsham", "Farrow", "Garth", "Hexley")


def pack(path: Path, rows: Iterable[Any]) -> None:
    """``rows`` as JSON Lines packed with xz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with lzma.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def write_toy_data(folder: Path) -> Path:
    """Every file that the rewriter, the reader and the answerer read; returns ``folder``."""
    train = folder / "train"
    pack(train / "rewrite_canard_train.jsonl.xz", (_canard(town) for town in TOWNS))
    pack(train / "rewrite_gecor.jsonl.xz", (_gecor(town) for town in TOWNS))
    pack(train / "rewrite_cqr_dev.jsonl.xz", [{"history": ["driver: find a cafe"], "rewrite": "find a cafe"}])
    pack(folder / "dev" / "rewrite_canard_dev_a.jsonl.xz", (_canard_dev(town) for town in TOWNS))
    for name in ("qa_squad1_trainpart", "qa_policyqa_dev", "qa_squad1_dev_nosq2"):
        pack(train / f"{name}.jsonl.xz", ({"title": t, "passage": _page(t), "qas": [_asked(t)]} for t in TOWNS))
    pack(train / "qa_qed_train.jsonl.xz", ({**_asked(t), "title": t, "passage": _page(t)} for t in TOWNS))
    pack(train / "qa_covidqa.jsonl.xz", ({"passage": _page(t), "qas": [_with_start(t)]} for t in TOWNS))
    faqs = [{"name": t, "q": f"When was {t} founded?", "a": f"{t} was founded in {_year(t)}."} for t in TOWNS]
    for name in ("faq_dstc9", "faq_medquad"):
        pack(train / f"{name}.jsonl.xz", faqs)
    pack(train / "conv_dstc11_val.jsonl.xz", (_dstc11(town) for town in TOWNS))
    pack(folder / "doc2dial" / "documents_index.jsonl.xz", (_document(town) for town in TOWNS))
    pack(folder / "doc2dial" / "turns_open.jsonl.xz", (_turn(town) for town in TOWNS))
    return folder


def _year(town: str) -> int:
    return 1900 + 7 * TOWNS.index(town)


def _page(town: str) -> str:
    colour = COLOURS[TOWNS.index(town)]
    return f"{town} is a town by the sea. It was founded in {_year(town)}. The town hall is painted {colour}."


def _asked(town: str) -> dict[str, Any]:
    return {"q": f"When was {town} founded?", "a": [str(_year(town))]}


def _with_start(town: str) -> dict[str, Any]:
    return {**_asked(town), "s": [_page(town).index(str(_year(town)))]}


def _canard(town: str) -> dict[str, Any]:
    told = [{"q": f"where is {town}", "rw": f"where is {town}", "answer_nouns": ["sea"]}]
    return {"history": told, "question": "when was it founded", "rewrite": f"when was {town} founded"}


def _canard_dev(town: str) -> dict[str, Any]:
    history = [town, "History", f"where is {town}", "By the sea."]
    return {"history": history, "question": "when was it founded", "rewrite": f"when was {town} founded"}


def _gecor(town: str) -> dict[str, Any]:
    return {
        "history": [f"is there a cafe in {town}", "yes , the old mill"],
        "question": "what is its address",
        "ellipsis": "address",
        "coref": "what is its address",
        "rewrite": "what is the address of the old mill",
    }


def _dstc11(town: str) -> dict[str, Any]:
    return {
        "history": [f"U: Is the hotel in {town} quiet?"],
        "target": True,
        "knowledge": [f"{town} hotel: The rooms are very quiet.", f"{town} hotel: I slept well."],
        "response": f"Guests say that the rooms of the {town} hotel are very quiet.",
    }


def _document(town: str) -> dict[str, Any]:
    return {"doc_id": town, "domain": "towns", "title": town, "file": f"towns/{town}.md", "text": _page(town)}


def _turn(town: str) -> dict[str, Any]:
    grounding = f"It was founded in {_year(town)}."
    return {
        "id": f"{town}#1",
        "doc_id": town,
        "history": [f"user: Where is {town}?", "agent: It lies by the sea."],
        "user": "And since when does it exist?",
        "grounding": grounding,
        "start": _page(town).index(grounding),
        "response": f"The town of {town} was founded in {_year(town)}.",
    }
