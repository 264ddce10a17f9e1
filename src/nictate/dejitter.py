"""Sampling times, and the rate, from the time stamps of a stream."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from nictate.signals import FloatArray


def measured_rate(stamps: FloatArray) -> float | None:
    """Rate in Hz of a stretch of stamps, whatever the stream declares; None when they do not tell.

    A count of samples over the time they take, except when that is too few because samples were lost. Then,
    most steps are alike and a few, at irregular distances, are longer: only the others count. (Steps that are
    longer at regular distances are the seams of a device that sends packets and declares too high a rate.)
    """
    k = np.flatnonzero(np.isfinite(stamps))
    # A stamp that repeats its predecessor says nothing; its sample still counts.
    k = k[np.diff(stamps[k], prepend=np.nan) != 0.0]
    if len(k) < 3 or stamps[k[-1]] <= stamps[k[0]]:
        return None
    steps, counts = np.diff(stamps[k]), np.diff(k)
    periods = steps / counts
    median = float(np.median(periods))
    alike = np.abs(periods - median) <= 0.5 * median
    seams = np.diff(np.flatnonzero(~alike))
    regular = len(seams) >= 3 and np.std(seams) < 0.3 * np.mean(seams)
    jitters = median <= 0.0 or np.median(np.abs(periods - median)) > 0.1 * median
    if not (regular or jitters):
        return float(np.sum(counts[alike]) / np.sum(steps[alike]))
    # Samples that come in bursts are counted from burst to burst, or part of a burst would count as rate.
    bursts = np.flatnonzero(periods > 1.5 * np.mean(periods)) + 1
    first, last = (bursts[0], bursts[-1]) if len(bursts) > 1 else (0, -1)
    return float((k[last] - k[first]) / (stamps[k[last]] - stamps[k[first]]))


@dataclass(slots=True)
class Dejitter:
    """Sampling times from stamps that jitter, as they come. A hole in the stamps stays a hole in the times.

    The times follow a straight line over the count of samples, whose position and slope are tracked by
    recursive least squares with fading memory (a Kalman filter of two states, as Adriaensen, "Using a DLL to
    filter time", 2005, does with fixed gains). The slope starts at the known rate, so that the first minute
    is no worse than the later ones.

    When a stamp leaves the line suddenly, by more than half a period and more than the jitter seen so far,
    either samples were lost or the device held them back. Held back, they follow in a burst and the stamps
    return to the line; lost, they do not. Therefore the samples after such a leap wait: until the stamps are
    back (then nothing happened), or until `CONFIRM_S` of them keep their distance (then the line leaps as
    well, forward or backward).

    Stamps that repeat or are not finite say nothing; the line goes on by the count.
    """

    rate_hz: float
    leaps_s: list[float] = field(default_factory=list)
    """Length in s of each leap so far, positive forward; to be emptied by whoever reads it."""
    # From here on, times are in nominal periods after the first stamp.
    _origin: float = math.nan
    _x: float = 0.0
    _period: float = 1.0
    _p_xx: float = 1.0
    _p_xt: float = 0.0
    _p_tt: float = 1e-4
    """Prior variance of the slope for stamps with a jitter of one period: the rate is known to 1 %."""
    _jitter: float = 0.0
    _count: int = 0
    _stamp: float = math.nan
    _error: float = 0.0
    _held: list[float] = field(default_factory=list)

    CONFIRM_S: ClassVar[float] = 0.05
    """Stretch of samples that must keep their distance from the line before it leaps."""
    HOLD_S: ClassVar[float] = 10.0
    """The longest stretch of samples that may wait."""
    ASTRAY_S: ClassVar[float] = 0.25
    """Error in s, beyond jitter, from which on the line has lost the stamps."""
    BELIEVED_S: ClassVar[float] = 0.1
    """The largest error in s that is learnt from as jitter."""
    MEMORY_S: ClassVar[float] = 30.0
    """Half-life of what the line remembers."""

    def push(self, stamps: FloatArray) -> FloatArray:
        """Times in s of the samples that are decided, which are the oldest of those not yet returned."""
        times: list[float] = []
        for stamp in stamps.tolist():
            if math.isnan(self._origin):
                # Without a finite stamp there is no time yet; NaN tells the detector so.
                if not math.isfinite(stamp):
                    times.append(math.nan)
                    continue
                self._origin = stamp
                self._x = -1.0
            self._step((stamp - self._origin) * self.rate_hz, times)
        return np.array(times, dtype=np.float64)

    def flush(self) -> FloatArray:
        """Times in s of the samples that still wait, when no more come."""
        times: list[float] = []
        while self._held:
            self._leap(times)
        return np.array(times, dtype=np.float64)

    def _step(self, stamp: float, times: list[float]) -> None:
        if self._held:
            self._held.append(stamp)
            self._judge(times)
        elif not math.isfinite(stamp) or stamp == self._stamp:
            self._advance(stamp, times)
        else:
            error = stamp - self._x - self._period
            if self._count and abs(error - self._error) > self._bound:
                self._held.append(stamp)
            elif abs(error) > self._bound + self.ASTRAY_S * self.rate_hz:
                # The stamps went away little by little: the device has changed its rate. Go to them.
                self._error = 0.0
                self._held.append(stamp)
                self._leap(times)
            else:
                self._advance(stamp, times)

    @property
    def _bound(self) -> float:
        """A leap of the stamps off the line that jitter does not explain, in periods."""
        return max(0.5, 6.0 * self._jitter)

    def _offsets(self) -> list[float]:
        """How far the waiting stamps have leapt off the line, in periods. Without those that say nothing."""
        offsets = []
        last = self._stamp
        for k, stamp in enumerate(self._held, start=1):
            if math.isfinite(stamp) and stamp != last:
                offsets.append(stamp - self._x - k * self._period - self._error)
                last = stamp
        return offsets

    def _judge(self, times: list[float]) -> None:
        """Decide on the samples that wait, if it can be decided by now."""
        offsets = self._offsets()
        confirm = max(4, round(self.CONFIRM_S * self.rate_hz))
        bound = self._bound
        if confirmed := len(offsets) >= confirm:
            # At the start of a stream, nothing else tells how much its stamps jitter.
            steps = np.diff(offsets[-confirm:])
            bound = max(bound, 5.0 * float(np.median(np.abs(steps - np.median(steps)))))
        settled = confirmed and abs(offsets[-1] - offsets[-confirm]) < max(0.25 * confirm, bound)
        too_long = len(self._held) >= min(abs(offsets[0]) + confirm, self.HOLD_S * self.rate_hz)
        small = self.BELIEVED_S * self.rate_hz
        if abs(offsets[-1]) <= bound:
            self._release(bound, times)
        elif settled and -small <= offsets[-1] < 0.0:
            # Samples get lost, but none come in addition: packets of such a device are stamped early and
            # late.
            self._jitter = max(self._jitter, -0.5 * offsets[-1])
            self._release(self._bound, times)
        elif settled or too_long:
            self._leap(times)

    def _release(self, bound: float, times: list[float]) -> None:
        """Nothing has happened: the waiting samples go along the line, undrawn by what came in a burst."""
        held, self._held = self._held, []
        for stamp in held:
            late = abs(stamp - self._x - self._period - self._error) > bound
            self._advance(math.nan if late else stamp, times)

    def _leap(self, times: list[float]) -> None:
        """Move the line to where the waiting stamps are, and go on with them."""
        offsets = self._offsets()
        held, self._held = self._held, []
        came_nearer = abs(offsets[0]) - abs(offsets[-1]) > self._bound
        # One stamp tells the leap exactly where stamps do not jitter, and a second hole may follow soon.
        first = offsets[:3] if self._jitter > 0.1 else offsets[:1]
        leap = offsets[-1] if came_nearer else float(np.median(first))
        self._x += leap
        self._p_xx += 1.0
        self.leaps_s.append(leap / self.rate_hz)
        self._advance(held[0], times)
        for stamp in held[1:]:
            if came_nearer:
                self._advance(stamp, times)
            else:
                # There may be a second hole among them.
                self._step(stamp, times)

    def _advance(self, stamp: float, times: list[float]) -> None:
        """One sample on along the line; drawn towards its stamp, by no more than jitter explains."""
        self._x += self._period
        self._p_xx += 2.0 * self._p_xt + self._p_tt
        self._p_xt += self._p_tt
        if math.isfinite(stamp) and stamp != self._stamp:
            # Fading only with what is learnt: stamps that stand still for hours must not wear the memory out.
            fade = 2.0 ** (1.0 / (self.MEMORY_S * self.rate_hz))
            p_xx, p_xt, p_tt = fade * self._p_xx, fade * self._p_xt, fade * self._p_tt
            gain_x, gain_t = p_xx / (p_xx + 1.0), p_xt / (p_xx + 1.0)
            self._p_xx, self._p_xt, self._p_tt = (
                p_xx - gain_x * p_xx,
                p_xt - gain_x * p_xt,
                p_tt - gain_t * p_xt,
            )
            error = stamp - self._x
            self._count += 1
            seen = min(abs(error), self.BELIEVED_S * self.rate_hz)
            self._jitter += (seen - self._jitter) / min(self._count, 2.0 * self.rate_hz)
            drawn = min(max(error, -self._bound), self._bound)
            self._x += gain_x * drawn
            self._period += gain_t * drawn
            self._stamp = stamp
            self._error = stamp - self._x
        times.append(self._origin + self._x / self.rate_hz)
