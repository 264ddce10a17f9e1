from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from nictate.decision import NEVER, Decision, DecisionRules
from nictate.filters import Band
from nictate.habits import Habits
from nictate.profile import Profile
from nictate.signals import BlinkEvent, Block, FloatArray
from nictate.simulate import Simulator
from nictate.waveforms import blink_waveform
from nictate.windows import Window
from stand_in import CARD, STAND_IN

EARLY_S, LATE_S = CARD.looks_s
RULES = CARD.decision  # Starts by the early word, confirmation by the late one.
RATE_HZ, STEP, HOP, LENGTH = CARD.rate_hz, CARD.step, CARD.hop, CARD.window
CLOSING_S, REOPENING_S = 0.09, 0.2
UNFILTERED = dataclasses.replace(CARD.band, low_hz=1e-9)
"""Of signals that no high-pass has changed."""


@dataclass(frozen=True)
class Scene:
    """A signal (n, inputs) in µV at the model's rate, and the moments at which the network speaks of a blink."""

    signal: FloatArray
    early: Sequence[float]
    late: Sequence[float]
    start_s: float = 0.0
    delay_s: float = 0.0
    rules: DecisionRules = RULES
    band: Band = UNFILTERED
    bad: Sequence[int] = ()
    """Inputs that are not to be used."""

    def events(self, until_s: float = math.inf, *, finish: bool = True) -> list[BlinkEvent]:
        decision = Decision(self.rules, RATE_HZ, STEP, CARD.looks_s, self.band, self.delay_s, Habits(self.rules.habits))
        inputs = self.signal.shape[1]
        padded = np.vstack((np.zeros((LENGTH, inputs)), self.signal))
        times = np.concatenate((np.full(LENGTH, -np.inf), self.start_s + np.arange(len(self.signal)) / RATE_HZ))
        events: list[BlinkEvent] = []
        window = None
        for stop in range(LENGTH + HOP, len(times) + 1, HOP):
            if times[stop - 1] > self.start_s + until_s:
                break
            here = slice(stop - LENGTH, stop)
            window = Window(
                np.zeros((inputs, 1, LENGTH), dtype=np.float32),
                padded[here],
                times[here],
                usable=~np.isin(np.arange(inputs), self.bad),
                scale=np.full(inputs, 10.0),
            )
            spoken = times[stop - HOP + STEP - 1 : stop : STEP] - self.start_s
            early = self._probability(spoken - EARLY_S, self.early)
            late = self._probability(spoken - LATE_S, self.late)
            events += decision.push(window, np.stack((early, late)), float(times[stop - 1]))
        if finish and window is not None:
            events += decision.finish(window, float(window.times[-1]))
            assert decision.finish(window, float(window.times[-1])) == []
        return events

    @staticmethod
    def _probability(times: FloatArray, moments: Sequence[float]) -> FloatArray:
        """0.9 within 50 ms of a moment, 0.1 elsewhere."""
        near = [any(abs(t - moment) <= 0.05 + 1e-5 for moment in moments) for t in times]
        return np.array([0.9 if yes else 0.1 for yes in near])


def blinks(
    peaks: Sequence[float], lasting_s: float = 8.0, height_uv: float = 100.0, level_uv: float = 0.0
) -> FloatArray:
    """Blinks and nothing else, (n, 1)."""
    t = np.arange(round(lasting_s * RATE_HZ)) / RATE_HZ
    waves = [blink_waveform(t - peak + CLOSING_S, CLOSING_S, REOPENING_S) for peak in peaks]
    lid: FloatArray = np.max([np.zeros_like(t), *waves], axis=0)[:, np.newaxis]
    return level_uv + height_uv * lid


def kinds(events: list[BlinkEvent]) -> list[str]:
    return [event.kind for event in events]


