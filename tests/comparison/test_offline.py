from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from made_material import alike, made, noise, with_eog

from nictate.comparison.measures import ruler
from nictate.comparison.offline import OfflineIca
from nictate.edges.recordings.complaints import overheard

Algorithm = Literal["picard", "infomax", "fastica"]


@pytest.mark.parametrize("algorithm", ["picard", "infomax", "fastica"])
def test_the_component_of_the_blinks_is_found_and_removed(algorithm: Algorithm) -> None:
    of = made(40.0)
    with overheard([]):
        cleaned = OfflineIca(algorithm).run(of.material.signals)
    assert cleaned.maps is not None
    assert alike(cleaned.maps[:, 0], of.map) > 0.97
    measured, _ = ruler(of.material, 5.0).measure(cleaned.samples)
    assert measured.over_floor is not None
    assert measured.others is not None
    assert measured.over_floor < 1.8
    assert measured.others.relative_rmse < 0.3
    assert cleaned.notes[0].startswith("19 components")


def test_offsets_stay_where_they_are() -> None:
    signals = made().material.signals
    offset = 5000.0 * np.arange(19.0)
    with overheard([]):
        plain = OfflineIca("picard").run(signals).samples
        far = OfflineIca("picard").run(replace(signals, samples=signals.samples + offset)).samples
    # Taking a component out takes its part of an offset with it; what varies is the same.
    assert np.allclose(far - far.mean(axis=0), plain - plain.mean(axis=0), atol=0.05)


def test_eog_channels_are_asked_where_there_are_some() -> None:
    of = made()
    with overheard([]):
        cleaned = OfflineIca("picard").run(with_eog(of, of.lid))
    assert cleaned.maps is not None
    assert alike(cleaned.maps[:, 0], of.map) > 0.97
    assert "EOG0" in cleaned.notes[-1]


def test_few_components_are_judged_by_correlation() -> None:
    """Of six, none can be two thirds of a dozen deviations from the mean of all, which is what z-scores ask."""
    of = made()
    few = [0, 1, 2, 3, 17, 18]
    signals = of.material.signals
    montage = replace(signals.montage, names=tuple(signals.montage.names[k] for k in few))
    with overheard([]):
        cleaned = OfflineIca("picard").run(
            replace(signals, montage=montage, samples=signals.samples[:, few], frontal=montage.frontal)
        )
    assert cleaned.maps is not None
    assert cleaned.maps.shape[1] >= 1
    assert "none by z-score" in cleaned.notes[1]


def test_where_no_component_is_ocular_nothing_is_removed_and_that_is_said() -> None:
    signals = noise(30.0).signals
    eog = np.random.default_rng(9).standard_normal((len(signals.samples), 1))
    with overheard([]):
        cleaned = OfflineIca("picard").run(replace(signals, eog=eog, eog_names=("EOG",)))
    assert np.array_equal(cleaned.samples, signals.samples)
    assert cleaned.maps is not None
    assert cleaned.maps.shape == (4, 0)
    assert cleaned.notes[-1].startswith("nothing is removed: the largest correlation is 0.0")
