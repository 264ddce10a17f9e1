"""From probabilities to events, written once, for streams and files alike.

The network speaks several times of each moment, each time having seen more of what came after. The first word that is
sure enough opens a ``blink/start``, the first that is surer still confirms a ``blink``; how sure is weighed with what
is known of the person. Peak, onset, end and height are read off the signal itself, which is more exact than any width
learned from labels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nictate.apex import TURN, Apex, climb, descend, heights, vertex
from nictate.features import features_of
from nictate.filters import Band
from nictate.habits import HabitRules, Habits
from nictate.signals import BlinkEvent, BlinkFeatures, FloatArray
from nictate.windows import Window

NEVER = 2.0
"""A threshold that no probability reaches: the look-ahead is not asked."""
COURSE = 3
"""So many of the last steps say where the signal is going."""
ANEW = 0.5
"""What rises by this share of it out of the swing that the high-pass leaves behind is another, however deep that is."""


@dataclass(frozen=True, slots=True)
class DecisionRules:
    """The numbers of the model card that turn probabilities into events. Probabilities 0 to 1, times in s."""

    start: tuple[float, ...]
    """Probability, habits included, that opens a ``blink/start``: one for each look-ahead, `NEVER` for none."""
    confirm: tuple[float, ...]
    """The same for what confirms a ``blink``."""
    release: float
    """Below this share of its threshold, a probability has let go of the blink."""
    heed: float
    """The network's probability below which nothing is looked at."""
    patience_s: float
    """A blink is told no sooner than so long after it was first spoken of; 0 for as soon as it is over."""
    apart_s: float
    """Two blinks are at least so far apart."""
    around_s: float
    """The peak is sought so far around the times that the probabilities point to."""
    edge: float
    """Onset and end are where the deflection is this share of its height."""
    reach_s: float
    """Onset and end are sought no further than this from the peak."""
    habits: HabitRules


@dataclass(slots=True)
class Hump:
    """A stretch of time that is said to be in a blink: from ``began`` to ``ended``."""

    began: float
    ended: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Shape:
    """A deflection as read off the signal."""

    onset: float
    """In s, as ``peak`` and ``end``; not yet corrected for the delay of the filters."""
    peak: float
    end: float
    risen: bool
    """Whether it stands out from the blink before; if not, it is a part of that one's flank."""
    closed: bool
    """Whether the end was seen; if not, `end` is the newest sample."""
    height_uv: float
    """Signed as the channel is, from the level before it."""
    level_uv: float
    """That level; like the deflection turned so that it goes up."""
    apex: Apex


