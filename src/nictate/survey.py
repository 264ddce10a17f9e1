"""What is known of the channels below 10 Hz, where blinks are: their covariance and their power."""

from __future__ import annotations

import math

import numpy as np
from scipy import signal

from nictate.signals import BoolArray, FloatArray


class Survey:
    """Covariance and power of the channels between 1 and some 10 Hz, from means over half frames.

    A mean over 20 ms removes the mains at 50 Hz, the mean of two the rest above 15 Hz, and a high-pass of second order
    what is below 1 Hz. All at 50 Hz instead of the stream's rate, so that it costs next to nothing.
    """

    _LIMIT = 400.0  # Means are cut to so many times the median energy: twenty times the usual amplitude, above blinks.
    _RECENT = 250  # Frames that say what is usual.

    def __init__(self, channels: int, rate_hz: float, frame: int, memory_s: float) -> None:
        self._halves = [0, frame // 2]
        self._lengths = np.array([[frame // 2], [frame - frame // 2]], dtype=np.float64)
        # The two halves of an odd frame are treated as equally long: the filter's corner need not be that exact.
        self._sos = signal.butter(2, 1.0, "highpass", fs=2.0 * rate_hz / frame, output="sos")
        self._steady = signal.sosfilt_zi(self._sos)[:, :, np.newaxis]
        self._keep = math.exp(-frame / rate_hz / memory_s)
        self._state: FloatArray | None = None
        self._means: list[FloatArray] = []
        self._energies = np.zeros(self._RECENT)
        self._seen = 0
        self.covariance = np.zeros((channels, channels))
        """(channels, channels) in µV²; not normalised by the time that it has seen."""

    def restart(self) -> None:
        """As after a hole in time: the filter starts anew."""
        self._state = None
        self._means.clear()

    def push(self, samples: FloatArray) -> FloatArray:
        """Takes a frame (n, channels) in µV; its mean (channels,)."""
        means = np.add.reduceat(samples, self._halves, axis=0)
        mean: FloatArray = (means[0] + means[1]) / len(samples)
        self._means.append(means / self._lengths)
        return mean

    def finish(self, usable: BoolArray) -> FloatArray:
        """Adds the frames since the last call, of the usable channels, to the covariance; their power (channels,)."""
        means = np.concatenate(self._means)
        self._means.clear()
        if self._state is None:
            self._state = self._steady * means[0]
        halves, self._state = signal.sosfilt(self._sos, means, axis=0, zi=self._state)
        wholes = 0.5 * (halves[0::2] + halves[1::2])
        wholes[:, ~usable] = 0.0
        energies = np.einsum("nc,nc->n", wholes, wholes)
        for energy in energies:
            self._energies[self._seen % self._RECENT] = energy
            self._seen += 1
        limit = self._LIMIT * float(np.median(self._energies[: min(self._seen, self._RECENT)]))
        wholes *= np.sqrt(limit / np.maximum(energies, max(limit, 1e-12)))[:, np.newaxis]
        self.covariance *= self._keep ** len(wholes)
        self.covariance += wholes.T @ wholes
        power: FloatArray = np.einsum("nc,nc->c", halves, halves) / len(halves)
        return power
