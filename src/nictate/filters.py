"""Causal band-pass with carried state, and the way from any sampling rate to the model's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import signal

from nictate.framing import Frame
from nictate.signals import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class Band:
    """The pass-band of the model's input, two causal Butterworth filters."""

    low_hz: float
    low_order: int
    high_hz: float
    high_order: int

    def sos(self, rate_hz: float) -> FloatArray:
        """Second-order sections at ``rate_hz``, (sections, 6)."""
        low = signal.butter(self.low_order, self.low_hz, "highpass", fs=rate_hz, output="sos")
        high = signal.butter(self.high_order, self.high_hz, "lowpass", fs=rate_hz, output="sos")
        return np.vstack((high, low))

    def delay_s(self, rate_hz: float, at_hz: float) -> float:
        """Group delay in s near ``at_hz``: how late a deflection of that width leaves the filter."""
        around = np.array([0.9, 1.1]) * at_hz
        _, response = signal.freqz_sos(self.sos(rate_hz), worN=around, fs=rate_hz)
        phase = np.unwrap(np.angle(response))
        return float(-(phase[1] - phase[0]) / (2.0 * np.pi * (around[1] - around[0])))


@dataclass(frozen=True, slots=True)
class Filtered:
    """What one frame yields at the model's rate; how many samples varies by one where the rates do not divide."""

    samples: FloatArray
    """(m, inputs) in µV; 0 where the input is bad."""
    times: FloatArray
    """(m,) in s."""
    good: BoolArray
    """(inputs,)"""
    fresh: BoolArray
    """(inputs,)"""


class Filters:
    """Band-pass at the stream's rate, then cubic interpolation on a grid of the model's rate.

    Frames have one length, so the recursion over a frame is one linear map of its samples and the carried state, and is
    applied as one: the samples are those of `scipy.signal.sosfilt` to rounding, at a tenth of its cost.

    The grid is counted in samples, not in stamps, so jitter of the stamps does not shake the signal. Interpolation uses
    the two samples around a grid point and the two before (third-order Lagrange), and so waits for no more than the
    next sample.
    """

    def __init__(self, band: Band, rate_hz: float, model_rate_hz: float, frame: int, inputs: int) -> None:
        sos = band.sos(rate_hz)
        self._frame = frame
        self._map = _as_linear_map(sos, frame)
        self._steady = signal.sosfilt_zi(sos).reshape(-1, 1)
        self._state = np.zeros((len(self._steady), inputs))
        self._ratio = rate_hz / model_rate_hz
        self._tail = np.zeros((3, inputs))
        self._tail_times = np.zeros(3)
        self._taken = 0
        self._made = 0
        self._phase = np.nan
        self._at = np.empty(0, dtype=np.int64)
        self._within: FloatArray = np.empty(0)
        self._weights = np.empty((0, 0))

    def push(self, frame: Frame) -> Filtered:
        if frame.fresh.any():
            # From the first sample, not from a mean: a mean would depend on how the stream was cut.
            start = self._steady * np.where(frame.fresh, frame.samples[0], 0.0)
            self._state = np.where(frame.fresh, start, self._state)
            self._tail = np.where(frame.fresh, 0.0, self._tail)
        filtered = self._map @ np.concatenate((frame.samples, self._state))
        y, self._state = filtered[: self._frame], filtered[self._frame :]
        if not frame.good.all():
            y[:, ~frame.good] = 0.0
        values = np.concatenate((self._tail, y))
        times = np.concatenate((self._tail_times, frame.times))
        self._place()
        before = times[self._at]
        at_times = before + self._within * (times[self._at + 1] - before)
        self._tail, self._tail_times = values[-3:], times[-3:]
        return Filtered(self._weights @ values, at_times, frame.good, frame.fresh)

    def _place(self) -> None:
        """Where the grid lies in the newest frame and the three samples before it."""
        first = self._taken - 3
        self._taken += self._frame
        stop = int(np.ceil((self._taken - 1) / self._ratio))
        phase = self._made * self._ratio - first
        if phase != self._phase:  # Where the rates divide, the grid lies alike in every frame.
            position = np.arange(self._made, stop) * self._ratio - first
            self._phase = phase
            self._at = np.floor(position).astype(np.int64)
            d = np.asarray(position - self._at, dtype=np.float64)
            self._within = d
            # Lagrange weights on the nodes -2, -1, 0, 1 around each grid point's left neighbour.
            nodes = (
                -d * (d + 1.0) * (d - 1.0) / 6.0,
                d * (d + 2.0) * (d - 1.0) / 2.0,
                -(d + 2.0) * (d + 1.0) * (d - 1.0) / 2.0,
                d * (d + 1.0) * (d + 2.0) / 6.0,
            )
            self._weights = np.zeros((len(d), self._frame + 3))
            for k, node in enumerate(nodes):
                self._weights[np.arange(len(d)), self._at + k - 2] = node
        self._made = stop


def _as_linear_map(sos: FloatArray, frame: int) -> FloatArray:
    """(frame + states, frame + states): samples and state before -> filtered samples and state after."""
    states = 2 * len(sos)
    units = np.eye(frame + states)
    columns = units[:, :frame].T  # Each unit sample with no state, then each unit of state with no sample.
    state = units[:, frame:].T.reshape(len(sos), 2, -1)
    y, after = signal.sosfilt(sos, columns, axis=0, zi=state)
    return np.vstack((y, after.reshape(states, -1)))
