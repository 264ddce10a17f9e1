"""A simulated headset that knows the truth: EEG with blinks, from named sources through a model of the head.

`Simulator` streams blocks of samples, any number at a time and for as long as one likes, together with what is true of
them: when each blink began, peaked and ended, what each source did, and how the sources mix into the channels. The same
seed gives the same samples, however they are pulled.

What it is made of, each usable alone: `nictate.electrodes` (where they are), `nictate.head` (what they see of each
source), `nictate.waveforms` (the shapes of events), `nictate.profile` (what to simulate), `nictate.scenario` (what
happens when) and `nictate.background` (what never stops).
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nictate import scenario
from nictate.background import Cortex, ElectrodeNoise
from nictate.electrodes import channel_names, reference_channel
from nictate.head import MUSCLES, place_sources
from nictate.profile import USUAL, Profile
from nictate.scenario import BlinkKind, Burst, Event, Lid, Movement, Pop, Saccade, Timeline
from nictate.signals import Block, ConfigError, FloatArray, Montage
from nictate.waveforms import blink_waveform, movement_waveform, muscle_burst, pop_waveform, saccade_waveform


@dataclass(frozen=True, slots=True)
class TrueBlink:
    """A blink that was simulated. Times in s on the stream's clock."""

    kind: BlinkKind
    """Each of the two blinks of a double is one of its own, of kind ``double``."""
    onset: float
    """When the lid begins to close."""
    peak: float
    """When the deflection is largest."""
    end: float
    """When the deflection is over, or when the second blink of a double begins."""
    amplitude_uv: float
    """Deflection at the peak in µV, signed, at the channel where blinks are largest."""


@dataclass(frozen=True, slots=True)
class TrueEvent:
    """Something else that was simulated. Times in s on the stream's clock."""

    kind: Literal["saccade", "muscle", "pop", "movement"]
    onset: float
    end: float
    """When it is over; for a saccade when the eyes have arrived, for a pop when 5 % of it is left."""
    site: str
    """``horizontal`` or ``vertical``, the name of the muscle's source, the pop's channel, or ``all``."""


Truth = TrueBlink | TrueEvent

