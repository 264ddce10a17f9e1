from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_material import RATE_HZ, Made, alike, made, with_eog

from nictate.comparison.measures import ruler
from nictate.comparison.methods import Method, OfflineRegression, Reconstruction, RecursiveRegression
from nictate.edges.recordings.complaints import overheard
from nictate.signals import FloatArray

METHODS: tuple[Method, ...] = (OfflineRegression(), RecursiveRegression(), Reconstruction())
REGRESSIONS: tuple[Method, ...] = METHODS[:2]


def lid_channels(of: Made) -> FloatArray:
    """EOG that sees the lid and little else."""
    lid = of.lid
    return np.hstack((lid, -0.5 * lid)) + np.random.default_rng(0).standard_normal((len(lid), 2))


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_offsets_make_no_difference_and_nothing_is_written_into(method: Method) -> None:
    of = made(30.0)
    signals = with_eog(of, lid_channels(of))
    kept = signals.samples.copy(), signals.eog.copy()
    offset = 5000.0 * np.arange(signals.samples.shape[1])
    with overheard([]):
        plain = method.run(signals)
        far = method.run(replace(signals, samples=signals.samples + offset, eog=signals.eog - 3e4))
    assert np.array_equal(signals.samples, kept[0])
    assert np.array_equal(signals.eog, kept[1])
    assert np.allclose(far.samples - offset, plain.samples, atol=0.05)
    assert np.abs(plain.samples - signals.samples).max() > 20.0  # It did something.


@pytest.mark.parametrize("method", REGRESSIONS, ids=lambda m: m.name)
def test_regression_on_eog_finds_the_blinks_map_and_takes_the_blinks(method: Method) -> None:
    of = made()
    cleaned = method.run(with_eog(of, lid_channels(of)))
    assert cleaned.maps is not None
    assert cleaned.maps.shape == (19, 2)
    # Two channels of one thing: what they tell together is what counts.
    assert alike(cleaned.maps @ [1.0, -0.5], of.map) > 0.97
    measured, _ = ruler(of.material, 20.0).measure(cleaned.samples)
    assert measured.over_floor is not None
    assert measured.over_floor < 1.8
    assert cleaned.notes == ("on EOG0, EOG1",)


@pytest.mark.parametrize("method", REGRESSIONS, ids=lambda m: m.name)
def test_regression_without_eog_says_that_it_takes_the_frontal_channels_with_it(method: Method) -> None:
    of = made()
    cleaned = method.run(of.material.signals)
    measured, _ = ruler(of.material, 20.0).measure(cleaned.samples)
    assert measured.frontal is not None
    assert measured.frontal.relative_rmse > 0.7
    assert cleaned.notes[0].startswith("no EOG channel: on the mean of Fp1, Fp2")


def test_recursive_regression_does_not_know_the_future() -> None:
    signals = made().material.signals
    cut = round(31.3 * RATE_HZ)
    other = signals.samples.copy()
    other[cut:] = 0.0
    whole, ended = (RecursiveRegression().run(replace(signals, samples=x)).samples for x in (signals.samples, other))
    assert np.array_equal(whole[:cut], ended[:cut])
    assert not np.array_equal(whole[cut:], ended[cut:])


def test_reconstruction_takes_some_of_the_blinks() -> None:
    of = made(40.0)
    with overheard([]):
        cleaned = Reconstruction().run(of.material.signals)
    assert cleaned.maps is None
    measured, _ = ruler(of.material, 10.0).measure(cleaned.samples)
    assert measured.reduction_db is not None
    assert measured.reduction_db > 2.0
