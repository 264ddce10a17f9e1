"""Past events: page by page, every one once."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_service import Memory, Service, service, starts_and_blinks

from nictate.edges.web import Access, Limits
from nictate.signals import KINDS
from nictate.wire import entry_from_json, entry_to_json, iso_of

MANY = Access(limits=Limits(requests_per_s=1e6, requests_at_once=10**6))


@pytest.fixture(scope="module")
def running() -> Service:  # type: ignore[misc]
    with service(MANY, Memory(starts_and_blinks(5, 40))) as running:
        yield running


def entries_of(told: dict[str, object]) -> list[int]:
    return [each["id"] for each in told["entries"]]  # type: ignore[attr-defined, index]


@given(
    limit=st.integers(1, 50),
    after=st.none() | st.integers(0, 50),
    until=st.none() | st.integers(0, 50),
    kinds=st.lists(st.sampled_from(KINDS), unique=True),
    backwards=st.booleans(),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_following_the_pages_gives_each_event_once(
    running: Service, limit: int, after: int | None, until: int | None, kinds: list[str], backwards: bool
) -> None:
    wished = f"limit={limit}" + (f"&kinds={','.join(kinds)}" if kinds else "") + ("&order=desc" if backwards else "")
    bounds = {"after": after, "until": until}
    found: list[int] = []
    while True:
        asked = "&".join([wished, *(f"{name}={value}" for name, value in bounds.items() if value is not None)])
        told = running.get(f"/api/v1/blinks?{asked}").json
        assert len(told["entries"]) <= limit
        assert (told["oldest"], told["newest"]) == (5, 40)
        found += entries_of(told)
        if told["next"] is None:
            break
        assert len(told["entries"]) == limit
        bounds["until" if backwards else "after"] = told["next"]
    expected = [
        e.id
        for e in running.records.entries
        if e.id > (after or 0) and (until is None or e.id <= until) and (not kinds or e.event.kind in kinds)
    ]
    assert found == (expected[::-1] if backwards else expected)


def test_entries_are_as_the_wire_says(running: Service) -> None:
    told = running.get("/api/v1/blinks?limit=1000").body
    for each in running.records.entries:
        assert entry_to_json(each).encode() in told
    assert entry_from_json(entry_to_json(running.records.entries[0])) == running.records.entries[0]


def test_they_can_be_asked_for_by_time_and_run(running: Service) -> None:
    assert entries_of(running.get(f"/api/v1/blinks?since={iso_of(10.0)}&before=12.5").json) == [10, 11, 12]
    assert entries_of(running.get("/api/v1/blinks?run=run-1&limit=2").json) == [5, 6]
    assert running.get("/api/v1/blinks?run=%00%ED%A0%80'--").json["entries"] == []


def test_of_nothing_there_is_an_empty_page() -> None:
    with service() as running:
        assert running.get("/api/v1/blinks").json == {"entries": [], "oldest": 0, "newest": 0, "next": None}


@pytest.mark.parametrize(
    "asked",
    [
        "limit=0",
        "limit=1001",
        "limit=",
        "order=up",
        "after=x",
        "until=-1",
        "since=nan",
        f"run={'r' * 201}",
        "kind=blink",
    ],
)
def test_what_makes_no_sense_is_refused_by_name(running: Service, asked: str) -> None:
    answer = running.get(f"/api/v1/blinks?{asked}")
    assert answer.status == 400
    assert asked.partition("=")[0] in answer.json["error"]
