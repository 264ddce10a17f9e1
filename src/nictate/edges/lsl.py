"""Lab Streaming Layer: finding and reading an EEG stream. With edges/outlets.py, the home of pylsl.

liblsl finds streams, carries samples and knows the offset between two machines' clocks; all that is used. Two
of its offers are not:

- Its dejitterer (``proc_dejitter``) fits a line through the stamps over the *count* of samples and forgets
  over minutes. After a hole of 500 ms it returned a largest step of 7 ms, and stamps that were wrong by 497
  ms and then by less and less. `Dejitter` keeps the hole.
- Its recovery (``recover=True``) needs a source_id, takes up to half a minute, and tells nobody. `LslSource`
  makes a new inlet as soon as the stream is back, and says so.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
import pylsl
from pylsl.util import LostError
from pylsl.util import TimeoutError as LslTimeoutError

from nictate.signals import RATES_HZ, Block, ConfigError, FloatArray, Montage, StreamError

QUIET = "[log]\nlevel = -3\n"
"""liblsl's configuration where the user has none. Else it logs each connection; what matters is said here."""


def quieten_liblsl() -> bool:
    """Tell liblsl to keep silent, unless the user has an ``lsl_api.cfg``; whether it was told.

    Looks where liblsl looks. Has an effect only before liblsl is first used, which is why importing this
    module calls it. A liblsl before 1.17.7 cannot be told and merely talks more.
    """
    places = [
        Path(os.environ.get("LSLAPICFG") or "lsl_api.cfg"),
        Path("lsl_api.cfg"),
        Path("~/lsl_api/lsl_api.cfg").expanduser(),
        Path("/etc/lsl_api/lsl_api.cfg"),
    ]
    if any(place.is_file() for place in places):
        return False
    try:
        pylsl.set_config_content(QUIET)
    except NotImplementedError:
        return False
    return True


quieten_liblsl()

RESOLVE_S = 1.5
"""How long it takes until all streams have answered: liblsl asks single machines after 0.5 s, the group at once."""
ANSWER_S = 3.0
"""How long a stream that was found may take to answer."""
PULL_SAMPLES = math.ceil(RATES_HZ[1])
"""The most samples in a block: a second or more."""
PULL_S = 0.2
"""The longest wait for samples: what Ctrl-C has to wait for."""
SILENT_S = 2.0
"""Without a sample for so long, a stream counts as lost, even if its connection still stands."""
LEARN_S = (1.0, 3.0)
"""Stretches of samples that the rate is judged on; the second where the first contradicts the nominal one."""
RATE_TOLERANCE = 0.03
"""Relative error of the nominal rate that is tolerated: the filters do not care, and `Dejitter` follows."""
FAR_OFF_S = 10.0
"""Age of a sample beyond which its stamp cannot come from the LSL clock."""
SAY_EVERY_S = 10.0
"""A lossy stream is spoken of at most so often."""
CLOCK_EVERY_S = 2.0
"""How often the clock offset is asked for; liblsl itself measures it about as often."""

MICROVOLTS = {
    **dict.fromkeys(("µv", "uv", "microvolt", "microvolts"), 1.0),
    **dict.fromkeys(("mv", "millivolt", "millivolts"), 1e3),
    **dict.fromkeys(("v", "volt", "volts"), 1e6),
    **dict.fromkeys(("nv", "nanovolt", "nanovolts"), 1e-3),
}
"""How many µV one is, by the unit's name in small letters."""

FORMATS = {
    pylsl.cf_float32: "float32",
    pylsl.cf_double64: "double64",
    pylsl.cf_string: "string",
    pylsl.cf_int8: "int8",
    pylsl.cf_int16: "int16",
    pylsl.cf_int32: "int32",
    pylsl.cf_int64: "int64",
}

Say = Callable[[str], None]
"""Takes one line for the operator."""


def plain(text: str) -> str:
    """Text from the network, safe for a line on a console: printable characters only, at most 60."""
    line = "".join(c if c.isprintable() else "·" for c in text)
    return line if len(line) <= 60 else line[:57] + "..."


def microvolts(unit: str) -> float | None:
    """How many µV one ``unit`` is, in small or capital letters; None when the unit is not known."""
    return MICROVOLTS.get(unit.strip().replace("\u03bc", "\u00b5").casefold().replace("\u03bc", "\u00b5"))