@pytest.mark.parametrize("height_uv", [100.0, -100.0])
@pytest.mark.parametrize("level_uv", [0.0, 15.0])
@pytest.mark.parametrize("delay_s", [0.0, 0.025])
def test_onset_peak_end_and_height_are_those_of_the_deflection(
    height_uv: float, level_uv: float, delay_s: float
) -> None:
    t = 3.0
    late_signal = blinks([t + delay_s], height_uv=height_uv, level_uv=level_uv)
    start, blink = Scene(late_signal, [t], [t], delay_s=delay_s).events()
    assert (start.kind, blink.kind) == ("blink/start", "blink")
    assert blink.peak == pytest.approx(t, abs=0.005)
    assert blink.amplitude == pytest.approx(height_uv, rel=0.01)
    # Where the wave is at the edge, by its own formula; then the first sample beyond.
    rise = CLOSING_S * (1.0 - math.acos(1.0 - 2.0 * RULES.edge) / math.pi)
    fall = REOPENING_S * (math.acos(2.0 * RULES.edge - 1.0) / math.pi) ** (1.0 / 0.75)
    assert t - rise - 1.01 / RATE_HZ <= blink.onset <= t - rise + 1e-9
    assert blink.end is not None
    assert t + fall - 1e-9 <= blink.end <= t + fall + 1.01 / RATE_HZ
    assert blink.confidence == start.confidence == pytest.approx(0.9)


@settings(deadline=None, max_examples=40)
@given(
    polarity=st.sampled_from((-1.0, 1.0)),
    closing_s=st.floats(0.07, 0.15),
    opening_s=st.floats(0.12, 0.3),
    hold_s=st.sampled_from((0.0, 0.1, 0.2)),
)
def test_what_the_high_pass_takes_changes_neither_onset_nor_end(
    polarity: float, closing_s: float, opening_s: float, hold_s: float
) -> None:
    """The end comes early by 30 ms and more where it is read off the filtered signal."""
    t = np.arange(800) / RATE_HZ
    lid = 100.0 * blink_waveform(t - 3.0, closing_s, opening_s, hold_s, hold_level=1.0)
    passed = signal.sosfilt(signal.butter(4, CARD.band.high_hz, fs=RATE_HZ, output="sos"), lid)
    filtered = signal.sosfilt(CARD.band.sos(RATE_HZ), lid)
    at = float(t[filtered.argmax()])
    scene = Scene(polarity * filtered[:, np.newaxis], [at], [at], band=CARD.band)
    blink = scene.events()[-1]
    inside = t[passed >= RULES.edge * passed.max()]
    assert blink.onset == pytest.approx(inside[0], abs=0.025)
    assert blink.end is not None
    assert min(inside[-1], blink.decided) == pytest.approx(blink.end, abs=0.03)


@settings(deadline=None, max_examples=40)
@given(st.integers(200, 500).map(lambda k: k / 100.0), st.floats(-0.004, 0.004))
def test_a_peak_between_two_samples_is_found_there(at: float, off: float) -> None:
    events = Scene(blinks([at + off]), [at], [at]).events()
    assert kinds(events) == ["blink/start", "blink"]
    assert events[1].peak == pytest.approx(at + off, abs=0.003)


def test_the_start_comes_early_and_the_blink_when_it_is_over() -> None:
    t = 3.0
    start, blink = Scene(blinks([t]), [t], [t]).events()
    grain = (HOP + 1) / RATE_HZ
    assert t - 0.05 + EARLY_S <= start.decided <= t - 0.05 + EARLY_S + grain
    assert t - 0.05 + LATE_S <= blink.decided <= t - 0.05 + LATE_S + grain
    assert blink.completes == start.decided
    assert start.completes is start.peak is start.end is start.amplitude is None
    assert start.onset == pytest.approx(blink.onset, abs=0.011)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(60, 150), min_size=1, max_size=5), st.integers(0, 3))
def test_each_blink_completes_the_start_that_is_its_own(gaps: list[int], jitter: int) -> None:
    peaks = [float(peak) for peak in np.cumsum([100, *gaps]) / 100.0]
    signal = blinks(peaks, lasting_s=peaks[-1] + 1.5)
    events = Scene(signal, [p - jitter / 100.0 for p in peaks], peaks).events()
    starts = [event for event in events if event.kind == "blink/start"]
    ended = [event for event in events if event.kind == "blink"]
    assert [event.peak for event in ended] == pytest.approx(peaks, abs=0.01)
    assert [event.completes for event in ended] == [event.decided for event in starts]
    assert len({event.decided for event in starts}) == len(starts)
    assert sorted(event.decided for event in events) == [event.decided for event in events]


