"""For whoever runs the server: does it live, may it be sent work, and its figures."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from web.api.desk import Desk
from web.api.metrics import MEDIA_TYPE

_MEMORY = "memory"


class Health(BaseModel):
    """The process lives."""

    status: str = "ok"


class Readiness(BaseModel):
    """``troubles``: one sentence for each part that is missing, by its name; empty when work may be sent."""

    ready: bool
    troubles: dict[str, str]


def add_health(router: APIRouter, desk: Desk) -> None:
    """Adds ``/healthz``, ``/readyz`` and ``/metrics``."""

    @router.get("/healthz", tags=["service"])
    async def healthz() -> Health:
        """The process lives and takes requests. Nothing else is looked at."""
        return Health()

    @router.get("/readyz", response_model=Readiness, responses={503: {"model": Readiness}}, tags=["service"])
    def readyz() -> JSONResponse:
        """Whether memory, the knowledge base and the models are there; 503 with the reasons where they are not."""
        states = desk.service.part_states(desk.knowledge_base)
        troubles = {state.part: state.trouble for state in states if not state.ready}
        body = Readiness(ready=not troubles, troubles=troubles)
        return JSONResponse(body.model_dump(), 503 if troubles else 200)

    @router.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
        tags=["service"],
    )
    def metrics() -> Response:
        """Counters and histograms in Prometheus' text format."""
        states = desk.service.part_states(desk.knowledge_base)
        up = all(state.ready for state in states if state.part == _MEMORY)
        return Response(desk.metrics.text(desk.running.working, desk.running.waiting, up), media_type=MEDIA_TYPE)
