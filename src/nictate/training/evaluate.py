"""Events against labels: one rule, used for choosing thresholds, for the report and by ``nictate evaluate``.

A detection is right when its peak lies within 0.1 s of a labelled blink's span, one detection to one blink. Detections
inside ``ignore`` intervals count neither way, nor does anything in the first second and the last 0.3 s of a recording,
where filters have not settled or the end of a blink was not recorded. No torch here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from nictate.signals import BlinkEvent, FloatArray
from nictate.training.scores import Score

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
    middles = truth.peaks
    pairs, missed = [], []
    for j in np.argsort(truth.blinks[:, 2], kind="stable") if len(truth.blinks) else []:
        onset, _, end = truth.blinks[j]
        fit = next((k for k in free if onset - TOLERANCE_S <= peaks[k] <= end + TOLERANCE_S), None)
        if fit is not None:
            free.remove(fit)
        if not low <= middles[j] <= high:
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
    starts = [
        event
        for event in events
        if event.kind == "blink/start"
        and low <= event.onset <= high
        and not any(begin <= event.onset <= end for begin, end in truth.ignore)
    ]
    pairs = [(blinks[k], truth.blinks[j]) for k, j in found.pairs]
    known = [(event, label[1]) for event, label in pairs if np.isfinite(label[1])]
    return Score(
        hits=len(found.pairs),
        misses=len(found.missed),
        false_alarms=len(found.false),
        scored_s=_scored_s(truth, skip_s),
        starts=len(starts),
        unconfirmed=sum(event.decided not in completed for event in starts),
        start_latency_s=tuple(float(e.completes - peak) for e, peak in known if e.completes is not None),
        blink_latency_s=tuple(float(e.decided - peak) for e, peak in known),
        peak_error_s=tuple(float(e.peak - peak) for e, peak in known if e.peak is not None),
        start_after_onset_s=tuple(float(e.completes - label[0]) for e, label in pairs if e.completes is not None),
        blink_after_onset_s=tuple(float(e.decided - label[0]) for e, label in pairs),
        blink_after_end_s=tuple(float(e.decided - label[2]) for e, label in pairs),
        duration_error_s=tuple(
            float(e.duration - (label[2] - label[0])) for e, label in pairs if e.duration is not None
        ),
    )


def score_starts(
    events: Iterable[BlinkEvent],
    truth: Truth,
    skip_s: tuple[float, float] = (1.0, 0.3),
    look_s: float | None = None,
) -> Score:
    """Counts and delays of the ``blink/start`` events as detections of their own, by the rule of ``blink``.

    The moment that a start points to is what the network spoke of when it was decided, ``look_s`` before. Where the
    look-ahead is not known, it is the peak of the ``blink`` that completes the start, or else its onset.
    """
    events = list(events)
    starts = [event for event in events if event.kind == "blink/start"]
    peaks = {event.completes: event.peak for event in events if event.kind == "blink"}
    if look_s is None:
        moments = [peaks.get(event.decided, event.onset) for event in starts]
    else:
        moments = [event.decided - look_s for event in starts]
    found = match(np.array(moments, dtype=np.float64), truth, skip_s)
    pairs = [(starts[k], truth.blinks[j]) for k, j in found.pairs]
    return Score(
        hits=len(found.pairs),
        misses=len(found.missed),
        false_alarms=len(found.false),
        scored_s=_scored_s(truth, skip_s),
        starts=len(found.pairs) + len(found.false),
        start_latency_s=tuple(float(e.decided - label[1]) for e, label in pairs if np.isfinite(label[1])),
        start_after_onset_s=tuple(float(e.decided - label[0]) for e, label in pairs),
    )


def _scored_s(truth: Truth, skip_s: tuple[float, float]) -> float:
    low, high = skip_s[0], truth.duration_s - skip_s[1]
    return max(0.0, high - low - _covered(truth.ignore, low, high))


def _covered(intervals: FloatArray, low: float, high: float) -> float:
    """Length in s of the union of intervals within [low, high]."""
    total, reached = 0.0, low
    for begin, end in sorted((float(a), float(b)) for a, b in intervals):
        begin, end = max(begin, reached), min(end, high)
        if end > begin:
            total += end - begin
            reached = end
    return total
