"""Long closures: what the detector promises holds with them too; then the rules, on lids that are drawn by hand."""

from __future__ import annotations

import dataclasses
import itertools
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nictate.closures import SLOW_S, Closures
from nictate.detector import Detector
from nictate.patterns import PatternRules
from nictate.profile import Profile
from nictate.signals import BlinkEvent, BlinkFeatures, Block, BoolArray, FloatArray, Montage
from nictate.simulate import Simulator, TrueBlink
from nictate.waveforms import blink_waveform
from stand_in import STAND_IN

RULES = PatternRules()
LONG = Profile(blinks_per_min=15, long_share=0.5, double_share=0.0, half_share=0.0, long_s=(0.7, 2.5))


@lru_cache(maxsize=8)
def recording(seed: int, rate_hz: float = 250.0) -> tuple[Montage, Block, list[TrueBlink]]:
    simulator = Simulator(2, rate_hz, seed=seed, profile=LONG)
    block = simulator.pull(round(60 * rate_hz))
    return simulator.montage, block, simulator.blinks()


def events_of(montage: Montage, *blocks: Block, closures: bool = True) -> list[BlinkEvent]:
    detector = Detector(*STAND_IN[:2], montage, closures=Closures(RULES) if closures else None)
    return [event for block in blocks for event in detector.push(block)] + detector.flush()


# --- in the detector --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate_hz", [127.9, 250.0, 1000.0])
def test_most_closures_are_found_and_last_as_long_as_they_do(rate_hz: float) -> None:
    montage, block, truth = recording(1, rate_hz)
    told = [event for event in events_of(montage, block) if event.kind == "blink/long"]
    long = [blink for blink in truth if blink.kind == "long"]
    found = [
        (event, blink)
        for blink in long
        for event in told
        if event.peak is not None and abs(event.peak - blink.peak) < 0.15
    ]
    assert len(long) >= 5
    assert len(found) >= 0.6 * len(long)
    assert len(told) <= len(found) + 1
    for event, blink in found:
        assert event.duration == pytest.approx(blink.end - blink.onset, abs=0.25)
        assert event.end is not None
        assert event.end < event.decided <= blink.end + 0.4


def test_closures_come_in_addition() -> None:
    montage, block, _ = recording(1)
    told = events_of(montage, block)
    assert [event for event in told if event.kind != "blink/long"] == events_of(montage, block, closures=False)
    blinks = {event.onset: event for event in told if event.kind == "blink"}
    for event in told:
        if event.kind == "blink/long":
            blink = blinks[event.onset]
            assert (event.peak, event.amplitude, event.confidence) == (blink.peak, blink.amplitude, blink.confidence)
            assert event.completes is event.features is None
            assert blink.decided < event.decided
    assert [event.decided for event in told] == sorted(event.decided for event in told)


@settings(max_examples=5)
@given(seed=st.integers(0, 1), lengths=st.lists(st.integers(0, 700), min_size=1, max_size=5))
def test_any_cutting_gives_equal_events(seed: int, lengths: list[int]) -> None:
    montage, block, _ = recording(seed)
    pieces, at = [], 0
    for length in itertools.cycle([*lengths, 1]):
        if at >= len(block):
            break
        pieces.append(Block(block.samples[at : at + length], block.times[at : at + length]))
        at += length
    assert events_of(montage, *pieces) == events_of(montage, block)


@pytest.mark.parametrize("shift_s", [0.1, 1e5, 1.7e9])
def test_shifted_times_shift_the_events(shift_s: float) -> None:
    montage, block, _ = recording(1)
    here = events_of(montage, block)
    there = events_of(montage, Block(block.samples, block.times + shift_s))
    assert [event.kind for event in there] == [event.kind for event in here]
    ends = [event.end + shift_s for event in here if event.end is not None]
    assert [event.end for event in there if event.end is not None] == pytest.approx(ends, rel=0, abs=1e-5)


def test_no_closure_reaches_over_a_hole() -> None:
    montage, block, _ = recording(1)
    events = events_of(montage, block)
    told = [event for event in events if event.kind == "blink/long"]
    for event in told:
        assert event.end is not None
        (known,) = (e.decided for e in events if e.kind == "blink" and e.peak == event.peak)
        at = int(block.times.searchsorted(max(event.end - 0.1, known), side="right"))
        later = Block(block.samples[at:], block.times[at:] + 2.0)
        with_hole = events_of(montage, Block(block.samples[:at], block.times[:at]), later)
        assert event.peak not in [e.peak for e in with_hole if e.kind == "blink/long"]
        assert event.peak in [e.peak for e in with_hole if e.kind == "blink"]


