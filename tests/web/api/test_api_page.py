"""The examples of docs/api.md work: every ``bash`` block, run with the real curl, and the ``python`` block."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.web.api.served import Served

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text("utf-8")
ADDRESS = "http://127.0.0.1:7860"
BLOCKS = re.findall(r"^```bash\n(.*?)^```", PAGE, re.M | re.S)
needs_curl = pytest.mark.skipif(not Path("/usr/bin/curl").exists(), reason="curl is not installed")


def run(block: str, served: Served, folder: Path) -> str:
    """What the commands print; one that fails, or a status of 400 and above, fails the test."""
    strict = block.replace("curl -s", "curl --fail-with-body -sS")
    environment = {**os.environ, "COLLOQUY": served.url}
    done = subprocess.run(
        ["bash", "-e", "-c", strict.replace(ADDRESS, served.url)], cwd=folder, env=environment, capture_output=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.decode()


@needs_curl
def test_the_examples_of_the_page_work_one_after_the_other(served: Served, tmp_path: Path) -> None:
    said = [run(block, served, tmp_path) for block in BLOCKS]
    assert len(said) == 7
    assert json.loads(said[0])["knowledge_bases"][0]["name"] == "harbourline"
    names = re.findall(r"^event: (\w+)$", said[1], re.M)
    assert (names[0], names[-1]) == ("query_rewritten", "answer_finished")
    assert json.loads(said[2])["turn"]["query"]["gate"] == "rewrite"
    assert '"document_span":' in said[3]
    assert '"title":"Moving"' in said[4]
    exported = json.loads((tmp_path / "my-first-chat.json").read_text("utf-8"))
    assert "12 months" in json.dumps(exported)
    assert '"object":"chat.completion"' in said[5]
    assert "colloquy_turns_total" in said[6]


def test_the_python_example_prints_an_answer_with_its_quote(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
    exec(compile(example.replace(ADDRESS, served.url), "docs/api.md", "exec"), {})
    said = capsys.readouterr().out
    assert "[1]" in said
    assert "0.86" in said
