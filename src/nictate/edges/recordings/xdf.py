"""XDF files. The one home of pyxdf."""

from __future__ import annotations

import gzip
import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyxdf

from nictate.edges.recordings.channels import chosen, montage_of, scale_of
from nictate.edges.recordings.complaints import note, overheard, shown
from nictate.edges.recordings.recording import Recording, held
from nictate.signals import ConfigError, FloatArray, StreamError

BREAK_S = 1.0
"""Time stamps further apart than this are a hole; closer, jitter, which pyxdf straightens out. Its own default is the
longer of 1 s and 500 samples, which hides a hole of 4 s at 125 Hz."""

BOUNDARY = bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4")
"""The mark of the boundary chunks that a recorder writes every few seconds, to go on at after damage."""

RATE_TOLERANCE = 0.03
"""Relative difference from which the measured rate is believed rather than the nominal one."""

KEYS = ("name", "type", "source_id", "uid", "channel_format", "channel_count", "nominal_srate")


def read(path: Path, channels: Sequence[str] | None, stream: str | None) -> Recording:
    """`nictate.edges.recordings.read` for XDF; whatever pyxdf raises passes."""
    notes: list[str] = []
    found = _stream(path, stream, notes)
    info: dict[str, Any] = found["info"]
    stamps: FloatArray = np.asarray(found["time_stamps"], dtype=np.float64)
    series = np.asarray(found["time_series"])
    if not len(stamps):
        raise StreamError(f"the stream {shown(_text(info, 'name'))} has no samples")
    if not np.isfinite(stamps).all():
        raise StreamError("time stamps that are not numbers")
    rate_hz = _rate_hz(info, stamps, notes)
    backward = int(np.count_nonzero(np.diff(stamps) <= 0.0))
    if backward:
        notes.append(f"{backward} time stamps that are not later than the one before")

    told = _channels(info, series.shape[1])
    labels = [_text(channel, "label") for channel in told]
    names = [label or f"ch{k + 1}" for k, label in enumerate(labels)]
    if not any(labels):
        notes.append(f"no channel labels: called ch1 to ch{len(names)}")
    types = [_text(channel, "type").casefold() or "eeg" for channel in told]
    picks = chosen(names, types, channels, notes)
    scale = scale_of(picks, [_text(told[pick.index], "unit") for pick in picks], notes)
    reference = _text(_node(info, "desc", "reference"), "label")
    return held(
        path,
        montage_of(picks, rate_hz, reference),
        series[:, [pick.index for pick in picks]],
        stamps - stamps[0],
        None,  # Time stamps count from the start of somebody's computer.
        notes,
        scale,
    )


def _stream(path: Path, wanted: str | None, notes: list[str]) -> dict[str, Any]:
    data = _without_torn_end(path, notes)
    with _logged(notes), overheard(notes):
        try:
            number = _number([_Header.brief(s) for s in pyxdf.resolve_streams(io.BytesIO(data))], wanted)
        except (ConfigError, StreamError):
            raise
        # Listing the streams gives up at a damaged chunk, loading them goes on at the next boundary chunk.
        except Exception:  # noqa: BLE001
            number = None
        streams, _ = pyxdf.load_xdf(
            io.BytesIO(data),
            select_streams=number,
            jitter_break_threshold_seconds=BREAK_S,
            jitter_break_threshold_samples=0,
        )
    if number is None:
        number = _number([_Header.full(stream["info"]) for stream in streams], wanted)
    found: dict[str, Any] = next(stream for stream in streams if stream["info"]["stream_id"] == number)
    return found


@contextmanager
def _logged(notes: list[str]) -> Iterator[None]:
    """Collects in `notes` what pyxdf logs as a warning meanwhile, so that nothing is printed."""

    def keep(record: logging.LogRecord) -> bool:
        # pyxdf says this of each stream that has a hole or came without clock offsets.
        if record.levelno >= logging.WARNING and "clock-segments differ" not in record.getMessage():
            heard.append(record.getMessage())
        return False

    heard: list[str] = []
    log = logging.getLogger("pyxdf.pyxdf")
    log.addFilter(keep)
    try:
        yield
    finally:
        log.removeFilter(keep)
        note(notes, heard)


