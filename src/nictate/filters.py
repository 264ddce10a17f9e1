"""Causal band-pass with carried state, and the way from any sampling rate to the model's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import signal

from nictate.framing import Frame
from nictate.signals import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class Band:
    """The pass-band of the model's input: two causal Butterworth filters, and notches for the mains.

    Electrodes without a good ground pick up millivolts of mains, of which the low-pass alone leaves tens of microvolts.
    To make it steep enough would cost 10 ms of delay, where the notches cost 2 ms.
    """

    low_hz: float
    low_order: int
    high_hz: float
    high_order: int
    mains_hz: tuple[float, ...] = ()
    """Those too near half the stream's rate are left out."""
    mains_q: float = 3.0
    """Frequency over width of the notches: low, since the mains wander, and a narrow notch rings."""

    def sos(self, rate_hz: float) -> FloatArray:
        """Second-order sections at ``rate_hz``, (sections, 6)."""
        low = signal.butter(self.low_order, self.low_hz, "highpass", fs=rate_hz, output="sos")
        high = signal.butter(self.high_order, self.high_hz, "lowpass", fs=rate_hz, output="sos")
        notches = [
            np.hstack(signal.iirnotch(hz, self.mains_q, fs=rate_hz)) for hz in self.mains_hz if hz < 0.45 * rate_hz
        ]
        return np.vstack((*notches, high, low))

    def delay_s(self, rate_hz: float) -> float:
        """How much later than the blink its peak leaves the filter, in s: measured on a blink of usual shape.

        The group delay at a frequency of blinks does not say it. Of a deflection that goes one way, the high-pass moves
        the peak forward while it holds each frequency back.
        """
        t = np.arange(-0.2, 0.5, 1.0 / rate_hz)
        blink = 0.5 + 0.5 * np.cos(np.pi * np.clip(np.where(t < 0.0, t / 0.085, t / 0.2), -1.0, 1.0))
        y = signal.sosfilt(self.sos(rate_hz), blink)
        k = int(y.argmax())
        before, at, after = y[k - 1 : k + 2]
        return float(t[k] + 0.5 * (before - after) / (before - 2.0 * at + after) / rate_hz)

    def restored(self, y: FloatArray, rate_hz: float) -> FloatArray:
        """``y`` (n,) of the pass-band with what the high-pass has taken of it since its first sample.

        A Butterworth high-pass is s^n / (s^n + a_1 w s^(n-1) + ... + w^n): what it took is the sum of the first to n-th
        integrals of what is left, times a_k w^k. They grow with time: this is for a second, not for a recording.
        """
        prototype = np.poly(signal.buttap(self.low_order)[1]).real
        whole, integral = y.astype(np.float64), y.astype(np.float64)
        for a in prototype[1:]:
            integral = np.cumsum(integral) * (2.0 * np.pi * self.low_hz / rate_hz)
            whole += a * integral
        return whole


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
        self._frame = frame
        self._map, self._steady = _as_linear_map(band, rate_hz, frame)
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
            # From the mean of a frame, which does not depend on how the stream was cut. It holds whole periods of the
            # mains, or nearly; a first sample that is off by a millivolt of them would take seconds to be forgotten.
            start = self._steady * np.where(frame.fresh, frame.samples.mean(axis=0), 0.0)
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
        phase = self._made * self._ratio - first
        if phase != self._phase:  # Where the rates divide, the grid lies alike in every frame.
            # Those before the newest sample, told by the products themselves: a quotient rounds otherwise, and reached
            # beyond the frame after minutes at rates such as 104.5 Hz.
            position = np.arange(self._made, self._made + int(self._frame / self._ratio) + 2) * self._ratio - first
            position = position[position < self._frame + 2]
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
        self._made += len(self._at)


@lru_cache(maxsize=8)  # A stream full of holes starts its filters anew all the time.
def _as_linear_map(band: Band, rate_hz: float, frame: int) -> tuple[FloatArray, FloatArray]:
    """(frame + states, frame + states): samples and state before -> filtered samples and state after; and (states, 1),
    the state that a constant input of 1 leads to.
    """
    sos = band.sos(rate_hz)
    states = 2 * len(sos)
    units = np.eye(frame + states)
    columns = units[:, :frame].T  # Each unit sample with no state, then each unit of state with no sample.
    state = units[:, frame:].T.reshape(len(sos), 2, -1)
    y, after = signal.sosfilt(sos, columns, axis=0, zi=state)
    return np.vstack((y, after.reshape(states, -1))), signal.sosfilt_zi(sos).reshape(-1, 1)
