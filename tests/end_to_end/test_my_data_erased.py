"""All that is kept of a person, given and deleted over HTTP: real Redis, real knowledge bases, files on the disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from bot.assembly import Colloquy, assemble
from domain.answer import Answer, AnswerKind, Reason
from domain.conversation import Conversation, Query, Turn
from domain.hand_off import HandOff
from domain.own_files import own_base
from domain.owners import owner_hash
from memory.archive import write_archive
from settings import Settings
from web.server import build_app

pytestmark = pytest.mark.models

ANN, BOB = "a" * 43, "b" * 43
LEASE = b"# Lease\n\nThe deposit is two months of rent.\n"
DATA = "/api/v1/me/data"


def browser(colloquy: Colloquy, owner: str) -> TestClient:
    """A browser that is known by its cookie, and whose files and conversation are kept."""
    app = build_app(colloquy, default_knowledge_base="harbourline")
    client = TestClient(app, base_url="http://127.0.0.1", cookies={"colloquy_owner": owner})
    assert client.post("/upload", params={"name": "lease.md"}, content=LEASE).status_code == 200
    turn = Turn("t", "Am I covered?", Query("Am I covered?", "Am I covered?"), Answer("Yes.", AnswerKind.QUOTED))
    assert client.post("/import", content=write_archive(Conversation("", "", turns=(turn,)))).status_code == 200
    reason = Reason.ASKED_FOR_PERSON
    colloquy.hand_offs.put(HandOff(owner[0] * 32, owner_hash(owner), "c", "Call me", "call me", reason))
    return client


def amounts(data: dict[str, Any]) -> tuple[int, int, int]:
    return len(data["conversations"]), len(data["hand_offs"]), len(data["files"])


def files_of(folder: Path, owner: str) -> list[str]:
    return sorted(path.name for path in folder.rglob(f"*{own_base(owner)}*"))


def test_deleting_takes_conversations_questions_to_people_and_files_off_the_disk_and_nobody_elses(
    tmp_path: Path,
) -> None:
    with assemble(Settings(data_dir=tmp_path)) as colloquy:
        ann, bob = browser(colloquy, ANN), browser(colloquy, BOB)
        assert amounts(ann.get(DATA).json()) == (1, 1, 1)
        assert files_of(tmp_path, ANN) != []
        assert ann.delete(DATA).json() == {"conversations": 1}
        assert amounts(ann.get(DATA).json()) == (0, 0, 0)
        assert files_of(tmp_path, ANN) == []
        assert amounts(bob.get(DATA).json()) == (1, 1, 1)
        assert files_of(tmp_path, BOB) != []
