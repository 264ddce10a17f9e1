"""The un-mixing that is learned block by block: robust gate, whitening, and a rotation towards independence.

Letters as in the papers, rows are samples: X (L, n) band-passed samples, U (r, n) un-mixing, A (n, r) mixing,
Y = X U' (L, r) sources, C (n, n) covariance, P (n, n) projector on the signal space.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg.lapack import dgesv

from nictate.kept import Kept, State
from nictate.signals import ConfigError, FloatArray


@dataclass(frozen=True, slots=True)
class Components:
    """What an ICA says: components of some of the channels."""

    unmixing: FloatArray
    """(components, columns)"""
    mixing: FloatArray
    """(columns, components)"""
    columns: npt.NDArray[np.intp]
    """(columns,) which of the channels it un-mixes."""


@dataclass(frozen=True, slots=True)
class Outliers:
    """How far a sample may lie from what is usual. Distances are in standard deviations of the sources."""

    soft: float
    """Samples further out than this are drawn in to it, so that none of them weighs more."""
    skip: float
    """A block further out than this teaches nothing: a burst of movement, not a brain."""

    def __post_init__(self) -> None:
        if not 0.0 < self.soft <= self.skip < np.inf:
            raise ConfigError(f"{self}: 0 < soft <= skip is needed")


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast is learned: the step at sample t is λ = λ0 / t^γ, but never less than that of a memory of `memory_s`."""

    first: float
    """λ0"""
    decay: float
    """γ"""
    memory_s: float

    def __post_init__(self) -> None:
        if not (0.0 < self.first < np.inf and 0.0 <= self.decay < np.inf and 0.0 < self.memory_s < np.inf):
            raise ConfigError(f"{self}: positive numbers are needed")


@dataclass(frozen=True, slots=True)
class Solution:
    """An un-mixing with what it was learned from; U C U' = I."""

    unmixing: FloatArray
    """(r, n)"""
    covariance: FloatArray
    """(n, n) in µV², of rank r."""
    projector: FloatArray
    """(n, n) on the signal space, the span of the eigenvectors that are not noise of arithmetic."""
    rows: int
    """How many samples it was learned from."""


LARGEST_STEP = 0.3
"""No λ is larger."""
FLOOR = 1e-9
"""No variance in the signal space falls below this part of the largest one at the start, so that a channel that goes
flat for hours does not make the un-mixing infinite."""
OUTSIDE = 1e-3
"""A block with more of its power than this outside the signal space is not understood: a flat channel came back."""


