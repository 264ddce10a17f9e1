"""What one connection delivers, made into blocks, and the gaps in it. Told the time, it looks at no clock."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from nictate.dejitter import Dejitter, measured_rate
from nictate.signals import RATES_HZ, Block, FloatArray, Montage, StreamError
from nictate.stream import Channels, StreamSummary

LEARN_S = (1.0, 3.0)
"""Stretches of samples that the rate is judged on; the second where the first contradicts the nominal one."""
RATE_TOLERANCE = 0.03
"""Relative error of the nominal rate that is tolerated: the filters do not care, and `Dejitter` follows."""
FAR_OFF_S = 10.0
"""Age of a sample beyond which its stamp cannot come from the LSL clock."""
SAY_EVERY_S = 10.0
"""A lossy stream is spoken of at most so often."""

Say = Callable[[str], None]
"""Takes one line for the operator."""


class Reception:
    """What comes through one connection, made into blocks: µV, times without jitter, and a rate that is true."""

    def __init__(
        self,
        stream: StreamSummary,
        channels: Channels,
        *,
        restamp: bool,
        say: Say,
        montage: Montage | None = None,
    ) -> None:
        """``montage``: what an earlier connection to the same stream has learnt. Without it, the first second or
        more of samples waits until the rate is known.

        Raises `ConfigError` when the stream has more channels than are served.
        """
        self.stream = stream
        self.channels = channels
        self.montage = montage
        """None as long as the stream's rate is not known; another object when it has turned out wrong."""
        self._restamp = restamp
        self._say = say
        self._dejitter = None if montage is None else Dejitter(montage.rate_hz)
        self._served = RATES_HZ[0] <= stream.rate_hz <= RATES_HZ[1]
        if montage is None and self._served:
            self.montage = self._montage_at(stream.rate_hz)
        self._offset_s: float | None = None
        """To be added to stamps that are not on the LSL clock, when asked to; None before the first stamp."""
        self._learning: list[tuple[FloatArray, FloatArray]] = []
        self._learning_since_s = math.nan
        self._waiting = self.nothing().samples
        """Samples whose times are not decided yet."""

    def nothing(self) -> Block:
        """A block without samples."""
        return Block(np.empty((0, len(self.channels.names))), np.empty(0))

    def push(self, values: npt.NDArray[np.generic], stamps: FloatArray, now_s: float) -> Block:
        """Samples as they come, (n, channels of the stream) in its units, at local time ``now_s``.

        Gives the samples that are decided, which may be none, or more than came. Raises `StreamError` when a stream
        that declares no rate has no usable stamps either, and `ConfigError` when its real rate is not served.
        """
        if not len(stamps):
            return self.nothing()
        samples = values[:, self.channels.picks].astype(np.float64) * self.channels.scale
        stamps = stamps + self._stamp_offset_s(stamps, now_s)
        if self._dejitter is not None:
            return self._timed(samples, self._dejitter.push(stamps))
        if not self._learning:
            self._learning_since_s = now_s
        self._learning.append((samples, stamps))
        return self._learn(now_s - self._learning_since_s)

    def flush(self) -> Block:
        """What still waits, when no more comes."""
        if self._dejitter is None:
            if not self._learning or self.montage is None:
                return self.nothing()
            first = self._learnt(self.montage)
            rest = self.flush()
            return Block(np.concatenate((first.samples, rest.samples)), np.concatenate((first.times, rest.times)))
        return self._timed(self.nothing().samples, self._dejitter.flush())

    def leaps_s(self) -> list[float]:
        """Lengths of the holes in time since this was last asked, positive forward."""
        if self._dejitter is None:
            return []
        leaps, self._dejitter.leaps_s = self._dejitter.leaps_s, []
        return leaps

    def _montage_at(self, rate_hz: float) -> Montage:
        return Montage(self.channels.names, rate_hz, self.channels.kinds, self.stream.reference)

    def _stamp_offset_s(self, stamps: FloatArray, now_s: float) -> float:
        """Zero for stamps that can be on the LSL clock; for others it is said, and done what was asked for."""
        finite = stamps[np.isfinite(stamps)]
        if self._offset_s is None and len(finite):
            age_s = now_s - float(finite[-1])
            self._offset_s = 0.0
            if abs(age_s) > FAR_OFF_S:
                deed = "they are moved to now" if self._restamp else "--restamp moves them to now"
                self._say(f"{self.stream}: its time stamps are {-age_s:+.0f} s off the LSL clock; {deed}")
                self._offset_s = age_s if self._restamp else 0.0
        return self._offset_s or 0.0

    def _learn(self, waited_s: float) -> Block:
        """Judge the rate once enough samples are there, and hand all of them over."""
        stamps = np.concatenate([stamps for _, stamps in self._learning])
        nominal_hz = self.stream.rate_hz
        # By the clock, or by the count where a recording is replayed faster than life.
        first, second = (waited_s >= s or (self._served and len(stamps) >= s * nominal_hz) for s in LEARN_S)
        if not first or len(stamps) < 32:
            return self.nothing()
        hz = measured_rate(stamps)
        if self.montage is not None and (hz is None or abs(hz / nominal_hz - 1.0) <= RATE_TOLERANCE):
            return self._learnt(self.montage)
        if not second:
            return self.nothing()
        # Stamps that say one rate now and another then are broken; no rate follows from them.
        halves = [measured_rate(half) for half in np.array_split(stamps, 2)]
        if hz is None or any(half is None or abs(half / hz - 1.0) > RATE_TOLERANCE for half in halves):
            if self.montage is not None:
                return self._learnt(self.montage)
            raise StreamError(f"{self.stream} declares {nominal_hz:g} Hz, and its time stamps tell no rate")
        montage = self._montage_at(round(hz, 1))
        declared = f"declares {nominal_hz:g} Hz" if nominal_hz else "declares no rate"
        self._say(f"{self.stream}: {declared}, but delivers {montage.rate_hz:g} Hz, which is used")
        return self._learnt(montage)

    def _learnt(self, montage: Montage) -> Block:
        """The rate is known: time begins."""
        samples = np.concatenate([samples for samples, _ in self._learning])
        stamps = np.concatenate([stamps for _, stamps in self._learning])
        self._learning.clear()
        believed = samples[:, self.channels.believed_uv]
        finite = believed[np.isfinite(believed)]
        if len(finite) and np.ptp(finite) > 0.0 and np.max(np.abs(finite)) < 1e-3:
            self._say(f"{self.stream}: below 0.001 uV throughout; if these are volts, say so with --unit V")
        self.montage = montage
        self._dejitter = Dejitter(montage.rate_hz)
        return self._timed(samples, self._dejitter.push(stamps))

    def _timed(self, samples: FloatArray, times: FloatArray) -> Block:
        """The oldest samples with their times; the others wait."""
        if len(self._waiting):
            samples = np.concatenate((self._waiting, samples))
        n = len(times)
        self._waiting = samples[n:].copy()
        return Block(samples[:n], times)


