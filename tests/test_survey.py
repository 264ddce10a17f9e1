from __future__ import annotations

import numpy as np
import pytest

from nictate.signals import BoolArray, FloatArray
from nictate.survey import Survey

RATE_HZ, N = 250.0, 10
T = np.arange(round(40 * RATE_HZ)) / RATE_HZ


def surveyed(x: FloatArray, usable: BoolArray | None = None, turn: int = 25) -> tuple[Survey, FloatArray]:
    """A survey of x (n, channels), and the power of each turn."""
    survey = Survey(x.shape[1], RATE_HZ, N, memory_s=30.0)
    powers = []
    for k in range(0, len(x) - N + 1, N):
        assert survey.push(x[k : k + N]) == pytest.approx(x[k : k + N].mean(axis=0))
        if (k // N) % turn == turn - 1:
            powers.append(survey.finish(np.ones(x.shape[1], dtype=np.bool_) if usable is None else usable))
    return survey, np.array(powers)


def test_correlations_are_those_of_the_channels_below_10_hz() -> None:
    rng = np.random.default_rng(0)
    slow = 30.0 * np.sin(2 * np.pi * 3.0 * T) + 1e5  # An offset of 100 mV.
    fast, mains = (a * np.sin(2 * np.pi * f * T + rng.uniform()) for a, f in ((30.0, 38.0), (300.0, 50.0)))
    x = np.column_stack((slow, 0.5 * slow + fast + mains, fast + 0.1 * rng.standard_normal(len(T))))
    C = surveyed(x)[0].covariance
    r = C / np.sqrt(np.outer(np.diag(C), np.diag(C)))
    assert r[0, 1] > 0.9
    assert abs(r[0, 2]) < 0.1
    assert pytest.approx(C.T) == C


def test_power_is_that_of_the_signal_and_the_gain_and_order_of_channels_go_through() -> None:
    x = np.column_stack((10.0 * np.sin(2 * np.pi * 5.0 * T), np.random.default_rng(1).standard_normal(len(T))))
    survey, powers = surveyed(x)
    assert powers[-1, 0] == pytest.approx(50.0, rel=0.1)
    turned, other = surveyed(3.0 * x[:, ::-1])
    assert turned.covariance == pytest.approx(9.0 * survey.covariance[::-1, ::-1])
    assert other == pytest.approx(9.0 * powers[:, ::-1])


def test_a_burst_of_5_mv_weighs_no_more_than_large_blinks() -> None:
    x = 10.0 * np.random.default_rng(2).standard_normal((len(T), 3))
    calm = surveyed(x)[0].covariance
    x[5000:5250, 0] += 5000.0 * np.sin(2 * np.pi * 4.0 * T[5000:5250])
    assert surveyed(x)[0].covariance[0, 0] < 400.0 * calm[0, 0]


def test_channels_that_cannot_be_used_are_left_out() -> None:
    x = np.random.default_rng(3).standard_normal((len(T), 3))
    survey, _ = surveyed(x, np.array([True, False, True]))
    assert not survey.covariance[1].any()
    assert not survey.covariance[:, 1].any()
    assert survey.covariance[0, 0] > 0.0


def test_over_a_hole_the_filter_starts_anew() -> None:
    x = np.random.default_rng(4).standard_normal((1000, 2))
    survey, powers = surveyed(x)
    survey.restart()
    for k in range(0, 250, N):
        survey.push(x[k : k + N] + 1e4)
    assert survey.finish(np.ones(2, dtype=np.bool_)) == pytest.approx(powers[0])


@pytest.mark.parametrize("channels", [8, 32])
def test_a_movement_of_all_electrodes_weighs_little_and_a_blink_at_the_forehead_all_of_it(channels: int) -> None:
    rng = np.random.default_rng(5)
    x = 10.0 * rng.standard_normal((len(T), channels))
    calm = surveyed(x)[0].covariance
    during = slice(5000, 6000)
    swing = np.sin(2 * np.pi * 2.0 * T[during])[:, np.newaxis]
    moving, blinking = x.copy(), x.copy()
    moving[during] += 300.0 * swing * rng.choice([-1.0, 1.0], channels)
    blinking[during, :2] += 50.0 * swing
    moved, blinked = surveyed(moving)[0].covariance, surveyed(blinking)[0].covariance
    whole = 0.5 * 50.0**2 / 0.5 / 300.0**2 * (moved - calm)[0, 0]  # Had it weighed as much as it is large.
    assert (blinked - calm)[0, 0] > 10.0 * whole > 0.0
