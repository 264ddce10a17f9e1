from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal
from scipy.interpolate import CubicSpline

from nictate.filters import Filtered, Filters
from nictate.framing import Frame
from nictate.signals import BoolArray, FloatArray
from nictate.waveforms import blink_waveform
from stand_in import CARD

BAND = CARD.band
MODEL_HZ = CARD.rate_hz
RATES_HZ = (100.0, 104.5, 127.9, 128.0, 249.4, 250.0, 500.0, 1000.0, 2000.0)


def length_at(rate_hz: float) -> int:
    return max(2, round(CARD.frame_s * rate_hz))


def filtered(x: FloatArray, rate_hz: float, start_s: float = 0.0) -> Filtered:
    """All that leaves for a signal (n, channels) of good frames; what does not fill a frame is left out."""
    parts = filtered_by_frame(x, rate_hz, start_s)
    return Filtered(
        np.concatenate([part.samples for part in parts]),
        np.concatenate([part.times for part in parts]),
        parts[-1].good,
        parts[-1].fresh,
    )


def filtered_by_frame(x: FloatArray, rate_hz: float, start_s: float = 0.0) -> list[Filtered]:
    length = length_at(rate_hz)
    filters = Filters(BAND, rate_hz, MODEL_HZ, length, x.shape[1])
    times = start_s + np.arange(len(x)) / rate_hz
    good: BoolArray = np.ones(x.shape[1], dtype=np.bool_)
    return [
        filters.push(Frame(x[k : k + length], times[k : k + length], good, good & (k == 0)))
        for k in range(0, len(x) - length + 1, length)
    ]


def wave(t: FloatArray) -> FloatArray:
    """The same analogue signal at any rate, (n, 2): blinks on alpha, and slow drift on an offset."""
    blinks = sum(150.0 * blink_waveform(t - at) for at in (1.0, 2.5, 2.9, 5.2))
    return np.column_stack(
        (blinks + 10.0 * np.sin(2 * np.pi * 10.0 * t), 2e4 + 50.0 * np.sin(2 * np.pi * 0.2 * t) + blinks)
    )


