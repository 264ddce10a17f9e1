"""Which channels can be used, frame by frame: what is bad is masked, and never reaches the filters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nictate.framing import Frame
from nictate.signals import FloatArray


@dataclass(frozen=True, slots=True)
class QualityRules:
    """The numbers of the model card that say when a channel cannot be used."""

    stuck_s: float
    """A channel whose value does not change for so long is flat, railed or disconnected."""
    jump_uv: float
    """A step between two samples that no EEG makes: the baseline was moved, so the filters start anew after it."""
    noisy_ratio: float
    """An input so many times as large as the median input is too noisy (judged where there are three or more)."""


Fault = Literal["good", "flat", "jumps", "missing"]
"""What can be wrong with a channel by itself."""


class Quality:
    """Replaces what is not a number, masks channels that are flat, railed or jump, and says where filters start anew.

    A masked channel shows its last good value, so that nothing downstream meets a step or a NaN.
    """

    def __init__(self, rules: QualityRules, frame_s: float, channels: int) -> None:
        self._jump_uv = rules.jump_uv
        self._stuck_frames = max(1, round(rules.stuck_s / frame_s))
        self._last = np.full(channels, np.nan)
        self._stuck = np.zeros(channels, dtype=np.int64)
        self._was_good = np.zeros(channels, dtype=np.bool_)
        self._none = np.zeros(channels, dtype=np.bool_)
        self._first = True
        self._shown = self._last
        self._faults = self._none, self._none, self._none

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with each channel in the newest frame."""
        said: list[Fault] = []
        for missing, flat, jumps in zip(*self._faults, strict=True):
            said.append("missing" if missing else "flat" if flat else "jumps" if jumps else "good")
        return tuple(said)

    def push(self, frame: Frame) -> Frame:
        x = frame.samples
        n = len(x)
        filled, missing = x, self._none
        if not np.isfinite(np.abs(x).sum()):  # A sum is infinite where one of its terms is: one look at all.
            filled = self._hold(x)
            # Up to half a frame of missing values is bridged by the last one; more is a channel that is not there.
            missing = 2 * np.isfinite(x).sum(axis=0) < n
        if self._first:
            self._last = np.where(np.isfinite(self._last), self._last, filled[0])
            self._shown = self._last
        before = self._last
        steps = np.empty_like(filled)
        np.subtract(filled[1:], filled[:-1], out=steps[1:])
        np.subtract(filled[0], before, out=steps[0])
        np.abs(steps, out=steps)
        if steps.min() > 0.0:
            self._stuck[:] = 0
        else:
            # Nine of ten rather than all: a railed amplifier blips.
            self._stuck = np.where(10 * (steps == 0.0).sum(axis=0) >= 9 * n, self._stuck + 1, 0)
        self._faults = missing, self._stuck >= self._stuck_frames, steps.max(axis=0) > self._jump_uv
        bad = missing | self._faults[1] | self._faults[2]
        good = ~bad
        self._first = False
        self._last = filled[-1].copy()
        if bad.any():
            filled = np.where(good, filled, self._shown)
        self._shown = filled[-1].copy()
        fresh = good & ~self._was_good
        self._was_good = good
        return Frame(filled, frame.times, good, fresh)

    def _hold(self, x: FloatArray) -> FloatArray:
        """Each missing value becomes the last one that was there; where filters start anew, the first that comes."""
        finite = np.isfinite(x)
        first = np.take_along_axis(x, finite.argmax(axis=0)[np.newaxis], axis=0)[0]
        with_last = np.vstack((np.where(self._was_good | ~finite.any(axis=0), self._last, first), x))
        rows = np.where(np.isfinite(with_last), np.arange(len(with_last))[:, np.newaxis], 0)
        held = np.take_along_axis(with_last, np.maximum.accumulate(rows, axis=0), axis=0)[1:]
        return np.where(np.isfinite(held), held, 0.0)
