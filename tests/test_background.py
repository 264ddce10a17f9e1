from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import welch

from nictate.background import Cortex, ElectrodeNoise
from nictate.electrodes import MONTAGES
from nictate.head import place_sources
from nictate.profile import STILL, Profile
from nictate.signals import FloatArray


def eeg(names: tuple[str, ...], profile: Profile, rate_hz: float, duration_s: float) -> FloatArray:
    """What the cortex shows at electrodes while the eyes are open."""
    rng = np.random.default_rng(2)
    sources = place_sources(names, profile, rng)
    activity = Cortex(profile, sources, rate_hz, rng).render(np.zeros(round(duration_s * rate_hz)), rng)
    samples: FloatArray = activity @ sources.mixing[:, 6:].T
    return samples


def added(profile: Profile, channels: int, rate_hz: float, stretches: int) -> FloatArray:
    """What electrodes add within so many stretches of 1 s."""
    rng, length = np.random.default_rng(2), round(rate_hz)
    electrodes = ElectrodeNoise(profile, channels, rate_hz, length, rng)
    times = np.arange(stretches * length) / rate_hz
    return np.vstack([electrodes.render(t, rng) for t in np.split(times, stretches)])


def band_rms(samples: FloatArray, rate_hz: float, low_hz: float, high_hz: float) -> FloatArray:
    f_hz, density = welch(samples, rate_hz, nperseg=round(4 * rate_hz), axis=0)
    inside = (f_hz >= low_hz) & (f_hz < high_hz)
    rms: FloatArray = np.sqrt(density[inside].sum(axis=0) * f_hz[1])
    return rms


@pytest.mark.parametrize("rate_hz", [127.9, 500.0])
def test_the_background_has_its_strength_and_slope(rate_hz: float) -> None:
    samples = eeg(MONTAGES["standard_1020"], replace(STILL, background_uv=8), rate_hz, 240)
    assert np.sqrt(np.mean(band_rms(samples, rate_hz, 1, 30) ** 2)) == pytest.approx(8, rel=0.08)
    octaves = [np.mean(band_rms(samples, rate_hz, f, 2 * f) ** 2) / f for f in (1, 2, 4, 8, 16)]
    slope = np.polyfit(range(5), np.log2(octaves), 1)[0]
    assert -slope == pytest.approx(1.3, abs=0.15)


def test_alpha_is_posterior_and_has_its_strength_and_frequency() -> None:
    samples = eeg(("O1", "O2", "Pz", "Fp1"), replace(STILL, alpha_uv=5, alpha_hz=11), 250, 400)
    o1, o2, pz, fp1 = samples.std(axis=0)
    assert o1 == pytest.approx(5, rel=0.12)
    assert min(o1, o2, pz) > 3 * fp1
    f_hz, density = welch(samples[:, 0], 250, nperseg=1000)
    assert f_hz[np.argmax(density)] == pytest.approx(11, abs=0.75)
    # Waxing and waning: the strength of one second says little of that a few seconds later.
    strength = samples[:, 0].reshape(-1, 250).std(axis=1)
    assert strength.std() / strength.mean() > 0.25


def test_alpha_grows_while_the_eyes_stay_closed() -> None:
    profile = replace(STILL, alpha_uv=5, alpha_closed_gain=4)
    rng = np.random.default_rng(2)
    cortex = Cortex(profile, place_sources(("O1",), profile, rng), 250.0, rng)
    opened, closed, again = (cortex.render(np.full(250 * 240, shut), rng)[500:, 0].std() for shut in (0.0, 1.0, 0.0))
    assert closed / opened == pytest.approx(4, rel=0.15)
    assert again / opened == pytest.approx(1, rel=0.15)


def test_the_cortex_has_been_active_for_long_when_it_begins() -> None:
    """No transient: the first samples of many beginnings are as strong as later ones."""
    profile = Profile(cortical_sources=200)
    rng = np.random.default_rng(2)
    sources = place_sources(("O1",), profile, rng)
    first = np.array([Cortex(profile, sources, 100.0, rng).render(np.zeros(200), rng) for _ in range(20)])
    assert first[:, 0, 3:].std() == pytest.approx(first[:, -1, 3:].std(), rel=0.15)
    assert first[:, :20, :3].std() == pytest.approx(first[:, -20:, :3].std(), rel=0.4)


def test_mains_has_its_frequency_and_stays_below_nyquist() -> None:
    profile = replace(STILL, mains_uv=10, mains_hz=60)
    samples = added(profile, 64, 500.0, 10)
    spectrum = np.abs(np.fft.rfft(samples, axis=0)) * 2 / 5000
    assert np.median(spectrum[600]) == pytest.approx(10, rel=0.2)
    assert np.allclose(spectrum[[1200, 1800]], spectrum[600] * [[0.2], [0.3]])
    others = np.delete(spectrum, [600, 1200, 1800], axis=0)
    assert others.max() < 1e-6
    assert not added(profile, 2, 100.0, 5).any()


def test_drift_sensor_noise_and_offsets_have_their_strength() -> None:
    noise = added(replace(STILL, sensor_uv=2), 128, 250.0, 4)
    assert noise.std(axis=0) == pytest.approx(2, rel=0.15)
    offsets = added(replace(STILL, offset_uv=1e5), 128, 250.0, 2)
    assert offsets[0].std() == pytest.approx(1e5, rel=0.25)
    assert np.array_equal(offsets[0], offsets[-1])
    drift = added(replace(STILL, drift_uv=15), 64, 100.0, 200)
    assert drift.std() == pytest.approx(15, rel=0.15)
    # Smooth also where one stretch joins the next: nothing of it is fast.
    assert np.abs(np.diff(drift, axis=0)).max() < 1
