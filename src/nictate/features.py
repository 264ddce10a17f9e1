"""The shape of a blink in numbers, by BLINKER's definitions (Kleifges et al. 2017, Front. Neurosci. 11:12).

They were made for whole recordings, filtered forward and backward. Here the signal is filtered forward only and ends a
moment after the blink has been told, so three things are stated anew:

- Zero is the zero of the detector's band-pass. Where the up stroke does not cross it in its lower half (the second of
  two quick blinks rises out of the flank or the after-swing of the first), the foot of the blink is taken for it.
- What lies after the newest sample is where the tangent of the down stroke leads from there, `AHEAD_S` at most. Where
  the next blink has begun already, the valley between the two is the end of everything.
- Times between two samples are interpolated, where BLINKER counts frames.
"""

from __future__ import annotations

from collections.abc import Sequence

from nictate.signals import BlinkFeatures, FloatArray

SHUT = 0.9
"""The lid is taken for shut while the signal is at least this share of its height."""
STROKE = (0.1, 0.9)
"""The tangent of a stroke is the line of least squares through what lies between these shares of the height."""
AHEAD_S = 0.3
"""Nothing is expected to last longer than so much after the newest sample."""
CLOSEST_S = 1e-3
"""Two samples count as at least so far apart: stamps may be anything, velocities are to stay finite."""


def features_of(
    y: FloatArray, times: FloatArray, since: int, peak: int, until: int, at_s: float, inter_blink: float | None
) -> BlinkFeatures:
    """The features of the blink that is largest at sample ``peak``. All are finite and none is negative.

    Parameters: ``y`` (n,) in µV, finite, turned so that the blink goes up; ``times`` (n,) in s, increasing, finite from
    ``since`` on; ``since`` and ``until``, the first and last sample that may belong to the blink and not to its
    neighbours: where ``until`` is the newest sample, more is to come; ``at_s``, the time of the peak, which may lie
    between two samples; ``inter_blink`` as in `BlinkFeatures`.
    """
    values: list[float] = y[since : until + 1].tolist()
    seconds: list[float] = (times[since : until + 1] - at_s).tolist()
    top = peak - since
    highest, foot = values[top], min(values[: top + 1])
    zero = 0.0 if foot <= 0.0 <= 0.5 * (foot + highest) else foot
    up = _Stroke(values[top::-1], [-t for t in seconds[top::-1]], zero, whole=True)
    down = _Stroke(values[top:], seconds[top:], zero, whole=until < len(y) - 1)
    begins, base = up.lowest(zero)
    ends, _ = down.lowest(base)
    closing_s, reopening_s = up.to(zero), down.to(zero)
    half_base, half_zero = 0.5 * (highest + base), 0.5 * (highest + zero)
    shut = zero + SHUT * (highest - zero)
    return BlinkFeatures(
        duration_base=begins + ends,
        duration_zero=closing_s + reopening_s,
        duration_half_base=up.to(half_base) + down.to(half_base),
        duration_half_zero=up.to(half_zero) + down.to(half_zero),
        duration_tent=up.tent() + down.tent(),
        closing_time=closing_s,
        reopening_time=reopening_s,
        time_shut=up.to(shut) + down.to(shut),
        pos_amp_vel_ratio=100.0 * up.over_velocity(),
        neg_amp_vel_ratio=100.0 * down.over_velocity(),
        inter_blink=inter_blink,
    )


class _Stroke:
    """One side of a blink, seen from its peak: how it falls with the distance in time."""

    def __init__(self, y: Sequence[float], t: Sequence[float], zero: float, *, whole: bool) -> None:
        """``y`` from the peak outward in µV, ``t`` in s from the peak; ``whole`` when no more of it will come."""
        self._y, self._whole = y, whole
        self._t = [max(0.0, s) for s in t]
        self._zero, self._crosses = zero, self._reaches(zero)
        self._slope, self._through = self._tangent()

    def to(self, level: float) -> float:
        """Time in s from the peak until the signal is down at ``level``."""
        k = self._reaches(level)
        if k is None:
            return self._t[self._y.index(min(self._y))] if self._whole else self._expected(level)
        return self._between(k, level) if k else 0.0

    def lowest(self, level: float) -> tuple[float, float]:
        """Time in s from the peak to the lowest point beyond zero, and how low that is in µV.

        Where the signal still falls at the newest sample, it is expected to fall to ``level``.
        """
        y, k = self._y, self._crosses
        if k is None:
            return (self._t[k := y.index(min(y))], y[k]) if self._whole else (self._expected(level), level)
        while k + 1 < len(y) and y[k + 1] < y[k]:
            k += 1
        if k + 1 == len(y) and not self._whole and y[k] > level:
            return self._expected(level), level
        return self._t[k], y[k]

    def tent(self) -> float:
        """Time in s from the peak until the tangent of the stroke is down at zero."""
        if self._slope >= 0.0:
            return self.to(self._zero)
        t, y = self._through
        return min(max(0.0, t + (self._zero - y) / self._slope), self._t[-1] + AHEAD_S)

    def over_velocity(self) -> float:
        """Height over zero by the largest velocity on the way there, in s; 0 where nothing moves."""
        y, t = self._y, self._t
        stop = len(y) if self._crosses is None else self._crosses + 1
        fastest = max(((y[k - 1] - y[k]) / max(t[k] - t[k - 1], CLOSEST_S) for k in range(1, stop)), default=0.0)
        return min((y[0] - self._zero) / fastest, t[-1] + AHEAD_S) if fastest > 0.0 else 0.0

    def _reaches(self, level: float) -> int | None:
        """The first sample at or under ``level``; None where there is none."""
        for k, value in enumerate(self._y):
            if value <= level:
                return k
        return None

    def _between(self, k: int, level: float) -> float:
        """When the line from sample ``k - 1``, above ``level``, to ``k`` crosses it."""
        y, t = self._y, self._t
        return t[k - 1] + (y[k - 1] - level) / (y[k - 1] - y[k]) * (t[k] - t[k - 1])

    def _tangent(self) -> tuple[float, tuple[float, float]]:
        """Slope in µV/s of the stroke, and a point (s, µV) of its line. The slope is 0 where nothing falls."""
        y, t = self._y, self._t
        low, high = (self._zero + share * (y[0] - self._zero) for share in STROKE)
        below = self._reaches(low)
        stop = len(y) if below is None else below
        on = [k for k in range(stop) if low <= y[k] <= high]
        if len(on) < 2:  # Too steep for the rate: the line through its ends.
            on = [0, min(stop, len(y) - 1)]
        t0, y0 = sum(t[k] for k in on) / len(on), sum(y[k] for k in on) / len(on)
        spread = sum((t[k] - t0) ** 2 for k in on)
        slope = sum((t[k] - t0) * (y[k] - y0) for k in on) / spread if spread > 0.0 else 0.0
        return min(slope, 0.0), (t0, y0)

    def _expected(self, level: float) -> float:
        """When a signal that has not come down to ``level`` yet will, after its newest sample."""
        ahead = (level - self._y[-1]) / self._slope if self._slope < 0.0 else AHEAD_S
        return self._t[-1] + min(ahead, AHEAD_S)
