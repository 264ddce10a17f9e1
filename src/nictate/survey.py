"""What is known of the channels below 10 Hz, where blinks are: their covariance and their power."""

from __future__ import annotations

import math
from statistics import median

import numpy as np
from scipy import signal

from nictate.signals import BoolArray, FloatArray


class Survey:
    """Covariance and power of the channels between 1 and some 10 Hz, from means over half frames.

    A mean over 20 ms removes the mains at 50 Hz, the mean of two the rest above 15 Hz, and a high-pass of second order
    what is below 1 Hz. All at 50 Hz instead of the stream's rate, so that it costs next to nothing.
    """

    _LARGEST = 400.0  # Means are cut to so many times the usual energy: twenty times the amplitude, above blinks.
    _QUIETEST = 12.0  # And to this in the channels that show least, where there are enough to tell.
    _ENOUGH = 8
    _RECENT = 250  # Frames that say what is usual.

    def __init__(self, channels: int, rate_hz: float, frame: int, memory_s: float) -> None:
        self._average = np.full(frame, 1.0 / frame)
        half = frame // 2
        self._halves = np.zeros((2, frame))
        self._halves[0, :half], self._halves[1, half:] = 1.0 / half, 1.0 / (frame - half)
        # The two halves of an odd frame are treated as equally long: the filter's corner need not be that exact.
        self._filter = signal.butter(2, 1.0, "highpass", fs=2.0 * rate_hz / frame)
        self._steady = signal.lfilter_zi(*self._filter)[:, np.newaxis]
        self._keep = math.exp(-frame / rate_hz / memory_s)
        self._state: FloatArray | None = None
        self._frames: list[FloatArray] = []
        self._energies = [np.empty(0), np.empty(0)]
        self.covariance = np.zeros((channels, channels))
        """(channels, channels) in µV²; not normalised by the time that it has seen."""

    def restart(self) -> None:
        """As after a hole in time: the filter starts anew."""
        self._state = None
        self._frames.clear()

    def push(self, samples: FloatArray) -> FloatArray:
        """Takes a frame (n, channels) in µV, which must stay as it is; its mean (channels,)."""
        self._frames.append(samples)  # The rest is done once for all of them.
        return np.asarray(self._average.dot(samples))

    def finish(self, usable: BoolArray) -> FloatArray:
        """Adds the frames since the last call, of the usable channels, to the covariance; their power (channels,)."""
        frames = np.concatenate(self._frames).reshape(len(self._frames), -1, len(usable))
        self._frames.clear()
        means = (self._halves @ frames).reshape(-1, len(usable))
        if self._state is None:
            self._state = self._steady * means[0]
        halves, self._state = signal.lfilter(*self._filter, means, axis=0, zi=self._state)
        wholes = 0.5 * (halves[0::2] + halves[1::2])
        wholes[:, ~usable] = 0.0
        everywhere = np.vecdot(wholes, wholes)
        self._cut(wholes, everywhere, 0, self._LARGEST)
        if (n := int(usable.sum())) >= self._ENOUGH:
            # A blink hardly shows in the quarter of the channels that show least of it; a movement shows everywhere.
            self._cut(wholes, np.partition(np.square(wholes[:, usable]), n // 4, axis=1)[:, n // 4], 1, self._QUIETEST)
        self.covariance *= self._keep ** len(wholes)
        self.covariance += wholes.T @ wholes
        return np.asarray(np.vecdot(halves.T, halves.T) / len(halves))

    def _cut(self, wholes: FloatArray, energies: FloatArray, kind: int, most: float) -> None:
        """Make those smaller whose energy is more than ``most`` times the usual one."""
        self._energies[kind] = np.concatenate((self._energies[kind], energies))[-self._RECENT :]
        limit = most * median(self._energies[kind].tolist())
        if limit > 0.0:
            wholes *= np.sqrt(limit / np.maximum(energies, limit))[:, np.newaxis]