def test_what_is_held_does_not_grow() -> None:
    montage, block, _ = recording(0)
    closures = Closures(RULES)
    detector = Detector(*STAND_IN[:2], montage, closures=closures)
    for second in range(60):
        at = slice(second * 250, (second + 1) * 250)
        detector.push(Block(block.samples[at], block.times[at]))
        assert len(closures._frames) <= 52


# --- drawn by hand ----------------------------------------------------------------------------------------------------

FRAME, RATE_HZ = 10, 250.0
ONSET, CLOSING_S, REOPENING_S = 2.0, 0.1, 0.2
SHAPE = BlinkFeatures(0.3, 0.25, 0.11, 0.1, 0.2, 0.09, SLOW_S + 0.03, 0.03, 5.0, 9.0, None)


def lid(held_s: float, height_uv: float = 100.0, lasting_s: float = 8.0) -> FloatArray:
    """A closure that begins at `ONSET` and decays to half, on a second channel with a tenth of it: (n, 2)."""
    t = np.arange(round(lasting_s * RATE_HZ)) / RATE_HZ
    wave = height_uv * blink_waveform(t - ONSET, CLOSING_S, REOPENING_S, held_s)
    return np.column_stack((0.1 * wave, wave))


def told(
    signal: FloatArray,
    rules: PatternRules = RULES,
    reopening_s: float = SHAPE.reopening_time,
    good: BoolArray | None = None,
    up: float = 1.0,
) -> list[BlinkEvent]:
    """With the blink told 0.3 s after its onset."""
    features = dataclasses.replace(SHAPE, reopening_time=reopening_s)
    peak = ONSET + CLOSING_S
    blink = BlinkEvent("blink", ONSET, peak, peak + 0.1, up * 100.0, 0.8, ONSET + 0.3, ONSET + 0.1, features)
    closures, events = Closures(rules), []
    good = np.ones(len(signal), dtype=np.bool_) if good is None else good
    waiting = [blink]
    for at in range(0, len(signal) - FRAME + 1, FRAME):
        times = np.arange(at, at + FRAME) / RATE_HZ
        closures.watch(signal[at : at + FRAME], np.array([True, good[at : at + FRAME].all()]), times)
        now = float(times[-1])
        due = [event for event in waiting if event.decided <= now]
        waiting = [event for event in waiting if event.decided > now]
        events += closures.push(due, now)
    return events


@pytest.mark.parametrize("held_s", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("up", [1.0, -1.0])
@pytest.mark.parametrize("offset_uv", [0.0, -5e4])
def test_a_closure_ends_when_the_lid_opens(held_s: float, up: float, offset_uv: float) -> None:
    (event,) = told(up * lid(held_s) + offset_uv, up=up)
    opens = ONSET + CLOSING_S + held_s
    assert event.kind == "blink/long"
    assert event.end is not None
    assert opens < event.end < opens + REOPENING_S
    assert event.end < event.decided < opens + REOPENING_S + 0.2
    assert event.confidence == 0.8


def test_a_short_blink_is_none() -> None:
    assert told(lid(0.0)) == []
    assert told(lid(0.1)) == []


def test_rules_say_how_long() -> None:
    assert told(lid(0.5), dataclasses.replace(RULES, long_s=1.0)) == []
    assert len(told(lid(1.2), dataclasses.replace(RULES, long_s=1.0))) == 1
    assert told(lid(1.2), dataclasses.replace(RULES, longest_s=1.0)) == []
    assert told(lid(4.0)) == []


def test_a_blink_that_opened_as_usual_is_none() -> None:
    assert told(lid(1.0), reopening_s=SLOW_S - 0.01) == []


def test_what_does_not_come_back_in_one_stroke_is_none() -> None:
    """The gaze went up with the blink and stayed there, or it drifts back."""
    t = np.arange(len(lid(0.0))) / RATE_HZ
    for back in (np.ones_like(t), np.clip(2.5 - t / 2.0, 0.0, 1.0)):
        gaze = np.where(t < ONSET + 0.1, 0.0, 60.0 * back)
        assert told(np.maximum(lid(0.0), gaze[:, np.newaxis] * np.array([0.1, 1.0]))) == []


def test_what_falls_far_below_where_it_was_is_none() -> None:
    t = np.arange(len(lid(0.0))) / RATE_HZ
    assert told(lid(1.0) - np.where(t < 3.25, 0.0, 60.0)[:, np.newaxis]) == []


def test_a_channel_that_fails_says_nothing() -> None:
    t = np.arange(len(lid(0.0))) / RATE_HZ
    assert told(lid(1.0), good=(t < 2.6) | (t > 2.7)) == []
    assert len(told(lid(1.0), good=(t < 4.6))) == 1
