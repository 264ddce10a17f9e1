from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nictate.waveforms import (
    blink_waveform,
    movement_waveform,
    muscle_burst,
    pop_waveform,
    saccade_duration_s,
    saccade_waveform,
)


@given(
    closing_s=st.floats(0.03, 0.3),
    longer=st.floats(1.5, 4),
    hold_s=st.floats(0, 3),
    level=st.floats(0, 1),
)
def test_a_blink_rises_to_one_and_falls_to_zero(closing_s: float, longer: float, hold_s: float, level: float) -> None:
    reopening_s = longer * closing_s
    t = np.linspace(-0.5, 6, 13_001)
    wave = blink_waveform(t, closing_s, reopening_s, hold_s, level)
    assert blink_waveform(np.array(closing_s), closing_s, reopening_s, hold_s, level) == pytest.approx(1)
    rising, falling = t <= closing_s, t >= closing_s
    assert (np.diff(wave[rising]) >= 0).all()
    assert (np.diff(wave[falling]) <= 1e-12).all()
    assert not wave[(t <= 0)].any()
    assert np.abs(wave[t >= closing_s + hold_s + reopening_s]).max() < 1e-12
    # No jumps, and it opens more slowly than it closes.
    assert np.abs(np.diff(wave)).max() < 0.5 * np.pi / closing_s * (t[1] - t[0]) * 1.05
    if hold_s == 0:
        assert (wave[falling] > 0.5).sum() > 0.99 * (wave[rising] > 0.5).sum() * min(longer * 0.75, 1)
    else:
        held = blink_waveform(np.array(closing_s + hold_s), closing_s, reopening_s, hold_s, level)
        assert min(1, level) <= held + 1e-12


def test_saccades_follow_the_main_sequence() -> None:
    assert saccade_duration_s(0) == pytest.approx(0.021)
    assert saccade_duration_s(-20) == saccade_duration_s(20) == pytest.approx(0.065)
    t = np.linspace(-0.1, 0.2, 3001)
    wave = saccade_waveform(t, 0.05)
    assert (np.diff(wave) >= 0).all()
    assert not wave[t < 0].any()
    assert (wave[t > 0.05] == 1).all()
    assert wave[np.searchsorted(t, 0.025)] == pytest.approx(0.5, abs=0.01)


def test_a_pop_jumps_and_decays() -> None:
    assert pop_waveform(np.array([-0.001, 0, 0.2, 0.4]), 0.2) == pytest.approx([0, 1, np.exp(-1), np.exp(-2)])


@pytest.mark.parametrize("rate_hz", [100.0, 127.9, 500.0, 2000.0])
def test_a_muscle_burst_is_broad_and_fades_in_and_out(rate_hz: float) -> None:
    burst = muscle_burst(4.0, rate_hz, np.random.default_rng(0))
    assert burst.shape == (round(4 * rate_hz),)
    assert np.array_equal(burst, muscle_burst(4.0, rate_hz, np.random.default_rng(0)))
    quarter = len(burst) // 4
    assert burst[quarter:-quarter].std() == pytest.approx(1, rel=0.15)
    assert np.abs(burst[[0, -1]]).max() < 0.01
    power = np.abs(np.fft.rfft(burst)) ** 2
    slow = np.fft.rfftfreq(len(burst), 1 / rate_hz) < 15
    assert power[slow].sum() < 0.16 * power.sum()
    assert len(muscle_burst(0.0001, rate_hz, np.random.default_rng(0))) == 1


def test_a_movement_swells_to_one_and_fades() -> None:
    t = np.arange(-1.0, 5.0, 0.001)
    waves = movement_waveform(t[:, np.newaxis], 4.0, 2.0, np.array([0.0, np.pi]))
    assert np.all(waves[(t <= 0.0) | (t >= 4.0)] == 0.0)
    assert np.abs(waves).max(axis=0) == pytest.approx([1.0, 1.0], abs=0.02)
    assert waves[:, 0] == pytest.approx(-waves[:, 1], abs=1e-12)
    assert np.diff(np.signbit(waves[(t > 0.0) & (t < 4.0), 0])).sum() == 15  # 8 periods
