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

    The grid is counted in samples, not in stamps, so jitter of the stamps does not shake the signal. Interpolation
    uses the two samples around a grid point and the two before (third-order Lagrange): after the low-pass at 20 Hz that
    is accurate to 1 % of a 5-Hz wave at 100 Hz already, and it waits for no more than the next sample.
    """

    def __init__(self, band: Band, rate_hz: float, model_rate_hz: float, inputs: int) -> None:
        self._sos = band.sos(rate_hz)
        self._steady = signal.sosfilt_zi(self._sos)[:, :, np.newaxis]
        self._state = np.zeros((len(self._sos), 2, inputs))
        self._ratio = rate_hz / model_rate_hz
        self._tail = np.zeros((3, inputs))
        self._tail_times = np.zeros(3)
        self._taken = 0
        self._made = 0

    def push(self, frame: Frame) -> Filtered:
        if frame.fresh.any():
            # From the first sample, not from a mean: a mean would depend on how the stream was cut.
            start = self._steady * np.where(frame.fresh, frame.samples[0], 0.0)
            self._state = np.where(frame.fresh, start, self._state)
            self._tail = np.where(frame.fresh, 0.0, self._tail)
        y, self._state = signal.sosfilt(self._sos, frame.samples, axis=0, zi=self._state)
        if not frame.good.all():
            y[:, ~frame.good] = 0.0
        values = np.concatenate((self._tail, y))
        times = np.concatenate((self._tail_times, frame.times))
        first = self._taken - 3
        self._taken += len(y)
        stop = int(np.ceil((self._taken - 1) / self._ratio))
        position = np.arange(self._made, stop) * self._ratio
        self._made = stop
        base = np.floor(position).astype(np.int64)
        d = position - base
        at = base - first
        # Lagrange weights on the nodes -2, -1, 0, 1 around ``base``.
        w = (
            -d * (d + 1.0) * (d - 1.0) / 6.0,
            d * (d + 2.0) * (d - 1.0) / 2.0,
            -(d + 2.0) * (d + 1.0) * (d - 1.0) / 2.0,
            d * (d + 1.0) * (d + 2.0) / 6.0,
        )
        samples = sum(wk[:, np.newaxis] * values[at + k - 2] for k, wk in enumerate(w))
        self._tail, self._tail_times = values[-3:], times[-3:]
        return Filtered(np.asarray(samples), times[at] + d * (times[at + 1] - times[at]), frame.good, frame.fresh)
