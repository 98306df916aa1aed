from __future__ import annotations

import io

import pytest

from cli.talk import Chat
from tests.web.fakes import FakeAssistant


def talk(monkeypatch: pytest.MonkeyPatch, *lines: str) -> FakeAssistant:
    """One run of the chat with these lines typed, one after the other."""
    assistant = FakeAssistant(pause_seconds=0)
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
    Chat(assistant, "harbourline", "c1").run()
    return assistant


def test_messages_are_answered_in_one_conversation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assistant = talk(monkeypatch, "What does a blinking red light mean?", "and notice before moving?")
    shown = capsys.readouterr().out
    assert "no connection" in shown
    assert "[1] " in shown
    assert "searched: and notice before moving? (What does a blinking red light mean?)" in shown
    assert [len(conversation.turns) for conversation in assistant.kept.values()] == [2]


def test_new_starts_another_conversation_and_quit_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    assistant = talk(monkeypatch, "hello", "/new", "hello again", "/quit", "never read")
    assert [len(conversation.turns) for conversation in assistant.kept.values()] == [1, 1]
    assert assistant.asked == 2


def test_open_shows_the_document_of_a_source(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    talk(monkeypatch, "blinking red light", "/open 1", "/open 9", "/open", "/dance")
    out, err = capsys.readouterr()
    assert "# Router lights" in out
    assert "There is no source 9" in err
    assert err.count("is no command here") == 2


def test_a_refused_message_and_a_failing_part_do_not_end_the_chat(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assistant = talk(monkeypatch, "x" * 100_000, "boom", "blinking red light")
    out, err = capsys.readouterr()
    assert "100,000 characters" in err
    assert "The search index does not answer." in err
    assert "no connection" in out
    assert assistant.asked == 3
