"""CSV files of Mind Monitor, the app that records Muse headbands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from nictate.edges.recordings.channels import chosen, montage_of
from nictate.edges.recordings.recording import Recording, held
from nictate.edges.recordings.text_rows import Damaged, late, lines, numbers
from nictate.signals import FloatArray, StreamError

RATES = (256.0, 220.0)
"""Hz, of Muse since 2016 and before."""

RATE_TOLERANCE = 0.03
"""Relative difference up to which the rate is taken for one of `RATES`."""

PAUSE_S = 0.15
"""Longer than what lies between two bursts of a headset that is in reach."""

STRETCH_S = 2.0
"""The rate is the median of that of stretches so long: one with a hole in it does not count."""


def read(path: Path, channels: Sequence[str] | None) -> Recording:
    """`nictate.edges.recordings.read` for Mind Monitor: the columns RAW_* in µV, polarity and names as in the file.

    Stamps are those of arrival, in ms and in bursts; times run evenly through them, and jump where they do for good.
    Markers, on rows of their own in the column Elements, are left out; also ``/muse/elements/blink``, which is what
    the app took for a blink.
    """
    notes: list[str] = []
    source = lines(path)
    header = [name.strip() for name in next(source)[1].split(",")]
    raw = [k for k, name in enumerate(header) if name.startswith("RAW_")]
    aux = [k for k, name in enumerate(header) if name.startswith("AUX")]
    stamp = header.index("TimeStamp")
    if not raw:
        raise StreamError("no column RAW_*; record with raw data switched on")
    damaged = Damaged()
    rows: list[list[float]] = []
    stamps: list[float] = []
    for number, line in source:
        fields = line.split(",")
        if not line.strip() or (len(fields) == len(header) and not any(fields[k].strip() for k in raw)):
            continue  # A marker, or the powers of the bands alone.
        try:
            if len(fields) != len(header):
                raise ValueError(f"{len(fields)} fields under {len(header)} columns")
            row = numbers(fields, raw) + [float(fields[k] or "nan") for k in aux]
            stamps.append(_seconds(fields[stamp]))
        except ValueError as error:
            damaged.add(number, str(error))
            damaged.check(len(rows))
            continue
        rows.append(row)
    if not rows:
        raise StreamError(damaged.first or "no row with raw data")
    damaged.tell(notes)
    names = [header[k] for k in (*raw, *aux)]
    picks = chosen(names, ["eeg"] * len(raw) + ["misc"] * len(aux), channels, notes)
    arrived = np.array(stamps) - stamps[0]
    rate_hz = _rate_hz(arrived)
    paused = late(arrived, np.arange(len(rows)) / rate_hz, rate_hz, PAUSE_S)
    if paused[-1] > 0.0:
        notes.append(f"{paused[-1]:.1f} s of pauses, by the time stamps: the times jump there")
    # By the phone's clock, not the headset's; a clock that was set meanwhile tells nothing.
    period_s = (arrived[-1] - paused[-1]) / max(1, len(rows) - 1)
    if abs(period_s * rate_hz - 1.0) > RATE_TOLERANCE:
        period_s = 1.0 / rate_hz
    times = np.arange(len(rows)) * period_s + paused
    series = np.array(rows)[:, [pick.index for pick in picks]]
    # The app stamps with the phone's own clock, and does not say where on earth that was.
    return held(path, montage_of(picks, rate_hz), series, times, None, notes)


def is_mind_monitor(first: str) -> bool:
    """By the first line."""
    return first.startswith("TimeStamp,")


def _seconds(text: str) -> float:
    """A time stamp of Mind Monitor's, as s of whatever epoch. Raises `ValueError`."""
    moment = datetime.fromisoformat(text.strip())
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def _rate_hz(stamps: FloatArray) -> float:
    """Rows per s, by their stamps (n,)."""
    size = min(round(STRETCH_S * RATES[0]), len(stamps) - 1)
    spans = stamps[size::size] - stamps[:-size:size] if size else np.zeros(1)
    span_s = float(np.median(spans))
    if size < STRETCH_S * RATES[0] - 1.0 and span_s < STRETCH_S:
        return RATES[0]  # Too short to tell: a burst may be missing.
    measured = size / span_s if span_s > 0.0 else 0.0
    for nominal in RATES:
        if abs(measured - nominal) <= RATE_TOLERANCE * nominal:
            return nominal
    if measured < 0.5 * RATES[1]:
        raise StreamError(f"{measured:.1f} rows a second; set Mind Monitor's recording interval to constant")
    return measured
