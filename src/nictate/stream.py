"""What a stream says of itself, which stream is wanted, and which of its channels are read.

Everything a stream says is hostile text, judged here once, before the first sample is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nictate.signals import ConfigError, FloatArray, StreamError
from nictate.units import microvolts


def plain(text: str) -> str:
    """Text from the network, safe for a line on a console: printable characters only, at most 60."""
    line = "".join(c if c.isprintable() else "·" for c in text)
    return line if len(line) <= 60 else line[:57] + "..."


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


CLEANED = "-nictate-cleaned"
"""How the source_id of a stream ends that nictate has cleaned."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which stream is wanted. An empty text means any; the type is compared without regard to capitals.

    EEG that nictate has cleaned itself is EEG, too, but without blinks: it is found only by name, source_id or uid.
    """

    name: str = ""
    type: str = "EEG"
    source_id: str = ""
    hostname: str = ""
    uid: str = ""

    def matches(self, stream: StreamSummary) -> bool:
        """Whether the stream is one of those wanted."""
        if stream.source_id.endswith(CLEANED) and not (self.name or self.source_id or self.uid):
            return False
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

    def ambiguous(self, found: Sequence[StreamSummary]) -> ConfigError:
        """What to say when several streams match: all of them, and the option that tells them apart."""
        options = {
            "--name": [stream.name for stream in found],
            "--source-id": [stream.source_id for stream in found],
            "--hostname": [stream.hostname for stream in found],
        }
        option = next((option for option, values in options.items() if len(set(values)) == len(values)), "--uid")
        listed = "; ".join(sorted(map(str, found)))
        return ConfigError(f"{len(found)} streams match {self}: {listed}. Choose one with {option}")


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