@pytest.mark.parametrize("apart_s", [0.24, 0.3, 0.5])
def test_double_blinks_are_two(apart_s: float) -> None:
    peaks = [3.0, 3.0 + apart_s]
    events = Scene(blinks(peaks), peaks, peaks).events()
    first, second = (event for event in events if event.kind == "blink")
    starts = [event for event in events if event.kind == "blink/start"]
    assert [first.peak, second.peak] == pytest.approx(peaks, abs=0.01)
    assert [first.completes, second.completes] == [start.decided for start in starts]
    assert first.end is not None
    assert first.end <= second.onset + 0.011


def test_two_words_about_one_peak_are_one_blink() -> None:
    """The hump of the late output breaks in the middle; the signal has one peak."""
    events = Scene(blinks([3.0]), [3.0], [2.95, 3.07]).events()
    assert kinds(events) == ["blink/start", "blink"]


def test_a_blink_that_the_early_word_missed_has_its_start_at_once() -> None:
    start, blink = Scene(blinks([3.0]), [], [3.0]).events()
    assert (start.kind, blink.kind) == ("blink/start", "blink")
    assert blink.completes == start.decided == blink.decided
    assert start.onset == blink.onset


def test_a_start_that_nothing_confirms_is_forgotten() -> None:
    signal = blinks([2.0, 5.0])
    assert kinds(Scene(signal, [2.0], []).events()) == ["blink/start"]
    false_start, start, blink = Scene(signal, [2.0], [5.0]).events()
    assert false_start.decided < 2.2
    assert blink.completes == start.decided > 5.0


def test_a_start_is_completed_once() -> None:
    """The second of two blinks had no early word of its own: it does not take the first one's."""
    events = Scene(blinks([3.0, 3.3]), [3.0], [3.0, 3.3]).events()
    completed = [event.completes for event in events if event.kind == "blink"]
    starts = [event.decided for event in events if event.kind == "blink/start"]
    assert len(completed) == len(set(completed)) == 2
    assert completed == starts


def test_each_start_has_a_name_of_its_own() -> None:
    """A blink that had no early word is told in the very moment in which the next one begins."""
    for between in range(20, 40):
        second = 3.0 + between / 100.0
        events = Scene(blinks([3.0, second]), [second], [3.0, second]).events()
        names = [event.decided for event in events if event.kind == "blink/start"]
        assert len(set(names)) == len(names) == 2, between


@pytest.mark.parametrize("until_s", [3.36, 3.4])
def test_finish_tells_what_was_confirmed_but_not_over(until_s: float) -> None:
    """The eye stays closed: the deflection has no end when the signal has."""
    t = np.arange(800) / RATE_HZ
    closed = 100.0 * blink_waveform(t - 2.9, 0.1, 0.2, hold_s=3.0, hold_level=0.9)[:, np.newaxis]
    scene = Scene(closed, [3.0], [3.0])
    assert kinds(scene.events(until_s=3.3, finish=False)) == ["blink/start"]
    start, blink = scene.events(until_s=until_s)
    assert blink.completes == start.decided
    assert blink.decided <= until_s
    assert blink.end is not None
    assert until_s - 0.06 <= blink.end <= blink.decided


def test_a_long_closure_is_told_before_it_is_over() -> None:
    t = np.arange(800) / RATE_HZ
    closed = 100.0 * blink_waveform(t - 2.9, 0.1, 0.2, hold_s=3.0, hold_level=0.9)[:, np.newaxis]
    start, blink = Scene(closed, [3.0], [3.0]).events(finish=False)
    assert blink.completes == start.decided
    assert blink.decided <= 3.05 + max(RULES.reach_s, LATE_S) + 0.07


