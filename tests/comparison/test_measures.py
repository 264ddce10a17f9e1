from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_material import RATE_HZ, made, noise

from nictate.comparison.measures import BANDS_HZ, LARGEST_DB, ruler


def test_what_was_not_touched_measures_nothing() -> None:
    material = made().material
    rule = ruler(material, 10.0)
    measured, average = rule.measure(material.signals.samples)
    assert measured.reduction_db == 0.0
    assert measured.over_floor is not None
    assert measured.over_floor > 3.0  # There are blinks.
    assert np.ptp(average[:, 0]) > 100.0
    for part in (measured.frontal, measured.others):
        assert part is not None
        assert part.relative_rmse == 0.0
        assert part.correlation == pytest.approx(1.0)
        assert list(part.power_db) == list(BANDS_HZ)
        assert set(part.power_db.values()) == {0.0}


def test_halving_is_six_decibels_of_everything() -> None:
    material = made().material
    measured, _ = ruler(material, 10.0).measure(0.5 * material.signals.samples)
    six = 20.0 * np.log10(2.0)
    assert measured.reduction_db == pytest.approx(six)
    for part in (measured.frontal, measured.others):
        assert part is not None
        assert part.relative_rmse == pytest.approx(0.5)
        assert part.correlation == pytest.approx(1.0)
        assert list(part.power_db.values()) == pytest.approx([-six] * len(BANDS_HZ))


def test_only_the_group_that_was_touched_is_distorted() -> None:
    material = made().material
    cleaned = material.signals.samples.copy()
    cleaned[:, list(material.signals.frontal)] *= 0.7
    measured, _ = ruler(material, 10.0).measure(cleaned)
    assert measured.frontal is not None
    assert measured.others is not None
    assert measured.frontal.relative_rmse == pytest.approx(0.3)
    assert measured.others.relative_rmse == 0.0


def test_taking_exactly_the_blinks_leaves_the_floor_and_the_rest() -> None:
    of = made()
    measured, _ = ruler(of.material, 10.0).measure(of.material.signals.samples - of.blinks_uv)
    assert measured.reduction_db is not None
    assert measured.over_floor is not None
    assert measured.frontal is not None
    assert measured.reduction_db > 12.0
    assert 0.6 < measured.over_floor < 1.6
    assert measured.frontal.relative_rmse < 0.05


def test_drift_and_offsets_do_not_count() -> None:
    material = made().material
    t = np.arange(len(material.signals.samples))[:, np.newaxis] / RATE_HZ
    rule = ruler(material, 10.0)
    measured, average = rule.measure(material.signals.samples + 1000.0 + 50.0 * np.sin(2 * np.pi * 0.03 * t))
    plain, plainly = rule.measure(material.signals.samples)
    assert measured.frontal is not None
    assert measured.frontal.relative_rmse < 1e-3
    assert measured.reduction_db == pytest.approx(plain.reduction_db, abs=1e-3)
    assert np.allclose(average, plainly, atol=0.05)


def test_what_lies_before_the_start_does_not_count() -> None:
    material = made().material
    cleaned = material.signals.samples.copy()
    cleaned[: round(8.0 * RATE_HZ)] = 0.0
    measured, _ = ruler(material, 12.0).measure(cleaned)
    assert measured.reduction_db == pytest.approx(0.0, abs=0.01)
    assert measured.others is not None
    assert measured.others.relative_rmse < 0.01
    early, _ = ruler(material, 2.0).measure(cleaned)
    assert early.others is not None
    assert early.others.relative_rmse > 0.1


def test_taking_everything_is_told_as_a_finite_number() -> None:
    material = made().material
    measured, _ = ruler(material, 10.0).measure(np.zeros_like(material.signals.samples))
    assert measured.reduction_db == LARGEST_DB
    assert measured.over_floor == 0.0
    assert measured.frontal is not None
    assert measured.frontal.correlation == 0.0
    assert measured.frontal.power_db["alpha"] == -LARGEST_DB


def test_the_floor_falls_with_the_root_of_the_number_of_blinks() -> None:
    few, many = (ruler(noise(300.0, peaks=peaks), 0.0).floor_uv for peaks in (8, 32))
    assert few is not None
    assert many is not None
    assert few / many == pytest.approx(2.0, rel=0.1)


def test_moments_that_are_no_blinks_are_at_the_floor() -> None:
    """Sixteen moments of noise, called blinks: nobody could tell."""
    material = noise(300.0, peaks=16)
    measured, _ = ruler(material, 0.0).measure(material.signals.samples)
    assert measured.over_floor == pytest.approx(1.0, abs=0.25)


def test_without_blinks_only_the_distortion_is_told() -> None:
    material = noise(30.0)
    measured, average = ruler(material, 5.0).measure(0.9 * material.signals.samples)
    assert (measured.reduction_db, measured.residual_uv, measured.over_floor) == (None, None, None)
    assert np.isnan(average).all()
    assert measured.frontal is not None
    assert measured.frontal.relative_rmse == pytest.approx(0.1)


def test_with_nothing_but_blinks_there_is_neither_floor_nor_distortion() -> None:
    material = replace(noise(30.0, peaks=5), busy=np.array([[0.0, 30.0]]))
    measured, _ = ruler(material, 5.0).measure(0.5 * material.signals.samples)
    assert measured.reduction_db == pytest.approx(20.0 * np.log10(2.0))
    assert measured.over_floor is None
    assert measured.frontal is None
    assert measured.others is None
