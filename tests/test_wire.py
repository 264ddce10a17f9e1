"""What leaves the process."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nictate.signals import BlinkEvent
from nictate.wire import line_of, marker_of, to_json

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
    empty = {"peak": None, "end": None, "amplitude": None, "completes": None, "duration": None}
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
