from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nictate.dejitter import Dejitter, measured_rate
from nictate.signals import FloatArray

RATE_HZ = 250.0


def straight(n: int, rate_hz: float = RATE_HZ) -> FloatArray:
    return 4321.0 + np.arange(n) / rate_hz


def dejittered(stamps: FloatArray, cuts: Sequence[int] = (), rate_hz: float = RATE_HZ) -> FloatArray:
    line = Dejitter(rate_hz)
    parts = [line.push(part) for part in np.split(stamps, sorted(cuts))]
    return np.concatenate([*parts, line.flush()])


def spoilt(seed: int, n: int = 3000) -> FloatArray:
    """Stamps with jitter, lost samples, a hole, a stall, repeats and NaN."""
    rng = np.random.default_rng(seed)
    stamps = straight(n + 200) + rng.normal(0.0, rng.choice([0.0, 1e-3, 1e-2]), n + 200)
    stamps[700:760] = stamps[760] + 1e-4 * np.arange(60)
    stamps = np.delete(stamps, slice(1200, 1400))
    stamps[rng.integers(0, n, 30)] = np.nan
    stamps[2000:2010] = stamps[2000]
    return np.delete(stamps, rng.integers(0, n, 20))


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 99), cuts=st.lists(st.integers(0, 2900), max_size=40))
def test_the_cutting_of_the_stamps_changes_nothing(seed: int, cuts: list[int]) -> None:
    stamps = spoilt(seed)
    assert np.array_equal(dejittered(stamps, cuts), dejittered(stamps), equal_nan=True)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 99), shift=st.floats(-1e5, 1e5))
def test_shifted_stamps_give_shifted_times(seed: int, shift: float) -> None:
    stamps = spoilt(seed)
    np.testing.assert_allclose(dejittered(stamps + shift), dejittered(stamps) + shift, rtol=0, atol=1e-6)


@settings(deadline=None, max_examples=100)
@given(stamps=st.lists(st.floats(allow_nan=True, allow_infinity=True) | st.floats(0.0, 9.0), max_size=200))
def test_no_sample_is_lost_whatever_the_stamps_are(stamps: list[float]) -> None:
    assert len(dejittered(np.array(stamps))) == len(stamps)


@pytest.mark.parametrize("real_hz", [RATE_HZ, 249.4, 252.0])
def test_regular_stamps_come_back_as_they_are(real_hz: float) -> None:
    stamps = straight(5000, real_hz)
    times = dejittered(stamps)
    assert np.max(np.abs(times - stamps)) < 5e-4
    assert np.max(np.abs(times - stamps)[1000:]) < 2e-6


@pytest.mark.parametrize("jitter_s", [1e-3, 5e-3, 2e-2])
def test_jitter_is_removed(jitter_s: float) -> None:
    true = straight(10_000)
    stamps = true + np.random.default_rng(1).normal(0.0, jitter_s, len(true))
    error = (dejittered(stamps) - true)[2500:]
    assert np.sqrt(np.mean(error**2)) < jitter_s / 10


@pytest.mark.parametrize("lost", [1, 2, 25, 125, 5000])
@pytest.mark.parametrize("at", [3, 400, 2995])
def test_a_hole_stays_a_hole_where_it_is(lost: int, at: int) -> None:
    stamps = np.delete(straight(3000 + lost), slice(at, at + lost))
    line = Dejitter(RATE_HZ)
    times = np.concatenate([line.push(stamps), line.flush()])
    np.testing.assert_allclose(times, stamps, rtol=0, atol=1e-6)
    assert line.leaps_s == pytest.approx([lost / RATE_HZ])


def test_a_hole_shows_through_jitter() -> None:
    true = np.delete(straight(5000), slice(2500, 2600))
    times = dejittered(true + np.random.default_rng(2).normal(0.0, 0.004, len(true)))
    steps = np.diff(times)
    assert np.argmax(steps) == 2499
    assert steps[2499] == pytest.approx(101 / RATE_HZ, abs=0.01)
    assert np.max(np.abs(np.delete(steps, 2499) - 1 / RATE_HZ)) < 0.004