@dataclass(frozen=True, slots=True)
class _Header:
    """What tells the streams of an XDF file apart."""

    number: int
    name: str
    type: str
    source_id: str
    uid: str
    channel_format: str
    channel_count: str
    nominal_srate: str

    def __str__(self) -> str:
        name, kind = shown(self.name, 40) or "without a name", shown(self.type, 20) or "unknown"
        size = f"{self.channel_count:.9} channels, {self.nominal_srate:.9} Hz"
        return f"{name} (number {self.number}, type {kind}, {size})"

    @staticmethod
    def full(info: dict[str, Any]) -> _Header:
        """From the metadata of a stream that was loaded."""
        return _Header(info["stream_id"], *(_text(info, key) for key in KEYS))

    @staticmethod
    def brief(stream: dict[str, Any]) -> _Header:
        """From an entry of pyxdf's list of streams."""
        texts = ("" if stream[key] is None else str(stream[key]).strip() for key in KEYS)
        return _Header(stream["stream_id"], *texts)


def _number(streams: Sequence[_Header], wanted: str | None) -> int:
    """The number within the file of the stream to read."""
    listed = "; ".join(map(str, streams)) or "none"
    numeric = [s for s in streams if s.channel_format != "string"]
    if wanted is None:
        fitting = [s for s in numeric if s.type.casefold() == "eeg"]
        if not fitting:
            raise StreamError(f"no stream of type EEG; there are: {listed}")
        if len(fitting) > 1:
            raise ConfigError(f"several EEG streams, choose one: {listed}")
    else:
        fitting = [s for s in numeric if wanted in (s.name, s.source_id, s.uid, str(s.number))]
        if len(fitting) != 1:
            found = f"{len(fitting)} streams" if fitting else "no stream of numbers"
            raise ConfigError(f"{found} called {shown(wanted)}; there are: {listed}")
    return fitting[0].number


def _rate_hz(info: dict[str, Any], stamps: FloatArray, notes: list[str]) -> float:
    nominal, measured = float(info["nominal_srate"][0]), float(info["effective_srate"] or 0.0)
    if nominal <= 0.0:
        period = float(np.median(np.diff(stamps))) if len(stamps) > 1 else 0.0
        measured = 1.0 / period if period > 0.0 else 0.0
        notes.append(f"no nominal rate: {measured:.2f} Hz from the time stamps")
        return measured
    # Less than a second's worth of samples measures the jitter rather than the rate.
    if len(stamps) > nominal and abs(measured - nominal) > RATE_TOLERANCE * nominal:
        notes.append(f"a nominal rate of {nominal:g} Hz, but {measured:.2f} Hz measured: using the latter")
        return measured
    return nominal


def _channels(info: dict[str, Any], count: int) -> list[Any]:
    """The description of each channel; empty where the maker has left it out, or written it elsewhere."""
    told = _node(info, "desc", "channels").get("channel") or _node(info, "desc").get("channel") or []
    return [told[k] if k < len(told) else {} for k in range(count)]


def _node(tree: Any, *path: str) -> dict[str, Any]:
    """A branch of pyxdf's metadata (nested dicts of lists); empty where it is not there or is a text."""
    for name in path:
        tree = (tree.get(name) or [None])[0] if isinstance(tree, dict) else None
    return tree if isinstance(tree, dict) else {}


def _text(tree: Any, name: str) -> str:
    value = (tree.get(name) or [None])[0] if isinstance(tree, dict) else None
    return value.strip() if isinstance(value, str) else ""


def _without_torn_end(path: Path, notes: list[str]) -> bytes:
    """An XDF file, without the half chunk that a recorder leaves when it is killed.

    pyxdf fails on some halves, and fills up the last sample of others with the one before. Damage further up is
    left to it: it goes on at the next boundary chunk.
    """
    zipped = not path.name.lower().endswith(".xdf")
    with gzip.open(path) if zipped else path.open("rb") as file:
        data = file.read()
    at = 4
    # A chunk: the width of its length in bytes, its length, then as many bytes.
    while at < len(data) and (width := data[at]) in (1, 4, 8):
        end = at + 1 + width + int.from_bytes(data[at + 1 : at + 1 + width], "little")
        if end > len(data):
            break
        at = end
    if at == len(data) or data.find(BOUNDARY, at) >= 0:
        return data
    notes.append(f"cut off: the last {len(data) - at} bytes are not whole and left out")
    return data[:at]