@dataclass(slots=True)
class Gaps:
    """The leaps of a stream's time, counted, and put into words seldom enough to be read."""

    count: int = 0
    dropped: int = 0
    """Samples that were thrown away because they were not read in time."""
    _untold_s: list[float] = field(default_factory=list)
    _untold_dropped: int = 0
    _told_s: float = -math.inf

    def note(self, leap_s: float, dropped: int = 0) -> None:
        """A leap by ``leap_s`` s, positive forward, and how many of the missing samples were thrown away by us."""
        self.count += 1
        self.dropped += dropped
        self._untold_s.append(leap_s)
        self._untold_dropped += dropped

    def words(self, now_s: float) -> str:
        """What was noted since the last words; ``""`` when that is nothing, or they are not `SAY_EVERY_S` old."""
        if not self._untold_s or now_s - self._told_s < SAY_EVERY_S:
            return ""
        leaps_s, self._untold_s = self._untold_s, []
        dropped, self._untold_dropped = self._untold_dropped, 0
        self._told_s = now_s
        if len(leaps_s) > 1:
            what = f"{len(leaps_s)} gaps, {sum(map(abs, leaps_s)):.3f} s in all"
        elif leaps_s[0] < 0.0:
            what = f"time stamps went back by {-leaps_s[0]:.3f} s"
        else:
            what = f"a gap of {leaps_s[0]:.3f} s"
        late = f"; {dropped} samples thrown away because they were not read in time" if dropped else ""
        return what + late