class Decision:
    """Follows the outputs through time. Holds a few numbers, whatever the length of the stream.

    ``habits`` are what is known of the person already, and are added to.
    """

    def __init__(
        self,
        rules: DecisionRules,
        rate_hz: float,
        step: int,
        looks_s: tuple[float, ...],
        band: Band,
        delay_s: float,
        habits: Habits,
    ) -> None:
        self._rules = rules
        self._step = step
        self._rate_hz = rate_hz
        self._looks = [round(look_s * rate_hz) for look_s in looks_s]
        self._start, self._confirm = rules.start, rules.confirm
        self._asked = [k for k in range(len(looks_s)) if min(rules.start[k], rules.confirm[k]) < NEVER]
        self._band, self._delay_s = band, delay_s
        self._reach = round(rules.reach_s * rate_hz)
        # Words come in steps: what compares their times keeps off the steps, where rounding would decide.
        self._half_step_s = 0.5 * step / rate_hz
        self._habits = habits
        self._sure: Hump | None = None
        self._rising = [False] * len(looks_s)
        self._humps: list[Hump] = []
        self._starts: list[tuple[float, BlinkEvent]] = []
        self._last_start = self._last_peak = self._last_end = self._last_named = -np.inf
        # Of each input: headsets show blinks upwards in some channels and downwards in others.
        self._last_heights_uv = self._last_levels_uv = np.zeros(0)

    def push(self, window: Window, said: FloatArray, decided: float) -> list[BlinkEvent]:
        """What the newest outputs ``said`` (looks, hop / step) make certain at stream time ``decided``."""
        events: list[BlinkEvent] = []
        self._habits.watch(self._step * said.shape[1] / self._rate_hz)
        if said.max() >= self._rules.heed or any(self._rising) or self._sure is not None:
            # Back by samples, not by seconds: they differ where a packet was lost or the nominal rate is wrong.
            newest = len(window.times) - 1 - self._step * (said.shape[1] - 1)
            for k in range(said.shape[1]):
                events += self._hear(newest + self._step * k, said[:, k], window, decided)
        if self._humps:
            events += self._conclude(window, decided, at_last=False)
        return events

    def finish(self, window: Window, decided: float) -> list[BlinkEvent]:
        """Blinks that were confirmed but not over when the signal ended: nothing more will be known of them."""
        return self._conclude(window, decided, at_last=True)

    def _hear(self, at: int, said: FloatArray, window: Window, decided: float) -> list[BlinkEvent]:
        """One output of each look-ahead, all spoken at sample ``at`` of the window."""
        events: list[BlinkEvent] = []
        rules = self._rules
        words: list[float] = said.tolist()
        for k in self._asked:
            p = 0.0
            if words[k] >= rules.heed and np.isfinite(time := float(window.times[at - self._looks[k]])):
                until = min(time + rules.apart_s, decided)
                apex = self._find(window, time - rules.around_s, until)
                p = self._weigh(words[k], apex.height_uv)
                if p >= self._start[k] and not self._rising[k]:
                    self._rising[k] = True
                    # What has been told already does not begin again.
                    if time >= max(self._last_start + rules.apart_s, self._last_end):
                        events.append(self._open(time, self._read(window, time - rules.around_s, until), p, decided))
                if p >= self._confirm[k]:
                    self._believe(time, p)
            if p < rules.release * self._start[k]:
                self._rising[k] = False
        self._remember(float(window.times[at - self._looks[-1]]), words[-1], window)
        return events

    def _weigh(self, p: float, height_uv: float) -> float:
        """The network's probability of a blink of this height, with habits taken into account."""
        odds = self._habits.log_odds(p, self._habits.features(height_uv))
        return 1.0 / (1.0 + math.exp(-odds))

    def _remember(self, time: float, p: float, window: Window) -> None:
        """Habits are learned from what the network itself is sure of when it has seen most."""
        if p >= 0.5:
            self._sure = Hump(time, time, p) if self._sure is None else self._sure
            self._sure.ended, self._sure.confidence = time, max(self._sure.confidence, p)
        elif self._sure is not None:
            hump, self._sure = self._sure, None
            apex = self._find(window, hump.began - self._rules.around_s, hump.ended + self._rules.around_s)
            self._habits.learn(2.0 * hump.confidence - 1.0, apex.height_uv)

    def _open(self, time: float, shape: Shape, p: float, decided: float) -> BlinkEvent:
        self._last_start = time
        start = self._named(shape, p, decided)
        # What nothing has confirmed within two seconds was a false start.
        self._starts = [(t, e) for t, e in self._starts if t > time - 2.0] + [(time, start)]
        return start

    def _named(self, shape: Shape, p: float, decided: float) -> BlinkEvent:
        # The time of decision names a start. Should two fall on one, the second takes the next number there is.
        self._last_named = decided if decided > self._last_named else float(np.nextafter(self._last_named, np.inf))
        return BlinkEvent("blink/start", shape.onset - self._delay_s, None, None, None, p, self._last_named)

    def _believe(self, time: float, p: float) -> None:
        """A blink is confirmed around ``time``: the one that is being followed, or another."""
        if time <= self._last_end:
            return  # It has been told already.
        near = self._rules.around_s + self._half_step_s
        hump = next((h for h in self._humps if h.began - near <= time <= h.ended + near), None)
        if hump is None:
            self._humps.append(Hump(time, time, p))
            self._humps.sort(key=lambda h: h.began)
            return
        hump.began, hump.ended = min(hump.began, time), max(hump.ended, time)
        hump.confidence = max(hump.confidence, p)

    def _conclude(self, window: Window, decided: float, *, at_last: bool) -> list[BlinkEvent]:
        events: list[BlinkEvent] = []
        rules = self._rules
        while self._humps:
            hump = self._humps[0]
            if window.times[-1] < hump.began + rules.patience_s and not at_last:
                break
            # No further than one blink reaches: where two follow closely, the network may speak of them as one.
            until = min(hump.ended, hump.began + rules.apart_s)
            since, until = max(hump.began - rules.around_s, self._last_end), until + rules.around_s
            if not self._soon(since):
                # As far as its height was sought when it was spoken of: the first word may be of the way up alone.
                until = max(until, min(hump.began + rules.apart_s, decided))
            shape = self._read(window, since, until)
            if not (shape.closed or at_last):
                break
            peak, end = shape.peak - self._delay_s, shape.end - self._delay_s
            if not shape.risen or peak < self._last_peak + rules.apart_s:
                # The flank of the blink before: what rises after it may be another.
                hump.began += rules.around_s
                if hump.began > hump.ended + self._half_step_s:
                    self._humps.pop(0)
                continue
            # What is said of later than this end is another blink: lids turn before the network's word falls.
            if shape.closed and hump.ended > end + rules.around_s and end > hump.began:
                self._humps[0] = Hump(end, hump.ended, hump.confidence)
            else:
                self._humps.pop(0)
            features = self._features(window, shape)
            onset, over = self._lasting(window, shape)
            self._last_peak, self._last_end = peak, end
            self._last_heights_uv, self._last_levels_uv = heights(window.samples, shape.apex, self._reach)
            start = self._take_start(peak)
            if start is None:
                start = self._named(shape, hump.confidence, decided)
                events.append(start)
            events.append(
                BlinkEvent(
                    "blink",
                    onset,
                    peak,
                    min(over, decided),
                    shape.height_uv,
                    hump.confidence,
                    max(decided, start.decided),
                    completes=start.decided,
                    features=features,
                )
            )
        return events

    def _lasting(self, window: Window, shape: Shape) -> tuple[float, float]:
        """Onset and end of a blink in s: where it is at `edge` of what it was before the high-pass.

        That filter turns the way down into a swing to the other side, by which ends would come some 30 ms early. To
        wait for the true end would take longer: what the newest samples do not show yet is read off their course.
        """
        apex, times = shape.apex, window.times
        since = max(0, apex.peak - self._reach)
        foot = since + int(apex.signal[since : apex.peak + 1].argmin())
        y = self._band.restored(apex.signal[foot:], self._rate_hz)
        peak, k = apex.peak - foot, int(times.searchsorted(shape.end)) - foot
        height = float(y[peak : k + 1].max() - y[0])
        level = float(y[0]) + self._rules.edge * height
        onset, _ = descend(y[peak::-1], level, height)
        while k + 1 < len(y) and level < y[k] > y[k + 1]:
            k += 1
        while k > peak and y[k - 1] <= level:
            k -= 1
        end = float(times[foot + k]) - self._delay_s
        if k == len(y) - 1 and y[k] > level:
            slope = max((y[k - COURSE] - y[k]) / COURSE, 1e-9)
            end += (y[k] - level) / slope / self._rate_hz
        return float(times[foot + peak - onset]) - self._delay_s, end

    def _features(self, window: Window, shape: Shape) -> BlinkFeatures:
        """Of a deflection that is a blink; the one before it is still `_last_peak`."""
        times, peak = window.times, shape.apex.peak
        # No further back than the blink before reaches, and than the stream: its times are not finite before.
        before = int(times.searchsorted(self._last_peak + self._delay_s))
        since = min(peak, max(before, peak - self._reach, int(np.argmax(np.isfinite(times)))))
        # No further on than the valley before the next blink, or the trough of the filters' after-swing.
        over, _ = descend(shape.apex.signal[peak:], -math.inf, abs(shape.height_uv))
        gone = shape.peak - self._delay_s - self._last_peak
        inter_blink = gone if math.isfinite(gone) else None
        return features_of(shape.apex.signal, times, since, peak, peak + over, shape.peak, inter_blink)

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

    def _find(self, window: Window, earliest: float, latest: float) -> Apex:
        """The largest deflection between two times (true ones: the signal comes later by the delay)."""
        times = window.times
        lo, hi = times.searchsorted((earliest + self._delay_s, latest + self._delay_s))
        lo = min(int(lo), len(times) - 1)
        hi = max(min(int(hi), len(times)), lo + 1)
        # The input where the deflection is largest against what is usual there; its sign is the polarity.
        z = window.samples[lo:hi] / window.scale
        if not window.usable.all():
            z[:, ~window.usable] = 0.0
        row, column = divmod(int(np.abs(z).argmax()), z.shape[1])
        side = 1.0 if z[row, column] >= 0.0 else -1.0
        last_uv = self._last_heights_uv
        if self._soon(earliest) and abs(float(window.samples[lo + row, column])) <= abs(last_uv[column]):
            # One of the same polarity: between two blinks, the filters swing to the other side, but less far.
            rises = self._sides(window) * z
            row, column = divmod(int(rises.argmax()), z.shape[1])
            side = math.copysign(1.0, last_uv[column])
            if rises[row, column] <= 0.0:
                y = window.samples[:, column] * side
                return Apex(column, y, lo + row, float(y[lo + row]), 0.0)
        apex = self._apex(window, column, lo + row, side)
        if apex.height_uv == 0.0 and not self._soon(earliest):
            # Nothing rises on this side: the signal comes back from it, and what is meant is on the other.
            row, column = divmod(int(np.where(window.usable, -side * z, -np.inf).argmax()), z.shape[1])
            apex = self._apex(window, column, lo + row, -side)
        return apex

    def _apex(self, window: Window, column: int, near: int, side: float) -> Apex:
        """What rises on one side of an input, with its top at the sample ``near`` or where it climbs to from there."""
        y = window.samples[:, column] * side
        peak = climb(y, near, round(self._rules.apart_s * self._rate_hz))
        level = float(y[max(0, peak - self._reach) : peak + 1].min())
        return Apex(column, y, peak, level, side * (float(y[peak]) - level))

    def _sides(self, window: Window) -> FloatArray:
        """Polarity (inputs,) of the last blink: headsets show it upwards in some channels and downwards in others.

        0 where it was not seen: where it rose by less than `TURN` of what it did where it was largest.
        """
        seen = np.where(window.usable, self._last_heights_uv / window.scale, 0.0)
        return np.where(np.abs(seen) >= TURN * np.abs(seen).max(), np.sign(seen), 0.0)

    def _read(self, window: Window, earliest: float, latest: float) -> Shape:
        """The whole of the deflection that `_find` finds."""
        apex = self._find(window, earliest, latest)
        times, rules, y, peak = window.times, self._rules, apex.signal, apex.peak
        height, level = abs(apex.height_uv), apex.level
        before = y[max(0, peak - self._reach) : peak + 1][::-1]
        after = y[peak : peak + self._reach + 1]
        onset, _ = descend(before, level + rules.edge * height, height)
        end, over = descend(after, level + rules.edge * height, height)
        return Shape(
            onset=float(times[max(peak - onset, int(np.argmax(np.isfinite(times))))]),
            peak=float(times[peak]) + vertex(y[peak - 1 : peak + 2]) / self._rate_hz,
            end=float(times[peak + end]),
            risen=not self._soon(earliest) or self._risen(times, apex),
            closed=over or len(after) > self._reach,
            height_uv=apex.height_uv,
            level_uv=level,
            apex=apex,
        )

    def _soon(self, time: float) -> bool:
        """Whether a blink has just ended at ``time``."""
        return -math.inf < time <= self._last_end + self._rules.reach_s

    def _risen(self, times: FloatArray, apex: Apex) -> bool:
        """Whether a deflection stands out from the blink that has just ended."""
        if apex.height_uv == 0.0:  # Nothing of its polarity.
            return False
        since = min(int(times.searchsorted(self._last_end + self._delay_s)), apex.peak)
        # Above the valley, and above where the last one began: a dip that is over is no blink.
        top, valley = float(apex.signal[apex.peak]), float(apex.signal[since : apex.peak + 1].min())
        last_uv, level_uv = abs(float(self._last_heights_uv[apex.column])), float(self._last_levels_uv[apex.column])
        return top - max(valley, level_uv) >= TURN * last_uv or top - valley >= ANEW * last_uv
