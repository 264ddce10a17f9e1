"""Blink by blink: what was found of what is there, and what was found that is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nictate.signals import FloatArray
from nictate.training.corpus import LabelledSignal
from nictate.training.evaluate import Match, match
from nictate.training.judge import Trial


@dataclass(frozen=True, slots=True)
class Mistake:
    """A labelled blink that was not found, or what was found where none is labelled."""

    kind: Literal["missed", "false alarm"]
    at_s: float
    """Its peak, labelled or detected, from the recording's first sample."""
    confidence: float | None
    """None where nothing was said."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The ``blink`` events of one recording beside its labels."""

    signal: LabelledSignal
    peaks: FloatArray
    """(n,) detected, in s."""
    confidence: FloatArray
    """(n,)"""
    match: Match

    @property
    def mistakes(self) -> list[Mistake]:
        """In the order of time."""
        missed = [Mistake("missed", float(self.signal.truth.peaks[j]), None) for j in self.match.missed]
        false = [Mistake("false alarm", float(self.peaks[k]), float(self.confidence[k])) for k in self.match.false]
        return sorted(missed + false, key=lambda mistake: mistake.at_s)

    def to_dict(self) -> list[dict[str, Any]]:
        """The mistakes, for JSON."""
        return [
            {"recording": self.signal.name, "kind": m.kind, "at_s": round(m.at_s, 3), "confidence": m.confidence}
            for m in self.mistakes
        ]


def findings(trials: Sequence[Trial], skip_s: tuple[float, float]) -> list[Finding]:
    """One a recording, in their order."""
    found = []
    for trial in trials:
        signal = trial.heard.signal
        blinks = [event for event in trial.events() if event.kind == "blink"]
        peaks = np.array([event.peak for event in blinks], dtype=np.float64)
        confidence = np.array([event.confidence for event in blinks], dtype=np.float64)
        found.append(Finding(signal, peaks, confidence, match(peaks, signal.truth, skip_s)))
    return found
