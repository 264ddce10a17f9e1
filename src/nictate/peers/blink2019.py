"""BLINK (Agarwal & Sivakumar 2019, Allerton, doi:10.1109/ALLERTON.2019.8919795), written anew from its description.

Batch, one channel, no training. Deflections that turn by more than ``delta`` and have a quiet signal on either side are
candidates. In the first pass the one that is most like all the others tells which of them are blinks, and so how large
blinks are here; the second pass looks for deflections of a third of that height, with the three most typical ones as
templates. The paper's blinks go down; here they go up. Its low-pass is causal; here it runs forth and back, with the
same attenuation, so that the peaks stay where they are, which is to the algorithm's advantage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal
from scipy.cluster.hierarchy import fcluster, linkage

from nictate.peers.moments import running_std
from nictate.peers.peer import Found
from nictate.signals import FloatArray

IndexArray = npt.NDArray[np.int64]

LOW_PASS_HZ = 10.0
QUIET_S = 0.5
"""Windows whose least standard deviation around a candidate says how quiet the signal can be."""
AROUND_S = 5.0
FLAT_UV = 1.0
"""A standard deviation below is a broken channel's, and says nothing."""
WINDOW_S, STEP_S, REACH_S = 0.1, 0.04, 1.5
"""Of the search for a stable point on either side."""
STABLE, MOVING = 2.0, 5.0
"""Times the least standard deviation: below the one it is quiet; it must have been above the other before."""
FEWEST = 3
"""Candidates; with fewer there is no likeness to speak of."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The paper's numbers that depend on the amplifier and on taste."""

    delta_uv: float = 100.0
    """By how much the signal must turn in the first pass."""
    typical: float = 0.2
    """Correlation with the most typical candidate, at least, in the first pass."""
    alike: float = 0.7
    """Correlation with a template, at least, in the second."""

    def __str__(self) -> str:
        return f"{self.delta_uv:g} µV, r > {self.alike:g}"


@dataclass(frozen=True, slots=True)
class Blink2019:
    """The algorithm. Its default is the paper's; the first turn and the last correlation are tried otherwise."""

    settings: tuple[Rules, ...] = tuple(
        Rules(delta, alike=alike) for delta in (30.0, 50.0, 75.0, 100.0, 150.0, 200.0) for alike in (0.3, 0.5, 0.7)
    )
    default: Rules | None = Rules()
    name: str = "BLINK"
    causal: bool = False

    def find(self, x: FloatArray, rate_hz: float, settings: Sequence[Rules]) -> list[Found]:
        sos = signal.butter(2, LOW_PASS_HZ, fs=rate_hz, output="sos")
        course = _Course(signal.sosfiltfilt(sos, x, padlen=min(len(x) - 1, round(rate_hz))), rate_hz)
        return [Found(_two_passes(course, rules)) for rules in settings]


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Deflections with a stable point before and after; positions in samples."""

    spans: IndexArray
    """(k, 3): stable before, peak, stable after"""
    heights: FloatArray
    """(k,) peak over the higher of the stable points, in µV"""
    variances: FloatArray
    """(k,) in µV²"""
    correlations: FloatArray
    """(k, k), each stretched to the other's halves"""
    ratios: FloatArray
    """(k, k) of their standard deviations, the larger over the smaller"""

    def parted(self, members: IndexArray) -> FloatArray:
        """(members,) group 1 or 2 by complete linkage; all 1 where they cannot be parted."""
        likeness = (self.correlations / self.ratios)[np.ix_(members, members)]
        one = np.ones(len(members))
        if len(members) < FEWEST or not (likeness.std(axis=1) > 0.0).all():
            return one
        return np.asarray(fcluster(linkage(likeness, "complete", "correlation"), 2, "maxclust"), dtype=np.float64)


def _two_passes(course: _Course, rules: Rules) -> FloatArray:
    """(blinks,) peaks."""
    first = course.candidates(rules.delta_uv)
    if len(first.spans) < FEWEST:
        return np.empty(0)
    fingerprint = first.correlations.sum(axis=0).argmax()
    members = np.flatnonzero(first.correlations[fingerprint] > rules.typical)
    larger, _ = _larger_group(first, members)
    second = course.candidates(float(first.heights[larger].mean()) / 3.0)
    if len(second.spans) < FEWEST:
        return np.empty(0)
    templates = np.argsort(second.correlations.sum(axis=0), kind="stable")[-3:]
    members = np.flatnonzero((second.correlations[templates] > rules.alike).any(axis=0))
    larger, times = _larger_group(second, members)
    # Two groups of which one is far weaker: that one is no blinks.
    peaks: FloatArray = second.spans[larger if times > 10.0 else members, 1].astype(np.float64)
    return peaks


def _larger_group(of: _Candidates, members: IndexArray) -> tuple[IndexArray, float]:
    """Of two groups the one of larger variance, and how many times it is larger; all of them where there is one."""
    group = of.parted(members)
    parts = [members[group == k] for k in (1.0, 2.0)]
    if not all(len(part) for part in parts):
        return members, 1.0
    small, large = sorted(parts, key=lambda part: float(of.variances[part].mean()))
    return large, float(of.variances[large].mean() / of.variances[small].mean())