# ------------------------------------------------------------------------------------- finding and describing


@dataclass(frozen=True, slots=True)
class StreamSummary:
    """What a stream says of itself. All texts are the maker's and not trusted."""

    name: str
    type: str
    hostname: str
    source_id: str
    """Stays the same when the device is started again; may be empty."""
    uid: str
    """Of this one outlet; another one after each start."""
    channel_count: int
    rate_hz: float
    """Nominal; 0 when the stream declares none."""
    format: str
    """``float32``, ``double64``, ``int16`` ... or ``string``."""
    labels: tuple[str, ...] = ()
    """One a channel, ``""`` where there is none; empty before the stream has been asked."""
    units: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    reference: str = ""

    def succeeds(self, old: StreamSummary) -> bool:
        """Whether this can be the stream ``old`` that was lost: by source_id, or without one by name and host."""
        if self.type != old.type or self.source_id != old.source_id:
            return False
        return bool(old.source_id) or (self.name, self.hostname) == (old.name, old.hostname)

    def __str__(self) -> str:
        where = f"{plain(self.name)!r} on {plain(self.hostname)!r}"
        return f"{where} (source_id {plain(self.source_id)!r}, uid {self.uid})"


def _summary(info: pylsl.StreamInfo) -> StreamSummary:
    return StreamSummary(
        name=info.name(),
        type=info.type(),
        hostname=info.hostname(),
        source_id=info.source_id(),
        uid=info.uid(),
        channel_count=info.channel_count(),
        rate_hz=info.nominal_srate(),
        format=FORMATS.get(info.channel_format(), "undefined"),
    )


def _described(info: pylsl.StreamInfo) -> StreamSummary:
    """The summary with what stands under ``desc``, of which everything may be missing, surplus or nonsense.

    ``info`` must come from an inlet: what a resolver returns has no description.
    """
    desc = info.desc()
    n = info.channel_count()
    labels, units, kinds = [""] * n, [""] * n, [""] * n
    channel = desc.child("channels").child("channel")
    for k in range(n):
        labels[k] = (channel.child_value("label") or channel.child_value("name")).strip()
        units[k] = channel.child_value("unit").strip()
        kinds[k] = channel.child_value("type").strip().lower()
        channel = channel.next_sibling("channel")
    if n == 1 and not labels[0]:
        labels[0] = desc.child("channel").child_value("name").strip()
    reference = desc.child_value("reference") or desc.child("reference").child_value("label")
    return replace(
        _summary(info),
        labels=tuple(labels),
        units=tuple(units),
        kinds=tuple(kinds),
        reference=reference.strip(),
    )


def streams(wait_s: float = RESOLVE_S, *, every_type: bool = False) -> list[StreamSummary]:
    """The EEG streams on the network (with ``every_type``, all streams) that answer in ``wait_s`` s, by name.

    A stream that does not tell its description within `ANSWER_S` is listed without labels and units.
    """
    found = []
    for info in pylsl.resolve_streams(wait_s):
        if every_type or Query().matches(_summary(info)):
            try:
                # A recovering inlet would try for ever to reach a stream that has gone in the meantime.
                found.append(_described(pylsl.StreamInlet(info, max_buflen=1, recover=False).info(ANSWER_S)))
            except RuntimeError:  # pylsl's own TimeoutError and LostError
                found.append(_summary(info))
    return sorted(found, key=lambda stream: (stream.name, stream.hostname, stream.source_id, stream.uid))


@dataclass(frozen=True, slots=True)
class Query:
    """Which stream is wanted. An empty text means any; the type is compared without regard to capitals."""

    name: str = ""
    type: str = "EEG"
    source_id: str = ""
    hostname: str = ""
    uid: str = ""

    def matches(self, stream: StreamSummary) -> bool:
        """Whether the stream is one of those wanted."""
        return (not self.type or stream.type.strip().casefold() == self.type.strip().casefold()) and all(
            wanted in ("", found)
            for wanted, found in (
                (self.name, stream.name),
                (self.source_id, stream.source_id),
                (self.hostname, stream.hostname),
                (self.uid, stream.uid),
            )
        )

    def __str__(self) -> str:
        wanted = {name: getattr(self, name) for name in ("type", "name", "source_id", "hostname", "uid")}
        told = [f"{name} {plain(value)!r}" for name, value in wanted.items() if value]
        return f"a stream with {' and '.join(told)}" if told else "any stream"


