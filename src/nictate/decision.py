"""From probabilities to events, written once, for streams and files alike.

The network speaks twice of each moment: early, when little of the future is known, and late, when the deflection has
been seen whole. The early word opens a ``blink/start``, the late one confirms a ``blink``. Peak, onset, end and height
are then read off the signal itself, which is more exact than any width learned from labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nictate.signals import BlinkEvent, FloatArray
from nictate.windows import Window


@dataclass(frozen=True, slots=True)
class DecisionRules:
    """The numbers of the model card that turn probabilities into events. Probabilities 0 to 1, times in s."""

    start: float
    """Early probability that opens a ``blink/start``."""
    confirm: float
    """Late probability that confirms a ``blink``."""
    release: float
    """Below this share of its threshold, a probability has let go of the blink."""
    apart_s: float
    """Two blinks are at least so far apart."""
    around_s: float
    """The peak is sought so far around the times that the late probability points to."""
    edge: float
    """Onset and end are where the deflection is this share of its height."""
    reach_s: float
    """Onset and end are sought no further than this from the peak."""


@dataclass(slots=True)
class Hump:
    """A stretch of the late output above its threshold: the blink lies between ``began`` and ``ended``."""

    began: float
    ended: float
    confidence: float
    open: bool = True


@dataclass(frozen=True, slots=True)
class Shape:
    """A deflection as read off the signal."""

    onset: float
    """In s, as ``peak`` and ``end``; not yet corrected for the delay of the filters."""
    peak: float
    end: float
    closed: bool
    """Whether the end was seen; if not, `end` is the newest sample."""
    height_uv: float
    """Signed as the channel is, from the level before it."""


class Decision:
    """Follows both outputs through time. Holds a few numbers, whatever the length of the stream."""

    def __init__(
        self, rules: DecisionRules, rate_hz: float, step: int, early_s: float, late_s: float, delay_s: float
    ) -> None:
        self._rules = rules
        self._step = step
        self._rate_hz = rate_hz
        self._early, self._late = round(early_s * rate_hz), round(late_s * rate_hz)
        self._delay_s = delay_s
        self._rising = False
        self._humps: list[Hump] = []
        self._starts: list[tuple[float, BlinkEvent]] = []
        self._last_start = self._last_peak = self._last_named = -np.inf

    def push(self, window: Window, early: FloatArray, late: FloatArray, decided: float) -> list[BlinkEvent]:
        """What the newest outputs, ``early`` and ``late`` (hop / step,), make certain at stream time ``decided``."""
        events: list[BlinkEvent] = []
        # Back by samples, not by seconds: they differ where a packet was lost or the nominal rate is wrong.
        newest = len(window.times) - 1 - self._step * (len(early) - 1)
        for k, (p_early, p_late) in enumerate(zip(early, late, strict=True)):
            at = newest + self._step * k
            events += self._hear_early(window.times[at - self._early], p_early, window, decided)
            self._hear_late(window.times[at - self._late], p_late)
        events += self._conclude(window, decided, at_last=False)
        return events

    def finish(self, window: Window, decided: float) -> list[BlinkEvent]:
        """Blinks that were confirmed but not over when the signal ended: nothing more will be known of them."""
        return self._conclude(window, decided, at_last=True)

    def _hear_early(self, time: float, p: float, window: Window, decided: float) -> list[BlinkEvent]:
        rules = self._rules
        if self._rising:
            self._rising = p >= rules.release * rules.start
            return []
        if p < rules.start or time < self._last_start + rules.apart_s:
            return []
        self._rising = True
        self._last_start = time
        shape = self._read(window, time - rules.around_s, decided)
        start = self._start(shape, p, decided)
        # What no late word has confirmed within two seconds was a false start.
        self._starts = [(t, e) for t, e in self._starts if t > time - 2.0] + [(time, start)]
        return [start]

    def _start(self, shape: Shape, p: float, decided: float) -> BlinkEvent:
        # The time of decision names a start. Should two fall on one, the second takes the next number there is.
        self._last_named = decided if decided > self._last_named else float(np.nextafter(self._last_named, np.inf))
        return BlinkEvent("blink/start", shape.onset - self._delay_s, None, None, None, float(p), self._last_named)

    def _hear_late(self, time: float, p: float) -> None:
        hump = self._humps[-1] if self._humps and self._humps[-1].open else None
        if hump is None:
            if p >= self._rules.confirm:
                self._humps.append(Hump(time, time, float(p)))
        elif p >= self._rules.release * self._rules.confirm:
            hump.ended = time
            hump.confidence = max(hump.confidence, float(p))
        else:
            hump.open = False

    def _conclude(self, window: Window, decided: float, *, at_last: bool) -> list[BlinkEvent]:
        events: list[BlinkEvent] = []
        rules = self._rules
        while self._humps and (at_last or not self._humps[0].open):
            hump = self._humps[0]
            shape = self._read(window, hump.began - rules.around_s, hump.ended + rules.around_s)
            if not (shape.closed or at_last):
                break
            self._humps.pop(0)
            peak = shape.peak - self._delay_s
            if peak < self._last_peak + rules.apart_s:
                continue
            self._last_peak = peak
            onset = shape.onset - self._delay_s
            start = self._take_start(peak)
            if start is None:
                start = self._start(shape, hump.confidence, decided)
                events.append(start)
            events.append(
                BlinkEvent(
                    "blink",
                    onset,
                    peak,
                    shape.end - self._delay_s,
                    shape.height_uv,
                    hump.confidence,
                    max(decided, start.decided),
                    completes=start.decided,
                )
            )
        return events

    def _take_start(self, peak: float) -> BlinkEvent | None:
        """The ``blink/start`` that a blink with this peak completes; each completes one at most."""
        rules = self._rules
        # Not after the peak: that start is the next blink's.
        near = [k for k, (t, _) in enumerate(self._starts) if -rules.reach_s <= t - peak <= 0.5 * rules.apart_s]
        if not near:
            return None
        best = min(near, key=lambda k: abs(self._starts[k][0] - peak))
        start = self._starts[best][1]
        self._starts = self._starts[best + 1 :]
        return start

    def _read(self, window: Window, earliest: float, latest: float) -> Shape:
        """The deflection whose peak lies between two times (true ones: the signal comes later by the delay)."""
        times, rules = window.times, self._rules
        lo, hi = np.searchsorted(times, (earliest + self._delay_s, latest + self._delay_s))
        lo = min(int(lo), len(times) - 1)
        hi = max(min(int(hi), len(times)), lo + 1)
        # The input where the deflection is largest against what is usual there; its sign is the polarity.
        z = np.where(window.usable, window.samples[lo:hi] / window.scale, 0.0)
        row, column = np.unravel_index(int(np.abs(z).argmax()), z.shape)
        y = window.samples[:, column] * (1.0 if z[row, column] >= 0.0 else -1.0)
        peak = lo + int(row)
        reach = round(rules.reach_s * self._rate_hz)
        before = y[max(0, peak - reach) : peak + 1][::-1]
        after = y[peak : peak + reach + 1]
        level = float(before.min())
        height = float(y[peak]) - level
        onset, _ = _descend(before, level + rules.edge * height, height)
        end, over = _descend(after, level + rules.edge * height, height)
        return Shape(
            onset=float(times[max(peak - onset, int(np.argmax(np.isfinite(times))))]),
            peak=float(times[peak]) + _vertex(y[peak - 1 : peak + 2]) / self._rate_hz,
            end=float(times[peak + end]),
            closed=over or len(after) > reach,
            height_uv=float(np.copysign(height, z[row, column])),
        )


def _descend(y: FloatArray, edge: float, height: float) -> tuple[int, bool]:
    """Steps from ``y[0]``, the peak, down to ``edge``, and whether it was reached.

    Where the signal turns and rises again by a quarter of the height, the next blink begins: the valley is the edge.
    """
    lowest = 0
    for k in range(1, len(y)):
        if y[k] <= edge:
            return k, True
        if y[k] < y[lowest]:
            lowest = k
        elif y[k] > y[lowest] + 0.25 * height:
            return lowest, True
    return len(y) - 1, False


def _vertex(y: FloatArray) -> float:
    """Offset in samples of the vertex of the parabola through three samples around a maximum."""
    if len(y) < 3:
        return 0.0
    curvature = y[0] - 2.0 * y[1] + y[2]
    return float(0.5 * (y[0] - y[2]) / curvature) if y[1] >= max(y[0], y[2]) and curvature < 0.0 else 0.0
