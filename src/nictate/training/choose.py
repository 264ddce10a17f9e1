"""Thresholds by validation: the network runs once over each recording, the decision many times."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nictate.card import ModelCard
from nictate.decision import Decision, DecisionRules
from nictate.detector import Detector, Network
from nictate.signals import BlinkEvent, FloatArray
from nictate.training.corpus import LabelledSignal
from nictate.training.evaluate import Score, add, score
from nictate.windows import Window


@dataclass(frozen=True, slots=True)
class Heard:
    """What the network said of one recording, window by window."""

    signal: LabelledSignal
    windows: tuple[Window, ...]
    said: tuple[FloatArray, ...]
    """(2, hop) each: early and late probabilities."""
    decided: tuple[float, ...]
    delay_s: float

    def decide(self, card: ModelCard, rules: DecisionRules) -> list[BlinkEvent]:
        """The events under other rules than the card's."""
        events: list[BlinkEvent] = []
        decision: Decision | None = None
        newest: tuple[Window, float] | None = None
        for window, (early, late), decided in zip(self.windows, self.said, self.decided, strict=True):
            if decision is None or not np.isfinite(window.times[-1 - card.hop]):  # Nothing before it: after a hole.
                events += decision.finish(*newest) if decision is not None and newest is not None else []
                decision = Decision(rules, card.rate_hz, card.step, card.early_s, card.late_s, self.delay_s)
            events += decision.push(window, early, late, decided)
            newest = window, decided
        return events + (decision.finish(*newest) if decision is not None and newest is not None else [])


def listen(card: ModelCard, network: Network, signal: LabelledSignal) -> Heard:
    """Run the network over a whole recording, through the detector's own stages."""
    detector = Detector(card, network, signal.montage)
    windows, said, decided = [], [], []
    for window, at in detector.windows(signal.block()):
        windows.append(window)
        said.append(detector.probabilities(window))
        decided.append(at)
    delay_s = card.band.delay_s(signal.montage.rate_hz)
    return Heard(signal, tuple(windows), tuple(said), tuple(decided), delay_s)


def outcome(card: ModelCard, rules: DecisionRules, heard: Sequence[Heard]) -> Score:
    """All recordings as one, under ``rules``."""
    return add(score(h.decide(card, rules), h.signal.truth) for h in heard)


def choose(card: ModelCard, heard: Sequence[Heard]) -> DecisionRules:
    """The rules that do best on these recordings.

    `confirm` by the F1 of ``blink``. `start` as low (as early) as it can be while nine of ten starts are completed by a
    ``blink``, or, where that cannot be, where unconfirmed starts are fewest.
    """
    grid = np.round(np.arange(0.15, 0.91, 0.05), 2)
    best = max(grid, key=lambda p: outcome(card, dataclasses.replace(card.decision, confirm=p, start=2.0), heard).f1)
    rules = dataclasses.replace(card.decision, confirm=float(best))
    tried = {float(p): outcome(card, dataclasses.replace(rules, start=float(p)), heard) for p in grid}
    trusted = [p for p, s in tried.items() if 9 * s.unconfirmed <= s.hits + s.false_alarms]
    start = min(trusted) if trusted else min(tried, key=lambda p: tried[p].unconfirmed)
    return dataclasses.replace(rules, start=start)
