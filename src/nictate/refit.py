"""Un-mixing learned at one go from many samples: the basis to start from, and Picard-O to go on from."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Protocol, TypeVar

import numpy as np

from nictate.signals import BoolArray, FloatArray
from nictate.unmixing import Outliers, Solution

T = TypeVar("T")

SIGNAL = 1e-7
"""Eigenvalues of the covariance below this part of the largest are no signal: what an average reference, a flat or a
bridged channel leaves. With them in it, the un-mixing has entries in the hundreds."""
SILENCE_UV2 = 1e-16
"""Variance that a constant has after the band-pass, by rounding."""
WILD = 100.0
"""A stretch so many times as large as the median stretch is left out before anything is estimated."""
STRETCH = 16
"""Samples in a stretch."""


class Submit(Protocol):
    """Takes a piece of work, at once or beside the stream; returns what gives its result, waiting if need be."""

    def __call__(self, work: Callable[[], T], /) -> Callable[[], T]: ...


def at_once(work: Callable[[], T], /) -> Callable[[], T]:
    """Does the work now."""
    result = work()
    return lambda: result


def sphere(X: FloatArray, outliers: Outliers) -> Solution:
    """Whitening only: the eigenvectors of a robust covariance of X (N, n), each over its standard deviation."""
    return _sphere(X, outliers)[0]


def refit(X: FloatArray, outliers: Outliers, start: FloatArray | None = None) -> Solution:
    """Picard-O on X (N, n): the rotation that makes the sources most independent (Ablin, Cardoso and Gramfort 2018).

    Begins at the rotation of ``start``, whose order and signs the sources keep where they are the same.
    """
    white, Z = _sphere(X, outliers)
    K = white.unmixing
    if len(K) < 2:
        return white
    W0 = np.eye(len(K)) if start is None else _rotation(start @ white.covariance @ K.T)
    U = _picard(Z, W0) @ K
    if start is not None:
        U = _arranged(U, U @ white.covariance @ start.T)
    return Solution(U, white.covariance, white.projector, white.rows)


def _sphere(X: FloatArray, outliers: Outliers) -> tuple[Solution, FloatArray]:
    """The whitening, and the samples (N, r) that it makes white to rounding."""
    X = X[_sane(X)]
    weight = np.ones((len(X), 1))
    for _ in range(2):
        U = _eigenbasis(X * weight).unmixing
        p = np.square(X @ U.T).sum(axis=1, keepdims=True)
        near = p[:, 0] <= len(U) + outliers.skip**2
        if near.sum() > 2 * len(U):
            X, p = X[near], p[near]
        weight = np.sqrt(np.minimum(1.0, (len(U) + outliers.soft**2) / np.maximum(p, 1.0)))
    X = X * weight
    white = _eigenbasis(X)
    return white, X @ white.unmixing.T


def _sane(X: FloatArray) -> BoolArray:
    """(N,) which samples belong to stretches of usual size: a burst would own the covariance that is to judge it."""
    power = np.einsum("lk,lk->l", X, X)
    stretches = [power[k : k + STRETCH] for k in range(0, len(power), STRETCH)]
    means = np.array([part.mean() for part in stretches])
    sane = means <= WILD**2 * np.median(means)
    return np.repeat(sane, [len(part) for part in stretches])


def _eigenbasis(X: FloatArray) -> Solution:
    C = X.T @ X / len(X)
    d, B = np.linalg.eigh(C)
    keep = d > max(SIGNAL * d[-1], SILENCE_UV2)
    d, B = d[keep][::-1], B[:, keep][:, ::-1]
    return Solution((B / np.sqrt(d)).T, (B * d) @ B.T, B @ B.T, len(X))


def _picard(Z: FloatArray, W0: FloatArray) -> FloatArray:
    # Loads scikit-learn, which takes a second: only a refit waits for it.
    from picard import picard

    with warnings.catch_warnings():
        # Components that are nearly Gaussian turn for ever within their plane; the others stand by then. The gradient
        # of 20 s of signal is known to 1e-2: a tolerance of 1e-4 takes four times as long for the same sources.
        warnings.simplefilter("ignore")
        _, W, _ = picard(
            np.ascontiguousarray(Z.T), whiten=False, centering=False, ortho=True, w_init=W0, tol=1e-3, max_iter=100
        )
    return np.asarray(W)


def _rotation(M: FloatArray) -> FloatArray:
    """The rotation nearest to M (r_old, r); none where M is not nearly one."""
    if M.shape[0] == M.shape[1]:
        left, s, right = np.linalg.svd(M)
        if s[-1] > 0.1 * s[0]:
            return np.asarray(left @ right)
    return np.eye(M.shape[1])


def _arranged(U: FloatArray, alike: FloatArray) -> FloatArray:
    """U with each row where, and of the sign that, the source most like it had: ``alike`` is (new, old)."""
    from scipy.optimize import linear_sum_assignment

    new, old = linear_sum_assignment(-np.abs(alike))
    rest = np.setdiff1d(np.arange(len(U)), new)
    order = new[np.argsort(old)]
    signs = np.sign(alike[order, np.sort(old)])
    signs[signs == 0.0] = 1.0
    return np.concatenate((signs[:, np.newaxis] * U[order], U[rest]))
