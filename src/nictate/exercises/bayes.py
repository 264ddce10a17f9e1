"""Bayesian linear regression: what a few points say of a line, and how sure one may be of it.

    y = x'w + e,    w ~ N(m, S),    e ~ N(0, s)

The posterior of w is normal again. Sources: Bishop (2006), Pattern Recognition and Machine Learning, section 3.3;
Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, section 2.1.

`update`, `downdate` and `predict` only add, multiply and divide, so that arrays of `fractions.Fraction` go through them
exactly. A design matrix X is (d, n): a column for each point, as x is one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
"""Of float64, or of Fractions as objects."""


@dataclass(frozen=True, slots=True)
class Belief:
    """What is known of the weights: w ~ N(mean, covariance)."""

    mean: Array
    """m, (d,)"""
    covariance: Array
    """S, (d, d), symmetric and positive definite."""
    noise: Any = 1.0
    """s, the variance of a single y about its line; known, and the same for all."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What is expected of y at some x: N(mean, epistemic + noise)."""

    mean: Any
    """x'm"""
    epistemic: Any
    """x'Sx: what more points would take away."""
    noise: Any
    """s: what no number of points takes away."""

    @property
    def variance(self) -> Any:
        return self.epistemic + self.noise

    def log_density(self, y: float) -> float:
        """log N(y; mean, variance), in nats."""
        variance = float(self.variance)
        return -0.5 * (math.log(2.0 * math.pi * variance) + float(y - self.mean) ** 2 / variance)


def fit(prior: Belief, X: Array, y: Array) -> Belief:
    """The posterior after all columns of ``X`` (d, n) with their ``y`` (n,) at once.

    With A = S^-1 + XX'/s it is N(A^-1 (S^-1 m + Xy/s), A^-1). Floating point only.
    """
    P = np.linalg.inv(prior.covariance)
    A = P + X @ X.T / prior.noise
    return replace(prior, mean=np.linalg.solve(A, P @ prior.mean + X @ y / prior.noise), covariance=np.linalg.inv(A))


def update(belief: Belief, x: Array, y: Any) -> Belief:
    """The posterior after one more point, ``x`` (d,) and ``y``, in O(d²).

    A grows by xx'/s, a matrix of rank one, so A^-1 follows from the last one (Sherman and Morrison 1950):

        k = Sx / (s + x'Sx),    m <- m + k (y - x'm),    S <- S - k (Sx)'

    k is the gain of a Kalman filter whose state does not move.
    """
    Sx = belief.covariance @ x
    k = Sx / (belief.noise + x @ Sx)
    return replace(belief, mean=belief.mean + k * (y - x @ belief.mean), covariance=belief.covariance - np.outer(k, Sx))


def downdate(belief: Belief, x: Array, y: Any) -> Belief:
    """The posterior without a point that it was given: `update` with noise -s, since A shrinks by xx'/s.

    Raises `ValueError` when the point cannot have been in it: what would be left is no covariance.
    """
    if not x @ belief.covariance @ x < belief.noise:
        raise ValueError("a point is taken away that was never given")
    return replace(update(replace(belief, noise=-belief.noise), x, y), noise=belief.noise)


def forget(belief: Belief, prior: Belief, keep: float) -> Belief:
    """The belief with ``keep`` of what it was told, 0 to 1, and the prior in the place of the rest.

        A <- keep A + (1 - keep) A0,    Am <- keep Am + (1 - keep) A0 m0

    Stabilised forgetting (Kulhavý and Zarrop 1993, Int. J. Control 58:905): without the prior, a direction in which no
    points come would be forgotten without end and its variance grow for ever.
    """
    A, A0 = np.linalg.inv(belief.covariance), np.linalg.inv(prior.covariance)
    S = np.linalg.inv(keep * A + (1.0 - keep) * A0)
    mean = S @ (keep * (A @ belief.mean) + (1.0 - keep) * (A0 @ prior.mean))
    return replace(belief, mean=mean, covariance=S)


def predict(belief: Belief, x: Array) -> Prediction:
    """What to expect of y at ``x`` (d,)."""
    return Prediction(x @ belief.mean, x @ belief.covariance @ x, belief.noise)


def log_evidence(prior: Belief, X: Array, y: Array) -> float:
    """log p(y | X) in nats, the weights integrated out: how well the model as a whole foretold the points.

    By the chain rule the sum of what each point was given before it came, whatever their order.
    """
    return sum(
        predict(before, x).log_density(y_n) for before, x, y_n in zip(sequence(prior, X, y), X.T, y, strict=False)
    )


def sequence(prior: Belief, X: Array, y: Array) -> Iterator[Belief]:
    """The n + 1 beliefs from the prior on, after each point."""
    belief = prior
    yield belief
    for x, y_n in zip(X.T, y, strict=True):
        belief = update(belief, x, y_n)
        yield belief


def least_squares(X: Array, y: Array) -> Array:
    """(d,) the weights that minimise |y - X'w|²: what `fit` tends to as the prior grows wide. Floating point only."""
    return np.linalg.lstsq(X.T, y, rcond=None)[0]
