"""The nouns of nictate: what a stream says of itself, a stretch of samples, and a blink.

Everything that travels between the stages is a frozen dataclass. Arrays inside them are never written to by whoever
receives them. Amplitudes are in µV, times in seconds on the stream's own clock, arrays are ``(samples, channels)``.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
"""Signals, everywhere up to the network's door."""

BoolArray = npt.NDArray[np.bool_]

RATES_HZ = (99.0, 2100.0)
"""Nominal rates that are served: 100 to 2000 Hz, with some room for what devices really deliver (99.6, 2048)."""

MAX_CHANNELS = 256


class ConfigError(Exception):
    """The operator asked for something that cannot be done; the message says what to change, in one line."""


class StreamError(Exception):
    """The source (stream or file) is not what it should be; the message says what is wrong with it, in one line."""


@dataclass(frozen=True, slots=True)
class Montage:
    """What a stream or a file says about its channels.

    Raises `ConfigError` when the channels or the rate are outside what nictate serves.
    """

    names: tuple[str, ...]
    """One label a channel, as the maker wrote it. Not trusted: may be any text."""
    rate_hz: float
    """Sampling rate in Hz, nominal or measured; need not be whole."""
    kinds: tuple[str, ...] = ()
    """``"eeg"``, ``"eog"``, ``"misc"`` ... one a channel, lower case; empty means all are EEG."""
    reference: str = ""
    """The reference as the maker wrote it; empty when unknown."""

    def __post_init__(self) -> None:
        if not self.names:
            raise ConfigError("no channels: a montage needs at least one")
        if len(self.names) > MAX_CHANNELS:
            raise ConfigError(f"{len(self.names)} channels: at most {MAX_CHANNELS} are served")
        if self.kinds and len(self.kinds) != len(self.names):
            raise ConfigError(f"{len(self.kinds)} channel kinds for {len(self.names)} channels")
        if not (math.isfinite(self.rate_hz) and RATES_HZ[0] <= self.rate_hz <= RATES_HZ[1]):
            raise ConfigError(f"a rate of {self.rate_hz:g} Hz: 100 to 2000 Hz are served")

    @property
    def eeg(self) -> tuple[int, ...]:
        """Indices of the channels that are EEG (all, when the kinds are unknown)."""
        if not self.kinds:
            return tuple(range(len(self.names)))
        return tuple(i for i, kind in enumerate(self.kinds) if kind == "eeg")

    @property
    def rings(self) -> tuple[tuple[int, ...], ...]:
        """Indices of the EEG channels in each of `FRONTAL_RINGS`, nearest to the eyes first; any may be empty."""
        ranks = [(i, frontal_rank(self.names[i])) for i in self.eeg]
        return tuple(tuple(i for i, rank in ranks if rank == ring) for ring in range(len(FRONTAL_RINGS)))

    @property
    def frontal(self) -> tuple[int, ...]:
        """Indices of the EEG channels whose name is known as frontal, nearest to the eyes first; may be empty."""
        nearest = next((k for k, ring in enumerate(self.rings) if ring), None)
        # F3 is of use where nothing is nearer to the eyes, and only dilutes Fp1 where there is.
        return self._on_egi_net(EGI_FRONTAL) if nearest is None else sum(self.rings[nearest : nearest + 2], ())

    @property
    def blink_channels(self) -> tuple[int, ...]:
        """Indices of the EEG channels that are known to show blinks; may be empty.

        The frontal ones. But what is seen is a difference: against a reference at Fp1, Fpz or Fp2 it is the channels
        far from it that show blinks, downwards, and those near it show little. Then it is all of them, but for inputs
        that are called AUX, which may be anything. A Muse has its reference at Fpz, which its streams do not say.
        """
        placed = tuple(i for i in self.eeg if "AUX" not in self.names[i].upper())
        is_muse = {"-".join(_electrodes(self.names[i])) for i in placed} in MUSES
        reference = self.reference or ("Fpz" if is_muse else "")
        return placed if frontal_rank(reference) == 0 else self.frontal

    @property
    def behind(self) -> tuple[int, ...]:
        """Indices of the EEG channels that are known as temporal, parietal or occipital; may be empty.

        Of what the frontal channels show, these share the reference's part and slow waves of the brain, and next to
        nothing of a blink. Not so against a reference at the forehead; then there are none.
        """
        if self.blink_channels != self.frontal:
            return ()
        return tuple(i for i in self.eeg if is_behind(self.names[i])) or self._on_egi_net(EGI_BEHIND)

    def _on_egi_net(self, of: dict[int, tuple[int, ...]]) -> tuple[int, ...]:
        """EGI nets number their electrodes, E1 ... E256; where they are depends on how many there are."""
        numbers = {int(m[1]): i for i in self.eeg if (m := re.fullmatch(r"E(\d{1,3})", self.names[i].strip()))}
        for size, places in of.items():
            if len(numbers) >= 3 and max(numbers) <= size:
                return tuple(numbers[k] for k in places if k in numbers)
        return ()


