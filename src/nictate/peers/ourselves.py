"""The detector in the same table: from its verdict on held-out people, or from a cross-validation."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nictate.card import ModelCard
from nictate.detector import Detector, Network
from nictate.peers.contest import Figures, Group, Row, row_of
from nictate.peers.trial import MEAN, View, shown
from nictate.signals import Block, ConfigError, Montage
from nictate.training.corpus import LabelledSignal
from nictate.training.scores import Score, add, delays, quantile

NAME = "nictate"


def held_out(scores: Mapping[str, Score], groups: Sequence[Group], zero_phase: Sequence[str] = ()) -> Row:
    """The row of the detector from its scores by recording."""
    by_group = {g.name: {s.name: scores[s.name] for s in g.signals} for g in groups}
    return row_of(NAME, "as it comes", True, by_group, groups, zero_phase)


def cross_validated(path: Path, groups: Sequence[Group], zero_phase: Sequence[str] = ()) -> Row:
    """The row of the detector from a file with ``sets`` and ``overall``, and perhaps ``recordings``, as
    `nictate.training.judge.Verdict.to_dict` has them.

    Parts of sets, blink-free recordings, and the delays without those of sets in ``zero_phase`` are told only where the
    file tells of recordings. Raises `ConfigError` when the file does not tell of one of the sets.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ConfigError(f"{path}: no figures of a cross-validation: {error}") from error
    sets = told.get("sets") if isinstance(told, dict) else None
    if not isinstance(sets, dict) or not isinstance(told.get("overall"), dict):
        raise ConfigError(f"{path}: no figures of a cross-validation: 'sets' and 'overall' are wanted")
    missing = [g.name for g in groups if not g.within and g.name not in sets]
    if missing:
        raise ConfigError(f"{path}: no figures of {', '.join(missing)}: cross-validate on the same folder")
    recordings = told.get("recordings", {})
    figures: dict[str, Figures] = {}
    for g in groups:
        part = _summed(recordings, g.signals) if g.within else sets[g.name]
        if part is not None:
            figures[g.name] = part
    everything = [s for g in groups if not g.within for s in g.signals]
    overall = told["overall"]
    if any(s.set in zero_phase for s in everything):
        figures = {
            g.name: _delayed(figures[g.name], recordings, g.signals, zero_phase) for g in groups if g.name in figures
        }
        overall = _delayed(overall, recordings, everything, zero_phase)
    free = [s for s in everything if not len(s.truth.blinks)]
    return Row(NAME, "as it comes", True, figures, overall, _summed(recordings, free) if free else None)


def _delayed(
    figures: Figures,
    recordings: Mapping[str, Mapping[str, Any]],
    signals: Sequence[LabelledSignal],
    zero_phase: Sequence[str],
) -> Figures:
    """The figures with the delays of recordings that no filter has shifted alone; None where they are not told."""
    told = [recordings.get(s.name, {}).get("delays_ms") for s in signals if s.set not in zero_phase]
    changed: dict[str, float | int | None] = dict(figures)
    for name in delays(Score()):
        at_ms = [] if None in told else [at for one in told if one is not None for at in one[name]]
        for key, share in (("median", 0.5), ("p95", 0.95)):
            changed[f"{name}_{key}_ms"] = quantile(at_ms, share) if at_ms else None
    return changed


def _summed(recordings: Mapping[str, Mapping[str, Any]], signals: Sequence[LabelledSignal]) -> Figures | None:
    """Counts of the recordings, without delays; None where one of them is not told of."""
    if not all(s.name in recordings for s in signals):
        return None
    rows = [recordings[s.name] for s in signals]
    counts = (Score(row["hits"], row["misses"], row["false_alarms"], scored_s=60.0 * row["minutes"]) for row in rows)
    return add(counts).to_dict()


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
