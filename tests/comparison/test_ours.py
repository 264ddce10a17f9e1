from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from made_material import RATE_HZ, alike, made

from nictate.comparison.measures import Measured, ruler
from nictate.comparison.methods import Cleaned
from nictate.comparison.ours import Manner, OnlineIca

MANNERS: tuple[Manner, ...] = ("cold", "warm", "gated")


@cache
def cleaned(manner: Manner) -> Cleaned:
    return OnlineIca(manner).run(made().material.signals)


def measured(manner: Manner) -> Measured:
    return ruler(made().material, 30.0).measure(cleaned(manner).samples)[0]


@pytest.mark.parametrize("manner", MANNERS)
def test_once_it_has_learned_it_takes_the_blinks(manner: Manner) -> None:
    of = made()
    done = measured(manner)
    assert done.reduction_db is not None
    assert done.reduction_db > 10.0
    maps = cleaned(manner).maps
    assert maps is not None
    assert max(alike(column, of.map) for column in maps.T) > 0.95


def test_the_gate_leaves_more_of_what_lies_between_the_blinks() -> None:
    gated, warm = measured("gated").frontal, measured("warm").frontal
    assert gated is not None
    assert warm is not None
    assert gated.relative_rmse < 0.6 * warm.relative_rmse
    signals = made().material.signals
    untouched = np.all(cleaned("gated").samples == signals.samples, axis=1)
    assert untouched.mean() > 0.4


def test_cold_and_warm_part_when_one_of_them_is_fitted_to_what_was_collected() -> None:
    cold, warm = cleaned("cold").samples, cleaned("warm").samples
    late = slice(round(30.0 * RATE_HZ), None)
    assert not np.allclose(cold[late], warm[late], atol=1.0)
    assert "learning" not in cleaned("warm").notes[0]
    assert cleaned("cold").notes[0].endswith(" removed")


@pytest.mark.parametrize("manner", MANNERS)
def test_offsets_make_no_difference(manner: Manner) -> None:
    signals = made(20.0).material.signals
    offset = 5000.0 * np.arange(19.0)
    plain = OnlineIca(manner).run(signals).samples
    far = OnlineIca(manner).run(replace(signals, samples=signals.samples + offset)).samples
    assert np.allclose(far - offset, plain, atol=0.05)
    assert np.abs(plain - signals.samples).max() > 20.0  # It did something.


def test_the_future_is_not_known_and_no_sample_is_lost() -> None:
    signals = made().material.signals
    cut = round(33.33 * RATE_HZ)
    short = OnlineIca("gated").run(replace(signals, samples=signals.samples[:cut], eog=signals.eog[:cut])).samples
    assert short.shape == (cut, 19)
    whole_frames = cut - cut % round(0.04 * RATE_HZ)
    assert np.array_equal(short[:whole_frames], cleaned("gated").samples[:whole_frames])
