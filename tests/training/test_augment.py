from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from nictate.signals import FloatArray
from nictate.training.augment import Clip, augment, coloured
from nictate.waveforms import blink_waveform

RATE_HZ = 128.0
LASTING_S = 16.0
SEEDS = range(60)
LOUD_UV = 1e6
"""Nothing that is added comes near it."""


def clip(height_uv: float, *, channels: int = 4, polarity: float = 1.0) -> Clip:
    """Quiet EEG with blinks of one height on all channels."""
    rng = np.random.default_rng(0)
    n = round(LASTING_S * RATE_HZ)
    t = np.arange(n) / RATE_HZ
    peaks = np.array([1.5, 3.0, 9.0, 14.0])
    blinks = sum(blink_waveform(t - peak + 0.085) for peak in peaks)
    shares = np.linspace(1.0, 0.7, channels)
    samples = coloured(rng, n, channels, 1.0) * 5.0 + polarity * height_uv * blinks[:, np.newaxis] * shares
    return Clip(samples, RATE_HZ, peaks, np.array([[5.0, 5.8]]), polarity)


def made(seed: int, of: Clip, inputs: int = 4) -> tuple[FloatArray, FloatArray, FloatArray]:
    return augment(np.random.default_rng(seed), of, inputs)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_shapes_and_finite_values(channels: int) -> None:
    of = clip(100.0, channels=channels)
    widths = set()
    for seed in SEEDS:
        x, source, peaks = made(seed, of, inputs=3)
        n, k = x.shape
        widths.add(k)
        assert n == len(of.samples)
        assert source.shape == (n,)
        assert np.isfinite(x).all()
        assert np.isfinite(source).all()
        assert np.isfinite(peaks).all()
    assert widths == set(range(1, min(channels, 3) + 1))


def test_the_same_numbers_make_the_same_example_and_others_another() -> None:
    of = clip(100.0)
    for seed in SEEDS:
        for a, b in zip(made(seed, of), made(seed, of), strict=True):
            assert np.array_equal(a, b)
    firsts = {float(made(seed, of)[0][0, 0]) for seed in SEEDS}
    assert len(firsts) == len(SEEDS)


def test_the_recording_itself_is_never_changed() -> None:
    of = clip(100.0)
    kept = of.samples.copy()
    of.samples.flags.writeable = False
    for seed in SEEDS:
        made(seed, of)
    assert np.array_equal(of.samples, kept)


def test_labels_stay_and_those_of_added_blinks_come_where_nothing_was() -> None:
    of = clip(100.0)
    added = 0
    for seed in range(150):
        peaks = made(seed, of)[2]
        assert np.all(np.diff(peaks) > 0)
        assert np.isin(of.peaks, peaks).all()
        new = np.setdiff1d(peaks, of.peaks)
        added += len(new)
        for peak in new:
            assert np.abs(of.peaks - peak).min() > 0.5
            assert not 5.0 - 0.4 < peak < 5.8 + 0.4
    assert added > 20


def alone(peaks: FloatArray) -> FloatArray:
    """Those that no other one runs into."""
    gaps = np.diff(peaks, prepend=-np.inf, append=np.inf)
    return peaks[(gaps[:-1] > 0.8) & (gaps[1:] > 0.8)]


@pytest.mark.parametrize("polarity", [1.0, -1.0])
def test_blinks_stay_where_their_labels_are(polarity: float) -> None:
    of = clip(LOUD_UV, polarity=polarity)
    t = np.arange(len(of.samples)) / RATE_HZ
    added = 0
    for seed in SEEDS:
        x, source, peaks = made(seed, of)
        lone = alone(peaks)
        added += len(np.setdiff1d(lone, of.peaks))
        # One electrode may be bad and another one fall off.
        struck = np.zeros(x.shape[1], dtype=bool)
        for peak in lone:
            near = np.flatnonzero(np.abs(t - peak) <= 0.15)
            largest = t[near][np.abs(x[near]).argmax(axis=0)]
            struck |= np.abs(largest - peak) > 1.5 / RATE_HZ
            if source.any():
                assert t[near][np.abs(source[near]).argmax()] == pytest.approx(peak, abs=1.5 / RATE_HZ)
        assert struck.sum() <= min(2, x.shape[1] - 1)
    assert added > 5


def test_no_polarity_is_more_common() -> None:
    """Neither of the examples, whatever the recording's own."""
    for polarity in (1.0, -1.0):
        of = clip(LOUD_UV, channels=1, polarity=polarity)
        at = round(of.peaks[0] * RATE_HZ)
        up = sum(made(seed, of)[0][at, 0] > 0 for seed in range(300))
        assert 120 <= up <= 180  # 3.5 standard deviations


def test_the_source_points_where_most_channels_do() -> None:
    for polarity in (1.0, -1.0):
        of = clip(LOUD_UV, polarity=polarity)
        at = np.round(of.peaks * RATE_HZ).astype(int)
        examples = [(x, source) for seed in SEEDS for x, source, _ in [made(seed, of, inputs=1)] if source.any()]
        assert 5 < len(examples) < len(SEEDS) / 2
        for x, source in examples:
            assert np.all(np.sign(source[at]) == np.sign(x[at, 0]))
            assert np.all(np.abs(source[at]) > 0.05 * LOUD_UV)


def test_what_an_unmixing_gave_is_shown_with_what_is_added_to_the_channels() -> None:
    given = dataclasses.replace(clip(LOUD_UV), source=np.full(round(LASTING_S * RATE_HZ), 1e-3))
    shown = [source for seed in SEEDS if (source := made(seed, given)[1]).any()]
    assert len(SEEDS) / 2 < len(shown) < len(SEEDS)
    # What is added is blinks of this person, or less; there is nothing else in it.
    assert sum(np.abs(source).max() > 0.1 * LOUD_UV for source in shown) > 5
    assert all(np.median(np.abs(source)) < 1e-3 * LOUD_UV for source in shown)


def test_of_recordings_without_blinks_and_of_silence_examples_can_be_made() -> None:
    none = np.empty(0)
    of = dataclasses.replace(clip(0.0), peaks=none, ignore=np.empty((0, 2)))
    silent = dataclasses.replace(of, samples=np.zeros_like(of.samples))
    for seed in SEEDS:
        for quiet in (of, silent):
            x, _, _ = made(seed, quiet)
            assert np.isfinite(x).all()


def test_a_missing_value_stays_where_it_is() -> None:
    """The detector's own front stages mend it; it must not spoil the rest of the example."""
    of = clip(100.0)
    of.samples[700, :3] = np.nan
    for seed in SEEDS:
        x, source, _ = made(seed, of)
        missing = np.flatnonzero(~np.isfinite(np.column_stack((x, source))).all(axis=1))
        assert set(missing) <= {700}


@pytest.mark.parametrize("exponent", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("n", [4096, 4095])
def test_coloured_noise_falls_as_it_should(n: int, exponent: float) -> None:
    noise = coloured(np.random.default_rng(0), n, 64, exponent)
    assert noise.shape == (n, 64)
    np.testing.assert_allclose(noise.std(axis=0), 1.0, rtol=0, atol=1e-6)
    power = (np.abs(np.fft.rfft(noise, axis=0)) ** 2 / (np.abs(np.fft.rfft(noise, axis=0)) ** 2).sum(axis=0)).mean(
        axis=1
    )
    low, high = power[10:20].mean(), power[1000:2000].mean()
    assert np.log(low / high) / np.log(100.0) == pytest.approx(exponent, abs=0.15)