def _only(found: Sequence[pylsl.StreamInfo], wanted: str) -> pylsl.StreamInfo:
    """The one that was found. Raises `ConfigError`, naming the option to use, when there are several."""
    if len(found) == 1:
        return found[0]
    stream = [_summary(info) for info in found]
    options = {
        "--name": [s.name for s in stream],
        "--source-id": [s.source_id for s in stream],
        "--hostname": [s.hostname for s in stream],
        "--uid": [s.uid for s in stream],
    }
    option = next(option for option, values in options.items() if len(set(values)) == len(values))
    listed = "; ".join(sorted(map(str, stream)))
    raise ConfigError(f"{len(stream)} streams match {wanted}: {listed}. Choose one with {option}")


# --------------------------------------------------------------------------------------------------- channels


@dataclass(frozen=True, slots=True)
class Channels:
    """Which channels of a stream are read, and how they become µV."""

    picks: tuple[int, ...]
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    scale: FloatArray
    """(channels,) µV per unit of the stream."""
    believed_uv: tuple[int, ...]
    """Indices into `picks` of the EEG channels whose values are taken to be in µV already."""
    remarks: tuple[str, ...]
    """What was assumed, one line each."""


def chosen(stream: StreamSummary, channels: Sequence[str] | None, unit: str | None) -> Channels:
    """Judge the description once, at the door.

    Raises `ConfigError` for channels or a unit that the operator got wrong, `StreamError` for a stream that
    cannot be read as EEG.
    """
    if stream.format not in ("float32", "double64", "int8", "int16", "int32", "int64"):
        raise StreamError(f"{stream} carries values of format {stream.format}, not numbers: it is no EEG")
    if stream.channel_count < 1:
        raise StreamError(f"{stream} has no channels")
    if unit is not None and microvolts(unit) is None:
        raise ConfigError(f"--unit {plain(unit)!r} is not known; use uV, mV, V or nV")
    remarks = []
    if not all(stream.labels):
        unnamed = stream.labels.count("")
        remarks.append(f"{unnamed} of {stream.channel_count} channels have no label: called by number, ch1, ch2 ...")
    labels = tuple(label or f"ch{k}" for k, label in enumerate(stream.labels, start=1))
    picks = tuple(range(len(labels))) if channels is None else _picks(labels, channels)
    # Where no channel says its type, the stream's own type speaks for all.
    said = any(stream.kinds)
    kinds = tuple(stream.kinds[k] or "eeg" for k in picks) if said else ()
    scale = np.ones(len(picks))
    believed = []
    unitless = 0
    for i, k in enumerate(picks):
        is_eeg = not kinds or kinds[i] == "eeg"
        declared = stream.units[k]
        factor = microvolts(unit or declared or "uV")
        if factor is not None:
            scale[i] = factor
        elif is_eeg or kinds[i] == "eog":
            raise StreamError(
                f"channel {plain(labels[k])!r} of {stream} is in {plain(declared)!r}, not a known unit of"
                " voltage; say with --unit what it is"
            )
        if is_eeg and factor == 1.0:
            believed.append(i)
        unitless += not declared and unit is None
    if unitless:
        remarks.append(f"{unitless} of {len(picks)} channels have no unit: taken to be uV (or say --unit)")
    return Channels(
        picks=picks,
        names=tuple(labels[k] for k in picks),
        kinds=kinds,
        scale=scale,
        believed_uv=tuple(believed),
        remarks=tuple(remarks),
    )


def _picks(labels: Sequence[str], wanted: Sequence[str]) -> tuple[int, ...]:
    """Indices of the channels asked for by label, or by number from 1 where no label reads so."""
    picks: list[int] = []
    for text in wanted:
        folded = text.strip().casefold()
        found = [k for k, label in enumerate(labels) if label.casefold() == folded]
        if not found and folded.isdecimal() and 1 <= int(folded) <= len(labels):
            found = [int(folded) - 1]
        if not found:
            known = ", ".join(plain(label) for label in labels)
            raise ConfigError(f"--channels {plain(text)!r} is not there; the stream has: {known}")
        if len(found) > 1:
            numbers = ", ".join(str(k + 1) for k in found)
            raise ConfigError(f"--channels {plain(text)!r} is there {len(found)} times; use its number: {numbers}")
        if found[0] in picks:
            raise ConfigError(f"--channels {plain(text)!r} is given twice")
        picks += found
    if not picks:
        raise ConfigError("--channels names no channel")
    return tuple(picks)


