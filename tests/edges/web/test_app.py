"""What the service says of itself, and what becomes of addresses that lead nowhere."""

from __future__ import annotations

import dataclasses
import json
import math

import jsonschema
import pytest
from small_service import Memory, entry, service

from nictate.edges.web.openapi import document
from nictate.status import ChannelStatus, IcaReport, MapPoint, Status, StreamReport, TallyReport
from nictate.wire import SCHEMA

HOSTILE = '<script>alert(1)</script>"\\\n\x00\ud800'
FULL = Status(
    "connected",
    "run-1",
    StreamReport(HOSTILE, HOSTILE, "host", "uid", 250.0, (ChannelStatus(HOSTILE, "flat", True),) * 2),
    newest_s=98.5,
    samples=1000,
    gaps=1,
    dropped=2,
    ica=IcaReport("ICA: on", True, (MapPoint("Fp1", -0.3, 0.9, 1.0),)),
    model="blink",
    model_sha256="0" * 64,
    tally=TallyReport(7, math.nan, math.inf, 120.0, 3.0, 0.1),
)


def test_status_is_told_with_its_age() -> None:
    with service(now_s=100.0) as running:
        running.status[0] = FULL
        told = running.get("/api/v1/status").json
        assert told["nictate"] == "1.2.3"
        assert told["utc"] == "2023-11-14T22:13:20.000000Z"
        assert told["newest_age_s"] == 1.5
        assert told["subscribers"] == 0
        expected = json.loads(json.dumps(dataclasses.asdict(FULL)))
        expected["tally"] |= {"blinks_per_min": None, "duration_s": None}
        assert {name: told[name] for name in expected} == expected
        assert b"<script>" in running.get("/api/v1/status").body  # As JSON, which no browser takes for a page.
        assert running.get("/api/v1/status").headers["content-type"] == "application/json"
        with running.stream() as lines:
            next(lines)
            assert running.get("/api/v1/status").json["subscribers"] == 1


@pytest.mark.parametrize("status", [Status("waiting"), FULL, Status("lost", "r"), Status("ended")])
def test_status_is_as_it_is_described(status: Status) -> None:
    schemas = document("1")["components"]["schemas"]
    with service() as running:
        running.status[0] = status
        told = running.get("/api/v1/status").json
    jsonschema.Draft202012Validator(schemas["Status"]).validate(told)
    assert set(told) == set(schemas["Status"]["properties"])


def test_health_is_whether_the_worker_works() -> None:
    with service() as running:
        for connection, code in (("waiting", 200), ("connected", 200), ("lost", 200), ("ended", 503)):
            running.status[0] = Status(connection)  # type: ignore[arg-type]
            answer = running.get("/healthz")
            assert answer.status == code
            assert answer.json == {"ok": code == 200, "connection": connection}


def test_the_schema_and_the_description_are_served() -> None:
    with service() as running:
        assert running.get("/api/v1/schema.json").json == SCHEMA
        assert running.get("/api/v1/openapi.json").json == document("1.2.3")


@pytest.mark.parametrize(
    "path", ["/nothing", "/api/v1", "/api/v1/status/", "//evil.example/", "/healthz/", "/%00", "/%ff"]
)
def test_what_leads_nowhere_is_said_to(path: str) -> None:
    with service() as running:
        answer = running.get(path)
        assert answer.status == 404
        assert list(answer.json) == ["error"]
        assert "location" not in answer.headers


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "POST", "MAKE"])
def test_there_is_no_other_method(method: str) -> None:
    with service() as running:
        answer = running.ask(method, "/api/v1/status")
        assert answer.status == 405
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


def test_a_journal_that_fails_is_told_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    with service(records=Memory([entry(1)])) as running:
        running.records.failing = True
        answer = running.get("/api/v1/blinks")
        assert answer.status == 500
        assert answer.json == {"error": "Internal Server Error"}
    assert "the disk is on fire" in caplog.text
