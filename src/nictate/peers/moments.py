"""What the peers measure of the samples around each."""

from __future__ import annotations

import numpy as np

from nictate.signals import FloatArray


def running_std(y: FloatArray, n: int) -> FloatArray:
    """(len(y) - n + 1,) standard deviation of ``n`` consecutive samples, at most all.

    Each window is summed by itself: running sums would carry the rounding of a large artifact on for ever.
    """
    # From the first sample, so that an electrode's offset of many mV does not eat the digits.
    x, part = y - y[:1], np.full(n, 1.0 / n)
    mean = np.convolve(x, part, mode="valid")
    return np.asarray(np.sqrt(np.maximum(np.convolve(x**2, part, mode="valid") - mean**2, 0.0)))