def interpolated(y: FloatArray, position: FloatArray) -> FloatArray:
    """Third-order Lagrange through the samples -2, -1, 0, 1 around each position, by the textbook's formula."""
    base = np.floor(position).astype(int)
    nodes = np.array([-2, -1, 0, 1])
    padded = np.vstack((np.zeros((2, y.shape[1])), y))
    out = np.zeros((len(position), y.shape[1]))
    for i, node in enumerate(nodes):
        others = np.delete(nodes, i)
        weight = np.prod((position - base)[:, np.newaxis] - others, axis=1) / np.prod(node - others)
        out += weight[:, np.newaxis] * padded[base + node + 2]
    return out


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_the_output_is_scipys_filter_then_interpolation(rate_hz: float) -> None:
    x = wave(np.arange(round(8 * rate_hz)) / rate_hz)
    found = filtered(x, rate_hz)
    sos = BAND.sos(rate_hz)
    start = signal.sosfilt_zi(sos)[:, :, np.newaxis] * x[: length_at(rate_hz)].mean(axis=0)
    y, _ = signal.sosfilt(sos, x, axis=0, zi=start)
    position: FloatArray = np.arange(len(found.times), dtype=np.float64) * (rate_hz / MODEL_HZ)
    assert found.samples == pytest.approx(interpolated(y, position), rel=0, abs=1e-5)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_the_grid_is_even_and_loses_nothing(rate_hz: float) -> None:
    n = round(20 * rate_hz)
    found = filtered(np.zeros((n, 1)), rate_hz, start_s=5.0)
    assert found.times == pytest.approx(5.0 + np.arange(len(found.times)) / MODEL_HZ, rel=0, abs=1e-9)
    # A grid point is made as soon as the sample after it is there: within a frame and a sample of the newest.
    newest = 5.0 + (n // length_at(rate_hz) * length_at(rate_hz) - 1) / rate_hz
    assert newest - 1 / MODEL_HZ - 1e-9 <= found.times[-1] <= newest


@settings(deadline=None, max_examples=25)
@given(st.one_of(st.integers(990, 21_000).map(lambda tenths: tenths / 10.0), st.floats(99, 2100)))
def test_no_rate_reaches_over_the_edge_of_a_frame(rate_hz: float) -> None:
    """Products and quotients round differently: at 104.5 Hz a grid point fell on the frame's edge after 158 s."""
    length = length_at(rate_hz)
    filters = Filters(BAND, rate_hz, MODEL_HZ, length, 1)
    none: BoolArray = np.zeros(1, dtype=np.bool_)
    zeros, made = np.zeros((length, 1)), 0
    for k in range(2500):
        made += len(filters.push(Frame(zeros, (k * length + np.arange(length)) / rate_hz, ~none, none)).times)
    assert made == pytest.approx(2500 * length * MODEL_HZ / rate_hz, abs=1.5)


@pytest.mark.parametrize(("rate_hz", "frames"), [(104.5, 5000), (564.0, 9000)])
def test_rates_at_which_the_quotient_rounds_up_go_on(rate_hz: float, frames: int) -> None:
    length = length_at(rate_hz)
    filters = Filters(BAND, rate_hz, MODEL_HZ, length, 1)
    none: BoolArray = np.zeros(1, dtype=np.bool_)
    last = -1.0
    for k in range(frames):
        part = filters.push(Frame(np.zeros((length, 1)), (k * length + np.arange(length)) / rate_hz, ~none, none))
        times = np.concatenate(([last], part.times))
        assert (np.diff(times) > 0.5 / MODEL_HZ).all()
        last = times[-1]


@pytest.mark.parametrize(
    ("rate_hz", "within_uv"), [(100.0, 12.0), (127.9, 4.5), (249.4, 1.5), (250.0, 1.5), (500.0, 0.3), (1000.0, 0.1)]
)
def test_any_rate_gives_the_same_output_for_the_same_analogue_signal(rate_hz: float, within_uv: float) -> None:
    """To 1 % of a blink of 150 µV at 250 Hz; to 8 % at 100 Hz, where the bilinear transform bends the low-pass most and
    there are no notches: what is shown comes 2 ms sooner."""
    reference = filtered(wave(np.arange(16_000) / 2000.0), 2000.0).samples
    found = filtered(wave(np.arange(round(8 * rate_hz)) / rate_hz), rate_hz).samples
    n = min(len(reference), len(found))
    # Alpha begins with a step that no two rates show alike.
    assert np.abs(found[100:n] - reference[100:n]).max() < within_uv


@pytest.mark.parametrize("rate_hz", [100.0, 249.4, 1000.0])
def test_the_output_does_not_depend_on_where_the_stream_ends(rate_hz: float) -> None:
    x = wave(np.arange(round(6 * rate_hz)) / rate_hz)
    whole, half = filtered(x, rate_hz), filtered(x[: len(x) // 2], rate_hz)
    assert np.array_equal(whole.samples[: len(half.samples)], half.samples)
    assert np.array_equal(whole.times[: len(half.times)], half.times)


def test_a_channel_does_not_depend_on_those_beside_it() -> None:
    x = wave(np.arange(1000) / 250.0)
    both = filtered(x, 250.0).samples
    doubled = filtered(x * [1.0, -3.0], 250.0).samples
    assert doubled[:, 0] == pytest.approx(both[:, 0], rel=0, abs=1e-9)
    assert doubled[:, 1] == pytest.approx(-3.0 * both[:, 1], rel=0, abs=1e-6)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_an_offset_leaves_nothing(rate_hz: float) -> None:
    x = np.full((round(2 * rate_hz), 2), [1e5, -1e5])
    assert np.abs(filtered(x, rate_hz).samples).max() < 1e-5


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize(("closing_s", "reopening_s"), [(0.07, 0.15), (0.085, 0.2), (0.1, 0.25)])
def test_the_delay_is_that_of_a_blink(rate_hz: float, closing_s: float, reopening_s: float) -> None:
    """A blink's peak leaves the filter as late as the delay says, whatever the blink's width, to 4 ms."""
    t = np.arange(round(4 * rate_hz)) / rate_hz
    blink = blink_waveform(t - 2.0, closing_s, reopening_s)
    found = filtered(blink[:, np.newaxis], rate_hz)
    fine = np.linspace(2.0, 2.2, 2001)
    peak = fine[CubicSpline(found.times, found.samples[:, 0])(fine).argmax()] - 2.0 - closing_s
    assert peak == pytest.approx(BAND.delay_s(rate_hz), abs=0.004)


@pytest.mark.parametrize("rate_hz", [128.0, 250.0, 500.0, 1000.0])
@pytest.mark.parametrize("mains_hz", [49.8, 50.0, 60.0, 60.2])
def test_millivolts_of_mains_neither_stay_nor_shake_the_start(rate_hz: float, mains_hz: float) -> None:
    """2 mV on an offset of 30 mV. Begun from a first sample, the high-pass would be off by as much for seconds."""
    t = np.arange(round(6 * rate_hz)) / rate_hz
    phases = np.linspace(0.0, 2.0 * np.pi, 12, endpoint=False)
    found = filtered(3e4 + 2000.0 * np.sin(2.0 * np.pi * mains_hz * t[:, np.newaxis] + phases), rate_hz)
    size = np.abs(found.samples).max(axis=1)
    assert size[found.times > 5.0].max() < 1.0
    assert size[found.times > 0.4].max() < 80.0


def test_mains_that_a_rate_cannot_show_are_left_alone() -> None:
    for rate_hz in (100.0, 110.0):
        assert np.array_equal(BAND.sos(rate_hz), dataclasses.replace(BAND, mains_hz=()).sos(rate_hz))
    assert len(BAND.sos(120.0)) == len(BAND.sos(100.0)) + 1
    assert len(BAND.sos(250.0)) == len(BAND.sos(100.0)) + 2


def test_a_bad_channel_is_silent_and_starts_anew() -> None:
    rate_hz, length = 250.0, 10
    filters = Filters(BAND, rate_hz, MODEL_HZ, length, 2)
    x = wave(np.arange(600) / rate_hz)
    times = np.arange(600) / rate_hz
    found = []
    for k in range(60):
        here = slice(k * length, (k + 1) * length)
        good = np.array([True, not 20 <= k < 30])
        fresh = np.array([k == 0, k in (0, 30)])
        held = np.where(good, x[here], x[199])
        found.append(filters.push(Frame(held, times[here], good, fresh)))
    bad = np.concatenate([part.samples for part in found[20:30]])
    # The first grid points may still lie before the bad frame.
    assert not bad[2:, 1].any()
    assert bad[:, 0].any()
    clean = np.concatenate([part.samples for part in filtered_by_frame(x, rate_hz)])
    after = np.concatenate([part.samples for part in found])
    assert after[:, 0] == pytest.approx(clean[: len(after), 0], rel=0, abs=1e-9)
    alone = np.concatenate([part.samples for part in filtered_by_frame(x[300:], rate_hz)])
    assert after[120:, 1] == pytest.approx(alone[: len(after) - 120, 1], rel=0, abs=1e-6)


def test_times_are_those_of_the_stamps_also_over_a_lost_packet() -> None:
    length = 10
    filters = Filters(BAND, 250.0, MODEL_HZ, length, 1)
    none: BoolArray = np.zeros(1, dtype=np.bool_)
    stamps = np.arange(100) / 250.0
    stamps[55:] += 0.04
    times = np.concatenate(
        [
            filters.push(Frame(np.zeros((length, 1)), stamps[k : k + length], ~none, none)).times
            for k in range(0, 100, length)
        ]
    )
    expected = np.interp(np.arange(len(times)) * 2.5, np.arange(100), stamps)
    assert times == pytest.approx(expected, rel=0, abs=1e-12)


# --- what the high-pass took ------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(
    order=st.integers(1, 4),
    low_hz=st.floats(0.2, 1.0),
    rate_hz=st.sampled_from((100.0, 250.0, 500.0)),
    closing_s=st.floats(0.05, 0.2),
    opening_s=st.floats(0.1, 0.4),
    hold_s=st.floats(0.0, 0.4),
)
def test_what_the_high_pass_took_of_a_blink_is_put_back(
    order: int, low_hz: float, rate_hz: float, closing_s: float, opening_s: float, hold_s: float
) -> None:
    band = dataclasses.replace(BAND, low_order=order, low_hz=low_hz)
    t = np.arange(round(1.2 * rate_hz)) / rate_hz
    blink = 100.0 * blink_waveform(t - 0.1, closing_s, opening_s, hold_s)
    high, low = (
        signal.butter(order, low_hz, "highpass", fs=rate_hz, output="sos"),
        signal.butter(band.high_order, band.high_hz, "lowpass", fs=rate_hz, output="sos"),
    )
    whole = signal.sosfilt(low, blink)
    assert band.restored(signal.sosfilt(high, whole), rate_hz) == pytest.approx(whole, abs=8.0)


def test_what_is_restored_begins_where_it_is_told_to() -> None:
    """A signal that is cut loses what came before, and keeps its first sample."""
    y = np.array([3.0, 3.0, 3.0, 3.0])
    k = 2.0 * np.pi * BAND.low_hz / 100.0
    expected = 3.0 + 2.0**0.5 * k * 3.0 * np.arange(1, 5) + k * k * 3.0 * np.array([1, 3, 6, 10])
    assert BAND.restored(y, 100.0) == pytest.approx(expected)
    assert y.tolist() == [3.0] * 4
    assert len(BAND.restored(y[:0], 100.0)) == 0
