"""Thresholds by validation: the network runs once over each recording, the decision many times."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from nictate.card import ModelCard
from nictate.decision import NEVER, DecisionRules
from nictate.training.acquaint import acquaint, asked, shares
from nictate.training.evaluate import score
from nictate.training.heard import Heard, outcome
from nictate.training.scores import Score

UNCONFIRMED = 0.05
"""Share of the starts that no blink may complete."""
ALIKE = 0.005
"""Differences of F1 that may be chance: what 0.1 of threshold changes has a standard error of 0.003 (jackknife over
people)."""
SURE_S = 0.12
"""A look-ahead that sees less confirms no blink: until then a jump of the gaze looks the same."""
CONFIRMS = (0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75)
"""Thresholds that are tried for ``blink``."""
STARTS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, NEVER)
"""The same for ``blink/start``."""


def choose(card: ModelCard, heard: Sequence[Heard], looking: Sequence[Heard] = ()) -> DecisionRules:
    """The rules that do best on these recordings: what habits weigh, and which look-aheads are asked for what.

    ``looking`` are simulated people who look about: by them, too, it is decided what a blink is. When it may be said to
    begin is decided by the recordings alone: a jump of the gaze begins as a blink does, and to wait until it is known
    to be none would delay every start.

    ``confirm`` is one threshold for all look-aheads of `SURE_S` and more, or for the longest where there are none: the
    middle one of those that do alike in F1 of ``blink``, people weighed by `shares`. Each is judged together with those
    next to it, and the middle is taken, since which of them does best by one blink says nothing of other people.
    ``start`` is what gives the least mean delay (the mean, since who waits for the late ones does not care for the
    median) while all but `UNCONFIRMED` of the starts are completed by a ``blink``, or, where that cannot be, fewest are
    not.
    """
    looks = len(card.looks_s)
    first = next((k for k, look_s in enumerate(card.looks_s) if look_s >= SURE_S), looks - 1)
    everybody = [*heard, *looking]
    share = shares(everybody)

    def worth(rules: DecisionRules) -> float:
        scores = [score(h.decide(card, rules), h.signal.truth) for h in everybody]
        counts = share @ np.array([(s.hits, s.misses + s.false_alarms) for s in scores], dtype=np.float64)
        return float(2.0 * counts[0] / max(2.0 * counts[0] + counts[1], 1e-9))

    known = dataclasses.replace(card.decision, start=(NEVER,) * looks, habits=acquaint(card, everybody, first))
    rising = [dataclasses.replace(known, confirm=asked(card, first, level)) for level in CONFIRMS]
    smoothed = smooth([worth(rules) for rules in rising])
    alike = [rules for one, rules in zip(smoothed, rising, strict=True) if one >= max(smoothed) - ALIKE]
    chosen = alike[len(alike) // 2]
    return dataclasses.replace(chosen, start=choose_start(card, chosen, heard))


def smooth(of: Sequence[float]) -> list[float]:
    """The mean of each with its neighbours; those at the ends have one."""
    return [float(np.mean(of[max(0, k - 1) : k + 2])) for k in range(len(of))]


def choose_start(card: ModelCard, chosen: DecisionRules, heard: Sequence[Heard]) -> tuple[float, ...]:
    """The ``start`` of `choose` for rules of which all else is chosen."""
    tried = {p: outcome(card, dataclasses.replace(chosen, start=p), heard) for p in startings(chosen.confirm)}
    return min(tried, key=lambda p: _cost(tried[p]))


def startings(confirm: tuple[float, ...]) -> list[tuple[float, ...]]:
    """The ``start`` that are tried: one threshold for the first word, and one that is no higher for those after it.

    What is sure enough to confirm a blink is sure enough to say that one has begun.
    """
    return [
        (min(first, confirm[0]), *(min(later, p) for p in confirm[1:]))
        for first in STARTS
        for later in STARTS
        if later <= first and (confirm[0] == NEVER or later == first)
    ]


def _cost(score: Score) -> tuple[float, float]:
    """The less the better: too many false starts first, then delay."""
    began = score.hits + score.false_alarms
    unconfirmed = score.unconfirmed / (began + score.unconfirmed) if began + score.unconfirmed else 1.0
    delays = score.start_latency_s
    return max(unconfirmed - UNCONFIRMED, 0.0), float(np.mean(delays)) if delays else np.inf
