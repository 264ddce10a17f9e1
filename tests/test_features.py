"""Features against shapes of which they are known by hand, and what holds of them whatever the samples are."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nictate.features import AHEAD_S, features_of
from nictate.signals import BlinkFeatures, FloatArray

RATE_HZ = 100.0
NAMES = [field.name for field in dataclasses.fields(BlinkFeatures) if field.name != "inter_blink"]


def times_around(before: int, after: int) -> FloatArray:
    """(before + 1 + after,) in s, at 100 Hz: 0 is at index ``before``."""
    return np.arange(-before, after + 1) / RATE_HZ


def of(y: FloatArray, times: FloatArray, until: int | None = None) -> BlinkFeatures:
    """With the peak at 0 s."""
    peak = int(np.argmin(np.abs(times)))
    return features_of(y, times, 0, peak, len(y) - 1 if until is None else until, 0.0, None)


def triangle(t: FloatArray) -> FloatArray:
    """Up at 1000 µV/s to 100 µV at 0 s, down at 500 µV/s; turns at -20 µV on both sides."""
    inside = np.where(t < 0.0, 100.0 + 1000.0 * t, 100.0 - 500.0 * t)
    before, after = np.clip(-0.12 - t, 0.0, None), np.clip(t - 0.24, 0.0, None)
    return np.maximum(inside, -20.0) + 100.0 * (before + after)


OF_TRIANGLE = BlinkFeatures(
    duration_base=0.12 + 0.24,
    duration_zero=0.1 + 0.2,
    duration_half_base=0.06 + 0.12,  # at 40 µV
    duration_half_zero=0.05 + 0.1,  # at 50 µV
    duration_tent=0.1 + 0.2,
    closing_time=0.1,
    reopening_time=0.2,
    time_shut=0.01 + 0.02,  # at 90 µV
    pos_amp_vel_ratio=100.0 * 100.0 / 1000.0,
    neg_amp_vel_ratio=100.0 * 100.0 / 500.0,
    inter_blink=None,
)


def assert_near(found: BlinkFeatures, expected: BlinkFeatures, within: float = 1e-9) -> None:
    for name in NAMES:
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=within, abs=within), name


def test_a_triangle() -> None:
    times = times_around(30, 40)
    assert_near(of(triangle(times), times), OF_TRIANGLE)


@pytest.mark.parametrize("after", range(12, 41))
def test_what_lies_after_the_newest_sample_is_taken_from_the_tangent(after: int) -> None:
    """Its down stroke is straight, so that the tangent tells all of it as soon as there are some samples of it."""
    times = times_around(30, after)
    assert_near(of(triangle(times), times), OF_TRIANGLE)


@pytest.mark.parametrize("samples", [0, 5, 10])
def test_a_trapeze(samples: int) -> None:
    """The triangle, shut for a while: the velocities stay, the times grow by that while."""
    shut_s = samples / RATE_HZ
    times = times_around(30, 40 + samples)
    y = triangle(np.where(times > 0.0, np.maximum(times - shut_s, 0.0), times))
    longer = ("duration_base", "duration_zero", "duration_half_base", "duration_half_zero", "duration_tent")
    grown = {name: getattr(OF_TRIANGLE, name) + shut_s for name in (*longer, "reopening_time", "time_shut")}
    assert_near(of(y, times), dataclasses.replace(OF_TRIANGLE, **grown))


@pytest.mark.parametrize("width_s", [0.2, 0.3, 0.5])
def test_half_a_sine(width_s: float) -> None:
    """Above zero for ``width_s``, and nothing before and after."""
    times = times_around(40, 40)
    y = np.where(np.abs(times) < width_s / 2 - 1e-9, 80.0 * np.cos(np.pi * times / width_s), 0.0)
    found = of(y, times)
    # The line of least squares through its inner part, drawn through a thousand points of it.
    fine = np.linspace(0.0, width_s / 2, 1001)
    wave = np.cos(np.pi * fine / width_s)
    inner = (wave >= 0.1) & (wave <= 0.9)
    slope, level = np.polyfit(fine[inner], wave[inner], 1)
    expected = BlinkFeatures(
        duration_base=width_s,
        duration_zero=width_s,
        duration_half_base=2.0 / 3.0 * width_s,
        duration_half_zero=2.0 / 3.0 * width_s,
        duration_tent=-2.0 * level / slope,
        closing_time=width_s / 2,
        reopening_time=width_s / 2,
        time_shut=2.0 * math.acos(0.9) / math.pi * width_s,
        pos_amp_vel_ratio=100.0 * width_s / math.pi,
        neg_amp_vel_ratio=100.0 * width_s / math.pi,
        inter_blink=None,
    )
    assert_near(found, expected, within=0.015)


def test_a_peak_between_two_samples_moves_the_two_sides_against_each_other() -> None:
    times = times_around(30, 40)
    late = features_of(triangle(times), times, 0, 30, 70, 0.004, None)
    assert late.closing_time == pytest.approx(0.104)
    assert late.reopening_time == pytest.approx(0.196)
    assert late.duration_zero == pytest.approx(0.3)


def test_the_valley_before_the_next_blink_is_the_end() -> None:
    """At 40 µV, 0.12 s after the peak: the rest of the shape is the next one's."""
    times = times_around(30, 40)
    y = triangle(times)
    y[42:] = 40.0 + 800.0 * (times[42:] - 0.12)
    found = of(y, times, until=42)
    assert found.reopening_time == pytest.approx(0.12)
    assert found.duration_base == pytest.approx(0.12 + 0.12)
    assert found.duration_half_zero == pytest.approx(0.05 + 0.1)
    assert found.neg_amp_vel_ratio == pytest.approx(20.0)


