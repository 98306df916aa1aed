"""``kill -9`` of the app and of its Redis right after a turn was acknowledged: the turn is there at the next start."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.assembly import assemble
from domain.answer import AnswerKind
from memory.embedded_server import EmbeddedRedis
from settings import Settings
from tests.end_to_end.real_app import ROOT, environment

pytestmark = pytest.mark.models

OWNER, CONVERSATION = "somebody", "conversation-1"
APP = f"""
import json, sys
from bot.assembly import assemble
from domain.events import AnswerFinished
from settings import load_settings

colloquy = assemble(load_settings())
for event in colloquy.stream_reply("{OWNER}", "{CONVERSATION}", sys.argv[1], "harbourline"):
    if isinstance(event, AnswerFinished):
        print(json.dumps([event.turn.id, event.turn.answer.text, event.stored]), flush=True)
sys.stdin.read()
"""


def app(data_dir: Path, question: str) -> subprocess.Popen[str]:
    """A process that answers one question, says the turn's id once it is acknowledged, and waits."""
    return subprocess.Popen(
        [sys.executable, "-c", APP, question],
        cwd=ROOT,
        env=environment(data_dir),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("hello", {AnswerKind.SMALL_TALK}),
        ("How much does Fibre 100 cost in the UK?", {AnswerKind.GENERATED, AnswerKind.QUOTED}),
    ],
)
def test_an_acknowledged_turn_survives_the_death_of_app_and_memory(
    question: str, kinds: set[AnswerKind], harbourline_data: Path, tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    shutil.copytree(harbourline_data, data_dir)
    with app(data_dir, question) as process:
        assert process.stdout is not None
        turn_id, text, stored = json.loads(process.stdout.readline())
        redis = EmbeddedRedis(data_dir / "memory").pid
        assert redis is not None
        os.kill(redis, signal.SIGKILL)
        process.kill()
    assert stored
    assert process.returncode == -signal.SIGKILL

    with assemble(Settings(data_dir=data_dir)) as colloquy:
        [turn] = colloquy.conversation(OWNER, CONVERSATION).turns
        assert (turn.id, turn.question, turn.answer.text) == (turn_id, question, text)
        assert turn.answer.kind in kinds
        assert [listed.turn_count for listed in colloquy.conversations(OWNER)] == [1]