TRUTH_KEPT = 10_000
"""So many of the latest events are remembered: four hours and more of the default profile, less than 3 MB."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """Samples with what they are made of: ``block.samples == sources @ mixing.T + noise``, to rounding."""

    block: Block
    sources: FloatArray
    """(n, sources) in the units of `Simulator.mixing`."""
    noise: FloatArray
    """(n, channels) in µV, referenced: what single electrodes add (noise, drift, mains, pops, movements, offsets)."""


# What the random numbers are for; with the seed and a count they start a generator.
_FOR_SCENE, _FOR_EVENTS, _FOR_CORTEX, _FOR_NOISE, _FOR_BURST, _FOR_PAST, _FOR_MOVEMENT = range(7)


class Simulator:
    """A headset that streams simulated EEG and knows the truth about it.

    Samples are rendered in chunks of about 1 s, whose random numbers depend on the seed and the chunk's
    number alone, and are cut out of these: any cutting gives the same bits. Events are drawn from generators
    of their own, so that blinks, saccades, bursts and pops come at the same times at any rate and with any
    channels. Memory does not grow: a chunk, the events that touch it, and the last `TRUTH_KEPT` events for
    `truth`.

    Parameters: `montage` as for `channel_names`; `rate_hz`; `seed` from 0; `profile`; `start_s`, the time of
    the first sample. Raises `ConfigError` when one of them cannot be.
    """

    montage: Montage
    """Names, rate and reference."""
    source_names: tuple[str, ...]
    """``blink``, ``gaze-horizontal``, ``gaze-vertical``, three muscles, three of alpha, ``cortex-1`` ..."""
    mixing: FloatArray
    """(channels, sources): µV for each unit of a source. That of ``blink`` is 1 µV at Fp1 against linked
    ears, that of gaze 1 degree (right, up), that of all others 1 µV at the place of the 10-10 system where
    the source is largest."""

    def __init__(
        self,
        montage: int | str | Sequence[str] = "standard_1020",
        rate_hz: float = 250.0,
        *,
        seed: int = 0,
        profile: Profile = USUAL,
        start_s: float = 0.0,
    ) -> None:
        if isinstance(rate_hz, bool) or not isinstance(rate_hz, int | float | np.number):
            raise ConfigError(f"rate_hz = {rate_hz!r}: a number is needed")
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
            raise ConfigError(f"seed = {seed!r}: a whole number from 0 is needed")
        if not math.isfinite(start_s):
            raise ConfigError(f"start_s = {start_s!r}: a finite time is needed")
        self.montage = Montage(channel_names(montage), float(rate_hz), reference=profile.reference)
        self.profile = profile
        self._seed = int(seed)
        self._start_s = float(start_s)
        self._sign = -1.0 if profile.inverted else 1.0
        names = self.montage.names
        self._reference = reference_channel(names, profile.reference)

        sources = place_sources(names, profile, self._rng(_FOR_SCENE, 0))
        self.source_names = sources.names
        self.mixing = self._sign * sources.mixing
        self.mixing.flags.writeable = False
        blink = self.mixing[:, 0]
        self._blink_at_largest = float(blink[np.argmax(np.abs(blink))])

        self._pulled = 0
        self._length = round(self.montage.rate_hz)
        self._chunk: tuple[FloatArray, FloatArray, FloatArray]
        self._record: list[Truth] = []
        self._lids = Timeline(scenario.blinks(profile, self._rng(_FOR_EVENTS, 0)), self._tell)
        self._saccades = Timeline(scenario.saccades(profile, self._rng(_FOR_EVENTS, 1)), self._tell)
        self._bursts = Timeline(scenario.bursts(profile, self._rng(_FOR_EVENTS, 2)), self._tell)
        self._pops = Timeline(scenario.pops(profile, self._rng(_FOR_EVENTS, 3)), self._tell)
        self._movements = Timeline(scenario.movements(profile, self._rng(_FOR_EVENTS, 4)), self._tell)
        self._gaze_deg = np.zeros(2)
        self._cortex = Cortex(profile, sources, self.montage.rate_hz, self._rng(_FOR_PAST, 0))
        self._electrodes = ElectrodeNoise(
            profile, len(names), self.montage.rate_hz, self._length, self._rng(_FOR_SCENE, 1)
        )

    def pull(self, n: int) -> Block:
        """The next `n` samples, also none; sample k of the stream has the time ``start_s + k / rate_hz``.

        Raises `ConfigError` when `n` is not a whole number from 0.
        """
        return self.pull_with_sources(n).block

    def pull_with_sources(self, n: int) -> Simulated:
        """As `pull`, with the activity of the sources and the electrodes' own noise in the same samples."""
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 0:
            raise ConfigError(f"{n!r} samples: a whole number from 0 is needed")
        n = int(n)  # a narrow integer of NumPy's would overflow
        samples = np.empty((n, len(self.montage.names)))
        sources = np.empty((n, len(self.source_names)))
        noise = np.empty_like(samples)
        pulled = samples, sources, noise
        done = 0
        while done < n:
            number, at = divmod(self._pulled, self._length)
            if at == 0:
                self._chunk = self._render(number)
            take = min(n - done, self._length - at)
            for whole, chunk in zip(pulled, self._chunk, strict=True):
                whole[done : done + take] = chunk[at : at + take]
            self._pulled += take
            done += take
        times = self._start_s + np.arange(self._pulled - n, self._pulled) / self.montage.rate_hz
        return Simulated(Block(samples, times), sources, noise)

    def truth(self, since_s: float = -math.inf, until_s: float = math.inf) -> list[Truth]:
        """What ended within [since_s, until_s) of the samples pulled so far, in the order of the ends.

        Each event belongs to one instant, its end, so that adjoining ranges tell each event once. An event
        that is still going on is told later. Only the last `TRUTH_KEPT` events are known: ask in time when
        the stream is long.
        """
        until_s = min(until_s, self._start_s + self._pulled / self.montage.rate_hz)
        first, last = (bisect_left(self._record, limit_s, key=_end) for limit_s in (since_s, until_s))
        return self._record[first:last]

    def blinks(self, since_s: float = -math.inf, until_s: float = math.inf) -> list[TrueBlink]:
        """The blinks of `truth`."""
        return [event for event in self.truth(since_s, until_s) if isinstance(event, TrueBlink)]

    def _rng(self, purpose: int, number: int) -> np.random.Generator:
        return np.random.default_rng((self._seed, purpose, number))

    def _tell(self, event: Event) -> None:
        """Remembers what is true of an event; called once for each, when it is drawn."""
        start = self._start_s
        onset = start + event.onset
        truth: Truth
        match event:
            case Lid():
                amplitude_uv = event.height_uv * self._blink_at_largest
                truth = TrueBlink(event.kind, onset, onset + event.closing_s, start + event.end, amplitude_uv)
            case Saccade():
                truth = TrueEvent("saccade", onset, start + event.over, ("horizontal", "vertical")[event.axis])
            case Burst():
                truth = TrueEvent("muscle", onset, start + event.over, tuple(MUSCLES)[event.muscle])
            case Pop():
                site = self.montage.names[self._channel_of(event)]
                truth = TrueEvent("pop", onset, onset + 3 * event.decay_s, site)
            case Movement():
                truth = TrueEvent("movement", onset, start + event.over, "all")
        insort(self._record, truth, key=_end)
        if len(self._record) > TRUTH_KEPT:
            del self._record[0]

    def _channel_of(self, pop: Pop) -> int:
        return int(pop.where * len(self.montage.names))

    # Rendering. What is carried from chunk to chunk is the gaze, and what the background carries.

    def _render(self, number: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Samples (n, channels), sources (n, sources) and noise (n, channels) of a chunk; each is rendered once."""
        first = number * self._length
        t = np.arange(first, first + self._length) / self.montage.rate_hz
        end = (first + self._length) / self.montage.rate_hz
        lid, closed = self._render_lids(t, end)
        gaze = self._render_gaze(t, end)
        muscles = self._render_muscles(t, end)
        cortex = self._cortex.render(closed, self._rng(_FOR_CORTEX, number))
        sources = np.column_stack([lid, gaze, muscles, cortex])
        noise = self._electrodes.render(t, self._rng(_FOR_NOISE, number))
        for pop in self._pops.between(t[0], end):
            noise[:, self._channel_of(pop)] += pop.height_uv * pop_waveform(t - pop.onset, pop.decay_s)
        for movement in self._movements.between(t[0], end):
            noise += self._render_movement(t, movement)
        if self.profile.reference == "average":
            noise -= noise.mean(axis=1, keepdims=True)
        elif self._reference is not None:
            noise -= noise[:, [self._reference]]
        noise *= self._sign
        return sources @ self.mixing.T + noise, sources, noise

    def _render_movement(self, t: FloatArray, movement: Movement) -> FloatArray:
        """What a movement adds to each electrode (n, channels) in µV, each time the same."""
        rng = self._rng(_FOR_MOVEMENT, movement.number)
        n = len(self.montage.names)
        phase, height = rng.uniform(0.0, 2 * np.pi, n), movement.height_uv * rng.normal(0.0, 1.5, n)
        wave = movement_waveform((t - movement.onset)[:, np.newaxis], movement.duration_s, movement.swings_hz, phase)
        return height * wave

    def _render_lids(self, t: FloatArray, end: float) -> tuple[FloatArray, FloatArray]:
        """The lid's deflection (n,) in µV at Fp1, and where it stays closed (n,) in 0 to 1."""
        lid, closed = np.zeros_like(t), np.zeros_like(t)
        for event in self._lids.between(t[0], end):
            shape = blink_waveform(t - event.onset, event.closing_s, event.reopening_s, event.hold_s)
            # Two blinks of a double may meet before the lid is open: it is where the lower of them has it.
            np.maximum(lid, event.height_uv * shape, out=lid)
            if event.hold_s > 0:
                closed[(t >= event.onset + event.closing_s) & (t < event.over)] = 1.0
        return lid, closed

    def _render_gaze(self, t: FloatArray, end: float) -> FloatArray:
        """Where the eyes look (n, 2) in degrees to the right and up."""
        gaze = np.tile(self._gaze_deg, (len(t), 1))
        for event in self._saccades.between(t[0], end):
            gaze[:, event.axis] += event.step_deg * saccade_waveform(t - event.onset, event.duration_s)
            if event.over <= end:
                self._gaze_deg[event.axis] += event.step_deg
        return gaze

    def _render_muscles(self, t: FloatArray, end: float) -> FloatArray:
        """Activity of the muscles (n, 3) in µV."""
        rate_hz = self.montage.rate_hz
        activity = np.zeros((len(t), len(MUSCLES)))
        for burst in self._bursts.between(t[0], end):
            # Drawn anew for each chunk that it touches, and the same each time.
            wave = burst.rms_uv * muscle_burst(burst.duration_s, rate_hz, self._rng(_FOR_BURST, burst.number))
            offset = math.ceil(burst.onset * rate_hz) - round(t[0] * rate_hz)
            begin, stop = max(0, offset), min(len(t), offset + len(wave))
            activity[begin:stop, burst.muscle] += wave[begin - offset : stop - offset]
        return activity


def _end(event: Truth) -> float:
    return event.end
