"""The detector in the same table: as it is shipped, and with its threshold and channels tuned as its peers are."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence

import numpy as np

from nictate.card import ModelCard
from nictate.decision import NEVER, DecisionRules
from nictate.detector import Detector, Network
from nictate.peers.contest import Group, Row, Setting, best_of, row_of
from nictate.peers.trial import MEAN, Tally, View, common, shown
from nictate.signals import Block, Montage
from nictate.training.corpus import LabelledSignal
from nictate.training.evaluate import score
from nictate.training.heard import listen
from nictate.training.judge import Judged
from nictate.training.scores import Score

NAME = "nictate"
ALL = "all"
LEVELS = (None, 0.1, 0.2, 0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 0.9)
"""Thresholds of what confirms a ``blink``; None for those of the card."""


def rows_of_detector(
    models: Sequence[Judged],
    groups: Sequence[Group],
    skip_s: tuple[float, float],
    zero_phase: Sequence[str] = (),
    heard: Callable[[str], None] = lambda _: None,
) -> list[Row]:
    """Each recording as the model heard it that has not learned from it; ``heard`` is told its name when it is done.

    At its best it may choose what its peers may: the channel, or all of them, and one threshold. Of sets in
    ``zero_phase`` no latency is taken.
    """
    sets = [g for g in groups if not g.within]
    seen = {g.name: (ALL, *common(g.signals)) for g in sets}
    by = {s.name: one for one in models for s in one.signals}
    scores: dict[str, list[list[Score]]] = {}
    for g in sets:
        for s in g.signals:
            scores[s.name] = [_scores(by[s.name], s, name, skip_s) for name in seen[g.name]]
            heard(s.name)
    tallies = {}
    for g in groups:
        each = np.array(
            [[[(o.hits, o.misses, o.false_alarms) for o in of] for of in scores[s.name]] for s in g.signals]
        )
        tallies[g.name] = Tally((), each.sum(axis=0))
    ways: dict[Setting, dict[str, tuple[int, int]]] = {"as it comes": {g.name: (0, 0) for g in groups}}
    rows = []
    for way, choice in (ways | best_of(tallies, groups)).items():
        found, chosen = {}, {}
        for g in groups:
            v, k = choice[g.name]
            found[g.name] = {s.name: scores[s.name][v][k] for s in g.signals}
            chosen[g.name] = (
                f"{seen[g.within or g.name][v]}; {'as shipped' if LEVELS[k] is None else f'p > {LEVELS[k]}'}"
            )
        rows.append(dataclasses.replace(row_of(NAME, way, True, found, groups, zero_phase), chosen=chosen))
    return rows


def _scores(model: Judged, signal: LabelledSignal, channel: str, skip_s: tuple[float, float]) -> list[Score]:
    """One for each of `LEVELS`."""
    chosen = None if channel == ALL else (signal.montage.names.index(channel),)
    heard = listen(model.card, model.network, signal, chosen)
    return [
        score(heard.decide(model.card, confirmed_from(model.card.decision, level)), signal.truth, skip_s)
        for level in LEVELS
    ]


def confirmed_from(rules: DecisionRules, level: float | None) -> DecisionRules:
    """The rules with another threshold, at those look-aheads that are asked."""
    if level is None:
        return rules
    return dataclasses.replace(rules, confirm=tuple(p if p >= NEVER else level for p in rules.confirm))


def cost_ms(card: ModelCard, network: Network, signals: Sequence[LabelledSignal], at_least_s: float = 600.0) -> float:
    """Processor time in ms for a minute of one channel, as `nictate.peers.trial.cost_ms` measures it."""
    taken_s = heard_s = 0.0
    for s in signals:
        x = shown(s, View(MEAN, 1.0))[:, np.newaxis]
        detector = Detector(card, network, Montage(("Fp1",), s.montage.rate_hz))
        begun = time.process_time()
        detector.push(Block(x, s.times))
        detector.flush()
        taken_s += time.process_time() - begun
        heard_s += len(x) / s.montage.rate_hz
        if heard_s >= at_least_s:
            break
    return 60e3 * taken_s / heard_s
