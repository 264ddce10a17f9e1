"""Thresholds by validation: the network runs once over each recording, the decision many times."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from nictate.card import ModelCard
from nictate.decision import NEVER, DecisionRules
from nictate.training.acquaint import acquaint, asked
from nictate.training.heard import Heard, outcome
from nictate.training.scores import Score

UNCONFIRMED = 0.05
"""Share of the starts that no blink may complete."""
STARTS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
"""Thresholds that are tried for ``blink/start``."""


def choose(card: ModelCard, heard: Sequence[Heard]) -> DecisionRules:
    """The rules that do best on these recordings: what habits weigh, and which look-aheads are asked for what.

    ``confirm`` is the threshold of the best F1 of ``blink``, asked of the longest look-ahead alone or of more and more
    of the shorter ones, whichever is best. ``start`` is what gives the least median delay while all but `UNCONFIRMED`
    of the starts are completed by a ``blink``, or, where that cannot be, fewest are not.
    """
    looks = len(card.looks_s)
    silent = dataclasses.replace(card.decision, start=(NEVER,) * looks)

    def best_of(first: int, levels: Iterable[float]) -> tuple[float, float, DecisionRules]:
        """The best F1, its threshold and its rules."""
        known = dataclasses.replace(silent, habits=acquaint(card, heard, first))
        rules = [dataclasses.replace(known, confirm=asked(card, first, p)) for p in levels]
        scores = [outcome(card, r, heard).f1 for r in rules]
        best = int(np.argmax(scores))
        return scores[best], rules[best].confirm[-1], rules[best]

    best, level, chosen = best_of(looks - 1, np.arange(0.2, 0.91, 0.1).tolist())
    for first in reversed(range(looks - 1)):
        f1, level, rules = best_of(
            first, [level + by for by in (-0.1, -0.05, 0.0, 0.05, 0.1) if 0.0 < level + by < 1.0]
        )
        best, chosen = (f1, rules) if f1 >= best else (best, chosen)
    starts = [asked(card, first, p) for first in range(max(1, looks // 2)) for p in STARTS]
    tried = {p: outcome(card, dataclasses.replace(chosen, start=p), heard) for p in starts}
    return dataclasses.replace(chosen, start=min(starts, key=lambda p: _cost(tried[p])))


def _cost(score: Score) -> tuple[float, float]:
    """The less the better: too many false starts first, then delay."""
    began = score.hits + score.false_alarms
    unconfirmed = score.unconfirmed / (began + score.unconfirmed) if began + score.unconfirmed else 1.0
    delays = score.start_latency_s
    return max(unconfirmed - UNCONFIRMED, 0.0), float(np.median(delays)) if delays else np.inf
