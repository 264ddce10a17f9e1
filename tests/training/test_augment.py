from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from nictate.signals import BoolArray, FloatArray
from nictate.training.augment import Clip, Example, _blinks, augment, coloured
from nictate.waveforms import blink_waveform

RATE_HZ = 128.0
LASTING_S = 20.0
SEEDS = range(60)
PEAKS = np.array([1.5, 3.0, 9.0, 14.0])
LOUD_UV = 1e6
"""Nothing that is added comes near it."""


def clip(height_uv: float, *, channels: int = 4, polarity: float = 1.0) -> Clip:
    """Quiet EEG with blinks of one height on all channels."""
    rng = np.random.default_rng(0)
    n = round(LASTING_S * RATE_HZ)
    t = np.arange(n) / RATE_HZ
    lid = sum(blink_waveform(t - peak + 0.085) for peak in PEAKS)
    blinks = np.column_stack((PEAKS - 0.05, PEAKS, PEAKS + 0.1))
    shares = np.linspace(1.0, 0.7, channels)
    samples = coloured(rng, n, channels, 1.0) * 5.0 + polarity * height_uv * lid[:, np.newaxis] * shares
    return Clip(samples, RATE_HZ, blinks, np.array([[5.0, 5.8]]), polarity)


def made(seed: int, of: Clip, inputs: int = 4) -> Example:
    return augment(np.random.default_rng(seed), of, inputs)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_shapes_and_finite_values(channels: int) -> None:
    of = clip(100.0, channels=channels)
    widths = set()
    for seed in SEEDS:
        example = made(seed, of, inputs=3)
        n, k = example.samples.shape
        widths.add(k)
        assert n == len(of.samples)
        assert example.source.shape == (n,)
        assert example.blinks.shape[1:] == (3,)
        assert example.ignore.shape[1:] == (2,)
        assert all(np.isfinite(getattr(example, field.name)).all() for field in dataclasses.fields(example))
    assert widths == set(range(1, min(channels, 3) + 1))


def test_the_same_numbers_make_the_same_example_and_others_another() -> None:
    of = clip(100.0)
    for seed in SEEDS:
        one, again = made(seed, of), made(seed, of)
        for field in dataclasses.fields(Example):
            assert np.array_equal(getattr(one, field.name), getattr(again, field.name))
    firsts = {float(made(seed, of).samples[0, 0]) for seed in SEEDS}
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
    for seed in range(100):
        example = made(seed, of)
        onsets, peaks, ends = example.blinks.T
        assert np.all(np.diff(peaks) > 0)
        assert np.all((onsets < peaks) & (peaks < ends))
        assert np.isin(PEAKS, peaks).all()
        new = example.blinks[~np.isin(peaks, PEAKS)]
        assert np.array_equal(example.ignore[: len(of.ignore)], of.ignore)
        assert np.array_equal(np.setdiff1d(example.blinks, new), np.unique(of.blinks))
        added += len(new)
    assert added > 20


def test_nothing_is_added_where_something_is_labelled() -> None:
    of = clip(100.0)
    taken = np.vstack((of.blinks[:, [0, 2]], of.ignore))
    added = closed = 0
    for seed in range(400):
        _, blinks, closures = _blinks(np.random.default_rng(seed), of, len(of.samples), 1.0)
        assert not overlapping(np.vstack((blinks[:, [0, 2]], closures)), taken).any()
        assert not overlapping(blinks[:, [0, 2]], closures).any()
        added += len(blinks)
        closed += len(closures)
    assert added > 200
    assert closed > 5


def overlapping(some: FloatArray, others: FloatArray) -> BoolArray:
    """(n, m) whether spans (n, 2) and (m, 2) have time in common."""
    return np.asarray((some[:, [0]] <= others[:, 1]) & (others[:, 0] <= some[:, [1]]))


def drawn(seed: int, lasting_s: float = 30.0) -> tuple[FloatArray, FloatArray, FloatArray]:
    """What is added to a clip without labels: a deflection of about 1, its blinks and its closures."""
    empty = Clip(np.zeros((1, 1)), RATE_HZ, np.empty((0, 3)), np.empty((0, 2)), 1.0)
    return _blinks(np.random.default_rng(seed), empty, round(lasting_s * RATE_HZ), 1.0)


