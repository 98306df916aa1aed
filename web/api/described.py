"""What FastAPI cannot see from the routes: the events of a stream and the shapes of errors, for ``/openapi.json``."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from web.api.models import (
    AnswerDeltaEvent,
    FinishedTurn,
    PassagesRetrievedEvent,
    QueryRewrittenEvent,
    QueuedEvent,
)
from web.api.problems import OpenAIProblem, Problem

EVENTS: dict[str, type[BaseModel]] = {
    "queued": QueuedEvent,
    "query_rewritten": QueryRewrittenEvent,
    "passages_retrieved": PassagesRetrievedEvent,
    "answer_delta": AnswerDeltaEvent,
    "answer_finished": FinishedTurn,
    "error": Problem,
}
"""Name of an event -> what its data is."""

_REFERENCE = "#/components/schemas/{model}"


def events_described() -> dict[str, Any]:
    """The ``content`` of a stream of ``EVENTS`` (OpenAPI 3.2, 4.14.4: one schema for each event)."""
    return {"text/event-stream": {"itemSchema": {"oneOf": [_event(name, model) for name, model in EVENTS.items()]}}}


def chunks_described() -> dict[str, Any]:
    """The ``content`` of a stream of OpenAI's chunks, which have no names and end with ``[DONE]``."""
    item = {"type": "object", "required": ["data"], "properties": {"data": {"type": "string"}}}
    return {"text/event-stream": {"itemSchema": item}}


def _event(name: str, model: type[BaseModel]) -> dict[str, Any]:
    data = {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": {"$ref": _REFERENCE.format(model=model.__name__)},
    }
    return {"type": "object", "required": ["event", "data"], "properties": {"event": {"const": name}, "data": data}}


def describe_the_rest(api: FastAPI) -> None:
    """Puts shapes that no route returns into the description of ``api``."""
    described = api.openapi

    def complete() -> dict[str, Any]:
        document = described()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        models: list[type[BaseModel]] = [*EVENTS.values(), OpenAIProblem]
        for model in models:
            schema = model.model_json_schema(mode="serialization", ref_template=_REFERENCE)
            for name, inner in {**schema.pop("$defs", {}), model.__name__: schema}.items():
                schemas.setdefault(name, inner)
        return document

    api.openapi = complete  # type: ignore[method-assign]  # FastAPI's own way to extend the document
