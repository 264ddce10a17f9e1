from __future__ import annotations

import numpy as np
import pytest

from nictate.drift import LASTING_S, Drift, dependence
from nictate.kept import Kept
from nictate.signals import FloatArray

RATE_HZ, BLOCK, SOURCES = 125.0, 5, 6


def sources(seconds: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).laplace(size=(round(seconds * RATE_HZ), SOURCES))


def verdicts(drift: Drift, y: FloatArray) -> list[tuple[int, int]]:
    """When, in samples, and how long ago it is said to be."""
    return [(k + BLOCK, ago) for k in range(0, len(y), BLOCK) if (ago := drift.push(y[k : k + BLOCK])) is not None]


def mixed(y: FloatArray) -> FloatArray:
    return (
        y @ np.linalg.qr(np.random.default_rng(1).standard_normal((SOURCES, SOURCES)))[0] @ np.diag([9, 4, 1, 1, 1, 1])
        + y[:, :1]
    )


def test_dependence_is_the_rms_of_the_correlations() -> None:
    y = sources(20) @ np.random.default_rng(2).standard_normal((SOURCES, SOURCES))
    products = y.T @ y
    R = products / np.sqrt(np.outer(np.diag(products), np.diag(products)))
    oracle = np.sqrt(np.mean(R[~np.eye(SOURCES, dtype=bool)] ** 2))
    assert dependence(products) == pytest.approx(oracle)


def test_dependence_knows_no_scale_and_no_order() -> None:
    y = sources(20)
    z = (y * np.array([1.0, 10.0, 0.1, 3.0, 1e3, 1e-3]))[:, ::-1]
    assert dependence(z.T @ z) == pytest.approx(dependence(y.T @ y))
    assert dependence(np.zeros((1, 1))) == 0.0
    assert np.isfinite(dependence(np.zeros((3, 3))))


def test_sources_that_stay_independent_do_not_drift() -> None:
    assert verdicts(Drift(SOURCES, RATE_HZ), sources(300)) == []


def test_another_mixing_is_told_once_it_lasts_and_dated_after_the_change() -> None:
    at = round(60 * RATE_HZ)
    y = sources(90)
    (when, ago), *_ = verdicts(Drift(SOURCES, RATE_HZ), np.concatenate((y[:at], mixed(y[at:]))))
    assert at < when - ago <= at + round(2 * RATE_HZ)
    assert when <= at + round((LASTING_S + 2) * RATE_HZ)


def test_what_passes_is_no_drift() -> None:
    y = sources(90)
    at, end = round(60 * RATE_HZ), round(63 * RATE_HZ)
    y[at:end] = mixed(y[at:end])
    assert verdicts(Drift(SOURCES, RATE_HZ), y) == []


@pytest.mark.parametrize("alpha_hz", [9.5, 10.0, 11.0])
def test_a_rhythm_in_all_sources_is_no_drift_however_long_it_lasts(alpha_hz: float) -> None:
    y = sources(120) + 0.6 * sources(120, seed=1)[:, :1]  # Nothing is quite independent.
    at = round(60 * RATE_HZ)
    phase = 2.0 * np.pi * alpha_hz * np.arange(len(y) - at) / RATE_HZ
    rhythm = 2.0 * np.sin(phase)[:, np.newaxis] * np.array([1, -1, 1, 1, -1, 1])
    drift, other = Drift(SOURCES, RATE_HZ), Drift(SOURCES, RATE_HZ)
    assert verdicts(drift, np.concatenate((y[:at], y[at:] + rhythm))) == []
    # As much of it in another band is another mixing.
    common = np.random.default_rng(3).standard_normal((len(y) - at, 1)) * np.sqrt(2.0)
    assert verdicts(other, np.concatenate((y[:at], y[at:] + common * np.array([1, -1, 1, 1, -1, 1]))))


def test_a_state_goes_on_alike() -> None:
    at = round(60 * RATE_HZ)
    y = sources(90)
    y[at:] = mixed(y[at:])
    drift, other = Drift(SOURCES, RATE_HZ), Drift(SOURCES, RATE_HZ)
    verdicts(drift, y[: at + 250])
    other.set_state(Kept(drift.get_state()))
    rest = verdicts(drift, y[at + 250 :])
    assert rest
    assert verdicts(other, y[at + 250 :]) == rest
