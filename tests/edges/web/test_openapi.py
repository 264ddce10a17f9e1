"""The description is true: what is asked by it is answered by it, and nothing breaks the service."""

from __future__ import annotations

import dataclasses

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection
from small_service import Memory, Service, entry, service, starts_and_blinks

from nictate.edges.web import Access, Limits
from nictate.edges.web.openapi import document, schema_of
from nictate.status import Status
from nictate.wire import SCHEMA

OPEN = Access(limits=Limits(requests_per_s=1e6, requests_at_once=10**6))
DOCUMENT = document("1.2.3")
OPERATIONS = sorted(
    (path, method)
    for path, operations in DOCUMENT["paths"].items()
    for method in operations
    if path != "/api/v1/events"
)
ASKED = [
    (path, method, mode)
    for path, method in OPERATIONS
    for mode in GenerationMode
    # What takes nothing cannot be asked wrongly by its description.
    if mode is GenerationMode.POSITIVE or {"parameters", "requestBody"} & DOCUMENT["paths"][path][method].keys()
]


def test_every_address_is_described_and_nothing_else() -> None:
    assert set(DOCUMENT["paths"]) == {
        *("/api/v1/events", "/api/v1/blinks", "/api/v1/status", "/api/v1/openapi.json", "/api/v1/schema.json"),
        *("/api/v1/recordings", "/api/v1/recordings/{id}/stop", "/api/v1/recordings/{id}/events"),
        *("/healthz", "/metrics"),
    }
    with service(records=Memory(starts_and_blinks(1, 3))) as running:
        running.records.start_recording("a", 0.0)
        for path, method in OPERATIONS:
            body = '{"name": "x"}' if (path, method) == ("/api/v1/recordings", "post") else None
            answer = running.ask(method.upper(), path.replace("{id}", "1"), body, Content_Type="application/json")
            assert answer.status in (200, 201), path
            content = DOCUMENT["paths"][path][method]["responses"][str(answer.status)]["content"]
            assert answer.headers["content-type"].partition(";")[0] in content


def test_the_event_is_described_by_the_wire() -> None:
    assert DOCUMENT["components"]["schemas"]["BlinkEvent"] is SCHEMA


def test_every_schema_is_one() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_a_type_is_described_in_full() -> None:
    told = schema_of(Status)
    assert told["required"] == [field.name for field in dataclasses.fields(Status)]
    assert told["properties"]["newest_s"] == {"anyOf": [{"type": "number"}, {"type": "null"}]}
    assert told["properties"]["stream"]["anyOf"][0]["properties"]["channels"]["type"] == "array"
    assert "lost" in told["properties"]["connection"]["enum"]


@pytest.fixture(scope="module")
def running() -> Service:  # type: ignore[misc]
    with service(OPEN, Memory([entry(k) for k in range(1, 30)])) as running:
        yield running


@pytest.mark.parametrize(("path", "method", "mode"), ASKED)
def test_what_is_asked_by_the_description_is_answered_by_it(
    running: Service, path: str, method: str, mode: GenerationMode
) -> None:
    hold_to_it(running, path, method, mode)


@pytest.mark.parametrize("mode", GenerationMode)
def test_so_are_the_events_of_a_service_that_ends(mode: GenerationMode) -> None:
    """Of another, the stream would not end."""
    with service(OPEN) as running:
        running.hub.close()
        hold_to_it(running, "/api/v1/events", "get", mode)


def hold_to_it(running: Service, path: str, method: str, mode: GenerationMode) -> None:
    operation = schemathesis.openapi.from_dict(DOCUMENT)[path][method.upper()]

    @given(case=operation.as_strategy(mode))
    @settings(
        max_examples=25,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: schemathesis.Case) -> None:
        # A header is a text whatever it was before: what is no number there may be one on its way.
        texts = [negative_data_rejection] if path == "/api/v1/events" else []
        case.call_and_validate(base_url=f"http://127.0.0.1:{running.port}", excluded_checks=texts)

    ask()
