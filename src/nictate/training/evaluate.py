"""Events against labels: one rule, used for choosing thresholds, for the report and by ``nictate evaluate``.

A detection is right when its peak lies within 0.1 s of a labelled blink's span, one detection to one blink. Detections
inside ``ignore`` intervals count neither way, nor does anything in the first second and the last 0.3 s of a recording,
where filters have not settled or the end of a blink was not recorded. No torch here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from nictate.signals import BlinkEvent, FloatArray

TOLERANCE_S = 0.1


@dataclass(frozen=True, slots=True)
class Truth:
    """What a person saw in one recording, times in s from its first sample."""

    blinks: FloatArray
    """(blinks, 3): onset, peak, end; the peak may be NaN."""
    ignore: FloatArray
    """(intervals, 2)"""
    duration_s: float

    @property
    def peaks(self) -> FloatArray:
        """(blinks,) in s; the middle where no peak is labelled."""
        onset, peak, end = self.blinks.T
        return np.asarray(np.where(np.isfinite(peak), peak, 0.5 * (onset + end)), dtype=np.float64)

    @property
    def spans(self) -> FloatArray:
        """(blinks, 3): onset, peak as in `peaks`, end; in s."""
        return np.column_stack((self.blinks[:, 0], self.peaks, self.blinks[:, 2]))


@dataclass(frozen=True, slots=True)
class Score:
    """Counts and delays of one recording, or of several added up."""

    hits: int
    misses: int
    false_alarms: int
    scored_s: float
    """Time outside ``ignore`` and margins."""
    unconfirmed: int
    """``blink/start`` events that no ``blink`` completed."""
    start_latency_s: tuple[float, ...]
    """`decided` of the completed ``blink/start`` after the labelled peak, one a hit whose label has a peak."""
    blink_latency_s: tuple[float, ...]
    """The same for ``blink``."""
    peak_error_s: tuple[float, ...]
    """Detected less labelled peak."""

    @property
    def precision(self) -> float:
        return self.hits / found if (found := self.hits + self.false_alarms) else float("nan")

    @property
    def recall(self) -> float:
        return self.hits / there if (there := self.hits + self.misses) else float("nan")

    @property
    def f1(self) -> float:
        total = 2 * self.hits + self.misses + self.false_alarms
        return 2 * self.hits / total if total else float("nan")

    @property
    def false_per_minute(self) -> float:
        return 60.0 * self.false_alarms / self.scored_s if self.scored_s else float("nan")

    def to_dict(self) -> dict[str, float | int | None]:
        """Metrics with their units in the names; None where there is nothing to measure."""

        def of(values: Sequence[float], q: float) -> float:
            return float(np.percentile(values, q)) if len(values) else float("nan")

        row: dict[str, float | int] = {
            "blinks": self.hits + self.misses,
            "hits": self.hits,
            "misses": self.misses,
            "false_alarms": self.false_alarms,
            "minutes": self.scored_s / 60.0,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "false_alarms_per_minute": self.false_per_minute,
            "unconfirmed_starts_per_minute": 60.0 * self.unconfirmed / self.scored_s if self.scored_s else float("nan"),
            "start_latency_median_ms": 1e3 * of(self.start_latency_s, 50),
            "start_latency_p95_ms": 1e3 * of(self.start_latency_s, 95),
            "blink_latency_median_ms": 1e3 * of(self.blink_latency_s, 50),
            "blink_latency_p95_ms": 1e3 * of(self.blink_latency_s, 95),
            "peak_error_median_ms": 1e3 * of([abs(error) for error in self.peak_error_s], 50),
        }
        return {
            key: None if isinstance(value, float) and not np.isfinite(value) else value for key, value in row.items()
        }


@dataclass(frozen=True, slots=True)
class Match:
    """Which detection belongs to which label: indices into the blinks that were detected and labelled."""

    pairs: tuple[tuple[int, int], ...]
    """(detection, label)"""
    missed: tuple[int, ...]
    false: tuple[int, ...]


def match(peaks: FloatArray, truth: Truth, skip_s: tuple[float, float] = (1.0, 0.3)) -> Match:
    """One-to-one, as many pairs as there can be.

    Labels in the order of their ends each take the earliest detection that fits: for points and intervals that greedy
    choice is optimal.
    """
    low, high = skip_s[0], truth.duration_s - skip_s[1]
    free = list(np.argsort(peaks, kind="stable"))
    pairs, missed = [], []
    for j in np.argsort(truth.blinks[:, 2], kind="stable") if len(truth.blinks) else []:
        onset, _, end = truth.blinks[j]
        fit = next((k for k in free if onset - TOLERANCE_S <= peaks[k] <= end + TOLERANCE_S), None)
        if fit is not None:
            free.remove(fit)
        if not low <= truth.peaks[j] <= high:
            continue
        if fit is None:
            missed.append(int(j))
        else:
            pairs.append((int(fit), int(j)))
    false = [
        int(k)
        for k in free
        if low <= peaks[k] <= high and not any(begin <= peaks[k] <= end for begin, end in truth.ignore)
    ]
    return Match(tuple(pairs), tuple(missed), tuple(false))


def score(events: Iterable[BlinkEvent], truth: Truth, skip_s: tuple[float, float] = (1.0, 0.3)) -> Score:
    """Counts and delays of the events of one recording."""
    events = list(events)
    blinks = [event for event in events if event.kind == "blink"]
    peaks = np.array([event.peak for event in blinks], dtype=np.float64)
    found = match(peaks, truth, skip_s)
    completed = {event.completes for event in blinks}
    low, high = skip_s[0], truth.duration_s - skip_s[1]
    unconfirmed = [
        event
        for event in events
        if event.kind == "blink/start"
        and event.decided not in completed
        and low <= event.onset <= high
        and not any(begin <= event.onset <= end for begin, end in truth.ignore)
    ]
    known = [(blinks[k], truth.blinks[j, 1]) for k, j in found.pairs if np.isfinite(truth.blinks[j, 1])]
    return Score(
        hits=len(found.pairs),
        misses=len(found.missed),
        false_alarms=len(found.false),
        scored_s=max(0.0, high - low - _covered(truth.ignore, low, high)),
        unconfirmed=len(unconfirmed),
        start_latency_s=tuple(e.completes - peak for e, peak in known if e.completes is not None),
        blink_latency_s=tuple(e.decided - peak for e, peak in known),
        peak_error_s=tuple(e.peak - peak for e, peak in known if e.peak is not None),
    )


def add(scores: Iterable[Score]) -> Score:
    """Several recordings as one (micro average)."""
    scores = list(scores)
    return Score(
        hits=sum(s.hits for s in scores),
        misses=sum(s.misses for s in scores),
        false_alarms=sum(s.false_alarms for s in scores),
        scored_s=sum(s.scored_s for s in scores),
        unconfirmed=sum(s.unconfirmed for s in scores),
        start_latency_s=tuple(v for s in scores for v in s.start_latency_s),
        blink_latency_s=tuple(v for s in scores for v in s.blink_latency_s),
        peak_error_s=tuple(v for s in scores for v in s.peak_error_s),
    )


def _covered(intervals: FloatArray, low: float, high: float) -> float:
    """Length in s of the union of intervals within [low, high]."""
    total, reached = 0.0, low
    for begin, end in sorted((float(a), float(b)) for a, b in intervals):
        begin, end = max(begin, reached), min(end, high)
        if end > begin:
            total += end - begin
            reached = end
    return total
