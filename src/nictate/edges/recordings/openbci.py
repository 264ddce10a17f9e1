"""OpenBCI's raw text files, as its GUI has written them in all its versions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import numpy as np

from nictate.edges.recordings.channels import chosen, montage_of
from nictate.edges.recordings.complaints import listed
from nictate.edges.recordings.recording import Recording, held
from nictate.edges.recordings.text_rows import Damaged, late, lines, numbers
from nictate.signals import RATES_HZ, FloatArray, StreamError

COUNTER = 256
"""The sample index is one byte."""

STEADY = 0.9
"""Share of the steps of the sample index that are alike, where it counts samples. That of the Ganglion does not."""

PAUSE_S = 0.5
"""Longer than the link's jitter, shorter than the second in which the index comes round."""

CHANNELS = (16, 8, 4)
"""Of OpenBCI's boards: Cyton with Daisy, Cyton, Ganglion. For old files, which do not say how many they have."""


def read(path: Path, channels: Sequence[str] | None) -> Recording:
    """`nictate.edges.recordings.read` for a raw text file of OpenBCI: µV, polarity and names as in the file.

    Lost packets show in the sample index, 0 to 255, and longer pauses in the time stamps: there, the times jump.
    Channels that never change (nothing is connected) are left out.
    """
    notes: list[str] = []
    table = _table(path, notes)
    index, samples = table.values[:, 0], table.values[:, 1 : 1 + len(table.names)]
    names = table.names
    if channels is None:
        dead = np.ptp(samples, axis=0) == 0.0
        if dead.any() and not dead.all():
            notes.append(f"not connected, left out: {listed(np.array(names)[dead].tolist())}")
            samples, names = samples[:, ~dead], tuple(np.array(names)[~dead].tolist())
    picks = chosen(names, ["eeg"] * len(names), channels, notes)
    stamps = table.values[:, -1] if table.stamped else None
    rate_hz = table.rate_hz or _measured(stamps)
    times = _times(index, stamps, rate_hz, notes)
    start = None
    if stamps is not None:
        with suppress(ValueError, OverflowError, OSError):  # A clock that was never set.
            start = datetime.fromtimestamp(float(stamps[0]), UTC)
    series = samples[:, [pick.index for pick in picks]]
    return held(path, montage_of(picks, rate_hz), series, times, start, notes)


def is_openbci(first: str) -> bool:
    """By the first line."""
    return first.startswith(("%OpenBCI", "%OBCI")) or first.replace(" ", "").startswith("SampleIndex,EXG")


@dataclass(frozen=True, slots=True)
class _Table:
    values: FloatArray
    """(n, 1 + channels (+ 1)): sample index, µV, and the time stamp in s of the Unix epoch if `stamped`."""
    names: tuple[str, ...]
    stamped: bool
    rate_hz: float
    """0 when the file does not say."""


def _table(path: Path, notes: list[str]) -> _Table:
    source = lines(path)
    told: dict[str, str] = {}
    named: list[str] = []
    first: tuple[int, str] | None = None
    for number, line in source:
        if line.startswith("%"):
            name, _, value = line[1:].partition("=")
            told[name.strip().casefold()] = value.strip()
        elif line.replace(" ", "").startswith("SampleIndex,"):
            named = [name.strip() for name in line.split(",")]
        elif line.strip():
            first = number, line
            break
    if first is None:
        raise StreamError("a header, and no samples")
    comma = re.match(r"\s*\d+(, *-?\d+,\d+)+", first[1]) is not None and ", " in first[1]
    usual = _fields(first[1], comma)
    width = len(usual)
    names, columns, stamp = _columns(told, named, usual)
    wanted = [0, *columns, *([] if stamp is None else [stamp])]
    damaged = Damaged()
    rows: list[list[float]] = []
    for number, line in chain([first], source):
        if not line.strip() or line.startswith("%"):
            continue
        fields = _fields(line, comma)
        try:
            row = numbers(fields, wanted)
            if len(fields) != width:
                raise ValueError(f"{len(fields)} fields, {width} are usual")
        except ValueError as error:
            damaged.add(number, str(error))
            damaged.check(len(rows))
            continue
        rows.append(row)
    if not rows:
        raise StreamError(damaged.first)
    damaged.tell(notes)
    return _Table(np.array(rows), names, stamp is not None, _rate_hz(told))