# ------------------------------------------------------------------------------------------------------- time


def measured_rate(stamps: FloatArray) -> float | None:
    """Rate in Hz of a stretch of stamps, whatever the stream declares; None when they do not tell.

    A count of samples over the time they take, except when that is too few because samples were lost. Then,
    most steps are alike and a few, at irregular distances, are longer: only the others count. (Steps that are
    longer at regular distances are the seams of a device that sends packets and declares too high a rate.)
    """
    k = np.flatnonzero(np.isfinite(stamps))
    # A stamp that repeats its predecessor says nothing; its sample still counts.
    k = k[np.diff(stamps[k], prepend=np.nan) != 0.0]
    if len(k) < 3 or stamps[k[-1]] <= stamps[k[0]]:
        return None
    steps, counts = np.diff(stamps[k]), np.diff(k)
    periods = steps / counts
    median = float(np.median(periods))
    alike = np.abs(periods - median) <= 0.5 * median
    seams = np.diff(np.flatnonzero(~alike))
    regular = len(seams) >= 3 and np.std(seams) < 0.3 * np.mean(seams)
    jitters = median <= 0.0 or np.median(np.abs(periods - median)) > 0.1 * median
    if not (regular or jitters):
        return float(np.sum(counts[alike]) / np.sum(steps[alike]))
    # Samples that come in bursts are counted from burst to burst, or part of a burst would count as rate.
    bursts = np.flatnonzero(periods > 1.5 * np.mean(periods)) + 1
    first, last = (bursts[0], bursts[-1]) if len(bursts) > 1 else (0, -1)
    return float((k[last] - k[first]) / (stamps[k[last]] - stamps[k[first]]))


