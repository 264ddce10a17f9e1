from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from nictate.kept import Kept
from nictate.passband import Passband
from nictate.signals import FloatArray

RATE_HZ, LENGTH, FACTOR, CHANNELS = 500.0, 32, 4, 3
BAND_HZ = (1.0, 45.0)


def passed(band: Passband, x: FloatArray) -> FloatArray:
    return np.concatenate([band.push(x[k : k + LENGTH].copy()) for k in range(0, len(x), LENGTH)])


def new(band_hz: tuple[float, float] | None = BAND_HZ) -> Passband:
    return Passband(band_hz, RATE_HZ, LENGTH, FACTOR, CHANNELS)


def noise(blocks: int = 100) -> FloatArray:
    return np.random.default_rng(0).standard_normal((blocks * LENGTH, CHANNELS)) * 20.0


def test_it_is_the_recursion_with_every_fourth_sample_kept() -> None:
    x = noise()
    high = signal.butter(4, BAND_HZ[1], "lowpass", fs=RATE_HZ, output="sos")
    sos = np.vstack((high, signal.butter(2, BAND_HZ[0], "highpass", fs=RATE_HZ, output="sos")))
    oracle, _ = signal.sosfilt(sos, x, axis=0, zi=signal.sosfilt_zi(sos)[:, :, np.newaxis] * x[0])
    np.testing.assert_allclose(passed(new(), x), oracle[FACTOR - 1 :: FACTOR], atol=1e-9)


def test_an_offset_leaves_no_step() -> None:
    x = noise()
    np.testing.assert_allclose(passed(new(), x + 1e5), passed(new(), x), atol=1e-6)


def test_without_a_band_samples_go_through() -> None:
    x = noise()
    np.testing.assert_array_equal(passed(new(None), x), x[FACTOR - 1 :: FACTOR])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize(("first", "last"), [(0, 5), (0, LENGTH), (40, 41), (33, 97)])
def test_what_is_missing_is_left_out_and_forgotten(value: float, first: int, last: int) -> None:
    x = noise()
    y = x.copy()
    y[first:last, 1] = value
    whole, holed = passed(new(), x), passed(new(), y)
    lost = len({k // FACTOR for k in range(first, last)})
    assert len(holed) == len(whole) - lost
    assert np.abs(holed).max() < 200.0
    np.testing.assert_allclose(holed[-100:], whole[-100:], atol=1e-3)


def test_a_state_goes_on_to_the_bit() -> None:
    x = noise()
    band, other = new(), new()
    passed(band, x[: 10 * LENGTH])
    other.set_state(Kept(band.get_state()))
    np.testing.assert_array_equal(passed(other, x[10 * LENGTH :]), passed(band, x[10 * LENGTH :]))
