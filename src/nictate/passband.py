"""What the ICA learns from: band-passed and decimated samples, without those that are missing."""

from __future__ import annotations

import numpy as np
from scipy import signal

from nictate.kept import Kept, State
from nictate.signals import BoolArray, FloatArray

LIMIT_UV = 1e6
"""What is larger, 1 V, is no electrode: ten times the offset of a bad one."""


class Passband:
    """Causal band-pass with carried state, of blocks of ``length`` samples, of which every ``factor``-th is kept.

    Two Butterworth filters: the low-pass of order 4, the high-pass of order 2. Missing are samples with a channel that
    is not a number or beyond 1 V; the filters see the sample before in their place.
    """

    def __init__(
        self, band_hz: tuple[float, float] | None, rate_hz: float, length: int, factor: int, channels: int
    ) -> None:
        self._factor = factor
        self._kept = length // factor
        self._map, self._steady = _linear_map(band_hz, rate_hz, length, factor)
        self._state: FloatArray | None = None
        self._last = np.zeros(channels)

    def push(self, X: FloatArray) -> FloatArray:
        """(at most length / factor, channels) of a block (length, channels)."""
        there: BoolArray | None = None
        # The sum of squares first: it is quicker, and where it is small no sample is large or missing.
        if not (np.vdot(X, X) <= LIMIT_UV**2 or np.abs(X).max() <= LIMIT_UV):
            there = np.asarray((np.abs(X) <= LIMIT_UV).all(axis=1))
            if self._state is None:
                if not there.any():
                    return X[:0]
                self._last = X[there.argmax()]
            rows = np.maximum.accumulate(np.where(there, np.arange(1, len(X) + 1), 0))
            X = np.concatenate((self._last[np.newaxis], X))[rows]
        if self._state is None:
            self._state = self._steady * X[0]  # As if it had always been so: offsets leave no step.
        self._last = X[-1].copy()
        # The recursion over a block is one linear map, and applied as one, at a tenth of the cost.
        out = self._map.dot(np.concatenate((X, self._state)))
        self._state = out[self._kept :]
        Y: FloatArray = out[: self._kept]
        return Y if there is None else np.asarray(Y[there.reshape(-1, self._factor).all(axis=1)])

    def get_state(self) -> State:
        none = np.empty((0, len(self._last)))
        return {"band_last": self._last.copy(), "band_state": none if self._state is None else self._state.copy()}

    def set_state(self, kept: Kept) -> None:
        self._last = kept.array("band_last", len(self._last))
        if len(kept.array("band_state", None, len(self._last))):
            self._state = kept.array("band_state", len(self._steady), len(self._last))


def _linear_map(
    band_hz: tuple[float, float] | None, rate_hz: float, length: int, factor: int
) -> tuple[FloatArray, FloatArray]:
    """(kept + states, length + states): samples and state before -> filtered samples and state after; and (states, 1),
    the state that a constant input of 1 leads to.
    """
    rows = np.arange(factor - 1, length, factor)
    if band_hz is None:
        return np.eye(length)[rows], np.zeros((0, 1))
    low_hz, high_hz = band_hz
    low_pass = signal.butter(4, high_hz, "lowpass", fs=rate_hz, output="sos")
    sos = np.vstack((low_pass, signal.butter(2, low_hz, "highpass", fs=rate_hz, output="sos")))
    states = 2 * len(sos)
    units = np.eye(length + states)
    y, after = signal.sosfilt(sos, units[:, :length].T, axis=0, zi=units[:, length:].T.reshape(len(sos), 2, -1))
    return np.vstack((y[rows], after.reshape(states, -1))), signal.sosfilt_zi(sos).reshape(-1, 1)
