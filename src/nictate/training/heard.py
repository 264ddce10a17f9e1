"""What the network said of a recording: it runs once, the decision many times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nictate.card import ModelCard
from nictate.decision import Decision, DecisionRules
from nictate.detector import Detector, Network
from nictate.habits import Habits
from nictate.signals import BlinkEvent, FloatArray
from nictate.training.corpus import LabelledSignal
from nictate.training.evaluate import score
from nictate.training.scores import Score, add
from nictate.windows import Window


@dataclass(frozen=True, slots=True)
class Heard:
    """What the network said of one recording, window by window."""

    signal: LabelledSignal
    windows: tuple[Window, ...]
    said: tuple[FloatArray, ...]
    """(looks, hop / step) each: probabilities."""
    decided: tuple[float, ...]
    delay_s: float

    def decide(self, card: ModelCard, rules: DecisionRules) -> list[BlinkEvent]:
        """The events under other rules than the card's."""
        events: list[BlinkEvent] = []
        habits = Habits(rules.habits)
        decision: Decision | None = None
        newest: tuple[Window, float] | None = None
        for window, said, decided in zip(self.windows, self.said, self.decided, strict=True):
            if decision is None or not np.isfinite(window.times[-1 - card.hop]):  # Nothing before it: after a hole.
                events += decision.finish(*newest) if decision is not None and newest is not None else []
                decision = Decision(rules, card.rate_hz, card.step, card.looks_s, card.band, self.delay_s, habits)
            events += decision.push(window, said, decided)
            newest = window, decided
        return events + (decision.finish(*newest) if decision is not None and newest is not None else [])


def listen(card: ModelCard, network: Network, signal: LabelledSignal, channels: Sequence[int] | None = None) -> Heard:
    """Run the network over a whole recording, through the detector's own stages; ``channels`` as in `Detector`."""
    detector = Detector(card, network, signal.montage, channels)
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
