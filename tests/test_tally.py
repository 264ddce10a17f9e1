from __future__ import annotations

import dataclasses
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nictate.signals import BlinkEvent, BlinkFeatures
from nictate.status import TallyReport
from nictate.tally import FIRST_S, LAST, MOST_PER_MIN, OVER_S, Tally

SHAPE = BlinkFeatures(0.3, 0.25, 0.15, 0.14, 0.22, 0.09, 0.16, 0.04, 5.0, 9.0, None)


def blink(peak: float, duration: float = 0.2, amplitude: float = -90.0, pause: float | None = None) -> BlinkEvent:
    features = dataclasses.replace(SHAPE, inter_blink=pause)
    end = peak - 0.08 + duration
    return BlinkEvent("blink", peak - 0.08, peak, end, amplitude, 0.9, end + 0.05, peak, features)


def test_nothing_is_nothing() -> None:
    assert Tally().report() == TallyReport()
    tally = Tally()
    tally.seen(10.0)
    assert tally.report() == TallyReport(blinks_per_min=0.0)


def test_no_rate_is_told_in_the_first_seconds() -> None:
    tally = Tally()
    tally.seen(FIRST_S - 0.1)
    tally.push(blink(2.0))
    assert tally.report().blinks_per_min is None
    tally.seen(0.1)
    assert tally.report().blinks_per_min == pytest.approx(60.0 / FIRST_S)


@given(st.lists(st.tuples(st.floats(0.0, 9.0), st.booleans()), max_size=80))
def test_the_rate_is_that_of_the_last_minute_that_was_seen(steps: list[tuple[float, bool]]) -> None:
    tally = Tally()
    seen, at = 0.0, []
    for seconds, blinks in steps:
        tally.seen(seconds)
        seen += seconds
        if blinks:
            tally.push(blink(seen))
            at.append(seen)
    report = tally.report()
    recent = [place for place in at if place > seen - OVER_S]
    assert report.blinks == len(at)
    assert report.blinks_per_min == (pytest.approx(60.0 * len(recent) / min(seen, OVER_S)) if seen >= FIRST_S else None)


def test_what_was_more_than_a_minute_ago_does_not_count() -> None:
    tally = Tally()
    for second in range(120):
        tally.seen(1.0)
        if second < 60 or second % 6 == 0:
            tally.push(blink(float(second)))
    assert tally.report() == dataclasses.replace(tally.report(), blinks=70, blinks_per_min=10.0)


def test_a_pause_of_the_stream_is_no_time_without_blinks() -> None:
    """An hour passes between the two minutes; the tally has seen one minute."""
    tally = Tally()
    for start in (0.0, 3600.0):
        for k in range(30):
            tally.seen(1.0)
            if k % 3 == 0:
                tally.push(blink(start + k))
    assert tally.report().blinks_per_min == 20.0


@given(
    st.lists(
        st.tuples(st.floats(0.05, 1.0), st.floats(-500, 500), st.one_of(st.none(), st.floats(0.2, 60))), min_size=1
    )
)
def test_medians_are_those_of_the_last_blinks(shapes: list[tuple[float, float, float | None]]) -> None:
    tally = Tally()
    events = [blink(float(k), *shape) for k, shape in enumerate(shapes)]
    for event in events:
        tally.push(event)
        tally.push(BlinkEvent("blink/start", event.onset, None, None, None, 0.9, event.onset + 0.1))
        tally.push(dataclasses.replace(event, kind="blink/double", amplitude=1e6))
    report = tally.report()
    assert report.blinks == len(shapes)
    last = shapes[-LAST:]
    assert report.duration_s == pytest.approx(median(duration for duration, _, _ in last))
    assert report.amplitude_uv == median(abs(amplitude) for _, amplitude, _ in last)
    assert report.latency_s == pytest.approx(median(e.decided - (e.peak or 0.0) for e in events[-LAST:]))
    if len(shapes) <= LAST:
        pauses = [pause for _, _, pause in shapes if pause is not None]
        assert report.inter_blink_s == (median(pauses) if pauses else None)


def test_what_is_held_does_not_grow() -> None:
    tally = Tally()
    for k in range(3 * MOST_PER_MIN):
        tally.push(blink(0.1 * k, pause=0.1))
    held = [value for value in vars(tally).values() if hasattr(value, "maxlen")]
    assert len(held) == 5
    assert max(len(numbers) for numbers in held) == MOST_PER_MIN
    assert tally.report().blinks == 3 * MOST_PER_MIN
