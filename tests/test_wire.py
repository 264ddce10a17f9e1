"""What leaves the process."""

from __future__ import annotations

import dataclasses
import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nictate.signals import KINDS, BlinkEvent, BlinkFeatures, StreamError
from nictate.wire import (
    SCHEMA,
    Entry,
    entry_from_json,
    entry_to_json,
    iso_of,
    line_of,
    marker_of,
    to_json,
    to_sse,
    unix_of,
)

times = st.floats(-1e9, 1e9)
starts = st.builds(
    BlinkEvent,
    kind=st.just("blink/start"),
    onset=times,
    peak=st.none(),
    end=st.none(),
    amplitude=st.none(),
    confidence=st.floats(0.0, 1.0),
    decided=times,
)
blinks = st.builds(
    BlinkEvent,
    kind=st.just("blink"),
    onset=times,
    peak=times,
    end=times,
    amplitude=st.floats(-1e4, 1e4),
    confidence=st.floats(0.0, 1.0),
    decided=times,
    completes=times,
)
shapes = st.builds(
    BlinkFeatures,
    **{field.name: st.floats(0.0, 10.0) for field in dataclasses.fields(BlinkFeatures) if field.name != "inter_blink"},
    inter_blink=st.none() | st.floats(0.0, 1e4),
)
entries = st.builds(
    Entry,
    id=st.integers(1, 2**53),
    run=st.text(),
    stream=st.text(),
    utc=st.integers(0, 4 * 10**15).map(lambda us: us / 1e6),
    event=starts | blinks | st.builds(lambda blink, shape: dataclasses.replace(blink, features=shape), blinks, shapes),
)
START = BlinkEvent("blink/start", 12.25, None, None, None, 0.61, 12.5)
BLINK = BlinkEvent("blink", 12.25, 12.4, 12.6, -180.4, 0.987, 12.9, 12.5)


@given(starts | blinks)
def test_json_gives_back_the_event_to_the_bit(event: BlinkEvent) -> None:
    line = to_json(event)
    assert "\n" not in line
    fields = json.loads(line)
    assert fields.pop("duration") == event.duration
    assert BlinkEvent(**fields) == event


def test_json_has_null_where_there_is_nothing() -> None:
    fields = json.loads(to_json(START))
    empty = {"peak": None, "end": None, "amplitude": None, "completes": None, "duration": None, "features": None}
    assert fields == {"kind": "blink/start", "onset": 12.25, "confidence": 0.61, "decided": 12.5} | empty


@given(starts | blinks, st.floats(-1e6, 1e6))
def test_a_marker_has_the_time_of_the_blink_whenever_it_is_decided(event: BlinkEvent, later_s: float) -> None:
    text, time = marker_of(event)
    assert text == event.kind
    assert time == (event.onset if event.kind == "blink/start" else event.peak)
    assert marker_of(dataclasses.replace(event, decided=event.decided + later_s)) == (text, time)


def test_a_line_tells_people_when_what_and_how_long_ago() -> None:
    assert line_of(START, 10.0, 12.55).split() == ["2.250", "s", "blink/start", "300", "ms", "ago", "(61%)"]
    told = line_of(BLINK, 10.0, 12.95).split()
    assert told == ["2.400", "s", "blink", "550", "ms", "ago", "180", "µV", "350", "ms", "long", "(99%)"]


@pytest.mark.parametrize("event", [START, BLINK])
def test_a_line_without_a_clock_says_nothing_of_latency(event: BlinkEvent) -> None:
    assert "ago" not in line_of(event, 0.0, None)
    # Only the origin counts, not the clock's zero.
    assert line_of(event.shifted(1024.0), 1024.0, None) == line_of(event, 0.0, None)


@given(entries)
def test_an_entry_comes_back_from_json_and_obeys_the_schema(entry: Entry) -> None:
    line = entry_to_json(entry)
    assert "\n" not in line
    jsonschema.validate(json.loads(line), SCHEMA)
    back = entry_from_json(line)
    assert dataclasses.replace(back, utc=entry.utc) == entry
    assert back.utc == pytest.approx(entry.utc, abs=1e-6)


@given(entries)
def test_a_server_sent_event_is_two_lines_whatever_the_stream_is_called(entry: Entry) -> None:
    first, second, *rest = to_sse(entry).split("\n")
    assert first == f"id: {entry.id}"
    assert entry_from_json(second.removeprefix("data: ")).event == entry.event
    assert rest == ["", ""]
    assert "\r" not in second


def test_what_is_no_entry_is_the_sources_fault_and_says_so() -> None:
    good = json.loads(entry_to_json(Entry(1, "r", "s", 0.0, START)))
    for spoilt in (
        b"\xff",
        "[]",
        "null",
        "{",
        json.dumps({**good, "version": 2}),
        json.dumps({**good, "kind": "wink"}),
        json.dumps({**good, "utc": "yesterday"}),
        json.dumps({**good, "features": {}}),
        json.dumps({name: value for name, value in good.items() if name != "onset"}),
    ):
        with pytest.raises(StreamError):
            entry_from_json(spoilt)
    # What a later nictate says beside that is left out.
    assert entry_from_json(json.dumps({**good, "mood": "good"})).event == START


def test_the_schema_names_every_kind_and_every_field() -> None:
    assert SCHEMA["properties"]["kind"]["enum"] == list(KINDS)
    assert (
        set(SCHEMA["required"])
        == set(SCHEMA["properties"])
        == set(json.loads(entry_to_json(Entry(1, "", "", 0.0, BLINK))))
    )


def test_utc_is_written_as_iso_8601() -> None:
    assert iso_of(1_700_000_000.25) == "2023-11-14T22:13:20.250000Z"
    assert unix_of("2023-11-14T22:13:20.25Z") == unix_of("2023-11-14T22:13:20.25") == 1_700_000_000.25
    assert unix_of("2023-11-14T23:13:20.25+01:00") == 1_700_000_000.25
