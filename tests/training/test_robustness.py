from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from made_people import person

from nictate.training.corpus import LabelledSignal
from nictate.training.judge import Judged, judge
from nictate.training.robustness import (
    VARIANTS,
    after_silence,
    against,
    alone,
    farther,
    louder,
    resampled,
    robustness,
    turned,
)
from stand_in import STAND_IN

SKIP_S = (1.0, 0.3)


@pytest.fixture(scope="module")
def someone() -> LabelledSignal:
    return person(1, lasting_s=15.0)


def test_changes_undo_each_other(someone: LabelledSignal) -> None:
    twice = turned(turned(someone))
    np.testing.assert_array_equal(twice.samples, someone.samples)
    assert (turned(someone).polarity, twice.polarity) == (-1.0, 1.0)
    np.testing.assert_allclose(louder(louder(someone, 3.0), 1 / 3).samples, someone.samples, rtol=1e-6)
    assert turned(someone).truth is someone.truth


@pytest.mark.parametrize("rate_hz", [100.0, 200.0, 500.0, 1000.0])
def test_another_rate_shows_the_same_signal(someone: LabelledSignal, rate_hz: float) -> None:
    """Of a slow wave on an offset of many mV, with a hole in it."""
    times = np.arange(0.0, 12.0, 1 / 128.0)
    times = times + np.where(times >= 5.0, 2.0, 0.0)

    def wave(t: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        return np.asarray(20_000.0 + 100.0 * np.sin(2 * np.pi * 3.0 * t))

    s = dataclasses.replace(someone, times=times, samples=wave(times)[:, np.newaxis].astype(np.float32))
    s = dataclasses.replace(s, montage=dataclasses.replace(someone.montage, names=("Fp1",)))
    other = resampled(s, rate_hz)
    assert other is not None
    assert other.montage.rate_hz == rate_hz
    steps = np.diff(other.times)
    assert (np.abs(steps - 1 / rate_hz) < 1e-6).sum() == len(steps) - 1
    assert steps.max() == pytest.approx(2.0, abs=0.02)
    inside = np.minimum(np.abs(other.times[:, np.newaxis] - [0.0, 5.0, 7.0, 14.0]).min(axis=1), 1.0) > 0.3
    np.testing.assert_allclose(other.samples[inside, 0], wave(other.times)[inside], atol=2.0)
    assert np.abs(other.samples - 20_000.0).max() < 200.0


def test_a_silence_before_a_recording_is_of_its_own_background(someone: LabelledSignal) -> None:
    before = dataclasses.replace(someone, samples=someone.samples + np.float32(20_000.0))
    late = after_silence(before, 60.0)
    n = round(60.0 * someone.montage.rate_hz)
    np.testing.assert_array_equal(late.samples[n:], before.samples)
    np.testing.assert_allclose(late.times[n:] - 60.0, before.times, atol=1e-9)
    np.testing.assert_allclose(np.diff(late.times), np.diff(late.times)[0], rtol=1e-6)
    np.testing.assert_allclose(late.truth.blinks, before.truth.blinks + 60.0)
    assert late.truth.duration_s == before.truth.duration_s + 60.0
    assert np.abs(np.diff(late.samples[n - 2 : n + 2], axis=0)).max() < 100.0
    # Without the blinks, it is as large as what follows.
    quiet, whole = (np.median(np.abs(np.diff(x, axis=0))) for x in (late.samples[:n], before.samples))
    assert 0.3 < quiet / whole < 3.0


def test_what_cannot_be_changed_is_left_out(someone: LabelledSignal) -> None:
    assert resampled(someone, 128.0) is None
    single = alone(someone)
    assert single is not None
    assert single.montage.names == ("Fp1",)
    np.testing.assert_array_equal(single.samples[:, 0], someone.samples[:, 0])
    assert alone(single) is None


def test_without_the_electrodes_nearest_to_the_eyes_the_next_ones_are_looked_at(someone: LabelledSignal) -> None:
    names = ("AF3", "Fp1", "Cz", "F4", "Fp2")
    samples = np.tile(np.arange(5, dtype=np.float32), (len(someone.times), 1))
    montage = dataclasses.replace(someone.montage, names=names, kinds=("eeg", "eeg", "misc", "eeg", "eeg"))
    cap = dataclasses.replace(someone, montage=montage, samples=samples)
    assert cap.farther == ((0, 3), (3,))
    first = farther(cap)
    assert first is not None
    assert first.montage.names == ("AF3", "Cz", "F4")
    assert first.montage.kinds == ("eeg", "misc", "eeg")
    assert first.channels == (0, 2)
    np.testing.assert_array_equal(first.samples[0], [0.0, 2.0, 3.0])
    second = farther(first)
    assert second is not None
    assert second.montage.names == ("Cz", "F4")
    assert farther(second) is None  # Nothing that is left is known to show blinks.
    # Against a reference at the forehead, all channels are looked at, and none is nearer than others.
    assert farther(dataclasses.replace(cap, montage=dataclasses.replace(montage, reference="Fpz"))) is None


def test_against_another_electrode_its_own_signal_is_in_all(someone: LabelledSignal) -> None:
    montage = dataclasses.replace(someone.montage, names=("Fp1", "Cz..", "O1"))
    samples = np.random.default_rng(0).standard_normal((len(someone.times), 3)).astype(np.float32)
    moved = against(dataclasses.replace(someone, montage=montage, samples=samples), "CZ")
    assert moved is not None
    assert moved.montage.names == ("Fp1", "O1")
    np.testing.assert_array_equal(moved.samples, samples[:, [0, 2]] - samples[:, [1]])
    assert against(someone, "Cz") is None


def test_each_change_is_compared_with_the_same_recordings_as_they_are(
    someone: LabelledSignal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("gain x0.3", "gain x3", "at 100 Hz", "at 500 Hz", "at 1000 Hz"):
        monkeypatch.delitem(VARIANTS, name)
    single = alone(person(2, lasting_s=15.0))
    assert single is not None
    models = [Judged(*STAND_IN[:2], (someone,)), Judged(*STAND_IN[:2], (single,))]
    before = judge(*STAND_IN[:2], [someone, single], SKIP_S)
    shares: list[float] = []
    rows = {row.name: row for row in robustness(models, before, SKIP_S, lambda share, _: shares.append(share))}
    assert list(rows) == list(VARIANTS)
    assert sum(shares) == pytest.approx(1.0)
    for name in ("without the electrodes nearest to the eyes", "against Cz"):
        nobody = rows.pop(name)
        assert nobody.people == 0
        assert {nobody.to_dict()[key] for key in ("before", "after", "fall")} == {None}
    assert all(row.fall == pytest.approx(row.before - row.after) for row in rows.values())
    # The stand-in sees polarity and gain no more than the shipped model does.
    assert rows["polarity flipped"].fall == pytest.approx(0.0, abs=1e-9)
    assert rows["polarity flipped"].people == 2
    assert rows["polarity flipped"].before == before.overall.f1
    one = rows["one channel"]
    assert (one.people, one.before) == (1, before.recordings[someone.name].f1)
    assert one.interval is None
    changed = judge(*STAND_IN[:2], [s for s in [alone(someone)] if s is not None], SKIP_S)
    assert one.after == changed.overall.f1
    assert json.loads(json.dumps([row.to_dict() for row in rows.values()], allow_nan=False))
