"""What every route of the API is handed: the assistant, the turns that run, the counters, and who is asking."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request

from domain.service import Service
from web.api.metrics import Metrics
from web.api.problems import Refused
from web.identity import Caller, program_of
from web.memory_given_back import give_back_soon
from web.options import ServiceOptions
from web.running import RunningTurns


@dataclass(frozen=True, slots=True)
class Desk:
    """``knowledge_base``: what is asked where a request names none."""

    service: Service
    running: RunningTurns
    metrics: Metrics
    knowledge_base: str


def open_desk(service: Service, knowledge_base: str, options: ServiceOptions) -> Desk:
    """What page and API share: as many turns at once as ``options`` allow, all of them counted."""
    metrics = Metrics(lambda: [info.name for info in service.knowledge_bases()])
    running = RunningTurns(options.turn_limit, options.queue_limit, metrics.watch, give_back_soon)
    return Desk(service, running, metrics, knowledge_base)


def asking(request: Request) -> Caller:
    """Who sent this request; 401 for nobody. ``web/identity.py`` has the rule."""
    caller = program_of(request)
    if caller is None:
        raise Refused(401, "Log in, or send an API key as “Authorization: Bearer KEY”.")
    return caller


def new_conversation_id() -> str:
    """An id that nobody guesses."""
    return secrets.token_urlsafe(16)


Asking = Annotated[Caller, Depends(asking)]
ConversationId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{8,64}$", description="8 to 64 of A-Z, a-z, 0-9, _ and -")]
TurnId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
