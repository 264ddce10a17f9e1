"""Whether a confidence is what it says, and how well probabilities rank seconds with blinks before those without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nictate.signals import BoolArray, FloatArray
from nictate.training.evaluate import Truth
from nictate.training.findings import Finding
from nictate.training.judge import Trial

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """The events whose confidence lies from ``low`` to ``high``."""

    low: float
    high: float
    count: int
    said: float
    """Their mean confidence."""
    true: float
    """The share of them that were right."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """Confidence against truth; only bins with events in them."""

    bins: tuple[Bin, ...]

    @property
    def error(self) -> float:
        """Expected calibration error (Naeini et al. 2015): mean distance of said and true, by the number of events."""
        total = sum(b.count for b in self.bins)
        return sum(b.count * abs(b.said - b.true) for b in self.bins) / total if total else float("nan")

    def to_dict(self) -> dict[str, Any]:
        bins = [{"low": b.low, "high": b.high, "count": b.count, "said": b.said, "true": b.true} for b in self.bins]
        return {"expected_calibration_error": self.error if self.bins else None, "bins": bins}


def reliability(found: Sequence[Finding]) -> Reliability:
    """Of the ``blink`` events; those that count neither way are left out."""
    right = [f.confidence[[k for k, _ in f.match.pairs]] for f in found]
    wrong = [f.confidence[list(f.match.false)] for f in found]
    said = np.concatenate([*right, *wrong, np.empty(0)])
    return binned(said, np.arange(len(said)) < sum(len(values) for values in right))


def binned(said: FloatArray, true: BoolArray) -> Reliability:
    """Probabilities and outcomes (n,) in `BINS` bins of equal width."""
    at = np.clip((said * BINS).astype(np.int64), 0, BINS - 1)
    inside = {k: at == k for k in range(BINS) if (at == k).any()}
    return Reliability(
        tuple(
            Bin(k / BINS, (k + 1) / BINS, int(of.sum()), float(said[of].mean()), float(true[of].mean()))
            for k, of in inside.items()
        )
    )


@dataclass(frozen=True, slots=True)
class Ranking:
    """Receiver operating characteristic: rates by falling threshold."""

    false: FloatArray
    """False positive rate, from 0 to 1."""
    true: FloatArray
    """True positive rate."""

    @property
    def area(self) -> float:
        """The chance that a second with a blink is ranked before one without; NaN where there are none of a kind."""
        return float(np.trapezoid(self.true, self.false)) if len(self.true) > 1 else float("nan")


def ranked(p: FloatArray, truth: BoolArray) -> Ranking:
    """Of probabilities and truth (n,); NaN where one of the two kinds is missing."""
    order = np.argsort(-p, kind="stable")
    last = np.append(np.diff(p[order]) != 0.0, True) if len(p) else np.empty(0, dtype=np.bool_)  # Ties come together.
    hits, false = np.cumsum(truth[order])[last], np.cumsum(~truth[order])[last]
    with np.errstate(invalid="ignore"):
        rates = [np.append(0, counts) / np.float64(counts[-1] if len(counts) else 0) for counts in (false, hits)]
    return Ranking(*rates)


def seconds(trials: Sequence[Trial], skip_s: tuple[float, float]) -> tuple[FloatArray, BoolArray]:
    """Scored time in pieces of 1 s: the largest probability said of each, (look-aheads, n), and whether a blink peaks
    in it (n,).

    Pieces that a label or an ``ignore`` interval touches without a peak in them are left out.
    """
    said, truth = [], []
    for trial in trials:
        heard, card = trial.heard, trial.card
        if not heard.windows:
            continue
        count = card.hop // card.step
        now = np.concatenate([w.times[-1 - card.step * (count - 1) :: card.step] for w in heard.windows])
        words = np.concatenate(heard.said, axis=1)
        begins, blink = _pieces(heard.signal.truth, skip_s)
        rows = [_largest(now - look_s, p, begins) for look_s, p in zip(card.looks_s, words, strict=True)]
        known = np.isfinite(rows).all(axis=0)
        said.append(np.array(rows)[:, known])
        truth.append(blink[known])
    if not said:
        return np.empty((0, 0)), np.empty(0, dtype=np.bool_)
    return np.concatenate(said, axis=1), np.concatenate(truth)


def _pieces(truth: Truth, skip_s: tuple[float, float]) -> tuple[FloatArray, BoolArray]:
    begins = np.arange(skip_s[0], truth.duration_s - skip_s[1] - 1.0 + 1e-9, 1.0)

    def touched(spans: FloatArray) -> BoolArray:
        overlap = (begins[:, np.newaxis] < spans[:, 1]) & (begins[:, np.newaxis] + 1.0 > spans[:, 0])
        return np.asarray(overlap.any(axis=1), dtype=np.bool_)

    peaks = truth.peaks
    inside = (begins[:, np.newaxis] <= peaks) & (peaks < begins[:, np.newaxis] + 1.0)
    blink = np.asarray(inside.any(axis=1), dtype=np.bool_)
    clear = ~touched(truth.ignore) & (blink | ~touched(truth.blinks[:, [0, 2]]))
    return begins[clear], blink[clear]


def _largest(times: FloatArray, p: FloatArray, begins: FloatArray) -> FloatArray:
    """The largest of ``p`` within a second of each beginning; NaN where nothing was said."""
    edges = np.searchsorted(times, np.stack((begins, begins + 1.0), axis=1))
    return np.array([p[a:b].max() if b > a else np.nan for a, b in edges], dtype=np.float64)