def test_finish_has_nothing_to_say_of_what_was_not_confirmed() -> None:
    assert kinds(Scene(blinks([3.0]), [3.0], []).events(until_s=3.2)) == ["blink/start"]
    assert Scene(blinks([3.0]), [], []).events() == []


def test_a_probability_that_hovers_is_one_blink() -> None:
    """Between release and threshold it neither opens nor closes."""
    decision = Decision(RULES, RATE_HZ, STEP, CARD.looks_s, UNFILTERED, 0.0, Habits(RULES.habits))
    signal = blinks([3.0])
    times = np.arange(len(signal)) / RATE_HZ
    hover = 0.5 * (1.0 + RULES.release) * RULES.confirm[1]
    events = []
    for stop in range(LENGTH, len(times), HOP):
        here = slice(stop - LENGTH, stop)
        window = Window(
            np.zeros((1, 1, LENGTH), dtype=np.float32), signal[here], times[here], np.array([True]), np.array([10.0])
        )
        spoken = times[stop - HOP + STEP - 1 : stop : STEP] - LATE_S
        late = np.where(np.abs(spoken - 3.0) < 0.08, np.where(spoken * 50 % 2 < 1, 0.9, hover), 0.0)
        events += decision.push(window, np.stack((np.where(late > 0, hover, 0.0), late)), float(times[stop - 1]))
    assert kinds(events) == ["blink/start", "blink"]


@pytest.mark.parametrize("start_s", [0.1, 1e5, 1.7e9])
def test_where_time_begins_shifts_the_events(start_s: float) -> None:
    signal = blinks([3.0, 3.3, 5.0])
    here = Scene(signal, [3.0, 3.3, 5.0], [3.0, 3.3, 5.0])
    there = dataclasses.replace(here, start_s=start_s)
    found, expected = there.events(), here.events()
    assert kinds(found) == kinds(expected)
    for a, b in zip(found, expected, strict=True):
        assert a.onset == pytest.approx(b.onset + start_s, rel=0, abs=1e-6)
        assert a.decided == pytest.approx(b.decided + start_s, rel=0, abs=1e-6)


def test_the_channel_with_the_largest_deflection_is_read() -> None:
    first, second = blinks([3.0], height_uv=40.0), blinks([3.02], height_uv=-120.0)
    events = Scene(np.hstack((first, second)), [3.0], [3.0]).events()
    assert events[1].amplitude == pytest.approx(-120.0, rel=0.01)
    assert events[1].peak == pytest.approx(3.02, abs=0.005)