@dataclass(slots=True)
class Dejitter:
    """Sampling times from stamps that jitter, as they come. A hole in the stamps stays a hole in the times.

    The times follow a straight line over the count of samples, whose position and slope are tracked by
    recursive least squares with fading memory (a Kalman filter of two states, as Adriaensen, "Using a DLL to
    filter time", 2005, does with fixed gains). The slope starts at the known rate, so that the first minute
    is no worse than the later ones.

    When a stamp leaves the line suddenly, by more than half a period and more than the jitter seen so far,
    either samples were lost or the device held them back. Held back, they follow in a burst and the stamps
    return to the line; lost, they do not. Therefore the samples after such a leap wait: until the stamps are
    back (then nothing happened), or until `CONFIRM_S` of them keep their distance (then the line leaps as
    well, forward or backward).

    Stamps that repeat or are not finite say nothing; the line goes on by the count.
    """

    rate_hz: float
    leaps_s: list[float] = field(default_factory=list)
    """Length in s of each leap so far, positive forward; to be emptied by whoever reads it."""
    # From here on, times are in nominal periods after the first stamp.
    _origin: float = math.nan
    _x: float = 0.0
    _period: float = 1.0
    _p_xx: float = 1.0
    _p_xt: float = 0.0
    _p_tt: float = 1e-4
    """Prior variance of the slope for stamps with a jitter of one period: the rate is known to 1 %."""
    _jitter: float = 0.0
    _count: int = 0
    _stamp: float = math.nan
    _error: float = 0.0
    _held: list[float] = field(default_factory=list)

    CONFIRM_S: ClassVar[float] = 0.05
    """Stretch of samples that must keep their distance from the line before it leaps."""
    HOLD_S: ClassVar[float] = 10.0
    """The longest stretch of samples that may wait."""
    ASTRAY_S: ClassVar[float] = 0.25
    """Error in s, beyond jitter, from which on the line has lost the stamps."""
    BELIEVED_S: ClassVar[float] = 0.1
    """The largest error in s that is learnt from as jitter."""
    MEMORY_S: ClassVar[float] = 30.0
    """Half-life of what the line remembers."""

    def push(self, stamps: FloatArray) -> FloatArray:
        """Times in s of the samples that are decided, which are the oldest of those not yet returned."""
        times: list[float] = []
        for stamp in stamps.tolist():
            if math.isnan(self._origin):
                # Without a finite stamp there is no time yet; NaN tells the detector so.
                if not math.isfinite(stamp):
                    times.append(math.nan)
                    continue
                self._origin = stamp
                self._x = -1.0
            self._step((stamp - self._origin) * self.rate_hz, times)
        return np.array(times, dtype=np.float64)

    def flush(self) -> FloatArray:
        """Times in s of the samples that still wait, when no more come."""
        times: list[float] = []
        while self._held:
            self._leap(times)
        return np.array(times, dtype=np.float64)

    def _step(self, stamp: float, times: list[float]) -> None:
        if self._held:
            self._held.append(stamp)
            self._judge(times)
        elif not math.isfinite(stamp) or stamp == self._stamp:
            self._advance(stamp, times)
        else:
            error = stamp - self._x - self._period
            if self._count and abs(error - self._error) > self._bound:
                self._held.append(stamp)
            elif abs(error) > self._bound + self.ASTRAY_S * self.rate_hz:
                # The stamps went away little by little: the device has changed its rate. Go to them.
                self._error = 0.0
                self._held.append(stamp)
                self._leap(times)
            else:
                self._advance(stamp, times)

    @property
    def _bound(self) -> float:
        """A leap of the stamps off the line that jitter does not explain, in periods."""
        return max(0.5, 6.0 * self._jitter)

    def _offsets(self) -> list[float]:
        """How far the waiting stamps have leapt off the line, in periods. Without those that say nothing."""
        offsets = []
        last = self._stamp
        for k, stamp in enumerate(self._held, start=1):
            if math.isfinite(stamp) and stamp != last:
                offsets.append(stamp - self._x - k * self._period - self._error)
                last = stamp
        return offsets

    def _judge(self, times: list[float]) -> None:
        """Decide on the samples that wait, if it can be decided by now."""
        offsets = self._offsets()
        confirm = max(4, round(self.CONFIRM_S * self.rate_hz))
        bound = self._bound
        if confirmed := len(offsets) >= confirm:
            # At the start of a stream, nothing else tells how much its stamps jitter.
            steps = np.diff(offsets[-confirm:])
            bound = max(bound, 5.0 * float(np.median(np.abs(steps - np.median(steps)))))
        settled = confirmed and abs(offsets[-1] - offsets[-confirm]) < max(0.25 * confirm, bound)
        too_long = len(self._held) >= min(abs(offsets[0]) + confirm, self.HOLD_S * self.rate_hz)
        small = self.BELIEVED_S * self.rate_hz
        if abs(offsets[-1]) <= bound:
            self._release(bound, times)
        elif settled and -small <= offsets[-1] < 0.0:
            # Samples get lost, but none come in addition: packets of such a device are stamped early and
            # late.
            self._jitter = max(self._jitter, -0.5 * offsets[-1])
            self._release(self._bound, times)
        elif settled or too_long:
            self._leap(times)

    def _release(self, bound: float, times: list[float]) -> None:
        """Nothing has happened: the waiting samples go along the line, undrawn by what came in a burst."""
        held, self._held = self._held, []
        for stamp in held:
            late = abs(stamp - self._x - self._period - self._error) > bound
            self._advance(math.nan if late else stamp, times)

    def _leap(self, times: list[float]) -> None:
        """Move the line to where the waiting stamps are, and go on with them."""
        offsets = self._offsets()
        held, self._held = self._held, []
        came_nearer = abs(offsets[0]) - abs(offsets[-1]) > self._bound
        # One stamp tells the leap exactly where stamps do not jitter, and a second hole may follow soon.
        first = offsets[:3] if self._jitter > 0.1 else offsets[:1]
        leap = offsets[-1] if came_nearer else float(np.median(first))
        self._x += leap
        self._p_xx += 1.0
        self.leaps_s.append(leap / self.rate_hz)
        self._advance(held[0], times)
        for stamp in held[1:]:
            if came_nearer:
                self._advance(stamp, times)
            else:
                # There may be a second hole among them.
                self._step(stamp, times)

    def _advance(self, stamp: float, times: list[float]) -> None:
        """One sample on along the line; drawn towards its stamp, by no more than jitter explains."""
        self._x += self._period
        self._p_xx += 2.0 * self._p_xt + self._p_tt
        self._p_xt += self._p_tt
        if math.isfinite(stamp) and stamp != self._stamp:
            # Fading only with what is learnt: stamps that stand still for hours must not wear the memory out.
            fade = 2.0 ** (1.0 / (self.MEMORY_S * self.rate_hz))
            p_xx, p_xt, p_tt = fade * self._p_xx, fade * self._p_xt, fade * self._p_tt
            gain_x, gain_t = p_xx / (p_xx + 1.0), p_xt / (p_xx + 1.0)
            self._p_xx, self._p_xt, self._p_tt = (
                p_xx - gain_x * p_xx,
                p_xt - gain_x * p_xt,
                p_tt - gain_t * p_xt,
            )
            error = stamp - self._x
            self._count += 1
            seen = min(abs(error), self.BELIEVED_S * self.rate_hz)
            self._jitter += (seen - self._jitter) / min(self._count, 2.0 * self.rate_hz)
            drawn = min(max(error, -self._bound), self._bound)
            self._x += gain_x * drawn
            self._period += gain_t * drawn
            self._stamp = stamp
            self._error = stamp - self._x
        times.append(self._origin + self._x / self.rate_hz)


