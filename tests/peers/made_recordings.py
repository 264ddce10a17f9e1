"""Recordings of people who blink clearly, and stand-ins of peers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nictate.peers.peer import Found, PeerError
from nictate.profile import Profile
from nictate.signals import FloatArray, Montage
from nictate.simulate import Simulator
from nictate.training.corpus import LabelledSignal
from nictate.training.evaluate import Truth
from nictate.training.scores import Score

CLEAR = Profile(
    blinks_per_min=24,
    double_share=0.0,
    half_share=0.0,
    long_share=0.0,
    saccades_per_min=0.0,
    muscle_per_min=0.0,
    pops_per_min=0.0,
    movements_per_min=0.0,
)
RATE_HZ = 128.0


def person(seed: int, *, lasting_s: float = 40.0, of: str = "made", profile: Profile = CLEAR) -> LabelledSignal:
    simulator = Simulator(["Fp1", "Fp2"], RATE_HZ, seed=seed, profile=profile)
    block = simulator.pull(round(lasting_s * RATE_HZ))
    simulator.pull(round(5.0 * RATE_HZ))  # Of a blink that is still going on nothing is told.
    told = [(b.onset, b.peak, b.end) for b in simulator.blinks() if b.end < lasting_s]
    truth = Truth(np.array(told, dtype=np.float64).reshape(-1, 3), np.empty((0, 2)), lasting_s)
    return labelled(f"sub-{seed}", of, block.samples, simulator.montage, truth)


def labelled(name: str, of: str, samples: FloatArray, montage: Montage, truth: Truth) -> LabelledSignal:
    return LabelledSignal(
        name=f"{of}/{name}_eeg.fif",
        set=of,
        subject=f"{of}/{name}",
        licence="CC0",
        montage=montage,
        samples=samples.astype(np.float32),
        times=np.arange(len(samples)) / montage.rate_hz,
        truth=truth,
        polarity=1.0,
    )


def scored(hits: int, misses: int, false_alarms: int) -> Score:
    """Of half a minute, with one measured delay."""
    return Score(hits, misses, false_alarms, 30.0, start_latency_s=(0.08,), blink_latency_s=(0.5,))


def flipped(s: LabelledSignal) -> LabelledSignal:
    return replace(s, samples=-s.samples)


def channel(s: LabelledSignal) -> FloatArray:
    """(n,) the mean of the channels in µV."""
    return s.samples.astype(np.float64).mean(axis=1)


@dataclass(frozen=True, slots=True)
class Above:
    """Finds the highest sample of each stretch over a level in µV; fails on whatever exceeds 1 V."""

    settings: tuple[float, ...] = (20.0, 80.0, 1e5)
    default: float | None = 1e5
    name: str = "above"
    causal: bool = False

    def find(self, x: FloatArray, rate_hz: float, settings: Sequence[float]) -> list[Found]:
        if np.abs(x).max() > 1e6:
            raise PeerError(f"too large at {rate_hz:g} Hz")
        found = []
        for level in settings:
            edges = np.flatnonzero(np.diff((x > level).astype(int), prepend=0, append=0)).reshape(-1, 2)
            found.append(Found(np.array([a + x[a:b].argmax() for a, b in edges], dtype=np.float64)))
        return found
