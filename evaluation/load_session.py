"""One session of a load run: a person who asks over the API, one question after the other, and checks what is kept."""

from __future__ import annotations

import http.client
import json
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

_PATIENCE_SECONDS = 900.0  # the end of a long line on two processors
_BUSY = 503


@dataclass(frozen=True, slots=True)
class AskedTurn:
    """``first``: seconds until the work showed its first event, the line included; ``whole``: until the answer was
    there; ``position``: the first place in the line, 0 without one. ``error`` is empty where all went well."""

    first: float
    whole: float
    position: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class SessionRun:
    """What one session saw. ``kept``: whether exactly its turns were stored, in order, each once."""

    number: int
    turns: tuple[AskedTurn, ...]
    kept: bool

    def as_line(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_line(cls, line: str) -> SessionRun:
        """What ``as_line`` wrote."""
        read = json.loads(line)
        return cls(read["number"], tuple(AskedTurn(**turn) for turn in read["turns"]), read["kept"])


class Person:
    """A person with a cookie of their own on one connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_SECONDS)
        self._cookie = f"colloquy_owner={secrets.token_urlsafe(32)}"
        self._address = f"/api/v1/conversations/{secrets.token_urlsafe(16)}"

    def session(self, number: int, questions: Sequence[str]) -> SessionRun:
        """Ask them all, look at what is stored, and forget the conversation."""
        turns = tuple(self._asked(question) for question in questions)
        answered = [question for question, turn in zip(questions, turns, strict=True) if not turn.error]
        kept = self._stored() == answered
        self._request("DELETE", self._address).read()
        self._connection.close()
        return SessionRun(number, turns, kept)

    def _asked(self, question: str) -> AskedTurn:
        started, first, position = time.perf_counter(), 0.0, 0
        try:
            reply = self._request("POST", f"{self._address}/turns", {"message": question})
            if reply.status != 200:
                reply.read()
                return AskedTurn(0.0, 0.0, 0, "busy" if reply.status == _BUSY else f"status {reply.status}")
            for name, data in events_of(iter(reply.readline, b"")):
                if name == "queued":
                    position = position or data["position"]
                elif name == "error":
                    reply.read()  # to its end, or the connection takes no further question
                    return AskedTurn(0.0, 0.0, position, data["detail"])
                elif name == "answer_finished":
                    reply.read()
                    whole = time.perf_counter() - started
                    return AskedTurn(first, whole, position, "" if data["stored"] else "not stored")
                else:
                    first = first or time.perf_counter() - started
            return AskedTurn(0.0, 0.0, position, "the stream broke off")
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()  # the next request opens it again
            return AskedTurn(0.0, 0.0, position, repr(error))

    def _stored(self) -> list[str]:
        reply = self._request("GET", self._address)
        body = reply.read()
        return [turn["question"] for turn in json.loads(body)["turns"]] if reply.status == 200 else []

    def _request(self, method: str, path: str, body: dict[str, str] | None = None) -> http.client.HTTPResponse:
        headers = {"Cookie": self._cookie, "Content-Type": "application/json", "Accept": "text/event-stream"}
        self._connection.request(method, path, json.dumps(body).encode() if body else None, headers)
        return self._connection.getresponse()


def events_of(lines: Iterator[bytes]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, data) of each server-sent event in a stream of lines."""
    name, data = "", b""
    for line in lines:
        if line.startswith(b"event:"):
            name = line[6:].strip().decode()
        elif line.startswith(b"data:"):
            data += line[5:].strip()
        elif not line.strip() and data:
            yield name, json.loads(data)
            name, data = "", b""
