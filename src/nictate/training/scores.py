"""What is counted and measured of events against labels, and the figures that follow."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nictate.signals import FloatArray

Seconds = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """Counts, delays and errors of one recording, or of several added up.

    Delays and errors are in s, one a hit; those that need the label's peak only of hits whose label has one. Delays
    are of stream time: `decided` less the labelled moment.
    """

    hits: int = 0
    misses: int = 0
    false_alarms: int = 0
    scored_s: float = 0.0
    """Time outside ``ignore`` and margins."""
    starts: int = 0
    """``blink/start`` events."""
    unconfirmed: int = 0
    """Those of them that no ``blink`` completed."""
    start_latency_s: Seconds = ()
    """The completed ``blink/start`` after the labelled peak."""
    blink_latency_s: Seconds = ()
    """``blink`` after the labelled peak."""
    peak_error_s: Seconds = ()
    """Detected less labelled peak."""
    start_after_onset_s: Seconds = ()
    blink_after_onset_s: Seconds = ()
    blink_after_end_s: Seconds = ()
    duration_error_s: Seconds = ()
    """Detected less labelled duration, from onset to end."""

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

    @property
    def unconfirmed_share(self) -> float:
        """Share of the starts that no ``blink`` completed."""
        return self.unconfirmed / self.starts if self.starts else float("nan")

    def to_dict(self) -> dict[str, float | int | None]:
        """Measures with their units in the names; None where there is nothing to measure."""
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
            "starts": self.starts,
            "unconfirmed_starts_share": self.unconfirmed_share,
            "unconfirmed_starts_per_minute": 60.0 * self.unconfirmed / self.scored_s if self.scored_s else float("nan"),
        }
        for name, delay_s in delays(self).items():
            row[f"{name}_median_ms"] = 1e3 * quantile(delay_s, 0.5)
            row[f"{name}_p95_ms"] = 1e3 * quantile(delay_s, 0.95)
        for name, error_s in errors(self).items():
            row[f"{name}_error_median_ms"] = 1e3 * quantile(np.abs(error_s), 0.5)
            row[f"{name}_bias_median_ms"] = 1e3 * quantile(error_s, 0.5)
        return {
            key: None if isinstance(value, float) and not np.isfinite(value) else value for key, value in row.items()
        }


def delays(score: Score) -> dict[str, Seconds]:
    """By the names that they have in `Score.to_dict`."""
    return {
        "start_latency": score.start_latency_s,
        "blink_latency": score.blink_latency_s,
        "start_after_onset": score.start_after_onset_s,
        "blink_after_onset": score.blink_after_onset_s,
        "blink_after_end": score.blink_after_end_s,
    }


def errors(score: Score) -> dict[str, Seconds]:
    """By the names that they have in `Score.to_dict`."""
    return {"peak": score.peak_error_s, "duration": score.duration_error_s}


def quantile(values: Sequence[float] | FloatArray, q: float) -> float:
    """NaN of nothing."""
    return float(np.quantile(values, q)) if len(values) else float("nan")


def add(scores: Iterable[Score]) -> Score:
    """Several recordings as one (micro average)."""
    scores = list(scores)
    whole: dict[str, Any] = {}
    for field in dataclasses.fields(Score):
        column = [getattr(score, field.name) for score in scores]
        several = isinstance(field.default, tuple)
        whole[field.name] = tuple(value for values in column for value in values) if several else sum(column)
    return Score(**whole)