FRONTAL_RINGS: tuple[frozenset[str], ...] = (
    frozenset({"FP1", "FP2", "FPZ"}),
    frozenset({"AF7", "AF8", "AF3", "AF4", "AFZ", "AF1", "AF2", "AF5", "AF6", "AFP1", "AFP2"}),
    frozenset({"F7", "F8", "F3", "F4", "FZ", "F1", "F2", "F5", "F6", "F9", "F10"}),
)
"""Names of the 10-10 system (Jurcak et al. 2007) by distance from the eyes."""

EGI_FRONTAL: dict[int, tuple[int, ...]] = {
    33: (1, 2, 18),
    65: (10, 5, 8, 11, 2),
    129: (22, 9, 15, 14, 21, 8, 25),
    257: (37, 18, 31, 26, 32, 25),
}
"""HydroCel GSN nets (largest electrode number, with the reference): the electrodes within some
20 degrees of Fp1, Fp2 and Fpz, by the positions that the maker gives."""

EGI_BEHIND: dict[int, tuple[int, ...]] = {
    33: (13, 14, 15, 16, 7, 8, 9, 10),
    65: (24, 52, 30, 44, 31, 42, 35, 39),
    129: (39, 115, 58, 96, 60, 85, 70, 83),
    257: (69, 202, 96, 170, 87, 153, 116, 150),
}
"""The same: those nearest to T7, T8, P7, P8, P3, P4, O1 and O2."""


MUSES = (frozenset({"TP9", "AF7", "AF8", "TP10"}), frozenset({"TP9", "FP1", "FP2", "TP10"}))
"""Electrodes of the Muse headbands, of 2016 and later, and of 2014."""


def frontal_rank(name: str) -> int | None:
    """Ring of a channel label in `FRONTAL_RINGS`, 0 nearest to the eyes; None when it is not known as frontal.

    Understands the decorations that makers add: ``EEG Fp1-REF``, ``Fp1.``, ``RAW_AF7``, ``Fp1-A1``. A derivation
    between two frontal poles (``Fp1-Fp2``) cancels the blink and is not frontal.
    """
    electrodes = _electrodes(name)
    rings = [next((k for k, ring in enumerate(FRONTAL_RINGS) if e in ring), None) for e in electrodes[:2]]
    if len(rings) == 2 and rings[0] is not None and rings[0] == rings[1]:
        return None
    return rings[0]


def is_behind(name: str) -> bool:
    """Whether a channel label is known as temporal, parietal or occipital, and no derivation between two of these.

    T1 and T2 are not: they lie beside the eyes (Silverman 1960).
    """
    site = r"T([3-9]|10)|(TP|CP|P|PO|O|I)(\d|10|Z)"
    known = [re.fullmatch(site, electrode) is not None for electrode in _electrodes(name)]
    return known[0] and not any(known[1:])