# ------------------------------------------------------------------------------------------------------ reception


class Reception:
    """What comes through one connection, made into blocks: µV, times without jitter, and a rate that is true.

    Told the time rather than looking at a clock, it needs no liblsl.
    """

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


# -------------------------------------------------------------------------------------------------------- reading


@dataclass(slots=True)
class _Connection:
    """One inlet and what is known of it. Lives until the stream is lost."""

    inlet: pylsl.StreamInlet
    reception: Reception
    capacity: int
    """Samples that the inlet keeps before it throws the oldest away."""
    newest_s: float
    """Local time at which the newest samples came, at first that of connecting."""
    clock_offset_s: float
    """Of the sender's clock, measured by liblsl; to be added to a stamp."""
    clock_asked_s: float
    late: bool = False
    """The inlet was found full and has not been emptied since: what misses now, misses because of us."""


class LslSource:
    """The samples of one stream, wherever it goes and comes back.

    ``pull`` gives everything that has come, as µV in float64, with times on the local LSL clock from which jitter is
    removed and in which a hole stays a hole (see `Dejitter`). Whatever its stamp, no sample is thrown away here.

    ``montage`` is another object when the stream has come back with other channels, or when its nominal rate has
    turned out wrong. Compare by ``is`` after each ``pull`` and before using the block, which is the new montage's.

    What the operator should know is passed to ``say``, a line each. Not for several threads at a time.
    """

    def __init__(
        self,
        query: Query,
        *,
        channels: Sequence[str] | None,
        unit: str | None,
        restamp: bool,
        say: Say,
        buffer_s: float = 30.0,
    ) -> None:
        """Connects to nothing yet.

        ``channels`` are labels, or numbers from 1 where no label reads so; None takes all. ``unit`` (uV, mV, V, nV)
        overrides what the stream says. ``restamp`` moves stamps that cannot be on the LSL clock to where they would be
        if the first samples had taken no time. ``buffer_s`` bounds what is kept while nobody pulls.
        """
        self.gaps = 0
        """Leaps of the stream's time, forward or backward, so far."""
        self.dropped = 0
        """Samples that the full inlet threw away because ``pull`` came too late. In `gaps` as well."""
        self._query = query
        self._wanted = channels
        self._unit = unit
        self._restamp = restamp
        self._say = say
        self._buffer_s = max(1, math.ceil(buffer_s))
        self._connection: _Connection | None = None
        self._reception: Reception | None = None
        """That of the connection, or of the last one."""
        self._montage: Montage | None = None
        self._first: Block | None = None
        """What came while ``open`` was waiting for the rate."""
        self._search: pylsl.ContinuousResolver | None = None
        self._lost_since_s = math.nan
        self._told_ambiguous = False
        self._newest_time_s = math.nan
        self._untold_gaps_s: list[float] = []
        self._untold_dropped = 0
        self._told_gaps_s = -math.inf

    @property
    def montage(self) -> Montage:
        """What the samples are; only after ``open``."""
        assert self._montage is not None, "open() comes first"
        return self._montage

    @property
    def stream(self) -> StreamSummary:
        """What the stream says of itself; only after ``open``."""
        assert self._reception is not None, "open() comes first"
        return self._reception.stream

    @property
    def lost(self) -> bool:
        """Whether the stream is away at the moment."""
        return self._search is not None

    @property
    def newest_age_s(self) -> float:
        """How long ago the newest sample handed over was taken, by its time, in s; NaN before the first."""
        return float(pylsl.local_clock()) - self._newest_time_s

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the stream. Harmless when repeated."""
        self._connection = None
        self._search = None

    def open(self, stop: Callable[[], bool]) -> Montage | None:
        """Wait for the stream and connect to it; None when ``stop()`` became true before.

        A stream that declares no rate, or none that is served, is listened to for a few seconds until it is known.

        Raises `ConfigError` when several streams match, or none of the channels asked for is there, and `StreamError`
        when the stream is no EEG, says a unit that is not known, or does not answer.
        """
        told = False
        while self._connection is None and not stop():
            found = [info for info in pylsl.resolve_streams(RESOLVE_S) if self._query.matches(_summary(info))]
            if found:
                info = _only(found, str(self._query))
                try:
                    self._connect(info)
                except RuntimeError as error:  # pylsl's own timeout and loss
                    raise StreamError(f"{_summary(info)} is there, but does not answer ({error})") from error
            elif not told:
                told = True
                self._say(f"waiting for {self._query}: not there yet")
        while self._connection is not None and self._montage is None and not stop():
            try:
                self._first = self._take(self._connection)
            except LostError as error:
                raise StreamError(f"{self.stream} went away before its rate was known") from error
        return self._montage

    def pull(self) -> Block:
        """Everything that has come, at most 2100 samples at a time; waits up to 0.2 s for the first.

        May be empty: nothing came, the stream is lost, or the first second, on which the rate is judged, is not over.
        Only connecting again to a stream that was lost can take longer, up to a few seconds.

        Raises `ConfigError` or `StreamError` as ``open`` does, when the stream has come back as another, or when its
        real rate is not one that is served.
        """
        assert self._reception is not None, "open() comes first"
        if self._first is not None:
            first, self._first = self._first, None
            return first
        self._tell_gaps()
        if self._search is not None:
            self._reconnect(self._search)
        connection = self._connection
        if connection is None:
            time.sleep(PULL_S / 2)
            return self._reception.nothing()
        try:
            block = self._take(connection)
        except LostError:
            if self._search is None:
                self._lose("its connection broke off")
            self._connection = None
            return self._noted(connection, connection.reception.flush())
        now = float(pylsl.local_clock())
        if self._search is not None and connection.newest_s > self._lost_since_s:
            self._say(f"{self.stream}: found again after {now - self._lost_since_s:.1f} s")
            self._search = None
        elif self._search is None and now - connection.newest_s > SILENT_S:
            self._lose(f"no sample for {SILENT_S:g} s")
            return self._noted(connection, connection.reception.flush())
        return block

    def _connect(self, info: pylsl.StreamInfo) -> None:
        """Make an inlet and judge what comes with it. Raises pylsl's errors when nobody answers."""
        nominal_hz = info.nominal_srate()
        # Without a nominal rate, liblsl counts the buffer in hundreds of samples.
        buffer = self._buffer_s if nominal_hz > 0 else math.ceil(self._buffer_s * RATES_HZ[1] / 100)
        # Recovery is ours: liblsl's would neither say so nor show that the stream has become another.
        inlet = pylsl.StreamInlet(info, max_buflen=buffer, recover=False)
        stream = _described(inlet.info(ANSWER_S))
        channels = chosen(stream, self._wanted, self._unit)
        old = self._reception
        same = old is not None and replace(stream, uid=old.stream.uid, hostname=old.stream.hostname) == old.stream
        if not same:
            for remark in channels.remarks:
                self._say(f"{stream}: {remark}")
        inlet.open_stream(ANSWER_S)
        offset_s = 0.0
        try:
            offset_s = inlet.time_correction(ANSWER_S)
        except LslTimeoutError:
            self._say(f"{stream}: its clock does not answer; its time stamps are taken as they are")
        self._reception = Reception(
            stream, channels, restamp=self._restamp, say=self._say, montage=self._montage if same else None
        )
        self._montage = self._reception.montage or self._montage
        now = float(pylsl.local_clock())
        self._connection = _Connection(
            inlet=inlet,
            reception=self._reception,
            capacity=round(buffer * (nominal_hz if nominal_hz > 0 else 100)),
            newest_s=now,
            clock_offset_s=offset_s,
            clock_asked_s=now,
        )

    def _lose(self, why: str) -> None:
        self._say(f"{self.stream}: lost, {why}; looking for it")
        self._lost_since_s = float(pylsl.local_clock())
        self._told_ambiguous = False
        self._search = pylsl.ContinuousResolver(forget_after=1.0)

    def _reconnect(self, search: pylsl.ContinuousResolver) -> None:
        """Make a new inlet if the stream is on the network again."""
        old = self.stream
        found = [info for info in search.results() if _summary(info).succeeds(old)]
        # Makers who give all their streams one source_id tell them apart by name.
        found = [info for info in found if info.name() == old.name] or found
        # An outlet that has been closed may be listed for a moment longer. One that merely fell silent is still
        # connected, and is not to be left before it is replaced.
        others = [info for info in found if info.uid() != old.uid]
        found = others or (found if self._connection is None else [])
        if len(found) > 1 and not self._told_ambiguous:
            self._told_ambiguous = True
            self._say(f"{old}: {len(found)} streams could be this one; waiting until it is only one")
        if len(found) == 1:
            # If it does not answer, or goes away again, the search goes on.
            with suppress(LostError, LslTimeoutError):
                self._connect(found[0])

    def _take(self, connection: _Connection) -> Block:
        """Pull once from the inlet; raises pylsl's `LostError`."""
        inlet = connection.inlet
        now = float(pylsl.local_clock())
        if now - connection.clock_asked_s > CLOCK_EVERY_S:
            connection.clock_asked_s = now
            # Without an answer, the last offset is still the best that is known.
            with suppress(LslTimeoutError):
                connection.clock_offset_s = inlet.time_correction(0.0)
        connection.late = connection.late or inlet.samples_available() >= connection.capacity
        values, stamps = inlet.pull_chunk(PULL_S, PULL_SAMPLES, min_samples=1, as_numpy=True)
        if not len(stamps):
            return connection.reception.nothing()
        connection.newest_s = float(pylsl.local_clock())
        block = connection.reception.push(values, stamps + connection.clock_offset_s, connection.newest_s)
        block = self._noted(connection, block)
        connection.late = connection.late and len(stamps) == PULL_SAMPLES
        return block

    def _noted(self, connection: _Connection, block: Block) -> Block:
        """The block, after what it says about the stream has been noted."""
        self._montage = connection.reception.montage or self._montage
        for leap_s in connection.reception.leaps_s():
            self.gaps += 1
            self._untold_gaps_s.append(leap_s)
            if connection.late and leap_s > 0.0:
                missed = round(leap_s * self.montage.rate_hz)
                self.dropped += missed
                self._untold_dropped += missed
        self._tell_gaps()
        if len(block):
            self._newest_time_s = float(block.times[-1])
        return block

    def _tell_gaps(self) -> None:
        """One line for all gaps since the last line, at most each `SAY_EVERY_S`."""
        now = float(pylsl.local_clock())
        if not self._untold_gaps_s or now - self._told_gaps_s < SAY_EVERY_S:
            return
        gaps_s, self._untold_gaps_s = self._untold_gaps_s, []
        dropped, self._untold_dropped = self._untold_dropped, 0
        self._told_gaps_s = now
        if len(gaps_s) > 1:
            what = f"{len(gaps_s)} gaps, {sum(map(abs, gaps_s)):.3f} s in all"
        elif gaps_s[0] < 0.0:
            what = f"time stamps went back by {-gaps_s[0]:.3f} s"
        else:
            what = f"a gap of {gaps_s[0]:.3f} s"
        late = f"; {dropped} samples thrown away because they were not read in time" if dropped else ""
        self._say(f"{self.stream}: {what}{late}")