def test_what_is_held_does_not_grow() -> None:
    """Early and late words without end, about a signal that has no shape."""
    decision = Decision(RULES, RATE_HZ, STEP, CARD.looks_s, UNFILTERED, 0.0, Habits(RULES.habits))
    rng = np.random.default_rng(0)
    signal = rng.standard_normal((6000, 2))
    times = np.arange(6000) / RATE_HZ
    most = 0
    for stop in range(LENGTH, 6000, HOP):
        here = slice(stop - LENGTH, stop)
        window = Window(
            np.zeros((2, 1, LENGTH), dtype=np.float32),
            signal[here],
            times[here],
            np.ones(2, dtype=np.bool_),
            np.ones(2),
        )
        decision.push(window, rng.random((2, HOP // STEP)), float(times[stop - 1]))
        most = max(most, len(decision._humps) + len(decision._starts))
    assert most < 40


# --- several look-aheads ----------------------------------------------------------------------------------------------

BOTH = dataclasses.replace(RULES, start=(0.5, 0.5), confirm=(0.5, 0.5))


def test_the_first_look_ahead_that_is_sure_confirms() -> None:
    t = 3.0
    patient = [e for e in Scene(blinks([t]), [t], [t]).events() if e.kind == "blink"]
    hasty = [e for e in Scene(blinks([t]), [t], [t], rules=BOTH).events() if e.kind == "blink"]
    only_late = [e for e in Scene(blinks([t]), [], [t], rules=BOTH).events() if e.kind == "blink"]
    assert len(patient) == len(hasty) == len(only_late) == 1
    assert hasty[0].end is not None
    assert hasty[0].end <= hasty[0].decided <= hasty[0].end + (HOP + STEP) / RATE_HZ
    assert hasty[0].decided < patient[0].decided == only_late[0].decided
    assert hasty[0].peak == patient[0].peak
    assert hasty[0].end == patient[0].end


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(25, 150), min_size=1, max_size=5))
def test_both_words_about_a_blink_tell_it_once(gaps: list[int]) -> None:
    peaks = [float(peak) for peak in np.cumsum([100, *gaps]) / 100.0]
    events = Scene(blinks(peaks, lasting_s=peaks[-1] + 1.5), peaks, peaks, rules=BOTH).events()
    ended = [event for event in events if event.kind == "blink"]
    starts = [event for event in events if event.kind == "blink/start"]
    assert [event.peak for event in ended] == pytest.approx(peaks, abs=0.01)
    assert [event.completes for event in ended] == [event.decided for event in starts]


@pytest.mark.parametrize("apart_s", [0.24, 0.4, 0.45])
@pytest.mark.parametrize("rules", [RULES, BOTH, dataclasses.replace(RULES, patience_s=0.9)])
def test_two_blinks_of_which_the_words_are_one_are_two(rules: DecisionRules, apart_s: float) -> None:
    """The network does not let go between them; the signal does."""
    peaks = [3.0, 3.0 + apart_s]
    said = list(np.arange(3.0, peaks[1] + 0.01, 0.02))
    events = Scene(blinks(peaks), said, said, rules=rules).events()
    assert [e.peak for e in events if e.kind == "blink"] == pytest.approx(peaks, abs=0.01)


@pytest.mark.parametrize("rules", [RULES, BOTH])
def test_the_dip_that_follows_a_blink_is_none(rules: DecisionRules) -> None:
    dip = -0.4 * blinks([3.3])
    said = list(np.arange(3.0, 3.3, 0.02))
    events = Scene(blinks([3.0]) + dip, said, said, rules=rules).events()
    assert [e.peak for e in events if e.kind == "blink"] == pytest.approx([3.0], abs=0.01)


def test_a_word_about_the_time_before_the_stream_began_does_no_harm() -> None:
    said = list(np.arange(-1.0, -0.06, 0.02))
    assert [e.peak for e in Scene(blinks([1.0]), [*said, 1.0], [*said, 1.0]).events() if e.peak][-1] == pytest.approx(
        1.0, abs=0.01
    )


@pytest.mark.parametrize("rules", [RULES, BOTH])
@pytest.mark.parametrize("share", [-1.5, -0.8, -0.3, 0.05, 0.6, 1.5])
def test_the_dip_is_none_either_where_channels_show_blinks_of_both_polarities(
    rules: DecisionRules, share: float
) -> None:
    """The dip of the one has the polarity of the blink in the other."""
    one = blinks([3.0]) - 0.5 * blinks([3.3])
    said = list(np.arange(3.0, 3.3, 0.02))
    events = Scene(np.hstack((one, share * one)), said, said, rules=rules).events()
    assert [e.peak for e in events if e.kind == "blink"] == pytest.approx([3.0], abs=0.01)


@pytest.mark.parametrize("rules", [RULES, BOTH])
@pytest.mark.parametrize("share", [-1.5, -0.8, -0.3, 0.6])
@pytest.mark.parametrize("apart_s", [0.3, 0.4, 0.5])
def test_the_blink_after_the_dip_is_found_where_channels_show_blinks_of_both_polarities(
    rules: DecisionRules, share: float, apart_s: float
) -> None:
    """The network does not let go between them, and the dip of each channel is as large as half a blink."""
    peaks = [3.0, 3.0 + apart_s]
    one = blinks(peaks) - 0.5 * blinks([3.0 + 0.5 * apart_s])
    said = list(np.arange(3.0, peaks[1] + 0.01, 0.02))
    events = Scene(np.hstack((one, share * one)), said, said, rules=rules).events()
    assert [e.peak for e in events if e.kind == "blink"] == pytest.approx(peaks, abs=0.011)


@pytest.mark.parametrize("rules", [RULES, BOTH])
@pytest.mark.parametrize("polarity", [-1.0, 1.0])
def test_a_dip_before_a_blink_does_not_hide_it(rules: DecisionRules, polarity: float) -> None:
    """Taken for a blink of the other polarity, it must not decide which way up the next one is."""
    dip = -0.4 * blinks([3.0])
    said = [*np.arange(2.96, 3.05, 0.02), *np.arange(3.26, 3.35, 0.02)]
    events = Scene(polarity * (blinks([3.3]) + dip), said, said, rules=rules).events()
    found = [e for e in events if e.kind == "blink"]
    assert found[-1].peak == pytest.approx(3.3, abs=0.01)
    assert found[-1].amplitude is not None
    assert found[-1].amplitude * polarity > 0.0


@pytest.mark.parametrize("rules", [RULES, BOTH])
@pytest.mark.parametrize("polarity", [-1.0, 1.0])
def test_a_blink_in_the_swing_that_the_one_before_has_left_is_another(rules: DecisionRules, polarity: float) -> None:
    """It rises as far as that one, but from so far below that it ends near the level where that one began."""
    t = np.arange(800) / RATE_HZ
    lid = blinks([3.0, 3.4])[:, 0] * np.where(t < 3.25, 1.0, 0.6)
    swing = np.where(t > 3.1, 50.0 * np.minimum((t - 3.1) / 0.1, 1.0) * np.exp(-(t - 3.1) / 1.0), 0.0)
    peaks = [3.0, 3.4]
    events = Scene(polarity * (lid - swing)[:, np.newaxis], peaks, peaks, rules=rules).events()
    assert [e.peak for e in events if e.kind == "blink"] == pytest.approx(peaks, abs=0.02)


@pytest.mark.parametrize("rules", [RULES, BOTH])
@pytest.mark.parametrize("polarity", [-1.0, 1.0])
@pytest.mark.parametrize("first", [2.84, 2.86, 2.88, 2.9])
@pytest.mark.parametrize("slope_uv", [20.0, 60.0])
def test_a_word_about_the_way_up_out_of_a_swing_is_about_the_blink(
    rules: DecisionRules, polarity: float, first: float, slope_uv: float
) -> None:
    """The signal has long been on the other side, and comes back from it: that is no deflection of its own."""
    t = np.arange(800) / RATE_HZ
    swing = np.where(t > 1.0, 90.0 - slope_uv * (t - 1.0) / 2.0, 0.0) * np.clip(4.0 - t, 0.0, 1.0)
    said = [*np.arange(first, 3.01, 0.02)]
    seen = polarity * (1.5 * blinks([3.0])[:, 0] - swing)[:, np.newaxis]
    noise = np.random.default_rng(0).normal(0.0, 1000.0, seen.shape)
    events = Scene(seen, said, said, rules=rules).events()
    assert Scene(np.hstack((noise, seen)), said, said, rules=rules, bad=[0]).events() == events
    (blink,) = (e for e in events if e.kind == "blink")
    assert kinds(events) == ["blink/start", "blink"]
    assert blink.peak == pytest.approx(3.0, abs=0.011)
    assert blink.amplitude == pytest.approx(polarity * 150.0, rel=0.1)


def test_a_look_ahead_that_is_not_asked_says_nothing() -> None:
    silent = dataclasses.replace(RULES, start=(NEVER, NEVER), confirm=(NEVER, NEVER))
    assert Scene(blinks([3.0]), [3.0], [3.0], rules=silent).events() == []


# --- habits -----------------------------------------------------------------------------------------------------------


def test_a_deflection_of_the_other_polarity_is_none_once_the_person_is_known() -> None:
    """The network is as sure of it as of the others."""
    weighed = dataclasses.replace(RULES.habits, weights=(0.0, 1.0, 0.0, 1.5, 0.0, 0.0, 0.0))
    rules = dataclasses.replace(RULES, habits=weighed)
    up = [2.0, 4.0, 6.0, 8.0]
    signal = blinks([*up], lasting_s=14.0) - blinks([10.0], lasting_s=14.0)
    said = [*up, 10.0]
    assert [e.peak for e in Scene(signal, said, said).events() if e.kind == "blink"] == pytest.approx(said, abs=0.01)
    known = [e.peak for e in Scene(signal, said, said, rules=rules).events() if e.kind == "blink"]
    assert known == pytest.approx(up, abs=0.01)
    known = [e.peak for e in Scene(-signal, said, said, rules=rules).events() if e.kind == "blink"]
    assert known == pytest.approx(up, abs=0.01)


def test_confidence_grows_with_what_is_known() -> None:
    weighed = dataclasses.replace(RULES.habits, weights=(0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0))
    up = [2.0, 4.0, 6.0, 8.0]
    events = Scene(blinks(up, lasting_s=10.0), up, up, rules=dataclasses.replace(RULES, habits=weighed)).events()
    sure = [e.confidence for e in events if e.kind == "blink"]
    assert sure == sorted(sure)
    assert sure[-1] > sure[0]


# --- features ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delay_s", [0.0, 0.025])
def test_a_blink_has_the_features_of_its_deflection(delay_s: float) -> None:
    _, first, _, second = Scene(
        blinks([3.0 + delay_s, 5.0 + delay_s]), [3.0, 5.0], [3.0, 5.0], delay_s=delay_s
    ).events()
    assert first.features is not None
    assert second.features is not None
    assert first.features.inter_blink is None
    assert second.peak is not None
    assert first.peak is not None
    assert second.features.inter_blink == second.peak - first.peak
    # By the formula of the wave: half a cosine up, and down a cosine of time to the power of 3/4.
    half_s = CLOSING_S / 2 + REOPENING_S * 0.5 ** (1.0 / 0.75)
    assert first.features.duration_half_base == pytest.approx(half_s, abs=0.003)
    assert first.features.closing_time == pytest.approx(CLOSING_S, abs=0.011)
    assert first.features.pos_amp_vel_ratio == pytest.approx(100.0 * 2.0 * CLOSING_S / math.pi, rel=0.02)


def test_features_are_those_of_the_channel_that_is_read_turned_upward() -> None:
    alone = Scene(blinks([3.0]), [3.0], [3.0]).events()[1].features
    down = Scene(np.hstack((0.2 * blinks([3.1]), -blinks([3.0]))), [3.0], [3.0]).events()[1].features
    assert down == alone


@pytest.mark.parametrize("apart_s", [0.24, 0.3, 0.5])
@pytest.mark.parametrize("rules", [RULES, dataclasses.replace(RULES, patience_s=0.9)])
def test_features_do_not_reach_into_the_blink_before_or_after(rules: DecisionRules, apart_s: float) -> None:
    peaks = [3.0, 3.0 + apart_s]
    said = list(np.arange(3.0, peaks[1] + 0.01, 0.02))
    ended = [e for e in Scene(blinks(peaks), said, said, rules=rules).events() if e.kind == "blink"]
    for event in ended:
        assert event.features is not None
        assert event.features.duration_base <= CLOSING_S + REOPENING_S + 0.03
    assert [e.features.inter_blink for e in ended if e.features] == [None, pytest.approx(apart_s, abs=0.01)]


def test_no_pause_between_blinks_reaches_over_a_hole() -> None:
    simulator = Simulator(2, 250.0, seed=0, profile=Profile(blinks_per_min=30))
    detector = STAND_IN.detector(simulator.montage)
    blocks = [simulator.pull(2500) for _ in range(2)]
    there = [Block(block.samples, block.times + hole_s) for block, hole_s in zip(blocks, (0.0, 5.0), strict=True)]
    for block in there:
        pauses = [e.features.inter_blink for e in detector.push(block) if e.features]
        assert len(pauses) > 2
        assert pauses[0] is None
        assert all(pause is not None and 0.1 < pause < 10.0 for pause in pauses[1:])