def _fields(line: str, comma: bool) -> list[str]:
    """In countries that write 0,5 the GUI once did so, too: then only a comma with a blank separates."""
    return [f.replace(",", ".") for f in line.split(", ")] if comma else line.split(",")


def _columns(
    told: dict[str, str], named: list[str], fields: list[str]
) -> tuple[tuple[str, ...], list[int], int | None]:
    """Names and columns of the EEG channels, and the column of the time stamp, if there is one of numbers."""
    if named:
        columns = [k for k, name in enumerate(named) if name.startswith("EXG")]
        if not columns:
            raise StreamError("no column of EXG among those named")
        return tuple(named[k] for k in columns), columns, named.index("Timestamp") if "Timestamp" in named else None
    text = told.get("number of channels", "")
    count = int(text) if re.fullmatch(r"\d{1,3}", text) else _count(fields)
    if not 0 < count < len(fields):
        raise StreamError(f"no row of numbers: {count} channels in {len(fields)} columns")
    return tuple(f"EXG Channel {k}" for k in range(count)), list(range(1, 1 + count)), None


def _count(fields: list[str]) -> int:
    """How many channels a row without a word of it has: those between the index and the accelerometer's three."""
    clock = next((k for k, field in enumerate(fields) if ":" in field), 0)
    if clock - 4 in CHANNELS:
        return clock - 4
    return next((n for n in CHANNELS if len(fields) > n), len(fields) - 1)


def _rate_hz(told: dict[str, str]) -> float:
    number = re.match(r"\d+([.,]\d+)?", told.get("sample rate", ""))
    return float(number[0].replace(",", ".")) if number else 0.0


def _measured(stamps: FloatArray | None) -> float:
    """Rate in Hz by the time stamps, for a file without a word of it."""
    span = 0.0 if stamps is None else float(stamps[-1] - stamps[0])
    if stamps is None or not span > 0.0:
        raise StreamError("neither a %Sample Rate nor time stamps")
    rate_hz = (len(stamps) - 1) / span
    if not RATES_HZ[0] <= rate_hz <= RATES_HZ[1]:
        raise StreamError(f"no %Sample Rate, and time stamps of {rate_hz:g} Hz")
    return rate_hz


def _times(index: FloatArray, stamps: FloatArray | None, rate_hz: float, notes: list[str]) -> FloatArray:
    """(n,) s from the first sample."""
    moves = np.diff(index)
    if index.max() < COUNTER:
        moves %= COUNTER
    values, counts = np.unique(moves, return_counts=True)
    step = float(values[counts.argmax()]) if len(values) else 1.0
    # With a Daisy, the index goes in steps of two. An index that repeats or goes back says nothing.
    steady = len(moves) > 0 and step > 0.0 and counts.max() >= STEADY * len(moves)
    told = np.maximum(1.0, np.round(moves / step)) if steady else np.ones(len(moves))
    position = np.concatenate(([0.0], np.cumsum(told)))
    if lost := int(position[-1]) + 1 - len(index):
        notes.append(f"{lost} samples lost, by the sample index: the times jump there")
    if not steady and len(moves):
        notes.append("the sample index does not count samples: single losses remain unseen")
    times: FloatArray = position / rate_hz
    if stamps is not None:
        paused = late(stamps, times, rate_hz, PAUSE_S)
        if paused[-1] > 0.0:
            notes.append(f"{paused[-1]:.1f} s of pauses, by the time stamps: the times jump there")
        times = times + np.round(paused * rate_hz) / rate_hz
    return times
