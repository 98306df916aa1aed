"""The description of the API is true: whatever it allows is answered as it says, and never with a server's fault."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.web.api.served import ServedApi
from tests.web.fakes import FakeAssistant

_EXAMPLES = 12  # of each route: more find nothing new, and cost a second each
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    unsupported_method,
]


@pytest.fixture(scope="module")
def described() -> Iterator[Any]:
    """The description, and behind it an assistant that nothing else asks."""
    served = ServedApi(FakeAssistant(pause_seconds=0))
    yield schemathesis.openapi.from_url(f"{served.url}/openapi.json")
    served.close()


def test_every_route_answers_as_the_description_says(described: Any) -> None:
    tried = []
    for found in described.get_all_operations():
        operation = found.ok()
        tried.append(operation.label)
        _check(operation.as_strategy())
    assert len(tried) == 24


def _check(cases: Any) -> None:
    @given(case=cases)
    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def conforms(case: Any) -> None:
        case.call_and_validate(checks=CHECKS)

    conforms()


def test_only_what_is_for_programs_is_described(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert sorted(paths) == [
        "/api/v1/conversations",
        "/api/v1/conversations/{conversation_id}",
        "/api/v1/conversations/{conversation_id}/export",
        "/api/v1/conversations/{conversation_id}/turns",
        "/api/v1/conversations/{conversation_id}/turns/{turn_id}/explanation",
        "/api/v1/conversations/{conversation_id}/turns/{turn_id}/feedback",
        "/api/v1/conversations/{conversation_id}/turns/{turn_id}/trace",
        "/api/v1/import",
        "/api/v1/knowledge-bases",
        "/api/v1/knowledge-bases/{knowledge_base}/documents",
        "/api/v1/knowledge-bases/{knowledge_base}/documents/{document_id}",
        "/api/v1/knowledge-bases/{knowledge_base}/search",
        "/api/v1/me/data",
        "/healthz",
        "/metrics",
        "/readyz",
        "/v1/chat/completions",
        "/v1/models",
        "/v1/models/{model}",
    ]


def test_every_route_has_a_sentence_for_whoever_reads_the_description(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    operations = [operation for path in paths.values() for operation in path.values()]
    assert [operation["operationId"] for operation in operations if not operation.get("description")] == []
