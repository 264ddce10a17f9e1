from __future__ import annotations

import numpy as np
import pytest

from nictate.refit import refit, sphere
from nictate.signals import FloatArray
from nictate.unmixing import Outliers, Solution

USUAL = Outliers(soft=15.0, skip=40.0)
N, CHANNELS = 4000, 6


def mixture(seed: int = 0) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((CHANNELS, CHANNELS)) * 10.0
    return rng.laplace(size=(N, CHANNELS)) @ A.T, A


def is_permutation(M: FloatArray, atol: float) -> bool:
    """Whether M is a permutation but for scale and sign."""
    R = np.abs(M) / np.abs(M).max(axis=1, keepdims=True)
    return bool(np.sort(R, axis=1)[:, -2].max() < atol) and len(set(R.argmax(axis=1))) == len(R)


@pytest.mark.parametrize("learn", [sphere, refit])
def test_whitened_covariance_is_the_identity(learn: type[Solution]) -> None:
    X, _ = mixture()
    s = learn(X, USUAL)  # type: ignore[call-arg, arg-type]
    np.testing.assert_allclose(s.unmixing @ s.covariance @ s.unmixing.T, np.eye(CHANNELS), atol=1e-9)
    np.testing.assert_allclose(np.cov((X @ s.unmixing.T).T, bias=True), np.eye(CHANNELS), atol=0.05)


def test_a_known_mixture_is_recovered() -> None:
    X, A = mixture()
    assert is_permutation(refit(X, USUAL).unmixing @ A, atol=0.1)
    assert not is_permutation(sphere(X, USUAL).unmixing @ A, atol=0.1)


def test_the_signal_space_is_found() -> None:
    X, _ = mixture()
    X[:, 1] = X[:, 0]  # bridged
    X[:, 2] = 0.0  # flat
    for s in (sphere(X, USUAL), refit(X, USUAL)):
        assert s.unmixing.shape == (CHANNELS - 2, CHANNELS)
        np.testing.assert_allclose(X @ s.projector, X, atol=1e-9)
        np.testing.assert_allclose(s.covariance @ s.unmixing.T @ s.unmixing, s.projector, atol=1e-9)
        assert np.abs(s.unmixing).max() < 10.0


def test_a_refit_keeps_places_and_signs_of_where_it_started() -> None:
    X, _ = mixture()
    once = refit(X, USUAL).unmixing
    start = once[::-1] * np.array([[1.0], [-1.0], [-1.0], [1.0], [1.0], [-1.0]])
    np.testing.assert_allclose(refit(X, USUAL, start).unmixing, start, atol=1e-3)


def test_a_start_of_another_rank_is_of_use_for_the_order() -> None:
    X, _ = mixture()
    start = refit(X, USUAL).unmixing[:3]
    np.testing.assert_allclose(refit(X, USUAL, start).unmixing[:3], start, atol=1e-3)


def test_a_burst_is_left_out() -> None:
    X, A = mixture()
    X[1000:1125] += 5000.0 * np.random.default_rng(1).standard_normal((125, CHANNELS))
    s = refit(X, USUAL)
    assert s.rows < N
    assert is_permutation(s.unmixing @ A, atol=0.1)


def test_silence_has_no_components() -> None:
    assert refit(np.zeros((100, 3)), USUAL).unmixing.shape == (0, 3)


def test_one_channel_is_its_own_source() -> None:
    X = 5.0 * np.random.default_rng(0).standard_normal((N, 1))
    np.testing.assert_allclose(np.abs(refit(X, USUAL).unmixing), [[0.2]], rtol=0.05)
