"""Sliding windows over the model's input, and the signal behind them, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nictate.scaling import Scaled
from nictate.signals import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class Window:
    """The newest ``length`` samples at the model's rate; views that are not written to any more."""

    inputs: npt.NDArray[np.float32]
    """(inputs, rows, length): each input on each of its scales."""
    samples: FloatArray
    """(length, inputs) in µV; zeros before the stream began."""
    times: FloatArray
    """(length,) in s; -inf before the stream began."""
    usable: BoolArray
    """(inputs,) at the newest sample."""
    scale: FloatArray
    """(inputs,) in µV, at the newest sample."""


class Windows:
    """A window every ``hop`` samples. The past before the first sample is silence."""

    def __init__(self, length: int, hop: int, inputs: int, rows: int) -> None:
        self._length, self._hop = length, hop
        # Shifted only when it is full: one copy per ``length`` samples instead of one per window.
        self._inputs = np.zeros((inputs, rows, 3 * length), dtype=np.float32)
        self._samples = np.zeros((3 * length, inputs))
        self._times = np.full(3 * length, -np.inf)
        self._end = length
        self._due = length + hop

    def push(self, part: Scaled) -> list[Window]:
        n = len(part.times)
        if self._end + n > len(self._times):
            self._shift()
        stop = self._end + n
        self._inputs[:, :, self._end : stop] = part.inputs.transpose(2, 1, 0)
        self._samples[self._end : stop] = part.samples
        self._times[self._end : stop] = part.times
        self._end = stop
        windows = []
        while self._due <= stop:
            at = slice(self._due - self._length, self._due)
            windows.append(Window(self._inputs[:, :, at], self._samples[at], self._times[at], part.usable, part.scale))
            self._due += self._hop
        return windows

    def _shift(self) -> None:
        # Into new buffers, so that a window that was handed out stays what it was.
        kept = self._length + self._hop
        keep = slice(self._end - kept, self._end)
        inputs, samples, times = np.zeros_like(self._inputs), np.zeros_like(self._samples), self._times.copy()
        inputs[:, :, :kept] = self._inputs[:, :, keep]
        samples[:kept] = self._samples[keep]
        times[:kept] = self._times[keep]
        self._inputs, self._samples, self._times = inputs, samples, times
        self._due -= self._end - kept
        self._end = kept
