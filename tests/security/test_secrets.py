"""A command is run with secrets in its settings, talkative and failing: none of them is in what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECRETS = {
    "COLLOQUY_REDIS_URL": "redis://ann:tiger-redis-1@127.0.0.1:1/0",
    "COLLOQUY_HAND_OFF_SECRET": "tiger-hook-2",
    "COLLOQUY_MILVUS_TOKEN": "tiger-milvus-3",
    "COLLOQUY_HAND_OFF__WEBHOOK_URL": "https://ann:tiger-web-4@desk.example/hook",
}


def said(folder: Path, program: str, **more: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COLLOQUY_")}
    environment = {**kept, **SECRETS, "COLLOQUY_LOG_LEVEL": "debug", "COLLOQUY_DATA_DIR": str(folder), **more}
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    return run.stdout + run.stderr


def test_a_command_that_fails_names_no_secret(tmp_path: Path) -> None:
    told = said(tmp_path, "import sys; from cli.main import main; sys.exit(main(['users', 'list']))")
    assert "redis://ann:***@127.0.0.1:1/0" in told
    assert "tiger" not in told


@pytest.mark.parametrize(
    ("name", "value"), [("COLLOQUY_HAND_OFF_SECRT", "tiger-5"), ("COLLOQUY_REDIS_URL", "redis://:tiger-6@x:y")]
)
def test_a_setting_that_is_wrong_repeats_no_secret(tmp_path: Path, name: str, value: str) -> None:
    told = said(tmp_path, "import sys; from cli.main import main; sys.exit(main(['users', 'list']))", **{name: value})
    assert name in told
    assert "tiger" not in told


def test_what_is_logged_of_a_failure_has_neither_secrets_nor_personal_data(tmp_path: Path) -> None:
    program = (
        "import logging; from cli.console import settings_for_command as s; c = s()\n"
        "try: raise ValueError(c.redis_url, c.hand_off_secret.get_secret_value(), c.milvus_token.get_secret_value())\n"
        "except ValueError: logging.exception('ann@mail.example asked %s', c.hand_off.webhook_url)"
    )
    told = said(tmp_path, program)
    assert "[e-mail••••••••] asked" in told
    assert "Traceback" in told
    assert "tiger" not in told
