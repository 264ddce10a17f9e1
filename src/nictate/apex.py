"""The top of a deflection, and the way up to it and down from it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from nictate.signals import FloatArray

TURN = 0.25
"""Between two blinks the signal rises by at least this share of the first one's height."""


class Apex(NamedTuple):
    """The top of a deflection."""

    column: int
    """The input where it is largest."""
    signal: FloatArray
    """(length,) that input, turned so that the deflection goes up, in µV."""
    peak: int
    """Index of the sample."""
    level: float
    """The lowest that `signal` was shortly before."""
    height_uv: float
    """From that level, signed as the channel is."""


def heights(samples: FloatArray, apex: Apex, reach: int) -> tuple[FloatArray, FloatArray]:
    """Height and level, as `Apex` has them, of each input (inputs,) at the top of a deflection.

    ``samples`` (length, inputs) in µV; the level is sought in the last ``reach`` of them before the top.
    """
    y = samples[max(0, apex.peak - reach) : apex.peak + 1]
    side = np.where(y[-1] >= 0.0, 1.0, -1.0)
    side[apex.column] = math.copysign(1.0, apex.height_uv)
    levels = (side * y).min(axis=0)
    return y[-1] - side * levels, levels


def climb(y: FloatArray, peak: int, most: int) -> int:
    """Up from ``peak`` while the signal rises within the next 40 ms or so, by ``most`` samples in all."""
    ahead, last = max(1, most // 4), peak + most
    while peak < last:
        higher = peak + int(y[peak : peak + ahead + 1].argmax())
        if higher == peak:
            break
        peak = higher
    return peak


def descend(y: FloatArray, edge: float, height: float) -> tuple[int, bool]:
    """Steps from ``y[0]``, the peak, down to ``edge``, and whether it was reached.

    Where the signal turns and rises again by `TURN` of the height, the next blink begins: the valley is the edge.
    """
    lowest = 0
    for k in range(1, len(y)):
        if y[k] <= edge:
            return k, True
        if y[k] < y[lowest]:
            lowest = k
        elif y[k] > y[lowest] + TURN * height:
            return lowest, True
    return len(y) - 1, False


def vertex(y: FloatArray) -> float:
    """Offset in samples of the vertex of the parabola through three samples around a maximum."""
    if len(y) < 3:
        return 0.0
    curvature = y[0] - 2.0 * y[1] + y[2]
    return float(0.5 * (y[0] - y[2]) / curvature) if y[1] >= max(y[0], y[2]) and curvature < 0.0 else 0.0