@pytest.mark.parametrize("level_uv", [-90.0, 30.0])
def test_zero_is_the_foot_where_the_stroke_does_not_cross_zero_in_its_lower_half(level_uv: float) -> None:
    """As in the second of two quick blinks: it rises from far below zero, or from above it."""
    times = times_around(12, 40)
    found = of(triangle(times) + level_uv, times)
    assert found.closing_time == pytest.approx(0.12)
    assert found.pos_amp_vel_ratio == pytest.approx(12.0)
    assert found.duration_half_zero == found.duration_half_base == pytest.approx(0.18)


def test_nothing_is_expected_long_after_the_newest_sample() -> None:
    """A lid that hardly moves would open in a minute."""
    times = times_around(30, 20)
    y = np.where(times > 0.0, 100.0 - 2.0 * times, triangle(times))
    found = of(y, times)
    for name in ("reopening_time", "neg_amp_vel_ratio"):
        assert getattr(found, name) / (100.0 if name.endswith("ratio") else 1.0) == pytest.approx(0.2 + AHEAD_S)
    assert found.duration_base == found.duration_tent + 0.02 == pytest.approx(0.12 + 0.2 + AHEAD_S)


def test_the_time_since_the_blink_before_is_handed_on() -> None:
    times = times_around(30, 40)
    assert features_of(triangle(times), times, 0, 30, 70, 0.0, 2.5).inter_blink == 2.5


@st.composite
def anything(draw: st.DrawFn) -> tuple[FloatArray, FloatArray, int, int, int]:
    """Samples of any kind in a window of which the stream may have filled a part only: y, times, since, peak, until."""
    n = draw(st.integers(1, 40))
    values = st.one_of(st.floats(-1e9, 1e9), st.sampled_from([0.0, 1.0, -1.0, 5e-324, 1e-9]))
    y = np.array(draw(st.lists(values, min_size=n, max_size=n)))
    empty = draw(st.integers(0, n - 1))
    steps = draw(st.lists(st.one_of(st.just(0.01), st.floats(1e-7, 0.06)), min_size=n, max_size=n))
    times = draw(st.sampled_from([0.0, 1e5, 1.7e9])) + np.cumsum(steps)
    times[:empty] = -np.inf
    since = draw(st.integers(empty, n - 1))
    peak = draw(st.integers(since, n - 1))
    return y, times, since, peak, draw(st.integers(peak, n - 1))


@given(anything(), st.floats(-0.005, 0.005))
def test_features_are_finite_and_bounded_and_in_order_whatever_the_samples(
    shape: tuple[FloatArray, FloatArray, int, int, int], off: float
) -> None:
    _, times, since, peak, until = shape
    found = features_of(*shape, float(times[peak]) + off, None)
    longest = float(times[until] - times[since]) + 2 * abs(off) + 2 * AHEAD_S + 1e-9
    for name in NAMES:
        value = getattr(found, name)
        assert 0.0 <= value <= longest * (100.0 if name.endswith("ratio") else 1.0), name
    assert found.closing_time + found.reopening_time == found.duration_zero
    assert found.time_shut <= found.duration_half_zero + 1e-9
    assert found.duration_half_zero <= found.duration_zero + 1e-9
    assert found.duration_zero <= found.duration_base + 1e-9


@given(anything(), st.sampled_from([0.25, 2.0, 1024.0]))
def test_features_do_not_depend_on_the_gain(shape: tuple[FloatArray, FloatArray, int, int, int], gain: float) -> None:
    """By powers of two, which change no rounding."""
    y, times, since, peak, until = shape
    y = np.where(np.abs(y) < 1e-6, 0.0, y)  # Nothing that would round to other digits next to zero.
    here = features_of(y, times, since, peak, until, float(times[peak]), None)
    assert features_of(gain * y, times, since, peak, until, float(times[peak]), None) == here


@given(anything(), st.floats(-1e3, 1e3))
def test_shifted_times_change_nothing_but_by_rounding(
    shape: tuple[FloatArray, FloatArray, int, int, int], shift_s: float
) -> None:
    y, times, since, peak, until = shape
    times = times - times[peak]
    here = features_of(y, times, since, peak, until, 0.0, None)
    there = features_of(y, times + shift_s, since, peak, until, float(times[peak] + shift_s), None)
    for name in ("closing_time", "reopening_time", "time_shut", "duration_half_zero", "duration_half_base"):
        assert getattr(there, name) == pytest.approx(getattr(here, name), rel=0, abs=1e-6), name
