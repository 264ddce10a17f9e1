"""How much a person's habits weigh beside the network's word: logistic regression on candidates of labelled people.

A candidate is whatever the network thinks possible at any of the look-aheads that are asked. Whether it was a blink is
regressed on the network's log odds and on what the person's earlier candidates say of it, see `nictate.habits`: the
combination of evidence by log odds of Good (1950), its weights fitted, as in Platt (1999).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from nictate.card import ModelCard
from nictate.decision import NEVER, DecisionRules
from nictate.habits import Features, HabitRules, Habits, log_odds
from nictate.signals import BlinkEvent, FloatArray
from nictate.training.evaluate import Truth, match
from nictate.training.heard import Heard

POSSIBLE = 0.1
"""Probability from which on something is a candidate."""
CAUTION = 1.0
"""Weight of the prior that holds the fit near the network's own word, in units of one candidate."""


def neutral(rules: HabitRules) -> HabitRules:
    """The network's word as it is."""
    return dataclasses.replace(rules, weights=(0.0, 1.0, *(0.0 for _ in Features._fields)))


def acquaint(card: ModelCard, heard: Sequence[Heard], first: int) -> HabitRules:
    """The weights that fit these recordings best, if the look-aheads from ``first`` on are asked to confirm.

    Those of `neutral` where there is nothing to learn from.
    """
    plain = neutral(card.decision.habits)
    rules = dataclasses.replace(
        card.decision,
        start=(NEVER,) * len(card.looks_s),
        confirm=asked(card, first, POSSIBLE),
        # So that a candidate is as likely as the network ever found it.
        patience_s=card.looks_s[-1] + card.decision.apart_s,
        habits=plain,
    )
    known = [_candidates(h.decide(card, rules), h.signal.truth, rules) for h in heard]
    if not known:
        return plain
    X, y = np.concatenate([x for x, _ in known]), np.concatenate([of for _, of in known])
    share = np.repeat(shares(heard), [len(of) for _, of in known])
    start = np.array(plain.weights)
    weights = logistic(X, y, start, share) if len(set(y.tolist())) == 2 else start
    return dataclasses.replace(plain, weights=tuple(round(float(w), 4) for w in weights))


def asked(card: ModelCard, first: int, threshold: float) -> tuple[float, ...]:
    """One threshold for the look-aheads from ``first`` on; the shorter ones are not asked."""
    return (NEVER,) * first + (round(threshold, 2),) * (len(card.looks_s) - first)


def _candidates(events: Sequence[BlinkEvent], truth: Truth, rules: DecisionRules) -> tuple[FloatArray, FloatArray]:
    """What is known of each candidate, (n, weights), and whether it was a blink, (n,); none inside ``ignore``."""
    blinks = [(e, e.peak, e.amplitude) for e in events if e.peak is not None and e.amplitude is not None]
    found = match(np.array([peak for _, peak, _ in blinks]), truth)
    right = {k for k, _ in found.pairs}
    habits, last = Habits(rules.habits), 0.0
    X, y = [], []
    for k, (event, peak, height_uv) in enumerate(blinks):
        habits.watch(max(0.0, peak - last))
        last = max(last, peak)
        if k in right or k in found.false:
            X.append((1.0, log_odds(event.confidence), *habits.features(height_uv)))
            y.append(float(k in right))
        if event.confidence >= 0.5:
            habits.learn(2.0 * event.confidence - 1.0, height_uv)
    return np.reshape(X, (-1, len(rules.habits.weights))), np.array(y)


def shares(heard: Sequence[Heard]) -> FloatArray:
    """How much a recording's counts weigh: less for a person of whom there is much, or a few would decide for all."""
    blinks: dict[str, int] = {}
    for h in heard:
        blinks[h.signal.subject] = blinks.get(h.signal.subject, 0) + len(h.signal.truth.blinks)
    return np.array([(10.0 / (10.0 + blinks[h.signal.subject])) ** 0.5 for h in heard])


def logistic(X: FloatArray, y: FloatArray, prior: FloatArray, share: FloatArray) -> FloatArray:
    """Weights w (k,) that maximise sum s log sigma(+-X w) - `CAUTION` |w - prior|^2 / 2.

    For X (n, k), y (n,), 0 or 1, and shares s (n,). By Newton's method, halving steps that go too far.
    """

    def loss(w: FloatArray) -> float:
        return float(
            (share * np.logaddexp(0.0, np.where(y > 0.5, -1.0, 1.0) * (X @ w))).sum() + 0.5 * CAUTION * _square(w)
        )

    def _square(w: FloatArray) -> float:
        return float(((w - prior) ** 2).sum())

    w = prior.astype(np.float64)
    for _ in range(100):
        p = 0.5 * (1.0 + np.tanh(0.5 * (X @ w)))
        gradient = X.T @ (share * (p - y)) + CAUTION * (w - prior)
        curvature = (X.T * (share * p * (1.0 - p))) @ X + CAUTION * np.eye(len(w))
        step = np.linalg.solve(curvature, gradient)
        while loss(w - step) > loss(w) and np.abs(step).max() > 1e-12:
            step *= 0.5
        w = w - step
        if np.abs(step).max() < 1e-9:
            break
    return np.asarray(w)
