"""A causal amplitude threshold, as good as we could make one: what a detector that has learned must beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from typing import Literal

import numpy as np
from scipy import signal

from nictate.filters import Band
from nictate.peers.peer import Found
from nictate.signals import FloatArray

Unit = Literal["µV", "x"]
"""Of a level: µV, or multiples of the running scale."""

HIGH_HZ, HIGH_ORDER = 8.0, 4
"""Steep: 50 Hz of half a millivolt is common in what consumers record."""
LONGEST_S = 1.0
"""What stays up for longer is no blink, and is waited for no more."""
SCALE_STEP_S = 0.2
SCALE_MEMORY_S = 30.0


@dataclass(frozen=True, slots=True)
class Level:
    """When a deflection is a blink."""

    low_hz: float
    """Of the high-pass, second order."""
    level: float
    """To be exceeded, in µV or in multiples of the running scale."""
    unit: Unit
    release: float
    """The blink is over, and decided, when the signal has fallen to this part of its height."""
    fall_s: float
    """At most so long after the peak; what stays up for longer, as after a saccade, is none."""

    def __str__(self) -> str:
        ends = f"falls to {self.release:g} in {self.fall_s:g} s"
        return f"{self.level:g} {self.unit}, {self.low_hz:g}-{HIGH_HZ:g} Hz, {ends}"


LOWS_HZ = (0.5, 1.0, 2.0)
HEIGHTS: dict[Unit, tuple[float, ...]] = {
    "µV": (30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 100.0, 130.0),
    "x": (4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 13.0, 17.0),
}
RELEASES = (0.3, 0.5)
FALLS_S = (0.15, 0.3)


def levels(unit: Unit) -> tuple[Level, ...]:
    """All that is tried."""
    grid = product(LOWS_HZ, HEIGHTS[unit], RELEASES, FALLS_S)
    return tuple(Level(low, height, unit, release, fall) for low, height, release, fall in grid)


@dataclass(frozen=True, slots=True)
class Threshold:
    """Causal band-pass, threshold, and a fall soon after.

    The scale is the median of the mean |x| of the steps of 0.2 s in the last 30 s, which blinks hardly move. Nothing
    is found before the first step is over.
    """

    unit: Unit
    settings: tuple[Level, ...] = field(default=())
    causal: bool = True
    default: Level | None = None

    def __post_init__(self) -> None:
        if not self.settings:
            object.__setattr__(self, "settings", levels(self.unit))

    @property
    def name(self) -> str:
        return {"µV": "threshold, µV", "x": "threshold, running scale"}[self.unit]

    def find(self, x: FloatArray, rate_hz: float, settings: Sequence[Level]) -> list[Found]:
        passed = {
            low: band_passed(x, Band(low, 2, HIGH_HZ, HIGH_ORDER), rate_hz) for low in {s.low_hz for s in settings}
        }
        scales = {low: running_scale(y, rate_hz) for low, y in passed.items()} if self.unit == "x" else {}
        found = []
        for setting in settings:
            y = passed[setting.low_hz]
            least = setting.level * scales[setting.low_hz] if self.unit == "x" else np.full(len(y), setting.level)
            peaks, decided = _deflections(y, least, rate_hz, setting)
            found.append(Found(peaks - _delay_s(setting.low_hz, rate_hz) * rate_hz, decided))
        return found


def band_passed(x: FloatArray, band: Band, rate_hz: float) -> FloatArray:
    """(n,) causal, from the steady state at the first sample."""
    sos = band.sos(rate_hz)
    y: FloatArray = signal.sosfilt(sos, x, zi=signal.sosfilt_zi(sos) * x[:1])[0]
    return y


@lru_cache(maxsize=64)
def _delay_s(low_hz: float, rate_hz: float) -> float:
    return Band(low_hz, 2, HIGH_HZ, HIGH_ORDER).delay_s(rate_hz)


def running_scale(y: FloatArray, rate_hz: float) -> FloatArray:
    """(n,) in µV: the median of the mean |y| of the steps that are over, the last ones; infinite in the first."""
    n = max(1, round(SCALE_STEP_S * rate_hz))
    means = np.abs(y[: len(y) // n * n]).reshape(-1, n).mean(axis=1)
    memory = round(SCALE_MEMORY_S / SCALE_STEP_S)
    medians = [np.median(means[max(0, k - memory) : k]) for k in range(1, len(means) + 1)]
    return np.repeat(np.array([np.inf, *medians]), n)[: len(y)]


def _deflections(y: FloatArray, least: FloatArray, rate_hz: float, setting: Level) -> tuple[FloatArray, FloatArray]:
    """Peaks of what rises over ``least`` and falls soon, and the samples at which they have fallen."""
    above = y > least
    rises = np.flatnonzero(above[1:] & ~above[:-1]) + 1
    longest, soon = round(LONGEST_S * rate_hz), round(setting.fall_s * rate_hz)
    peaks, decided, free = [], [], 0
    for rise in rises.tolist():
        if rise < free:
            continue
        course = y[rise : rise + longest]
        fallen = np.flatnonzero(course < setting.release * np.maximum.accumulate(course))
        if not len(fallen):
            free = rise + longest
            continue
        over = int(fallen[0])
        top = int(course[:over].argmax())
        free = rise + over
        if over - top <= soon:
            peaks.append(rise + top)
            decided.append(rise + over)
    return np.array(peaks, dtype=np.float64), np.array(decided, dtype=np.float64)