class _Course:
    """A low-passed channel, with what all candidates in it are measured by."""

    def __init__(self, y: FloatArray, rate_hz: float) -> None:
        self._y = y
        self._window, self._step = max(2, round(WINDOW_S * rate_hz)), max(1, round(STEP_S * rate_hz))
        self._steps = round(REACH_S / STEP_S)
        self._spread = _std_from(y, self._window)
        self._around = round(AROUND_S * rate_hz)
        quiet = _std_from(y, round(QUIET_S * rate_hz))
        self._quiet = np.where(quiet < FLAT_UV, np.inf, quiet)
        self._known: dict[float, _Candidates] = {}

    def candidates(self, delta_uv: float) -> _Candidates:
        """Peaks of turns by ``delta_uv`` that have both their stable points."""
        if delta_uv not in self._known:
            self._known[delta_uv] = self._candidates(delta_uv)
        return self._known[delta_uv]

    def _candidates(self, delta_uv: float) -> _Candidates:
        found = [span for peak in turning_peaks(self._y, delta_uv) if (span := self._span(peak)) is not None]
        spans = np.array(found, dtype=np.int64).reshape(-1, 3)
        y = self._y
        edges = np.maximum(y[spans[:, 0]], y[spans[:, 2]])
        variances = np.array([y[a:b].var() for a, _, b in spans])
        return _Candidates(spans, y[spans[:, 1]] - edges, variances, *_likeness(y, spans))

    def _span(self, peak: int) -> tuple[int, int, int] | None:
        """Outwards from the peak, in steps, to where the signal is quiet again after it has moved.

        A quiet place counts only in the lower two thirds between the peak and the lowest such place so far: a lid that
        is held half open is quiet as well.
        """
        y, top = self._y, self._y[peak]
        least = self._quiet[max(0, peak - self._around) : peak + self._around].min(initial=np.inf)
        if not np.isfinite(least):
            return None
        starts, edges = [peak, peak], [0, self._window]  # After and before; the edge that faces the peak.
        moved, stable, lowest = [False, False], [False, False], top
        last = len(y) - self._window - 1
        for _ in range(self._steps):
            for side in (0, 1):
                starts[side] = start = min(max(starts[side], 0), last)
                level = y[start + edges[side]]
                spread = self._spread[start]
                if moved[side] and spread < STABLE * least and level < top:
                    stable[side], lowest = True, min(lowest, level)
                moved[side] = moved[side] or spread > MOVING * least
            for side, way in ((0, self._step), (1, -self._step)):
                if stable[side] and y[starts[side] + edges[side]] > (lowest + 2.0 * top) / 3.0:
                    stable[side] = False
                if not stable[side]:
                    starts[side] += way
            if all(stable):
                before, after = starts[1] + self._window, starts[0]
                # Both halves need two samples, or there is nothing to stretch.
                return (min(before, peak - 2), peak, max(after, peak + 2)) if peak >= 2 else None
        return None


def turning_peaks(y: FloatArray, delta: float) -> list[int]:
    """Highest samples between a rise and a fall, both by more than ``delta``; the last fall must have happened."""
    # Only where the signal turns can it be highest or lowest.
    turns = np.flatnonzero(np.diff(np.sign(np.diff(y)), prepend=0.0, append=0.0)) if len(y) > 2 else np.arange(len(y))
    turns = np.union1d(turns, [0, len(y) - 1]) if len(y) else turns
    peaks: list[int] = []
    rising, low, high = False, np.inf, -np.inf
    at = 0
    for k, value in zip(turns.tolist(), y[turns].tolist(), strict=True):
        if value > high:
            high, at = value, k
        low = min(low, value)
        if rising and value < high - delta:
            peaks.append(at)
            rising, low = False, value
        elif not rising and value > low + delta:
            rising, high, at = True, value, k
    return peaks


def _std_from(y: FloatArray, n: int) -> FloatArray:
    """(len(y),) of the ``n`` samples from each on; the last full one for those near the end."""
    if len(y) <= n:
        return np.full(len(y), y.std() if len(y) else 0.0)
    std = running_std(y, n)
    return np.concatenate((std, np.full(n - 1, std[-1])))


def _likeness(y: FloatArray, spans: IndexArray) -> tuple[FloatArray, FloatArray]:
    """(k, k) correlations and ratios of standard deviations, the earlier one's halves stretched to the later's."""
    k = len(spans)
    correlations, ratios = np.ones((k, k)), np.ones((k, k))
    for j in range(1, k):
        a, p, b = spans[j]
        own = y[a:b]
        others = np.concatenate(
            (_stretched(y, spans[:j, 0], spans[:j, 1], p - a), _stretched(y, spans[:j, 1], spans[:j, 2], b - p)), axis=1
        )
        own_std, others_std = own.std(), others.std(axis=1)
        covariance = ((others - others.mean(axis=1, keepdims=True)) * (own - own.mean())).mean(axis=1)
        both = own_std * others_std
        correlations[j, :j] = correlations[:j, j] = np.divide(covariance, both, out=np.zeros(j), where=both > 0.0)
        larger, smaller = np.maximum(own_std, others_std), np.minimum(own_std, others_std)
        ratios[j, :j] = ratios[:j, j] = np.divide(larger, smaller, out=np.full(j, np.inf), where=smaller > 0.0)
    return correlations, ratios


def _stretched(
    y: FloatArray,
    begin: IndexArray,
    end: IndexArray,
    n: int,
) -> FloatArray:
    """(k, n): each ``y[begin:end]`` by linear interpolation at ``n`` places from its first to its last sample."""
    at = begin[:, np.newaxis] + (end - 1 - begin)[:, np.newaxis] * np.linspace(0.0, 1.0, n)
    left = np.minimum(at.astype(np.int64), len(y) - 2)
    within = at - left
    stretched: FloatArray = (1.0 - within) * y[left] + within * y[left + 1]
    return stretched
