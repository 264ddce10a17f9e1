"""From blocks of any length and any clock to frames of one length: first the holes, then the cutting.

The framer comes before all arithmetic, because matrix products and medians are not bit-identical over packet sizes.
After it every stage sees the same numbers, however the source cut them (promise P1).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from nictate.signals import Block, BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class Frame:
    """A fixed number of consecutive samples, as the stages hand it on."""

    samples: FloatArray
    """(n, channels) in µV."""
    times: FloatArray
    """(n,) in s, strictly increasing."""
    good: BoolArray
    """(channels,) whether the channel can be used in this frame."""
    fresh: BoolArray
    """(channels,) whether filters must start anew from this frame's first sample."""


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of samples without a hole."""

    samples: FloatArray
    times: FloatArray
    fresh: bool
    """Whether a hole (or the start of the stream) lies before it."""


class Timeline:
    """Mends the stamps of a stream that goes on, and cuts it where it does not.

    A step in time of more than ``hole_s`` (and of more than 1.5 sample periods), forward or backward, is a hole. Less
    is bridged: one lost radio packet of a consumer headset is about 50 ms, and to start afresh after each would leave
    its wearer without a detector. Stamps that repeat, stand still or are not numbers go on at the nominal rate; after
    a small step back, time runs at half speed until the stamps have caught up. Stamps before the first number cannot
    be placed and are dropped with their samples.
    """

    def __init__(self, rate_hz: float, hole_s: float) -> None:
        self._period_s = 1.0 / rate_hz
        # Half-way between two samples, so that no rounding of the stamps decides what is a hole.
        self._hole_s = (max(1, int(hole_s * rate_hz + 1e-6)) + 0.5) / rate_hz
        self._stamp = np.nan
        self._time = np.nan

    def push(self, block: Block) -> list[Run]:
        samples, stamps = block.samples, block.times
        started = np.isfinite(self._time)
        if not started:
            placed = np.flatnonzero(np.isfinite(stamps))
            if not len(placed):
                return []
            samples, stamps = samples[placed[0] :], stamps[placed[0] :]
            self._stamp = self._time = stamps[0] - self._period_s
        if not len(stamps):
            return []
        times = self._mend(stamps)
        steps = _steps(self._time, times)
        holes = ((steps <= 0.0) | (steps > self._hole_s)).nonzero()[0]
        self._time = times[-1]
        cuts = [0, *(int(k) for k in holes if k > 0), len(times)]
        first_is_fresh = not started or (len(holes) > 0 and holes[0] == 0)
        return [Run(samples[a:b], times[a:b], fresh=k > 0 or first_is_fresh) for k, (a, b) in enumerate(pairwise(cuts))]

    def _mend(self, stamps: FloatArray) -> FloatArray:
        """Times in s that increase except over a hole; equal to the stamps wherever these are sane."""
        if self._time == self._stamp and np.isfinite(stamps).all() and _steps(self._stamp, stamps).min() > 0.0:
            self._stamp = stamps[-1]
            return stamps
        times = np.empty(len(stamps))
        stamp, time = self._stamp, self._time
        for k, new in enumerate(stamps):
            if not np.isfinite(new) or new == stamp:
                time += self._period_s
            elif new > time or new < time - self._hole_s:
                time = new
            else:
                time += 0.5 * self._period_s
            stamp = new if np.isfinite(new) else stamp
            times[k] = time
        self._stamp, self._time = stamp, self._time
        return times


def _steps(before: float, times: FloatArray) -> FloatArray:
    """(n,) from each time to the next, the first from ``before``: what `numpy.diff` gives, at a fifth of its cost."""
    steps = np.empty(len(times))
    np.subtract(times[1:], times[:-1], out=steps[1:])
    steps[0] = times[0] - before
    return steps


class Framer:
    """Cuts runs into frames of ``length`` samples; what does not fill a frame waits for more."""

    def __init__(self, length: int, channels: int) -> None:
        self._length = length
        self._good = np.ones(channels, dtype=np.bool_)
        self._stale = np.zeros(channels, dtype=np.bool_)
        self._samples = np.empty((0, channels))
        self._times = np.empty(0)

    def push(self, run: Run) -> list[Frame]:
        # Always copied: neither what waits here nor a frame that somebody keeps is the caller's buffer.
        samples = np.concatenate((self._samples, run.samples))
        times = np.concatenate((self._times, run.times))
        whole = len(times) - len(times) % self._length
        self._samples, self._times = samples[whole:].copy(), times[whole:].copy()
        return [
            Frame(samples[k : k + self._length], times[k : k + self._length], self._good, self._stale)
            for k in range(0, whole, self._length)
        ]

    def rest(self) -> tuple[Frame, int] | None:
        """What waits for more, filled up with its last sample, and how many samples it has; None when nothing waits."""
        n = len(self._times)
        if not n:
            return None
        missing = self._length - n
        samples = np.concatenate((self._samples, np.repeat(self._samples[-1:], missing, axis=0)))
        times = np.concatenate((self._times, self._times[-1] + np.arange(1, missing + 1)))
        return Frame(samples, times, self._good, self._stale), n
