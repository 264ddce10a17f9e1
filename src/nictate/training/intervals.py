"""How sure a measure is: confidence intervals by the bootstrap over people (Efron and Tibshirani 1993).

People are drawn, not blinks: those of one person resemble each other, and the question is what the next person will
get. The percentiles of a ratio of sums over some people say little where there are two or three of them; of one person
there is no interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nictate.signals import FloatArray
from nictate.training.scores import Score, delays, errors, quantile

RESAMPLES = 2000
LEVEL = 0.95

Interval = tuple[float, float] | None
"""Lowest and highest; None where there is nothing to draw from."""

RATES = ("precision", "recall", "f1", "false_alarms_per_minute", "unconfirmed_starts_share")
EACH = ("precision", "recall", "f1")
"""What is also told as mean and median over people."""


@dataclass(frozen=True, slots=True)
class PerPerson:
    """A measure of each person by himself, over those who blink."""

    people: int
    mean: float
    median: float
    mean_interval: Interval
    median_interval: Interval

    def to_dict(self) -> dict[str, Any]:
        """For JSON; None where nobody blinks."""
        return {
            "people": self.people,
            "mean": self.mean if self.people else None,
            "median": self.median if self.people else None,
            "mean_interval": self.mean_interval,
            "median_interval": self.median_interval,
        }


def intervals(people: Sequence[Score], seed: int = 0, resamples: int = RESAMPLES) -> dict[str, Interval]:
    """Of the measures of all these people as one, by the names of `Score.to_dict`; the same for the same seed."""
    drawn = _counted(_draw(len(people), seed, resamples), len(people))
    found = {name: _interval(values) for name, values in _rates(people, drawn).items()}
    for name, of in _times(people).items():
        shares = (0.5, 0.95) if name in delays(Score()) else (0.5,)
        for q in shares:
            key = f"{name}_{'median' if q == 0.5 else 'p95'}_ms"
            found[key] = _interval(1e3 * _quantiles(of, drawn, q))
    return found


def falls(
    before: Sequence[Score], after: Sequence[Score], seed: int = 0, resamples: int = RESAMPLES
) -> tuple[float, Interval]:
    """By how much F1 falls, and its interval; the same people in the same order, drawn in pairs."""
    drawn = _counted(_draw(len(before), seed, resamples), len(before))
    whole = np.ones((1, len(before)), dtype=np.int64)

    def fall(weights: npt.NDArray[np.int64]) -> FloatArray:
        return np.asarray(_rates(before, weights)["f1"] - _rates(after, weights)["f1"])

    return float(fall(whole)[0]), _interval(fall(drawn))


def per_person(people: Sequence[Score], seed: int = 0, resamples: int = RESAMPLES) -> dict[str, PerPerson]:
    """`EACH` of those who blink. Who found no blink of a person has a precision of 0 there, not none."""
    blinking = [score for score in people if score.hits + score.misses]
    drawn = _draw(len(blinking), seed, resamples)
    found = {}
    for name in EACH:
        each = np.nan_to_num(np.array([getattr(score, name) for score in blinking], dtype=np.float64))
        found[name] = PerPerson(
            people=len(blinking),
            mean=float(each.mean()) if len(each) else float("nan"),
            median=quantile(each, 0.5),
            mean_interval=_interval(each[drawn].mean(axis=1)) if len(each) else None,
            median_interval=_interval(np.median(each[drawn], axis=1)) if len(each) else None,
        )
    return found


def _draw(people: int, seed: int, resamples: int) -> npt.NDArray[np.int64]:
    """(resamples, people): who is drawn, with replacement; none where there are fewer than two to draw from."""
    rng = np.random.default_rng(seed)
    return rng.integers(people, size=(resamples, people)) if people > 1 else np.empty((0, people), dtype=np.int64)


def _counted(drawn: npt.NDArray[np.int64], people: int) -> npt.NDArray[np.int64]:
    """(resamples, people): how often each is drawn."""
    return np.stack([(drawn == k).sum(axis=1) for k in range(people)], axis=1) if people else drawn


def _rates(people: Sequence[Score], weights: npt.NDArray[np.int64]) -> Mapping[str, FloatArray]:
    """`RATES` (resamples,) of the sums over people; NaN where nothing is counted."""
    names = ("hits", "misses", "false_alarms", "scored_s", "starts", "unconfirmed")
    counts = np.array([[getattr(score, name) for name in names] for score in people], dtype=np.float64)
    hits, misses, false, scored_s, starts, unconfirmed = (weights @ counts.reshape(-1, len(names))).T
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "precision": hits / (hits + false),
            "recall": hits / (hits + misses),
            "f1": 2.0 * hits / (2.0 * hits + misses + false),
            "false_alarms_per_minute": 60.0 * false / scored_s,
            "unconfirmed_starts_share": unconfirmed / starts,
        }


def _times(people: Sequence[Score]) -> dict[str, list[FloatArray]]:
    """Values in s by name, an array a person; of errors the absolute ones."""
    late = {name: [np.array(delays(score)[name]) for score in people] for name in delays(Score())}
    wrong = {f"{name}_error": [np.abs(errors(score)[name]) for score in people] for name in errors(Score())}
    return {**late, **wrong}


def _quantiles(of: Sequence[FloatArray], weights: npt.NDArray[np.int64], q: float) -> FloatArray:
    """(resamples,) quantiles of all values of those who were drawn; NaN where they have none."""
    if not len(weights) or not sum(len(values) for values in of):
        return np.full(len(weights), np.nan)
    values = np.concatenate(of)
    owner = np.repeat(np.arange(len(of)), [len(values) for values in of])
    order = np.argsort(values, kind="stable")
    up_to = np.cumsum(weights[:, owner[order]], axis=1)
    total = up_to[:, -1:]
    at = (up_to < q * total).sum(axis=1)
    return np.where(total[:, 0] > 0, values[order][np.minimum(at, len(values) - 1)], np.nan)


def _interval(values: FloatArray, level: float = LEVEL) -> Interval:
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    low, high = np.quantile(known, (0.5 - 0.5 * level, 0.5 + 0.5 * level))
    return float(low), float(high)
