"""Saccades that are not blinks: people who read and who drive, simulated, with blinks and without.

A jump of the gaze is a step in the EEG, and behind a high-pass a step rises as fast as a blink and decays. What it
takes to be told from one is measured here, on scripts of half an hour: readers jump along lines and sweep back to the
next, drivers glance at mirrors and instruments and back at the road. Steps are of 20 to 200 µV where they are largest.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nictate.card import ModelCard
from nictate.detector import Network
from nictate.profile import Profile
from nictate.signals import FloatArray
from nictate.simulate import Simulator
from nictate.training.corpus import LabelledSignal
from nictate.training.heard import Heard, listen
from nictate.training.judge import Judged, judge
from nictate.training.scores import Score, add
from nictate.training.unmixed import labelled
from nictate.waveforms import saccade_duration_s, saccade_waveform

RATE_HZ = 250.0
LASTING_S = 1800.0
SMALLEST_UV, LARGEST_UV = 20.0, 200.0
AXES = ("horizontal", "vertical")
TO_CHOOSE_BY = (1, 2, 3, 4)
"""Seeds of the people that thresholds are chosen by. Those that are judged by are of seed 0."""
WIDEST_DEG = 40.0
"""Saccades of more µV than this many degrees would give last no longer."""

Jump = tuple[float, float, float]
"""When (s), and by how much to the right and up (µV at the channel where it is largest)."""


def reading(rng: np.random.Generator) -> Iterator[Jump]:
    """Lines of some jumps to the right, a sweep back and down, and after the last line a jump to the page's top."""
    now = 1.0
    while True:
        lines = int(rng.integers(6, 10))
        for line in range(lines):
            right = 0.0
            for _ in range(int(rng.integers(5, 10))):
                step = rng.uniform(SMALLEST_UV, 40.0)
                if right + step > LARGEST_UV:
                    break
                yield now, step, 0.0
                right += step
                now += float(np.clip(rng.lognormal(math.log(0.24), 0.3), 0.12, 0.8))
            yield now, -right, -SMALLEST_UV if line < lines - 1 else SMALLEST_UV * (lines - 1)
            now += rng.uniform(0.2, 0.4)


def driving(rng: np.random.Generator) -> Iterator[Jump]:
    """Glances at the instruments (down), at the mirrors (aside and up), or about, and back at the road."""
    now = 1.0
    while True:
        size = float(np.exp(rng.uniform(math.log(SMALLEST_UV), math.log(LARGEST_UV))))
        side = float(rng.choice([-1.0, 1.0]))
        kind = rng.random()
        if kind < 0.4:
            right, up = 0.0, -size
        elif kind < 0.7:
            right, up = side * size, 0.2 * size
        else:
            right, up = side * min(size, 60.0), 0.0
        yield now, right, up
        now += rng.uniform(0.3, 1.0)
        yield now, -right, -up
        now += rng.uniform(0.5, 2.5)


SCRIPTS: dict[str, Callable[[np.random.Generator], Iterator[Jump]]] = {"reading": reading, "driving": driving}


def scripted(script: str, *, blinking: bool, lasting_s: float = LASTING_S, seed: int = 0) -> LabelledSignal:
    """A simulated person who does what the script says; an empty one looks straight ahead.

    The blinks of a seed are the same with every script, and so is all else that is not gaze.
    """
    profile = Profile(saccades_per_min=0.0, blinks_per_min=15.0 if blinking else 0.0)
    simulator = Simulator(("Fp1", "Fp2"), RATE_HZ, seed=seed, profile=profile)
    signal = labelled(simulator, lasting_s, "gaze", f"{script or 'straight'}-{'blinks' if blinking else 'none'}")
    if not script:
        return signal
    moved = _moved(simulator, SCRIPTS[script](np.random.default_rng((seed, len(script)))), signal.times)
    return dataclasses.replace(signal, samples=signal.samples + moved.astype(np.float32))


def _moved(simulator: Simulator, jumps: Iterator[Jump], times: FloatArray) -> FloatArray:
    """What the gaze adds to the samples (n, channels), in µV."""
    seen = np.stack([simulator.mixing[:, simulator.source_names.index(f"gaze-{axis}")] for axis in AXES])
    largest = np.abs(seen).max(axis=1)
    path, arrived = np.zeros((len(times), 2)), np.zeros((len(times) + 1, 2))
    for at, *steps in jumps:
        if at > times[-1]:
            break
        for axis, step_uv in enumerate(steps):
            duration_s = saccade_duration_s(min(abs(step_uv) / float(largest[axis]), WIDEST_DEG))
            first, last = np.searchsorted(times, (at, at + duration_s))
            path[first:last, axis] += step_uv * saccade_waveform(times[first:last] - at, duration_s)
            arrived[last, axis] += step_uv
    return np.asarray((path + np.cumsum(arrived[:-1], axis=0)) @ (seen / largest[:, np.newaxis]))


def lookers(card: ModelCard, network: Network, lasting_s: float) -> list[Heard]:
    """What a network says of people who look about, each for so long, some of whom blink: to choose thresholds by.

    Nobody in the recordings that there are reads or drives. Others than those whom `gazing` judges by. None for 0 s.
    """
    if lasting_s <= 0.0:
        return []
    return [
        listen(card, network, scripted(script, blinking=blinking, lasting_s=lasting_s, seed=seed))
        for seed in TO_CHOOSE_BY
        for script in SCRIPTS
        for blinking in (False, True)
    ]


@dataclass(frozen=True, slots=True)
class Gazing:
    """How a script is told from blinks."""

    script: str
    false_per_minute: float
    """Without blinks."""
    false_among_blinks_per_minute: float
    """The same in somebody who blinks: once it is known what the blinks are like, saccades may be taken for them."""
    recall: float
    """Of the blinks between the saccades."""
    recall_still: float
    """Of the same blinks without them."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "script": self.script,
            "false_alarms_per_minute": self.false_per_minute,
            "false_alarms_among_blinks_per_minute": self.false_among_blinks_per_minute,
            "recall": self.recall,
            "recall_without_saccades": self.recall_still,
        }


def gazing(
    judged: Sequence[Judged],
    skip_s: tuple[float, float],
    lasting_s: float = LASTING_S,
    advance: Callable[[float, str], None] = lambda *_: None,
) -> list[Gazing]:
    """Each script, heard by every network, their counts added up; ``advance`` hears shares of the whole."""

    def heard(script: str, blinking: bool) -> Score:
        signal = scripted(script, blinking=blinking, lasting_s=lasting_s)
        scores = []
        for one in judged:
            scores.append(judge(one.card, one.network, [signal], skip_s).overall)
            advance(1.0 / ((1 + 2 * len(SCRIPTS)) * len(judged)), signal.name)
        return add(scores)

    still = heard("", True)
    rows = []
    for script in SCRIPTS:
        calm, busy = heard(script, False), heard(script, True)
        rows.append(Gazing(script, calm.false_per_minute, busy.false_per_minute, busy.recall, still.recall))
    return rows
