from __future__ import annotations

import numpy as np
import pytest

from nictate.kept import Kept
from nictate.refit import sphere
from nictate.signals import ConfigError, FloatArray
from nictate.unmixing import Outliers, Pace, Unmixing

RATE_HZ, CHANNELS, BLOCK = 125.0, 5, 8
USUAL = Outliers(soft=15.0, skip=40.0)
COLD = Pace(first=1.5, decay=0.85, memory_s=30.0)
WARM = Pace(first=1.0, decay=1.0, memory_s=30.0)


def mixture(n: int, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((CHANNELS, CHANNELS)) * 10.0
    return rng.laplace(size=(n, CHANNELS)) @ A.T, A


def started(X: FloatArray, pace: Pace = COLD) -> Unmixing:
    return Unmixing(sphere(X[:200], USUAL), RATE_HZ, USUAL, pace, memory_s=60.0)


def learn(model: Unmixing, X: FloatArray) -> None:
    for k in range(0, len(X), BLOCK):
        model.learn(X[k : k + BLOCK])
        if k % (4 * BLOCK) == 0:
            model.whiten()
    model.whiten()


def test_whitened_covariance_is_the_identity_and_the_mixing_is_the_inverse() -> None:
    X, _ = mixture(4000)
    model = started(X)
    learn(model, X)
    U = model.unmixing
    np.testing.assert_allclose(U @ model.covariance @ U.T, np.eye(CHANNELS), atol=1e-9)
    np.testing.assert_allclose(U @ model.mixing, np.eye(CHANNELS), atol=1e-9)
    for k in range(0, 2000, BLOCK):  # A step turns and does not stretch: what was white stays so between whitenings.
        model.learn(X[k : k + BLOCK])
    np.testing.assert_allclose(model.unmixing @ model.mixing, np.eye(CHANNELS), atol=1e-9)


def test_whitening_is_the_nearest_to_what_was() -> None:
    X, _ = mixture(4000)
    model = started(X)
    for k in range(0, 160, BLOCK):
        model.learn(X[k : k + BLOCK])
    U = model.unmixing.copy()
    d, V = np.linalg.eigh(U @ model.covariance @ U.T)
    model.whiten()
    np.testing.assert_allclose(model.unmixing, (V / np.sqrt(d)) @ V.T @ U, atol=1e-8)


def test_a_step_is_the_cayley_transform_of_the_skew_gradient() -> None:
    X, _ = mixture(400)
    model = started(X)
    U, rows = model.unmixing.copy(), model.rows + BLOCK
    step = max(COLD.first / rows**COLD.decay, -np.expm1(-1.0 / (COLD.memory_s * RATE_HZ)))
    G = np.zeros((CHANNELS, CHANNELS))
    for x in X[:BLOCK]:
        y = U @ x
        q = 2.0 * step / (1.0 + step * (2.0 * y @ np.tanh(y) - 1.0))
        G += q * np.outer(np.tanh(y), y)
    S = 0.5 * (G.T - G)
    eye = np.eye(CHANNELS)
    model.learn(X[:BLOCK])
    np.testing.assert_allclose(model.unmixing, np.linalg.solve(eye - 0.5 * S, eye + 0.5 * S) @ U, atol=1e-10)


def test_a_known_mixture_is_approached() -> None:
    X, A = mixture(12000)
    model = started(X)

    def impurity() -> float:
        R = np.abs(model.unmixing @ A)
        return float(np.median(np.sort(R / R.max(axis=1, keepdims=True), axis=1)[:, -2]))

    before = impurity()
    learn(model, X)
    assert impurity() < min(0.15, 0.5 * before)


def test_a_burst_teaches_nothing_and_an_outlier_no_more_than_its_share() -> None:
    X, _ = mixture(4000)
    model = started(X, WARM)
    learn(model, X)
    U, C = model.unmixing.copy(), model.covariance.copy()
    model.learn(X[:BLOCK] + 1e5)
    assert model.closed == BLOCK
    np.testing.assert_array_equal(model.unmixing, U)
    np.testing.assert_array_equal(model.covariance, C)
    block = X[:BLOCK].copy()
    block[3] *= 1e4
    Y = model.learn(block)
    assert model.closed == 0
    assert np.square(Y).sum(axis=1).max() <= CHANNELS + USUAL.soft**2 + 1e-9


def test_what_lies_outside_the_signal_space_is_not_understood() -> None:
    X, _ = mixture(4000)
    X[:2000, 0] = 0.0
    model = started(X)
    model.learn(X[:BLOCK])
    assert model.closed == 0
    model.learn(X[2000 : 2000 + BLOCK])
    assert model.closed == BLOCK


def test_a_channel_that_goes_flat_for_hours_does_not_blow_up() -> None:
    X, _ = mixture(800)
    # A memory of 50 ms, so that half a minute is as long as hours.
    model = Unmixing(sphere(X[:200], USUAL), RATE_HZ, USUAL, WARM, memory_s=0.05)
    X[:, 0] = 0.0
    for _ in range(20):
        learn(model, X)
    assert np.isfinite(model.unmixing).all()
    assert np.abs(model.unmixing).max() < 1e5
    np.testing.assert_allclose(model.unmixing @ model.mixing, np.eye(CHANNELS), atol=1e-6)


def test_a_state_goes_on_to_the_bit() -> None:
    X, _ = mixture(4000)
    model = started(X)
    learn(model, X[:1000])
    model.learn(X[:BLOCK])
    other = Unmixing.from_state(Kept(model.get_state()), CHANNELS, RATE_HZ, USUAL, COLD, 60.0)
    learn(model, X[1000:])
    learn(other, X[1000:])
    assert all(np.array_equal(part, other.get_state()[name]) for name, part in model.get_state().items())


@pytest.mark.parametrize("name", ["unmixing", "whitened"])
def test_a_state_that_does_not_whiten_is_refused(name: str) -> None:
    X, _ = mixture(400)
    state = started(X).get_state()
    state[name] = 2.0 * np.asarray(state[name], dtype=np.float64)
    with pytest.raises(ConfigError, match="does not whiten"):
        Unmixing.from_state(Kept(state), CHANNELS, RATE_HZ, USUAL, COLD, 60.0)