def test_the_span_of_an_added_blink_is_where_the_lid_is_down() -> None:
    """A plateau belongs to it, and what comes before its onset and after its end is less than all that is within."""
    t = np.arange(round(30.0 * RATE_HZ)) / RATE_HZ
    held = lone = 0
    for seed in range(200):
        y, blinks, closures = drawn(seed)
        for onset, peak, end in blinks[np.isin(blinks[:, 1], alone(np.sort(blinks[:, 1])))]:
            if len(closures) and overlapping(np.array([[onset - 0.5, end + 0.5]]), closures).any():
                continue
            within = y[(t >= onset) & (t <= end)]
            around = y[(t > onset - 0.4) & (t < onset - 0.02) | (t > end + 0.02) & (t < end + 0.1)]
            assert abs(t[(t >= onset) & (t <= end)][within.argmax()] - peak) <= 1.0 / RATE_HZ
            assert within.min() > 0.15 * within.max()
            assert around.max() < within.min() + 0.12 * within.max()
            held += end - peak > 0.25  # No lid opens so slowly.
            lone += 1
    assert lone > 300
    assert 5 < held < lone / 4


def test_a_lid_that_stays_closed_is_ignored_time() -> None:
    t = np.arange(round(30.0 * RATE_HZ)) / RATE_HZ
    closed = 0
    for seed in range(300):
        y, blinks, closures = drawn(seed)
        for begin, end in closures:
            closed += 1
            assert end - begin > 0.8
            assert not ((blinks[:, 1] > begin) & (blinks[:, 1] < end)).any()
            if end < 30.0:
                assert y[(t > begin) & (t < end)].max() == pytest.approx(1.0, abs=0.02)
                edges = (np.abs(t - begin) < 0.05) | (np.abs(t - end) < 0.05)
                assert np.all(y[edges] == 0.0)
    assert closed > 5


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
        example = made(seed, of)
        x, source = example.samples, example.source
        lone = alone(example.blinks[:, 1])
        lone = lone[(lone > 0.2) & (lone < LASTING_S - 0.2)]
        added += len(np.setdiff1d(lone, PEAKS))
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
        at = round(PEAKS[0] * RATE_HZ)
        up = sum(made(seed, of).samples[at, 0] > 0 for seed in range(300))
        assert 120 <= up <= 180  # 3.5 standard deviations


def test_the_source_points_where_most_channels_do() -> None:
    for polarity in (1.0, -1.0):
        of = clip(LOUD_UV, polarity=polarity)
        at = np.round(PEAKS * RATE_HZ).astype(int)
        examples = [example for seed in SEEDS if (example := made(seed, of, inputs=1)).source.any()]
        assert 5 < len(examples) < len(SEEDS) / 2
        for example in examples:
            assert np.all(np.sign(example.source[at]) == np.sign(example.samples[at, 0]))
            assert np.all(np.abs(example.source[at]) > 0.05 * LOUD_UV)


def test_what_an_unmixing_gave_is_shown_with_what_is_added_to_the_channels() -> None:
    given = dataclasses.replace(clip(LOUD_UV), source=np.full(round(LASTING_S * RATE_HZ), 1e-3))
    shown = [source for seed in SEEDS if (source := made(seed, given).source).any()]
    assert len(SEEDS) / 2 < len(shown) < len(SEEDS)
    # What is added is blinks of this person, or less; there is nothing else in it.
    assert sum(np.abs(source).max() > 0.1 * LOUD_UV for source in shown) > 5
    assert sum(np.median(np.abs(source)) < 1e-3 * LOUD_UV for source in shown) > 0.9 * len(shown)


def test_of_recordings_without_blinks_and_of_silence_examples_can_be_made() -> None:
    of = dataclasses.replace(clip(0.0), blinks=np.empty((0, 3)), ignore=np.empty((0, 2)))
    silent = dataclasses.replace(of, samples=np.zeros_like(of.samples))
    for seed in SEEDS:
        for quiet in (of, silent):
            assert np.isfinite(made(seed, quiet).samples).all()


def test_a_missing_value_stays_where_it_is() -> None:
    """The detector's own front stages mend it; it must not spoil the rest of the example."""
    of = clip(100.0)
    of.samples[700, :3] = np.nan
    for seed in SEEDS:
        example = made(seed, of)
        missing = np.flatnonzero(~np.isfinite(np.column_stack((example.samples, example.source))).all(axis=1))
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
