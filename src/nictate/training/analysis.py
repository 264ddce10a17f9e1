"""All that an evaluation finds, for JSON and for the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nictate.training.calibration import Ranking, Reliability, ranked, reliability, seconds
from nictate.training.curve import Dot, front, sweep
from nictate.training.evaluate import score_starts
from nictate.training.findings import Finding, findings
from nictate.training.judge import Trial, Verdict, judge_trials
from nictate.training.scores import Score, add


@dataclass(frozen=True, slots=True)
class Analysis:
    """Of recordings, each heard by a network that had not learned from it."""

    verdict: Verdict
    found: tuple[Finding, ...]
    started: Score
    """The ``blink/start`` events by themselves, by the rules of the cards."""
    starts: tuple[Dot, ...]
    """What they would be if one look-ahead alone decided, by its threshold."""
    blinks: tuple[Dot, ...]
    """The same of ``blink``."""
    reliability: Reliability
    rankings: tuple[tuple[float, Ranking], ...]
    """Look-ahead in s, and how its words rank seconds."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **self.verdict.to_dict(),
            "starts": self.started.to_dict(),
            "starts_by_threshold": [dot.to_dict() for dot in self.starts],
            "starts_front": [dot.to_dict() for dot in front(self.starts)],
            "blinks_by_threshold": [dot.to_dict() for dot in self.blinks],
            "calibration": self.reliability.to_dict(),
            "roc": [{"look_ahead_ms": 1e3 * look_s, "area": _known(of.area)} for look_s, of in self.rankings],
            "mistakes": [row for finding in self.found for row in finding.to_dict()],
        }


def analyse(
    trials: Sequence[Trial], skip_s: tuple[float, float], advance: Callable[[float, str], None] = lambda *_: None
) -> Analysis:
    """Takes some minutes for some hours of recordings; ``advance`` hears shares of the whole."""
    advance(0.0, "deciding")
    found = findings(trials, skip_s)
    said, truth = seconds(trials, skip_s)
    rankings = [(look_s, ranked(p, truth)) for look_s, p in zip(trials[0].card.looks_s, said, strict=True)]
    started = add(score_starts(trial.events(), trial.heard.signal.truth, skip_s) for trial in trials)
    starts, blinks = (
        tuple(sweep(trials, kind, skip_s, advance=lambda share, text: advance(0.5 * share, text)))
        for kind in ("blink/start", "blink")
    )
    return Analysis(
        verdict=judge_trials(trials, skip_s),
        found=tuple(found),
        started=started,
        starts=starts,
        blinks=blinks,
        reliability=reliability(found),
        rankings=tuple(rankings),
    )


def _known(value: float) -> float | None:
    return value if value == value else None
