"""Recordings with blinks of which everything is known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from nictate.comparison.material import AROUND_BLINK_S, Material, Signals
from nictate.profile import USUAL, Profile
from nictate.signals import FloatArray, Montage
from nictate.simulate import Simulator

RATE_HZ = 128.0


@dataclass(frozen=True, slots=True)
class Made:
    """A recording, and what the eyes put into it."""

    material: Material
    blinks_uv: FloatArray
    """(n, channels) what the blinks put into the channels."""
    lid: FloatArray
    """(n, 1) what the lid does, in µV at Fp1."""
    map: FloatArray
    """(channels,) of the blinks."""
    spans: FloatArray
    """(blinks, 3) onset, peak and end in s."""


@cache
def made(seconds: float = 60.0, seed: int = 1, profile: Profile = USUAL) -> Made:
    """The 19 channels of the 10-20 system."""
    simulator = Simulator("standard_1020", RATE_HZ, seed=seed, profile=profile)
    simulated = simulator.pull_with_sources(round(seconds * RATE_HZ))
    simulator.pull(round(5.0 * RATE_HZ))  # Of a blink that is still going on nothing is told.
    told = [(e.onset, e.peak, e.end) for e in simulator.blinks() if e.onset < seconds]
    spans = np.array(told, dtype=np.float64).reshape(-1, 3)
    before, after = AROUND_BLINK_S
    material = Material(
        name="made",
        signals=Signals(
            montage=simulator.montage,
            samples=simulated.block.samples,
            frontal=simulator.montage.frontal,
            eog_names=(),
            eog=np.empty((len(simulated.block), 0)),
        ),
        peaks=spans[:, 1],
        busy=np.column_stack((spans[:, 0] - before, spans[:, 2] + after)),
        told_by="labels",
    )
    column = simulator.source_names.index("blink")
    lid, mixing = simulated.sources[:, [column]], simulator.mixing[:, column]
    return Made(material, lid * mixing, lid, mixing, spans)


def noise(seconds: float, channels: int = 4, peaks: int = 0) -> Material:
    """White noise of 10 µV, with so many moments that are called blinks; half of the channels are frontal."""
    samples = 10.0 * np.random.default_rng(0).standard_normal((round(seconds * RATE_HZ), channels))
    montage = Montage(tuple(f"c{k}" for k in range(channels)), RATE_HZ)
    frontal = tuple(range(channels // 2))
    at = np.linspace(1.0, seconds - 1.0, peaks)
    signals = Signals(montage, samples, frontal, (), np.empty((len(samples), 0)))
    return Material("noise", signals, at, np.empty((0, 2)), "labels")


def with_eog(of: Made, eog: FloatArray) -> Signals:
    names = tuple(f"EOG{k}" for k in range(eog.shape[1]))
    return replace(of.material.signals, eog=eog, eog_names=names)


def alike(a: FloatArray, b: FloatArray) -> float:
    """Cosine of two maps, whatever their signs."""
    return abs(float(a @ b)) / float(np.linalg.norm(a) * np.linalg.norm(b))
