"""The running scales that make the network's input free of gain, units, person and montage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nictate.filters import Filtered
from nictate.signals import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class ScaleRules:
    """The numbers of the model card that say how large "usual" and "large" are."""

    memory_s: float
    """How far back the usual amplitude looks."""
    settle_s: float
    """How long an input must have been good before it is used."""
    floor_uv: float
    """No scale is less than this, so that silence is not blown up."""
    reach_s: float
    """How far back the large amplitudes look."""
    large: tuple[float, ...]
    """Quantiles of the largest amplitudes of each second."""
    least: float
    """What is large is at least so many times the usual."""
    part: float
    """The scale is this part of what is large: where asinh bends, so that the network tells sizes near it apart."""

    @property
    def rows(self) -> int:
        """How many times the network sees each input, each time on another scale."""
        return 1 + len(self.large)


@dataclass(frozen=True, slots=True)
class Scaled:
    """The model's input with the signal that it came from."""

    inputs: FloatArray
    """(m, rows, inputs) asinh of the signal over each of its scales; 0 where the input cannot be used."""
    samples: FloatArray
    """(m, inputs) in µV."""
    times: FloatArray
    """(m,) in s."""
    usable: BoolArray
    """(inputs,)"""
    scale: FloatArray
    """(inputs,) the usual amplitude in µV."""


class Scale:
    """Divides each input by what is usual and by what is large in it, then compresses with asinh.

    *Usual* is the running median of the mean amplitude per frame: a median, because it must not be fed by the blinks
    themselves. An exponential mean follows each blink and then misses the next one. It is settled after half a second.

    *Large* are high quantiles of the maxima of the last seconds. Where somebody blinks, those are the blinks: seen on
    that scale, another person's alpha waves or a deflection of the other polarity are small. That is how the detector
    adapts to a person, a polarity and an amplifier without being told.
    """

    _EVERY = 5  # Frames between two medians once many are known: they hardly move, and this halves the stage's cost.

    def __init__(self, rules: ScaleRules, noisy_ratio: float, frame_s: float, inputs: int) -> None:
        self._rules = rules
        self._noisy_ratio = noisy_ratio
        self._settle = max(1, round(rules.settle_s / frame_s))
        self._second = max(1, round(1.0 / frame_s))
        self._means = np.zeros((max(self._settle, round(rules.memory_s / frame_s)), inputs))
        self._tops = np.zeros((max(1, round(rules.reach_s)), inputs))
        self._seen = np.zeros(inputs, dtype=np.int64)
        self._scales = np.full((rules.rows, inputs), rules.floor_uv)
        self._noisy = np.zeros(inputs, dtype=np.bool_)

    @property
    def spread(self) -> FloatArray:
        """(inputs,) how much larger the large amplitudes are than the usual in µV: most where blinks are seen."""
        return np.asarray(self._scales[-1] - self._scales[0])

    def push(self, frame: Filtered) -> Scaled:
        if frame.fresh.any():
            self._seen[frame.fresh] = 0
        if len(frame.times) and frame.good.any():
            self._learn(np.abs(frame.samples), frame.good)
        usable = frame.good & (self._seen >= self._settle) & ~self._noisy
        scaled = np.arcsinh(frame.samples[:, np.newaxis] / self._scales)
        if not usable.all():
            scaled[:, :, ~usable] = 0.0
        return Scaled(scaled, frame.samples, frame.times, usable, self._scales[0])

    def _learn(self, size: FloatArray, good: BoolArray) -> None:
        columns = np.flatnonzero(good)
        mean, top = np.add.reduce(size)[columns] / len(size), size.max(axis=0)[columns]
        seen = self._seen[columns]
        at = seen % len(self._means)
        self._means[at, columns] = mean
        second = seen // self._second % len(self._tops)
        largest = np.maximum(self._tops[second, columns], top)
        self._tops[second, columns] = np.where(seen % self._second == 0, top, largest)
        seen = self._seen[columns] = seen + 1
        oldest, newest = int(seen.max()), int(seen.min())
        if newest > 10 * self._EVERY and oldest % self._EVERY:
            return
        scales = self._scales.copy()  # What was handed out stays as it was.
        # Inputs that have been seen equally long are reckoned together; nearly always, those are all.
        for n in np.unique(seen):
            c = columns[seen == n]
            usual = np.median(self._means[: min(int(n), len(self._means)), c], axis=0)
            scales[0, c] = np.maximum(usual, self._rules.floor_uv)
            tops = np.sort(self._tops[: min(-(-int(n) // self._second), len(self._tops)), c], axis=0)
            for row, quantile in enumerate(self._rules.large, start=1):
                large = np.maximum(tops[int(quantile * len(tops))], self._rules.least * scales[0, c])
                scales[row, c] = self._rules.part * large
        self._scales = scales
        # Leaves at the ratio, returns at half of it, so that it does not flicker. Two inputs cannot outvote each other.
        limit = np.where(self._noisy, 0.5, 1.0) * self._noisy_ratio * np.median(scales[0, columns])
        self._noisy = (scales[0] > limit) & (len(columns) >= 3)
