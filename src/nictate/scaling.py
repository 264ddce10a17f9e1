"""The running scales that make the network's input free of gain, units, person and montage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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
        self._means = np.zeros((inputs, max(self._settle, round(rules.memory_s / frame_s))))
        self._tops = np.zeros((inputs, max(1, round(rules.reach_s))))
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
        mean, top = np.add.reduce(size)[columns] / len(size), np.maximum.reduce(size)[columns]
        seen = self._seen[columns]
        self._means[columns, seen % self._means.shape[1]] = mean
        top = np.where(seen < self._settle, 0.0, top)  # The filters' own start may be larger than any blink.
        second = seen // self._second % self._tops.shape[1]
        largest = np.maximum(self._tops[columns, second], top)
        self._tops[columns, second] = np.where(seen % self._second == 0, top, largest)
        seen = self._seen[columns] = seen + 1
        # Inputs that have been seen equally long are reckoned together; nearly always, those are all but the source.
        due = [n for n in set(seen.tolist()) if n <= 10 * self._EVERY or n % self._EVERY == 0]
        if not due:
            return
        scales = self._scales.copy()  # What was handed out stays as it was.
        for n in due:
            self._reckon(scales, columns[seen == n], n)
        self._scales = scales
        if len(columns) < 3:  # Two inputs cannot outvote each other.
            self._noisy = np.zeros(len(good), dtype=np.bool_)
            return
        # Leaves at the ratio, returns at half of it, so that it does not flicker.
        limit = np.where(self._noisy, 0.5, 1.0) * self._noisy_ratio * np.median(scales[0, columns])
        self._noisy = scales[0] > limit

    def _reckon(self, scales: FloatArray, columns: npt.NDArray[np.intp], n: int) -> None:
        """The scales of inputs that have been seen for ``n`` frames each."""
        rules = self._rules
        means = np.sort(self._means[columns, : min(n, self._means.shape[1])])
        middle = means.shape[1] // 2
        usual = 0.5 * (means[:, middle] + means[:, -1 - middle])  # The median, without its overhead.
        scales[0, columns] = usual = np.maximum(usual, rules.floor_uv)
        tops = np.sort(self._tops[columns, : min(-(-n // self._second), self._tops.shape[1])])
        for row, quantile in enumerate(rules.large, start=1):
            large = np.maximum(tops[:, int(quantile * tops.shape[1])], rules.least * usual)
            scales[row, columns] = rules.part * large
