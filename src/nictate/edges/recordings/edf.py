"""What MNE does not tell of EDF, BDF and GDF files: units, rates and gaps."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nictate.edges.recordings.channels import Pick, scale_of
from nictate.edges.recordings.complaints import listed
from nictate.edges.recordings.recording import Span
from nictate.signals import ConfigError, FloatArray, StreamError

SHIFT_JIS_MICRO = b"\x83\xca"
"""The µ of Japanese makers; the standard wants ASCII."""

MNE_UNITS = ("V", "mV", "uV", "\u00b5V")
"""What MNE converts to V; the values of other units it leaves as they are."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One column of the data records."""

    label: str
    unit: str
    per_record: int
    """Samples in one data record."""

    @property
    def is_annotations(self) -> bool:
        return self.label in ("EDF Annotations", "BDF Annotations")


@dataclass(frozen=True, slots=True)
class Header:
    """The header of an EDF, EDF+ (Kemp et al. 1992, Kemp and Olivan 2003), BDF or GDF file."""

    head: bytes
    """The first 256 bytes, about the recording as a whole."""
    columns: tuple[Signal, ...]
    """What a data record consists of, annotations as well."""

    @property
    def signals(self) -> tuple[Signal, ...]:
        return tuple(column for column in self.columns if not column.is_annotations)

    @property
    def is_gdf(self) -> bool:
        return self.head.startswith(b"GDF")

    @property
    def interrupted(self) -> bool:
        """Each data record says when it begins, and the next need not follow at once."""
        return self.head[192:197] in (b"EDF+D", b"BDF+D") and len(self.signals) < len(self.columns)


def header(path: Path) -> Header | None:
    """The header of a file that MNE has opened already, or None when it is of another format.

    Raises `ValueError` when there is no number where one must be.
    """
    if path.suffix.lower() not in (".edf", ".bdf", ".gdf"):
        return None
    with path.open("rb") as file:
        head = file.read(256)
        is_gdf = head.startswith(b"GDF")
        n = int.from_bytes(head[252:254], "little") if is_gdf else int(head[252:256])
        fields = file.read(256 * n)

    def column(offset: int, width: int) -> list[bytes]:
        return [fields[n * offset + k * width : n * offset + (k + 1) * width] for k in range(n)]

    labels = (label.strip(b" \0").decode("latin-1") for label in column(0, 16))
    units = (unit.replace(SHIFT_JIS_MICRO, b"\xb5").strip(b" \0").decode("latin-1") for unit in column(96, 8))
    counts = (int.from_bytes(c, "little") for c in column(216, 4)) if is_gdf else map(int, column(216, 8))
    return Header(head, tuple(map(Signal, labels, units, counts)))


def of_one_rate(header: Header, picks: list[Pick], *, explicit: bool, notes: list[str]) -> list[Pick]:
    """The picks of the commonest rate among them, with a note; to resample the others would not be causal.

    Raises `ConfigError` when the picks are `explicit` and have different rates.
    """
    counts = Counter(header.signals[pick.index].per_record for pick in picks)
    if len(counts) == 1:
        return picks
    if explicit:
        raise ConfigError("the channels asked for have different rates; name those of one rate")
    common = max(counts, key=lambda rate: (counts[rate], rate))
    left = [pick.name for pick in picks if header.signals[pick.index].per_record != common]
    notes.append(f"another sampling rate than most channels, left out: {listed(left)}")
    return [pick for pick in picks if header.signals[pick.index].per_record == common]


def without_faster(header: Header, picks: Sequence[Pick]) -> list[int]:
    """Indices of the signals to open so that none is faster than the picks, which are all of one rate.

    All signals, where none is faster; else those that bear a label of a pick, as a label is all that a signal can be
    named by. Raises `StreamError` when a faster one bears such a label, too.
    """
    rate = header.signals[picks[0].index].per_record
    if all(signal.per_record <= rate for signal in header.signals):
        return list(range(len(header.signals)))
    labels = {header.signals[pick.index].label for pick in picks}
    kept = [i for i, signal in enumerate(header.signals) if signal.label in labels]
    if any(header.signals[i].per_record != rate for i in kept):
        raise StreamError("channels of one name and different rates")
    return kept


def scale(header: Header, picks: Sequence[Pick], notes: list[str]) -> FloatArray:
    """(picks,) µV in one of what MNE returns; a note where the unit is not understood, and taken as µV."""
    if header.is_gdf:  # It writes units as numbers, which MNE knows.
        return np.full(len(picks), 1e6)
    units = [header.signals[pick.index].unit for pick in picks]
    bare = scale_of(picks, units, notes)
    return np.where([unit in MNE_UNITS for unit in units], 1e6, bare)


def spans(path: Path, header: Header, n_times: int, rate_hz: float, notes: list[str]) -> list[Span]:
    """Runs of data records that follow each other at once, from the time stamp in each record of an EDF+D file.

    Times in s from the beginning of the first record. `n_times` samples are there, at `rate_hz`.
    """
    sample_bytes = 2 if path.suffix.lower() == ".edf" else 3
    header_bytes, per_record = int(header.head[184:192]), round(float(header.head[244:252]) * rate_hz)
    ends = np.cumsum([column.per_record for column in header.columns]) * sample_bytes
    record_bytes = int(ends[-1])
    # The first annotations of a record begin with its own time stamp: sign, digits, an end mark.
    first = next(k for k, column in enumerate(header.columns) if column.is_annotations)
    stamp = slice(int(ends[first]) - header.columns[first].per_record * sample_bytes, int(ends[first]))
    found: list[Span] = []
    first_s, expected_s, unreadable = math.nan, 0.0, 0
    with path.open("rb") as file:
        for k in range(n_times // per_record):
            file.seek(header_bytes + k * record_bytes)
            said = re.match(rb"[+-]\d+(?:\.\d*)?(?=\x14)", file.read(record_bytes)[stamp])
            unreadable += said is None
            if math.isnan(first_s):
                first_s = 0.0 if said is None else float(said[0])
            onset_s = expected_s if said is None else float(said[0]) - first_s
            start, stop = k * per_record, (k + 1) * per_record
            if found and abs(onset_s - expected_s) < 0.5 / rate_hz:
                found[-1] = Span(found[-1].start, stop, found[-1].origin_s)
            else:
                found.append(Span(start, stop, onset_s - start / rate_hz))
            expected_s = found[-1].origin_s + stop / rate_hz
    if unreadable:
        notes.append(f"{unreadable} data records without a time stamp: taken to follow the one before")
    return found
