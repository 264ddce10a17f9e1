"""What happens when: blinks, saccades, muscle bursts, pops and movements as renewal processes without end.

`blinks`, `saccades`, `bursts`, `pops` and `movements` draw one kind of event each, from a generator of random numbers
of its own, in order and as far into the future as they are asked. A `Timeline` asks as far as the stream has come, and
forgets what has passed. Times are in s from the start of the stream.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, Literal, TypeVar

import numpy as np

from nictate.head import MUSCLES
from nictate.profile import SHORTEST_PAUSE_S, Profile
from nictate.waveforms import saccade_duration_s

BlinkKind = Literal["blink", "half", "double", "long"]


@dataclass(frozen=True, slots=True)
class Lid:
    """A blink; each of the two of a double is one of its own."""

    kind: BlinkKind
    onset: float
    closing_s: float
    hold_s: float
    reopening_s: float
    height_uv: float
    """At Fp1 against linked ears."""
    end: float
    """As it is told: when the lid is open, or when the second blink of a double begins."""

    @property
    def over(self) -> float:
        """When nothing of it is left; all events have this."""
        return self.onset + self.closing_s + self.hold_s + self.reopening_s


@dataclass(frozen=True, slots=True)
class Saccade:
    """A jump of the gaze."""

    onset: float
    axis: Literal[0, 1]
    """Horizontal or vertical."""
    step_deg: float
    """To the right or up."""
    duration_s: float

    @property
    def over(self) -> float:
        return self.onset + self.duration_s


@dataclass(frozen=True, slots=True)
class Burst:
    """A contraction of a muscle."""

    number: int
    """How many came before it, which makes its waveform its own."""
    onset: float
    muscle: int
    """Which of `nictate.head.MUSCLES`."""
    duration_s: float
    rms_uv: float
    """Where it is largest."""

    @property
    def over(self) -> float:
        return self.onset + self.duration_s


@dataclass(frozen=True, slots=True)
class Pop:
    """An electrode that loses its contact for a moment."""

    onset: float
    where: float
    """Which electrode: 0 is the first, just below 1 the last, so that pops come alike on any number of channels."""
    height_uv: float
    """Of either sign."""
    decay_s: float

    @property
    def over(self) -> float:
        return self.onset + 15 * self.decay_s  # 0.05 µV of 150 mV: no step is seen where it is dropped


@dataclass(frozen=True, slots=True)
class Movement:
    """A movement of head or cable, which sways all electrodes, each its own way."""

    number: int
    """How many came before it, which makes its waveform its own."""
    onset: float
    duration_s: float
    swings_hz: float
    height_uv: float
    """Of a median electrode."""

    @property
    def over(self) -> float:
        return self.onset + self.duration_s


def _log_normal(rng: np.random.Generator, mean: float, cv: float) -> float:
    variance = math.log1p(cv**2)
    return float(rng.lognormal(math.log(mean) - variance / 2, math.sqrt(variance)))


def _pause(rng: np.random.Generator, mean_s: float, cv: float) -> float:
    return SHORTEST_PAUSE_S / 2 + _log_normal(rng, mean_s - SHORTEST_PAUSE_S / 2, cv)


def blinks(profile: Profile, rng: np.random.Generator) -> Iterator[Lid]:
    """Blinks without end, in order; only those of a double may overlap."""
    if profile.blinks_per_min == 0 or profile.blink_amplitude_uv == 0:
        return
    now = rng.uniform() * _pause(rng, profile.mean_pause_s, profile.blink_interval_cv)
    kinds: tuple[BlinkKind, ...] = ("half", "double", "long", "blink")
    shares = np.cumsum([profile.half_share, profile.double_share, profile.long_share])

    def lid(kind: BlinkKind, onset: float, lasting_s: float | None = None) -> Lid:
        closing_s, reopening_s = rng.uniform(*profile.closing_s), rng.uniform(*profile.reopening_s)
        hold_s = 0.0 if lasting_s is None else lasting_s - closing_s - reopening_s
        spread = float(np.clip(rng.lognormal(0.0, profile.blink_amplitude_spread), 0.5, 1.6))
        height_uv = profile.blink_amplitude_uv * spread * (rng.uniform(0.3, 0.55) if kind == "half" else 1.0)
        end = onset + closing_s + hold_s + reopening_s
        return Lid(kind, onset, closing_s, hold_s, reopening_s, height_uv, end)

    while True:
        kind = kinds[int(np.searchsorted(shares, rng.uniform(), side="right"))]
        last = lid(kind, now, rng.uniform(*profile.long_s) if kind == "long" else None)
        if kind == "double":
            second = lid("double", 0.0)
            onset = now + last.closing_s + rng.uniform(*profile.double_s) - second.closing_s
            yield replace(last, end=min(last.end, onset))
            last = replace(second, onset=onset, end=onset + second.end)
        yield last
        now = last.over + _pause(rng, profile.mean_pause_s, profile.blink_interval_cv)


def saccades(profile: Profile, rng: np.random.Generator) -> Iterator[Saccade]:
    """Saccades without end, in order, one after the other."""
    if profile.saccades_per_min == 0 or profile.gaze_deg == 0:
        return
    spread_deg = (profile.gaze_deg, 0.6 * profile.gaze_deg)
    gaze = [0.0, 0.0]
    # There-and-back counts twice, and takes half a second on average.
    there_and_back = profile.saccade_return_share
    mean_s = 60 * (1 + there_and_back) / profile.saccades_per_min - 0.5 * there_and_back
    now = rng.uniform() * _pause(rng, mean_s, 0.8)
    while True:
        axis: Literal[0, 1] = 0 if rng.uniform() < 0.6 else 1
        target = float(np.clip(rng.normal(0, spread_deg[axis]), -3 * spread_deg[axis], 3 * spread_deg[axis]))
        step = target - gaze[axis]
        if abs(step) < 1.0:  # smaller ones are microsaccades, which EEG shows otherwise
            step = math.copysign(1.0, -gaze[axis])
        saccade = Saccade(now, axis, step, saccade_duration_s(step))
        yield saccade
        gaze[axis] += step
        if rng.uniform() < there_and_back:
            saccade = Saccade(saccade.over + rng.uniform(0.2, 0.8), axis, -step, saccade.duration_s)
            yield saccade
            gaze[axis] -= step
        now = saccade.over + _pause(rng, mean_s, 0.8)


def bursts(profile: Profile, rng: np.random.Generator) -> Iterator[Burst]:
    """Muscle bursts without end, in order."""
    if profile.muscle_per_min == 0 or profile.muscle_uv == 0:
        return
    now, number = 0.0, 0
    while True:
        now += _log_normal(rng, 60 / profile.muscle_per_min, 1.0)
        rms_uv = profile.muscle_uv * float(np.clip(rng.lognormal(0, 0.5), 0.2, 5))
        yield Burst(number, now, int(rng.integers(len(MUSCLES))), rng.uniform(*profile.muscle_s), rms_uv)
        number += 1


def pops(profile: Profile, rng: np.random.Generator) -> Iterator[Pop]:
    """Electrode pops without end, in order."""
    if profile.pops_per_min == 0 or profile.pop_uv == 0:
        return
    now = 0.0
    while True:
        now += _log_normal(rng, 60 / profile.pops_per_min, 1.0)
        sign = 1.0 if rng.uniform() < 0.5 else -1.0
        height_uv = sign * profile.pop_uv * float(np.clip(rng.lognormal(0, 0.6), 0.2, 5))
        yield Pop(now, rng.uniform(), height_uv, rng.uniform(0.1, 0.8))


def movements(profile: Profile, rng: np.random.Generator) -> Iterator[Movement]:
    """Movements without end, in order."""
    if profile.movements_per_min == 0 or profile.movement_uv == 0:
        return
    now, number = 0.0, 0
    while True:
        now += _log_normal(rng, 60 / profile.movements_per_min, 1.0)
        height_uv = profile.movement_uv * float(np.clip(rng.lognormal(0, 0.5), 0.2, 5))
        yield Movement(number, now, rng.uniform(0.8, 4.0), rng.uniform(0.3, 2.0), height_uv)
        number += 1


Event = Lid | Saccade | Burst | Pop | Movement

_E = TypeVar("_E", bound=Event)


class Timeline(Generic[_E]):
    """Events of one kind: drawn when the stream comes near, told once, forgotten when it has left them."""

    def __init__(self, events: Iterator[_E], tell: Callable[[_E], None]) -> None:
        self._events = events
        self._tell = tell
        self._near: list[_E] = []

    def between(self, begin: float, end: float) -> list[_E]:
        """The events that touch [begin, end); `begin` never decreases."""
        self._near = [event for event in self._near if event.over > begin]
        while not self._near or self._near[-1].onset < end:
            event = next(self._events, None)
            if event is None:
                break
            self._tell(event)
            self._near.append(event)
        return [event for event in self._near if event.onset < end]
