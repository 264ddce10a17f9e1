"""Accuracy against latency, by look-ahead and threshold: what it costs to speak early.

A network speaks of each moment several times, each time with more of the future known. Here one of these words alone
decides, at one threshold after the other, for all recordings alike.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nictate.card import ModelCard
from nictate.decision import NEVER, DecisionRules
from nictate.training.evaluate import score, score_starts
from nictate.training.heard import Heard
from nictate.training.judge import Trial
from nictate.training.scores import Score, add

THRESHOLDS = tuple(np.round(1.0 / (1.0 + np.exp(-np.linspace(-3.0, 5.0, 17))), 3).tolist())
"""Evenly spaced on the scale of the logit, as a network's words are spread."""

Kind = Literal["blink/start", "blink"]


@dataclass(frozen=True, slots=True)
class Dot:
    """How well one kind of event does when one look-ahead alone decides it, at one threshold."""

    look_s: float
    threshold: float
    score: Score

    @property
    def latency_s(self) -> float:
        """Median after the labelled peak; NaN where nothing was found."""
        row = self.score.start_latency_s or self.score.blink_latency_s
        return float(np.median(row)) if row else float("nan")

    def to_dict(self) -> dict[str, Any]:
        row = self.score.to_dict()
        late = "start" if self.score.start_latency_s else "blink"
        return {
            "look_ahead_ms": 1e3 * self.look_s,
            "threshold": self.threshold,
            **{key: row[key] for key in ("precision", "recall", "f1", "false_alarms_per_minute")},
            "latency_median_ms": row[f"{late}_latency_median_ms"],
            "latency_p95_ms": row[f"{late}_latency_p95_ms"],
        }


def alone(rules: DecisionRules, kind: Kind, look: int, threshold: float) -> DecisionRules:
    """The rules by which the look-ahead of this index decides such an event at this threshold, and no other."""
    silent = (NEVER,) * len(rules.start)
    asked = tuple(threshold if k == look else NEVER for k in range(len(rules.start)))
    start, confirm = (asked, silent) if kind == "blink/start" else (silent, asked)
    return dataclasses.replace(rules, start=start, confirm=confirm)


def sweep(
    trials: Sequence[Trial],
    kind: Kind,
    skip_s: tuple[float, float],
    thresholds: Sequence[float] = THRESHOLDS,
    advance: Callable[[float, str], None] = lambda *_: None,
) -> list[Dot]:
    """Every look-ahead at every threshold; ``advance`` hears shares of the whole."""
    settings = [(k, look_s, p) for k, look_s in enumerate(trials[0].card.looks_s) for p in thresholds]
    scores: list[list[Score]] = [[] for _ in settings]
    for trial in trials:
        truth, heard = trial.heard.signal.truth, busy(trial.card, trial.heard)
        for (look, look_s, threshold), found in zip(settings, scores, strict=True):
            events = heard.decide(trial.card, alone(trial.card.decision, kind, look, threshold))
            start = kind == "blink/start"
            found.append(score_starts(events, truth, skip_s, look_s) if start else score(events, truth, skip_s))
        advance(1.0 / len(trials), f"{kind} by threshold")
    return [Dot(look_s, threshold, add(of)) for (_, look_s, threshold), of in zip(settings, scores, strict=True)]


def busy(card: ModelCard, heard: Heard) -> Heard:
    """What was heard, without the windows in which nothing can be decided: most of them.

    Those stay that the rules heed, and what comes within a second of them: by then a blink is over and told.
    """
    if not heard.windows:
        return heard
    heeded = np.array(heard.said).max(axis=(1, 2)) >= card.decision.heed
    since = np.convolve(heeded, np.ones(1 + round(card.rate_hz / card.hop), dtype=np.int64))[: len(heeded)]
    fresh = np.array([not np.isfinite(window.times[-1 - card.hop]) for window in heard.windows])
    # The first and the last window of each unbroken stretch begin and end it.
    keep = np.flatnonzero((since > 0) | fresh | np.append(fresh[1:], True))
    return dataclasses.replace(
        heard,
        windows=tuple(heard.windows[k] for k in keep),
        said=tuple(heard.said[k] for k in keep),
        decided=tuple(heard.decided[k] for k in keep),
    )


def front(dots: Sequence[Dot]) -> list[Dot]:
    """Those that no other beats in both latency and F1 (Pareto's front), the fastest first."""
    best: list[Dot] = []
    known = [dot for dot in dots if np.isfinite(dot.latency_s)]
    for dot in sorted(known, key=lambda dot: (dot.latency_s, -dot.score.f1)):
        if not best or dot.score.f1 > best[-1].score.f1:
            best.append(dot)
    return best