def _electrodes(name: str) -> list[str]:
    """What a label says of an electrode and, after a dash, of its reference, in capitals and without decoration."""
    words = re.split(r"[-–/]", re.sub(r"^(EEG|RAW)[\s_:]+", "", name.strip().upper()))
    return [re.sub(r"[\s.]+", "", word) for word in words]


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive samples of a stream, any number of them, also none.

    Raises `StreamError` when the shapes do not fit each other.
    """

    samples: FloatArray
    """(n, channels) in µV. NaN and infinite values are allowed and handled."""
    times: FloatArray
    """(n,) in s on the stream's clock. A step of more than the detector's hole is a hole: nothing reaches over it."""

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or self.times.shape != self.samples.shape[:1]:
            raise StreamError(f"a block of samples {self.samples.shape} with times {self.times.shape}")

    def __len__(self) -> int:
        return len(self.times)


Kind = Literal["blink/start", "blink", "blink/double", "blink/triple", "blink/long"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""MNE's slash-separated event names: a blink's begin, its end, and what people do with blinks on purpose."""


@dataclass(frozen=True, slots=True)
class BlinkFeatures:
    """The shape of a blink, as BLINKER names and defines it (Kleifges et al. 2017, Front. Neurosci. 11:12), in s.

    What lies after the newest sample is taken from the tangent of the down stroke: a blink is told before the lid has
    come to rest.
    """

    duration_base: float
    """From the lowest point before the blink to the lowest after it."""
    duration_zero: float
    """From the last zero crossing before the peak to the first after it."""
    duration_half_base: float
    """While it is above half of its height over its base."""
    duration_half_zero: float
    """While it is above half of its height over zero."""
    duration_tent: float
    """Between the zero crossings of the tangents of its up stroke and its down stroke."""
    closing_time: float
    """From the zero crossing before the peak to the peak (``closingTimeZero``)."""
    reopening_time: float
    """From the peak to the zero crossing after it (``reopeningTimeZero``)."""
    time_shut: float
    """While it is at least 0.9 of its height (``timeShutBase``)."""
    pos_amp_vel_ratio: float
    """pAVR: height over the largest velocity of the up stroke, in centiseconds (``posAmpVelRatioZero``). Below 3, a
    saccade may have been taken for a blink."""
    neg_amp_vel_ratio: float
    """nAVR, of the down stroke, in centiseconds (``negAmpVelRatioZero``)."""
    inter_blink: float | None
    """From the peak of the blink before to this one's (``interBlinkMaxAmp``); None for the first."""


@dataclass(frozen=True, slots=True)
class BlinkEvent:
    """A blink that has begun (``blink/start``) or ended (``blink``), or a pattern of such. Times in s, stream's clock.

    A pattern (``blink/double`` ...) reaches from the onset of its first blink to the end of its last, and has the peak
    of that one.
    """

    kind: Kind
    """One of `KINDS`."""
    onset: float
    """When the lid begins to close; a first estimate in ``blink/start``."""
    peak: float | None
    """When the deflection is largest; None in ``blink/start``."""
    end: float | None
    """When the deflection is over, `decided` at the latest; None in ``blink/start``."""
    amplitude: float | None
    """Height of the deflection at its largest channel in µV, signed as the channel is; None in ``blink/start``."""
    confidence: float
    """Probability, 0 to 1: the network's, weighed with what is known of the person."""
    decided: float
    """Stream time of the newest sample used: ``decided - peak`` is the latency of the algorithm, live or offline."""
    completes: float | None = None
    """For ``blink``: `decided` of the ``blink/start`` that it completes, which names that event uniquely."""
    features: BlinkFeatures | None = None
    """For ``blink``: its shape."""

    @property
    def duration(self) -> float | None:
        """From onset to end in s; None in ``blink/start``."""
        return None if self.end is None else self.end - self.onset

    def shifted(self, by_s: float) -> BlinkEvent:
        """The same event on a clock that shows ``by_s`` more."""

        def on(time: float | None) -> float | None:
            return None if time is None else time + by_s

        return replace(
            self,
            onset=self.onset + by_s,
            peak=on(self.peak),
            end=on(self.end),
            decided=self.decided + by_s,
            completes=on(self.completes),
        )