class Unmixing:
    """Whitens and rotates online.

    *Gate.* p = |y|² is the squared Mahalanobis distance of a sample, whatever the rotation. A block whose median p is
    above r + skip² is skipped; a sample counts with weight min(1, sqrt((r + soft²) / p)).

    *Whitening.* C <- (1 - a) C + a X'X / L, a = 1 - (1 - λ)^L, and from time to time U <- (U C U')^(-1/2) U. That is
    the un-mixing nearest to the last one that whitens, the same as W M with M = C^(-1/2) and W <- orth(W M_old M^-1),
    without an eigendecomposition.

    *Rotation.* T = tanh Y, q = 2λ / (1 + λ (2 y·T - 1)), G = Σ q T y', S = (G' - G) / 2, and U <- cay(S) U with the
    Cayley transform cay(S) = (I - S/2)^-1 (I + S/2), which is orthogonal to rounding. S has rank 2 L, so that the step
    costs no product of r x r matrices (Woodbury; Wen and Yin 2013). ORICA as published (Akhtar et al. 2012; Hsu et al.
    2016) adds the symmetric part of G, only to cancel it by the orthogonalisation that follows, and its denominator
    goes negative for some samples of many channels, which turns their steps around.
    """

    def __init__(self, start: Solution, rate_hz: float, outliers: Outliers, pace: Pace, memory_s: float) -> None:
        self.unmixing = start.unmixing.copy()
        self.covariance = start.covariance.copy()
        self.whitened = start.covariance
        """The covariance for which U C U' = I holds now."""
        self.projector = start.projector
        self.rows = start.rows
        self.closed = 0
        """For how many samples nothing could be used."""
        self._whole = len(start.unmixing) == start.unmixing.shape[1]
        self._eye = np.eye(len(start.unmixing))
        self._outliers = outliers
        self._pace = pace
        self._least_step = -math.expm1(-1.0 / (pace.memory_s * rate_hz))
        self._least_rate = -math.expm1(-1.0 / (memory_s * rate_hz))
        self._floor = FLOOR * float(np.diag(start.covariance).max()) * start.projector

    @property
    def mixing(self) -> FloatArray:
        """(n, r): A = C U', for which U A = I and A U = P."""
        return self.whitened @ self.unmixing.T

    def learn(self, X: FloatArray) -> FloatArray:
        """Takes in a block (L, n), if it can be used; its sources (L, r), drawn in by the gate."""
        understood = True
        if not self._whole:
            inside = X @ self.projector
            understood = bool(np.square(X - inside).sum() <= OUTSIDE * np.square(X).sum())
            X = inside
        U = self.unmixing
        r = len(U)
        Y: FloatArray = X.dot(U.T)  # dot, because @ takes twice as long for so little.
        p = np.vecdot(Y, Y)
        L = len(X)
        ordered = sorted(p.tolist())
        near = r + self._outliers.soft**2
        if ordered[-1] > near:
            weight = np.sqrt(near / np.maximum(p, near))[:, np.newaxis]
            X = X * weight
            Y *= weight
        self.rows += L
        if not understood or ordered[L // 2] > r + self._outliers.skip**2:
            self.closed += L
            return Y
        self.closed = 0

        a = -math.expm1(L * math.log1p(-max(1.0 / self.rows, self._least_rate)))
        self.covariance *= 1.0 - a
        self.covariance += X.T.dot(X * (a / L))

        step = min(max(self._pace.first / self.rows**self._pace.decay, self._least_step), LARGEST_STEP)
        T = np.tanh(Y)
        T /= (0.5 / step - 0.5 + np.vecdot(Y, T))[:, np.newaxis]
        # S = (Y'T - T'Y) / 2 = F'H with F = [Y / 2; -T] and H = [T; Y / 2]; the step is F'(1 - H F' / 2)^-1 H U.
        half = 0.5 * Y
        H, F = np.concatenate((T, half)), np.concatenate((half, -T))
        core = H.dot(F.T)
        core *= -0.5
        core.ravel()[:: 2 * L + 1] += 1.0
        # LAPACK itself: what numpy wraps around it costs as much again.
        U += F.T.dot(dgesv(core, H.dot(U))[2])
        return Y

    def whiten(self) -> None:
        """Makes U C U' = I again: Newton's iteration for the inverse root, which follows what little has changed."""
        C = self.covariance
        C += self._floor
        U = self.unmixing
        for _ in range(8):
            E = U @ C @ U.T - self._eye
            size = math.sqrt(float(np.vdot(E, E)))
            if size > 0.5:
                d, V = np.linalg.eigh(E)
                U = (V / np.sqrt(1.0 + d)) @ V.T @ U
            else:
                step = E @ U
                U = U - 0.5 * step + 0.375 * (E @ step)
                if size < 1e-4:  # The error that is left is of the third order.
                    break
        self.unmixing = U
        self.whitened = C.copy()

    def get_state(self) -> State:
        return {
            "unmixing": self.unmixing.copy(),
            "covariance": self.covariance.copy(),
            "whitened": self.whitened.copy(),
            "projector": self.projector.copy(),
            "floor": self._floor.copy(),
            "rows": np.array(self.rows),
            "closed": np.array(self.closed),
        }

    @classmethod
    def from_state(
        cls, kept: Kept, channels: int, rate_hz: float, outliers: Outliers, pace: Pace, memory_s: float
    ) -> Unmixing:
        """Goes on from what `get_state` gave. Raises `ConfigError` where that cannot be."""
        square = (channels, channels)
        U = kept.array("unmixing", None, channels)
        whitened = kept.array("whitened", *square)
        if not 1 <= len(U) <= channels or not np.allclose(U @ whitened @ U.T, np.eye(len(U)), atol=1e-3):
            raise ConfigError("the state's unmixing does not whiten its covariance")
        start = Solution(U, whitened, kept.array("projector", *square), kept.count("rows"))
        model = cls(start, rate_hz, outliers, pace, memory_s)
        model.covariance = kept.array("covariance", *square)
        model.closed = kept.count("closed")
        model._floor = kept.array("floor", *square)
        return model
