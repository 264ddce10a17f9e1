"""All peers on all sets, each as it comes and at its best, beside the detector."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from nictate.peers import tune
from nictate.peers.blink2019 import Blink2019
from nictate.peers.matched import MatchedFilter
from nictate.peers.packages import Mne, NeuroKit
from nictate.peers.peer import Peer
from nictate.peers.threshold import Threshold
from nictate.peers.trial import Outcome, Tally, cost_ms, outcome, tally
from nictate.training.corpus import LabelledSignal
from nictate.training.scores import Score, add

S = TypeVar("S")

Setting = Literal["as it comes", "best for all", "best for each"]
"""``best for all``: one setting, tuned on all sets together; ``best for each``: tuned on the very set."""

Figures = dict[str, float | int | None]
"""As `Score.to_dict` has them."""


@dataclass(frozen=True, slots=True)
class Group:
    """Recordings that are judged together."""

    name: str
    signals: tuple[LabelledSignal, ...]
    within: str = ""
    """The set that it is a part of, of which it is told besides; empty for a whole set."""


@dataclass(frozen=True, slots=True)
class Row:
    """One method under one way of setting it."""

    method: str
    setting: Setting
    causal: bool
    groups: dict[str, Figures]
    overall: Figures
    """Of all sets."""
    blink_free: Figures | None
    """Of the recordings in which no blink is labelled; None where there is no such recording or nobody has told."""
    chosen: dict[str, str] = field(default_factory=dict)
    """View and setting by group."""
    failures: tuple[str, ...] = ()
    """Recordings on which it raised an exception, with its words; counted as nothing found."""
    ms_per_minute: float | None = None
    """Processor time for a minute of one channel."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dataclasses.asdict(self)


def usual_peers() -> tuple[Peer[Any], ...]:
    """Others' and our own."""
    return (
        Mne(),
        NeuroKit("neurokit"),
        NeuroKit("brainstorm"),
        NeuroKit("blinker"),
        NeuroKit("mne"),
        Blink2019(),
        MatchedFilter(),
        Threshold("x"),
        Threshold("µV"),
    )


def groups_of(signals: Iterable[LabelledSignal], doubtful: Sequence[str] = ()) -> tuple[Group, ...]:
    """The data sets by name, and each that has ``doubtful`` recordings a second time without them.

    A recording is doubtful when its name begins so: ``set/recording``.
    """
    sets: dict[str, list[LabelledSignal]] = {}
    for s in sorted(signals, key=lambda s: s.name):
        sets.setdefault(s.set, []).append(s)
    groups = []
    for name, members in sorted(sets.items()):
        groups.append(Group(name, tuple(members)))
        sound = tuple(s for s in members if not s.name.startswith(tuple(f"{d}_" for d in doubtful)))
        if sound and len(sound) < len(members):
            groups.append(Group(f"{name}, certain labels", sound, within=name))
    return tuple(groups)


def rows_of(
    peer: Peer[S],
    groups: Sequence[Group],
    skip_s: tuple[float, float],
    zero_phase: Sequence[str] = (),
    heard: Callable[[str], None] = lambda _: None,
) -> list[Row]:
    """What became of a peer, a row for each way of setting it. ``heard`` is told each group's name when it is done.

    Of sets in ``zero_phase`` no latency is taken: such a filter has moved part of each blink before it.
    """
    settings = list(peer.settings)
    if peer.default is not None and peer.default not in settings:
        settings.append(peer.default)
    tallies = {}
    for group in groups:
        tallies[group.name] = tally(peer, settings, group.signals, skip_s)
        heard(group.name)
    ways: dict[Setting, dict[str, tuple[int, int]]] = {}
    if peer.default is not None:
        k = settings.index(peer.default)
        ways["as it comes"] = {name: (tune.view_for(found, k), k) for name, found in tallies.items()}
    if len(settings) > 1:
        ways |= best_of(tallies, groups)
    sets = [g for g in groups if not g.within]
    usual = settings[tune.together([tallies[g.name] for g in sets])] if peer.default is None else peer.default
    ms = cost_ms(peer, usual, [s for g in sets for s in g.signals])
    rows = []
    for way, choice in ways.items():
        outcomes: dict[str, Outcome] = {}
        chosen = {}
        for group in groups:
            v, k = choice[group.name]
            view = tallies[group.name].views[v]
            outcomes[group.name] = outcome(peer, settings[k], view, group.signals, skip_s)
            chosen[group.name] = f"{view}; {settings[k]}"
        scores = {group: one.scores for group, one in outcomes.items()}
        failures = tuple(line for g in sets for line in outcomes[g.name].failures)
        row = row_of(peer.name, way, peer.causal, scores, groups, zero_phase)
        rows.append(dataclasses.replace(row, chosen=chosen, failures=failures, ms_per_minute=ms))
    return rows


def best_of(tallies: Mapping[str, Tally], groups: Sequence[Group]) -> dict[Setting, dict[str, tuple[int, int]]]:
    """View and setting by group when one setting is tuned on all sets together, and when each set has its own."""
    one = tune.together([tallies[g.name] for g in groups if not g.within])
    return {
        "best for all": {g.name: (tune.view_for(tallies[g.name], one), one) for g in groups},
        "best for each": {g.name: tune.alone(tallies[g.name]) for g in groups},
    }


def row_of(
    method: str,
    setting: Setting,
    causal: bool,
    scores: Mapping[str, Mapping[str, Score]],
    groups: Sequence[Group],
    zero_phase: Sequence[str] = (),
) -> Row:
    """Adds up the scores of the recordings, given by group and recording."""

    def summed(found: Iterable[Score]) -> Figures:
        return add(found).to_dict()

    told = {
        g.name: {
            s.name: _without_latency(scores[g.name][s.name]) if s.set in zero_phase else scores[g.name][s.name]
            for s in g.signals
        }
        for g in groups
    }
    sets = [g for g in groups if not g.within]
    free = [told[g.name][s.name] for g in sets for s in g.signals if not len(s.truth.blinks)]
    return Row(
        method,
        setting,
        causal,
        {g.name: summed(told[g.name].values()) for g in groups},
        summed(one for g in sets for one in told[g.name].values()),
        summed(free) if free else None,
    )


def _without_latency(score: Score) -> Score:
    return dataclasses.replace(
        score,
        start_latency_s=(),
        blink_latency_s=(),
        start_after_onset_s=(),
        blink_after_onset_s=(),
        blink_after_end_s=(),
    )