@pytest.mark.parametrize("share", [0.01, 0.2])
def test_single_lost_samples_do_not_add_up(share: float) -> None:
    stamps = straight(10_000)
    stamps = stamps[np.random.default_rng(3).random(len(stamps)) > share]
    np.testing.assert_allclose(dejittered(stamps), stamps, rtol=0, atol=1e-6)


@pytest.mark.parametrize("held_back", [20, 75, 750])
def test_samples_that_were_held_back_are_no_hole(held_back: int) -> None:
    true = straight(5000)
    stamps = true.copy()
    stamps[2000 : 2000 + held_back] = true[2000 + held_back] + 1e-4 * np.arange(held_back)
    np.testing.assert_allclose(dejittered(stamps), true, rtol=0, atol=1e-4)


def test_packets_stamped_early_and_late_are_no_holes() -> None:
    """A device that stamps packets of 32 samples is known within the first seconds."""
    true = straight(9600)
    stamps = true + np.repeat(np.random.default_rng(4).normal(0.0, 0.01, 300), 32)
    line = Dejitter(RATE_HZ)
    first = line.push(stamps[:1000])
    assert len(line.leaps_s) <= 3
    line.leaps_s.clear()
    times = np.concatenate([first, line.push(stamps[1000:]), line.flush()])
    assert line.leaps_s == []
    assert np.sqrt(np.mean((times - true)[2500:] ** 2)) < 0.002


@pytest.mark.parametrize("value", [None, np.nan, np.inf])
def test_stamps_that_stand_still_or_are_no_numbers_go_on_by_the_count(value: float | None) -> None:
    true = straight(3000)
    stamps = true.copy()
    stamps[1000:2000] = stamps[999] if value is None else value
    np.testing.assert_allclose(dejittered(stamps), true, rtol=0, atol=1e-6)


def test_a_clock_that_is_set_back_is_followed() -> None:
    stamps = straight(3000)
    stamps[1500:] -= 60.0
    np.testing.assert_allclose(dejittered(stamps), stamps, rtol=0, atol=1e-6)


def test_a_single_wild_stamp_changes_nothing() -> None:
    true = straight(3000)
    stamps = true.copy()
    stamps[[500, 1500, 1501]] = [1e9, 0.0, -5.0]
    np.testing.assert_allclose(dejittered(stamps), true, rtol=0, atol=1e-6)


def honest(n: int) -> FloatArray:
    return straight(n, 248.0)


def lossy(n: int) -> FloatArray:
    stamps = straight(2 * n, 248.0)
    return stamps[np.random.default_rng(5).random(2 * n) > 0.2][:n]


def bursts(n: int) -> FloatArray:
    k = np.arange(n)
    return 4321.0 + (k // 32 + 1) * 32 / 248.0 + (k % 32) * 1e-5


def one_stamp_a_packet(n: int) -> FloatArray:
    return 4321.0 + (np.arange(n) // 32) * 32 / 248.0


def packets_stamped_at_another_rate(n: int) -> FloatArray:
    k = np.arange(n)
    return 4321.0 + (k // 32) * 32 / 248.0 + (k % 32) / 300.0


def jittering(n: int) -> FloatArray:
    return straight(n, 248.0) + np.random.default_rng(6).normal(0.0, 0.005, n)


@pytest.mark.parametrize(
    "stamps", [honest, lossy, bursts, one_stamp_a_packet, packets_stamped_at_another_rate, jittering]
)
def test_the_rate_is_measured_whatever_the_stamps_are_like(stamps: Callable[[int], FloatArray]) -> None:
    assert measured_rate(stamps(744)) == pytest.approx(248.0, rel=0.01)


@pytest.mark.parametrize("stamps", [[], [1.0], [np.nan] * 100, [7.0] * 100, [3.0, 2.0, 1.0]])
def test_no_rate_is_measured_where_stamps_tell_none(stamps: list[float]) -> None:
    assert measured_rate(np.array(stamps)) is None
